#!/bin/bash
# The test inside the virtual machine, on the root `/` with everything as installed. Runs as a
# systemd service; what it prints on the console is the result. Status 194: reboot and run again.
set -uo pipefail
exec >/dev/ttyS0 2>&1
trap 'echo "guest: finished with status $?"' EXIT
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
here=/mnt/payload
work=/var/tmp/mosb-test
mkdir -p "$work"
cd "$work" || exit 1
place='a Debian 12 machine'
# tests/vm/make_initrd.sh: no distribution, another kernel.
[[ -d /run/systemd/system ]] ||
    place="a machine without a disk, Linux $(uname -r | grep -oE '^[0-9]+\.[0-9]+')"

# step SENTENCE COMMAND…: one line of result, with the output when it fails.
step() {
    local name=$1 status seconds=$SECONDS
    shift
    # Not in front of a ||, where bash ignores set -e.
    (set -e && "$@") >"$work/step.log" 2>&1
    status=$?
    if ((status == 0)); then
        echo "ok - in $place, $name ($((SECONDS - seconds)) s)"
    else
        touch "$work/failed"
        echo "not ok - in $place, $name ($((SECONDS - seconds)) s)"
        tail -n 40 "$work/step.log" | sed 's/^/    /'
    fi
}
has() { grep -qE -- "$2" <<<"$1" || { echo "'$1' has no '$2'"; return 1; }; }
refused() {
    local code=$1 class=$2 status=0
    shift 2
    "$@" >"$work/refused" 2>&1 || status=$?
    [[ $status == "$code" ]] || { echo "status $status:"; cat "$work/refused"; return 1; }
    grep -q "^mosb: $class: " "$work/refused"
}
eventually() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || { echo "not true in time: $*"; return 1; }
        sleep 0.2
    done
}
field() { mosb ps -o json | jq -r --arg n "$1" '.[] | select(.service == $n) | .'"$2"; }
state() { field "$1" state; }
state_is() { [[ $(state "$1") == "$2" ]]; }
runs() { [[ $(state "$1") == running || $(state "$1") == ready ]]; }
page() { curl -sS --max-time 20 http://127.0.0.1:8080/; }

host_is_debian_12() {
    [[ $(uname -r) == 6.1.* ]]
    [[ $(stat -fc %T /sys/fs/cgroup) == cgroup2fs ]]
    grep -q apparmor /sys/kernel/security/lsm
    [[ $(cat /sys/module/apparmor/parameters/enabled) == Y ]]
}

prepare() {
    cp -a "$here/install/." /
    [[ ! -d /run/systemd/system ]] || systemctl daemon-reload
    mkdir -p /etc/mosb
    printf 'trust:\n  notation_config: %s/keys/notation\n' "$work" >/etc/mosb/mosb.yaml
    mosb version
}

makes_an_image() {
    mosb keyset create keys --name "machine test"
    mosb image build --rootfs "$here/rootfs" -t oci:layout:web --entrypoint /bin/httpd \
        --entrypoint -f --entrypoint -h --entrypoint /www --cmd -p --cmd 127.0.0.1:8080
    mosb sign oci:layout:web --key keys/signing.key --cert keys/signing-chain.pem
}
# Besides, one without a signature, one layer of erofs, and one above a squashfs.
makes_all_images() {
    makes_an_image
    mkdir -p top/www
    echo 'a page of an upper layer' >top/www/index.html
    mosb image build --rootfs top -t oci:layout:unsigned --entrypoint /bin/sh
    local sleeps=(--entrypoint /bin/sh --entrypoint -c --cmd 'exec sleep 100000') tag
    mosb image build --rootfs "$here/rootfs" -t oci:layout:slim --fs erofs "${sleeps[@]}"
    mosb image build --rootfs top -t oci:layout:mixed --base oci:layout:web --fs erofs "${sleeps[@]}"
    for tag in slim mixed; do
        mosb sign "oci:layout:$tag" --key keys/signing.key --cert keys/signing-chain.pem
    done
}
# The layer of the image web in the store.
web_blob() {
    local digest
    digest=$(mosb image inspect "oci:$work/layout:web" -o json | jq -r '.layers[0].digest')
    echo "/var/lib/mosb/store/blobs/sha256/${digest#sha256:}"
}

applies() {
    cat >m.yaml <<END
version: 2
product: machine-test
update_type: complete
storage:
  - label: data
    persistent: true
    nsgroup: web
targets:
  - service_name: web
    source: oci:$work/layout:web
    version: "1"
    network: {type: host}
    storage: [{dest: /var, label: data}]
    resources: {memory: 64MiB, pids: 50}
  - service_name: files
    source: oci:$work/layout:web
    version: "1"
    service_type: fs-only
  - service_name: zot
    source: oci:$work/layout:web
    version: "1"
    args: ['-p', '5000']
    network: {type: simple, ipv4: 10.0.3.99/24, ports: [{name: http, host: 80, container: 5000}]}
  - service_name: asker
    source: oci:$work/layout:web
    version: "1"
    args: ['-p', '5000']
    network: {type: simple}
  - service_name: slim
    source: oci:$work/layout:slim
    version: "1"
    network: {type: none}
  - service_name: mixed
    source: oci:$work/layout:mixed
    version: "1"
    network: {type: none}
END
    mosb apply m.yaml
    eventually 20 page
    has "$(page)" 'a page from a verified image'
    runs web
}
# This kernel cannot shift the ids of a squashfs, but those of an erofs, and fs-only services need
# none shifted: servers show the squashfs layers of the others, over dm-verity.
applies_with_servers() {
    applies
    [[ $(mosb ps -o json | jq -r '[.[].verified_by] | unique | join(" ")') == dm-verity ]]
    # One layer, for files as the kernel has it.
    [[ $(types web) == 'fuse.mosb squashfs' ]]
    [[ $(pgrep -c mosb-squashfs) == 4 && $(dmsetup ls | wc -l) == 7 ]]
}
# types NAME: what the layers of a service are, as its image says and as the kernel has them.
types() {
    local hash
    for hash in $(mosb inspect "$1" -o json | jq -r '.image.layers[] | .root_hash'); do
        awk -v at="/run/mosb/layers/$hash/" 'index($5, at) == 1 {
            for (i = 6; $i != "-"; i++); print $(i + 1) }' /proc/self/mountinfo
    done | sort -u | paste -sd' '
}
erofs_is_shown() {
    local service
    [[ $(types slim) == erofs ]]
    has "$(types mixed)" '^erofs (fuse.mosb|squashfs)'
    for service in slim mixed; do
        has "$(mosb exec "$service" -- cat /proc/self/uid_map)" '^ *0 +[0-9]{9,} +65536$'
        has "$(mosb exec "$service" -- stat -c %u:%g /www/index.html /etc/passwd | sort -u)" '^0:0$'
        mosb exec "$service" -- cat /data/big | cmp - "$here/rootfs/data/big"
    done
    has "$(mosb exec mixed -- cat /www/index.html)" 'of an upper layer'
    has "$(mosb doctor)" 'erofs +ok'
}
applies_over_dm() {
    applies
    is_forwarded
    second_apply_is_quiet
    [[ $(mosb ps -o json | jq -r '[.[].verified_by] | unique | join(" ")') == dm-verity ]]
    # The layers of web and slim, and the upper one of mixed.
    [[ $(dmsetup ls | wc -l) == 3 ]]
}

# The machine has no device but the loopback, so its own address is there. What nftables and the
# bridge need of modules the kernel loads by itself.
is_forwarded() {
    ip addr replace 192.0.2.7/32 dev lo
    local address
    for address in 127.0.0.1:80 192.0.2.7:80 10.0.3.99:5000; do
        has "$(curl -sS --max-time 20 "http://$address/")" 'a page from a verified image'
    done
    [[ $(field zot network.ipv4) == 10.0.3.99 ]]
    [[ $(state zot) == ready ]]
}

# No -T: Debian's busybox wget ends by a signal with it.
finds_by_name() {
    local where
    for where in zot:5000 192.0.2.7; do
        has "$(timeout 20 mosb exec asker -- wget -q -O - "http://$where/")" \
            'a page from a verified image'
    done
}

flush_is_mended() {
    nft flush ruleset
    [[ $(mosb plan m.yaml -o json | jq .changed) == true ]]
    mosb apply m.yaml
    is_forwarded
    second_apply_is_quiet
}

# As after a boot with mosb.service enabled: nobody starts mosb, and no timer runs.
follows_the_firewall() {
    systemctl enable mosb.service
    systemctl start mosb.service
    systemctl stop nftables.service
    local verb
    for verb in start reload restart; do
        nft flush ruleset
        ! curl -sS --max-time 1 http://192.0.2.7/ || return 1
        systemctl "$verb" nftables.service
        eventually 60 curl -sS --max-time 2 http://192.0.2.7/
    done
    is_forwarded
    systemctl is-active mosb.service
    ! systemctl is-active mosb-network.timer || return 1
    second_apply_is_quiet
}

# No mosb is started by hand.
heals_itself() {
    # Its own half a minute is only waiting.
    mkdir -p /run/systemd/system/mosb-network.timer.d
    printf '[Timer]\nOnActiveSec=\nOnUnitInactiveSec=\nOnActiveSec=3s\nOnUnitInactiveSec=3s\nAccuracySec=1s\n' \
        >/run/systemd/system/mosb-network.timer.d/soon.conf
    systemctl daemon-reload
    nft flush ruleset
    ! curl -sS --max-time 2 http://192.0.2.7/ || return 1
    systemctl enable --now mosb-network.timer
    eventually 90 curl -sS --max-time 2 http://192.0.2.7/
    is_forwarded
    systemctl reload-or-restart nftables.service
    eventually 90 curl -sS --max-time 2 http://192.0.2.7/
    [[ $(systemctl is-failed mosb-network.service) != failed ]]
    systemctl disable --now mosb-network.timer
    rm -r /run/systemd/system/mosb-network.timer.d
    second_apply_is_quiet
}

doctor_tells() {
    mosb doctor
    has "$(mosb doctor)" 'squashfs'
}

ids_are_shifted() {
    local map
    map=$(mosb exec web -- cat /proc/self/uid_map)
    has "$map" '^ *0 +[0-9]{9,} +65536$'
    has "$(mosb exec web -- stat -c %u:%g /etc/passwd)" '^0:0$'
}

limits_hold() {
    local dir
    dir=$(find /sys/fs/cgroup -type d -path '*mosb-*/web*' -exec test -e '{}/memory.max' ';' \
        -print -quit)
    [[ $(cat "$dir/memory.max") == 67108864 ]]
    [[ $(cat "$dir/pids.max") == 50 ]]
}

is_confined() {
    local pid
    pid=$(field web pid)
    local label
    label=$(cat "/proc/$pid/attr/current")
    has "$label" 'lxc-container|mosb' || { echo "AppArmor label: $label"; return 1; }
}

volume_is_kept() {
    mosb exec web -- sh -c 'echo kept >/var/file && id -u'
    [[ $(cat /var/lib/mosb/volumes/data/file) == kept ]]
}

second_apply_is_quiet() { [[ $(mosb plan m.yaml -o json | jq .changed) == false ]]; }

killed_is_repaired() {
    local pid
    pid=$(field web pid)
    kill -KILL "$pid"
    eventually 20 test ! -e "/proc/$pid"
    mosb apply m.yaml
    eventually 20 page
}

refuses_unsigned() {
    sed "s/layout:web/layout:unsigned/" m.yaml >bad.yaml
    refused 12 signature mosb apply bad.yaml
    page
}

reads_eio() {
    local blob
    blob=$(web_blob)
    # one byte in the middle, never read so far
    printf '\xff' | dd of="$blob" bs=1 seek=$(($(stat -c %s "$blob") / 2)) conv=notrunc 2>/dev/null
    echo 3 >/proc/sys/vm/drop_caches
    ! mosb exec web -- md5sum /data/big || return 1
    eventually 20 state_is web degraded
    mosb stop web
    refused 15 verity mosb start web
}

heals() {
    rm -f "$(web_blob)"
    mosb down
    mosb apply m.yaml
    eventually 20 page
}

unit_works() {
    systemctl enable mosb.service
    systemctl start mosb.service
    page
}

boots_back() {
    systemctl is-active mosb.service
    eventually 30 page
    runs web
    [[ $(mosb exec web -- cat /var/file) == kept ]]
    [[ -e /run/mosb/fs/files/www/index.html ]]
}

unit_said_nothing_bad() {
    ! journalctl -b -u mosb.service | grep -iE 'error|fail' || return 1
    [[ $(mosb plan m.yaml -o json | jq .changed) == false ]]
}

leaves_nothing() {
    mosb down --volumes
    ! grep mosb /proc/self/mountinfo || return 1
    # The test itself is mosb-test.service, run by mosb-test-runner.
    ! find /sys/fs/cgroup -type d -name 'mosb-*' ! -name mosb-test.service | grep . || return 1
    ! ip -o link | grep -E 'lxcbr0|mv[0-9a-f]{8}' || return 1
    ! nft list tables | grep . || return 1
    ! sysctl net.ipv4.ip_forward | grep 1 || return 1
    eventually 20 bash -c '! pgrep -l ^mosb | grep -v mosb-test'
    eventually 20 bash -c '! losetup -ln | grep .'
}

no_complaints() { ! dmesg | grep -E 'BUG|Oops|WARNING:|apparmor="DENIED".*mosb'; }

# behaviours dm|fuse WHICH: behaviours of verified mounts with one of the verifiers.
behaviours() {
    local bin_dir name verifier=$1 which=$2
    local -a names
    bin_dir=$(cat "$here/tests/bin_dir")
    mkdir -p "$(dirname "$bin_dir")"
    ln -sfn "$here/tests" "$bin_dir"
    mapfile -t names < <("$here/tests/mounted_image_test" --list-test-names-only "$which")
    for name in "${names[@]}"; do
        [[ -n $name ]] || continue
        step "over $verifier-verity, $name" env "MOSB_TEST_VERIFIER=$verifier" \
            "$here/tests/mounted_image_test" "${name//,/\\,}"
    done
}

# veritysetup and dmsetup say what it is.
mounts_over_dm() {
    local device name
    mosb mount oci:layout:web m --verifier dm
    [[ $(mosb mounts -o json | jq -r '.[0].verified_by') == dm-verity ]]
    device=$(mosb mounts -o json | jq -r '.[0].layers[0].device')
    name=$(cat "/sys/block/${device#/dev/}/dm/name")
    [[ $(dmsetup status "$name") == *' verity V' ]]
    [[ $(blockdev --getro "$device") == 1 ]]
    cmp m/data/big "$here/rootfs/data/big"
    mosb mount oci:layout:web m --verifier dm
    refused 20 busy mosb mount oci:layout:web m --verifier fuse
    mosb umount m
    [[ $(dmsetup ls) == 'No devices found' ]]
    eventually 5 bash -c '! losetup -ln | grep .'
}

# The same where a server shows the files: it reads from the device, and cannot do anything else.
shifts_ids_over_dm() {
    local device pid
    mosb mount oci:layout:web m --verifier dm --idmap 700000000
    [[ $(mosb mounts -o json | jq -r '.[0].verified_by') == dm-verity ]]
    [[ $(dmsetup status) == *' verity V' ]]
    [[ $(stat -c %u:%g m/data/big) == 700000000:700000000 ]]
    cmp m/data/big "$here/rootfs/data/big"
    pid=$(pgrep mosb-squashfs)
    device=$(readlink "/proc/$pid/fd/4")
    [[ $device == /dev/dm-* || $device == /dev/mapper/mosb-* ]]
    has "$(cat "/proc/$pid/status")" 'Uid:.536870911.536870911'
    has "$(cat "/proc/$pid/status")" 'Seccomp:.2'
    mosb mount oci:layout:web m --verifier dm --idmap 700000000
    [[ $(pgrep mosb-squashfs) == "$pid" && $(dmsetup ls | wc -l) == 1 ]]
    kill -KILL "$pid"
    eventually 5 bash -c '[[ $(dmsetup ls) == "No devices found" ]]'
    has "$(mosb mounts)" 'its server is gone'
    mosb mount oci:layout:web m --verifier dm --idmap 700000000
    cmp m/data/big "$here/rootfs/data/big"
    mosb umount m
    [[ $(dmsetup ls) == 'No devices found' ]]
    eventually 5 bash -c '! losetup -ln | grep . && ! pgrep mosb-squashfs'
}

# Unmounted by somebody else, lazily and while in use: gone with the last user.
goes_with_its_last_user() {
    mosb mount oci:layout:web m --verifier dm "$@"
    exec 8<m/data/big
    find /run/mosb/layers -name mnt -exec umount -l '{}' ';' 2>/dev/null
    umount -l m
    [[ $(dmsetup ls) != 'No devices found' ]]
    cmp - "$here/rootfs/data/big" <&8
    exec 8<&-
    eventually 5 bash -c '[[ $(dmsetup ls) == "No devices found" ]]'
    mosb mounts
    ! losetup -ln | grep . || return 1
}

# A device that tolerates corrupt blocks, as somebody else might make it.
takes_no_lax_device() {
    local name table
    mosb mount oci:layout:web m --verifier dm "$@"
    name=$(dmsetup ls | cut -f1)
    table=$(dmsetup table "$name")
    dmsetup suspend "$name"
    dmsetup reload -r "$name" --table "$table 1 ignore_corruption"
    dmsetup resume "$name"
    has "$(mosb mounts -o json | jq -r '.[0].layers[0].status')" corrupt
    mosb mount oci:layout:web m --verifier dm "$@"
    dmsetup table
    [[ $(dmsetup ls | wc -l) == 1 && $(dmsetup table) != *ignore_corruption* ]]
    mosb umount m
}

reads_eio_over_dm() {
    local blob
    mosb mount oci:layout:web m --verifier dm "$@"
    blob=$(web_blob)
    cp "$blob" good
    printf '\xff' | dd of="$blob" bs=1 seek=$(($(stat -c %s "$blob") / 2)) conv=notrunc 2>/dev/null
    echo 3 >/proc/sys/vm/drop_caches
    ! md5sum m/data/big || return 1
    [[ $(dmsetup status) == *' verity C' ]]
    [[ $(mosb mounts -o json | jq -r '.[0].layers[0].status') == corrupt ]]
    mosb umount m
    cat good >"$blob"
    mosb mount oci:layout:web m --verifier dm "$@"
    cmp m/data/big "$here/rootfs/data/big"
    mosb umount m
}

# The kernel says which block it was to nobody but its log. Where a server reads from the device,
# that one knows.
names_the_file() {
    local block="block [0-9]+ of '/data/big'"
    if [[ $(uname -r) == 6.1.* ]]; then
        has "$(mosb ps)" "$block"
    else
        ! has "$(mosb ps)" "$block" || return 1
    fi
    has "$(mosb inspect web -o json | jq -r .message)" "$block"
    has "$(mosb ps)" "$block"
    has "$(mosb mounts)" "$block"
    [[ $(mosb mounts -o json | jq -r '.[0].layers[0].blocks[0].path') == /data/big ]]
}

# From a registry, by ranges: nothing but the bad block.
mends_over_dm() {
    local blob before registry
    printf 'version: 0.1\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s}\n' \
        "$work/registry" 127.0.0.1:5001 >registry.yml
    docker-registry serve registry.yml >registry.log 2>&1 &
    registry=$!
    eventually 20 bash -c 'echo >/dev/tcp/127.0.0.1/5001'
    printf 'registries:\n  - host: 127.0.0.1:5001\n    insecure: true\n' >>/etc/mosb/mosb.yaml
    mosb image copy oci:layout:web docker://127.0.0.1:5001/test/web:v1
    cat >mend.yaml <<END
version: 2
product: machine-test
update_type: complete
targets:
  - service_name: web
    source: docker://127.0.0.1:5001/test/web:v1
    version: "1"
    network: {type: host}
END
    mosb apply mend.yaml
    eventually 20 page
    before=$(dmsetup ls)
    [[ $(wc -l <<<"$before") == 1 && $(dmsetup status) == *' verity V' ]]
    blob=$(web_blob)
    printf '\xff' | dd of="$blob" bs=1 seek=$(($(stat -c %s "$blob") / 2)) conv=notrunc 2>/dev/null
    echo 3 >/proc/sys/vm/drop_caches
    ! mosb exec web -- md5sum /data/big || return 1
    eventually 20 state_is web degraded
    dmsetup status
    mosb ps
    [[ $(dmsetup status) == *' verity C' ]]
    names_the_file
    mosb apply mend.yaml 2>said
    cat said
    grep -q 'was damaged in the store: 1 blocks were put right, 4096 bytes were fetched' said
    eventually 20 page
    eventually 10 bash -c '[[ $(dmsetup status) == *" verity V" ]]'
    [[ $(dmsetup ls) != "$before" && $(dmsetup ls | wc -l) == 1 ]]
    mosb exec web -- cat /data/big | cmp - "$here/rootfs/data/big"
    runs web
    mosb down
    kill "$registry"
    [[ $(dmsetup ls) == 'No devices found' ]]
}

# As a mosb leaves it that is killed between making the device and telling it what it is.
removes_empty_devices() {
    local name
    mosb mount oci:layout:web m --verifier dm
    name=$(dmsetup ls | cut -f1)
    dmsetup create "${name%-*}-00000000" --notable
    dmsetup create another --notable
    mosb umount m
    [[ $(dmsetup ls | cut -f1) == another ]]
    dmsetup remove another
}

# Four images with a signature of their root hash: good, by somebody whom the kernel does not know,
# of another root hash, and none at all; `mixed-roots` has one layer of each of the first two.
makes_signed_roots() {
    local blobs=layout/blobs/sha256 tag manifest digest
    for tag in known unknown; do
        mosb image build --rootfs "$here/rootfs" -t "oci:layout:$tag" --entrypoint /bin/sh \
            --entrypoint -c --cmd 'exec sleep 100000' --label "by=$tag" --compression lz4 \
            --verity-key "$here/$tag.key" --verity-cert "$here/$tag.pem"
    done
    mkdir -p other/www
    date >other/www/index.html
    mosb image build --rootfs other -t oci:layout:other --entrypoint /bin/sh \
        --verity-key "$here/known.key" --verity-cert "$here/known.pem"
    manifest=$(mosb image inspect oci:layout:other -o json | jq -r '.digest | sub("sha256:"; "")')
    jq -c --slurpfile known "$blobs/$(mosb image inspect oci:layout:known -o json |
        jq -r '.digest | sub("sha256:"; "")')" '.layers[0].annotations["io.mosb.verity.root_hash_signature"] =
            $known[0].layers[0].annotations["io.mosb.verity.root_hash_signature"]' \
        "$blobs/$manifest" >swapped
    digest=$(sha256sum swapped | cut -d' ' -f1)
    cp swapped "$blobs/$digest"
    jq -c --arg old "sha256:$manifest" --arg new "sha256:$digest" --argjson size "$(stat -c %s swapped)" \
        '(.manifests[] | select(.digest == $old)) |= (.digest = $new | .size = $size)' \
        layout/index.json >index && cp index layout/index.json
    mosb image build --rootfs other -t oci:layout:mixed-roots --base oci:layout:unknown \
        --verity-key "$here/known.key" --verity-cert "$here/known.pem"
    for tag in known unknown other mixed-roots; do
        mosb sign "oci:layout:$tag" --key keys/signing.key --cert keys/signing-chain.pem
    done
    for rule in if-present required; do
        cat /etc/mosb/mosb.yaml >$rule.yaml
        echo "policy: {root_hash_signature: $rule}" >>$rule.yaml
    done
}
# mounted_signed DIR: whether the kernel checked the signatures of what is mounted there, by mosb's
# word and by the kernel's.
mounted_signed() {
    local device name
    device=$(mosb mounts -o json | jq -r --arg dir "$work/$1" \
        '.[] | select(.target == $dir) | .layers[0] | select(.root_hash_signed) | .device')
    [[ -n $device ]] || { echo "$1 is not signed"; return 1; }
    name=$(cat "/sys/block/${device#/dev/}/dm/name")
    has "$(dmsetup table "$name")" " 2 root_hash_sig_key_desc cryptsetup:$name\$"
}
# Device and name aside.
table() { dmsetup table "$1" | sed -E 's/ [0-9]+:[0-9]+ [0-9]+:[0-9]+ / /; s/ cryptsetup:.*//'; }

# What veritysetup makes with the signature of the annotation is what mosb makes, and what it cannot
# make mosb refuses.
agrees_with_veritysetup() {
    local blob=$1 hash=$2 tag=$3 ours
    mosb image inspect "oci:$work/layout:$tag" -o json >inspected
    jq -r '.digest | "layout/blobs/sha256/" + sub("sha256:"; "")' inspected | xargs cat |
        jq -r '.layers[0].annotations["io.mosb.verity.root_hash_signature"]' | base64 -d >signature
    veritysetup open "$blob" by-veritysetup "$blob" "$hash" --hash-offset="$4" \
        --root-hash-signature=signature || return 1
    ours=$(dmsetup ls | grep -o '^mosb-[^	]*')
    [[ $(table by-veritysetup) == "$(table "$ours")" ]] || { dmsetup table; return 1; }
    veritysetup close by-veritysetup
}
# layer_of TAG: file, root hash and the place of its superblock.
layer_of() {
    local digest
    read -r digest _ hash < <(mosb image inspect "oci:$work/layout:$1" -o json |
        jq -r '.layers[0] | "\(.digest) - \(.root_hash)"')
    blob=$work/layout/blobs/sha256/${digest#sha256:}
    # The superblock is the last block that begins so.
    superblock=$(grep -abo 'verity' "$blob" | tail -n 1 | cut -d: -f1)
}

# With a kernel that demands nothing.
obeys_its_policy() {
    local blob hash superblock tag
    # Nobody asks for the signatures: whose they are makes no difference.
    for tag in known unknown other; do
        mosb mount "oci:layout:$tag" "m-$tag" --verifier dm
        ! mounted_signed "m-$tag" || return 1
        mosb umount "m-$tag"
    done
    mosb --config if-present.yaml mount oci:layout:known m
    mounted_signed m
    cmp m/data/big "$here/rootfs/data/big"
    layer_of known
    agrees_with_veritysetup "$blob" "$hash" known "$superblock"
    ! agrees_with_veritysetup "$blob" "$hash" unknown "$superblock" || return 1
    # One that is shared stays signed, and is enough for those who don't ask.
    mosb mount oci:layout:known m2
    mounted_signed m2
    mosb umount m
    mosb umount m2
    # One that is not signed is not shared with those who ask, and stays as it is.
    mosb mount oci:layout:known m2
    ! mounted_signed m2 || return 1
    mosb --config required.yaml mount oci:layout:known m
    mounted_signed m
    cmp m2/data/big "$here/rootfs/data/big"
    mosb umount m2
    mosb umount m
    # In place: what is required is required of what was mounted before, too.
    mosb mount oci:layout:known m
    mosb --config required.yaml mount oci:layout:known m
    mounted_signed m
    mosb --config required.yaml mount oci:layout:known m
    mosb umount m
    mosb --config if-present.yaml mount oci:layout:web m
    mosb umount m
    refused 15 verity mosb --config required.yaml mount oci:layout:web m
    has "$(cat "$work/refused")" 'layer sha256:.* has no signature of its root hash, which this machine requires'
    refused 22 host mosb --config required.yaml mount oci:layout:known m --verifier fuse
    requires_of_services
    refuses_bad_signatures --config required.yaml
    [[ $(dmsetup ls) == 'No devices found' ]]
}
# A service that runs without is started anew with, when that is required from now on.
requires_of_services() {
    local signed='.[] | select(.target | contains("signed")) | .layers[0].root_hash_signed'
    writes_signed_manifest
    mosb apply signed.yaml
    [[ $(mosb mounts -o json | jq "$signed") == false ]]
    mosb plan signed.yaml | grep -q 'Nothing to do'
    mosb --config required.yaml plan signed.yaml >planned
    cat planned
    ! grep -q 'Nothing to do' planned || return 1
    mosb --config required.yaml apply signed.yaml
    runs signed
    [[ $(mosb mounts -o json | jq "$signed") == true ]]
    mosb --config required.yaml plan signed.yaml | grep -q 'Nothing to do'
    mosb exec signed -- cat /data/big | cmp - "$here/rootfs/data/big"
    mosb down
}
writes_signed_manifest() {
    cat >signed.yaml <<END
version: 2
product: machine-test
update_type: complete
targets:
  - service_name: signed
    source: oci:$work/layout:known
    version: "1"
    network: {type: none}
END
}
# refuses_bad_signatures [FLAG…]: layer, reason and what to do; and nothing stays.
refuses_bad_signatures() {
    local tag
    for tag in unknown mixed-roots; do
        refused 22 host mosb "$@" mount "oci:layout:$tag" m
        cat "$work/refused"
        has "$(cat "$work/refused")" "layer sha256:.*the kernel's keyrings lack the key"
        has "$(cat "$work/refused")" "hint: .*firmware's db"
    done
    refused 15 verity mosb "$@" mount oci:layout:other m
    cat "$work/refused"
    has "$(cat "$work/refused")" 'layer sha256:.*the signature of its root hash is not good'
    [[ $(dmsetup ls) == 'No devices found' ]]
    eventually 5 bash -c '! losetup -ln | grep .'
    ! grep " $work/m " /proc/self/mountinfo || return 1
}

# What a kernel demands is not gone round, unless somebody says so.
demands_signatures() {
    local verifier
    has "$(mosb doctor)" 'dm-verity +ok +in the kernel, which can check signed root hashes'
    modprobe -r dm_verity
    modprobe dm_verity require_signatures=1
    for verifier in auto dm; do
        refused 22 host mosb mount oci:layout:web m --verifier "$verifier"
        has "$(cat "$work/refused")" 'layer sha256:.* has no signature of its root hash'
        has "$(cat "$work/refused")" 'dm_verity.require_signatures=1'
        has "$(cat "$work/refused")" 'verifier fuse'
        mosb mount oci:layout:known m --verifier "$verifier"
        mounted_signed m
        cmp m/data/big "$here/rootfs/data/big"
        mosb umount m
    done
    refuses_bad_signatures
    has "$(mosb doctor)" 'dm-verity +ok +in the kernel, which demands signed root hashes'
    runs_signed_roots
    mosb mount oci:layout:web m --verifier fuse
    cmp m/data/big "$here/rootfs/data/big"
    mosb umount m
    modprobe -r dm_verity
    modprobe dm_verity
    mosb mount oci:layout:web m --verifier dm
    mosb umount m
}
# A service over signed devices; another start finds them, and a bad block is still one.
runs_signed_roots() {
    writes_signed_manifest
    mosb apply signed.yaml
    runs signed
    mosb apply signed.yaml | grep -q 'Nothing to do' || { mosb apply signed.yaml; return 1; }
    mosb exec signed -- cat /data/big | cmp - "$here/rootfs/data/big"
    mosb mount oci:layout:known m
    mounted_signed m
    mosb umount m
    mosb down
    [[ $(dmsetup ls) == 'No devices found' ]]
}

if [[ ! -d /run/systemd/system ]]; then
    step "the installed programs start" prepare
    if [[ $(uname -r) == 6.1.* ]]; then
        # The kernel that cannot shift the ids of a squashfs: servers do. Nor those of a tmpfs, so
        # services with volumes are for the machine with a disk.
        which='a mounted image shows*,ids in a layer*,upper layers*,two images share*,a bit that*'
        [[ ! -e $here/long ]] || which=
        behaviours fuse "$which"
    fi
    if [[ $(uname -r) == 6.1.* ]]; then
        behaviours dm "a mounted image shows*,ids in a layer*,two images share*,a bit that*,[view]"
        step "a keyset, an image and a signature are made" makes_an_image
        step "a layer that went bad under servers over dm-verity is mended by apply" mends_over_dm
    else
        which='~[server]~[slow]'
        [[ ! -e $here/long ]] || which='~[server]'
        behaviours dm "$which"
        step "a keyset, images and signatures are made" makes_all_images
        step "an image is mounted over dm-verity and unmounted without a trace" mounts_over_dm
        step "a layer that went bad over dm-verity is named with its file and mended by apply" \
            mends_over_dm
        step "apply runs services over dm-verity, at the bridge, too" applies_over_dm
        step "the service's ids are shifted" ids_are_shifted
        step "erofs layers are shown by the kernel, alone and above a squashfs" erofs_is_shown
        mosb down
        step "a verity device without a table is removed by the next command" removes_empty_devices
        step "images with signed root hashes are made" makes_signed_roots
        step "signed root hashes are checked by the kernel where the machine's policy asks for it" \
            obeys_its_policy
        step "a kernel that demands signed root hashes is obeyed" demands_signatures
    fi
    step "down leaves nothing" leaves_nothing
    step "the kernel has nothing to complain about" no_complaints
    [[ ! -e $work/failed ]]
    exit
fi
if [[ ! -e $work/first-boot-done ]]; then
    step "the host is what it should be: kernel 6.1, cgroup v2, AppArmor" host_is_debian_12
    step "the installed programs start" prepare
    step "a keyset, images and signatures are made" makes_all_images
    step "an image is mounted over dm-verity and unmounted without a trace" mounts_over_dm
    step "a verity device goes with the last user of a mount that somebody took away" \
        goes_with_its_last_user
    step "a verity device with another table is not taken for the layer's" takes_no_lax_device
    step "a corrupt block over dm-verity gives EIO and a corrupt layer" reads_eio_over_dm
    shifted=(--idmap 700000000)
    step "ids are shifted over dm-verity by a server without privileges" shifts_ids_over_dm
    step "a verity device goes with the last user of a mount with shifted ids" \
        goes_with_its_last_user "${shifted[@]}"
    step "a verity device with another table is not taken where a server reads it" \
        takes_no_lax_device "${shifted[@]}"
    step "a corrupt block over dm-verity gives EIO through a server, too" \
        reads_eio_over_dm "${shifted[@]}"
    step "apply runs the service from an oci: layout and it serves a page" applies_with_servers
    step "a service at the bridge answers at each of the host's addresses" is_forwarded
    step "a service at the bridge reaches another one by name and by the host" finds_by_name
    step "doctor tells what this host can enforce" doctor_tells
    step "the service's ids are shifted though squashfs can't be idmapped" ids_are_shifted
    step "erofs layers are shown by the kernel, also where a server shows the squashfs below" \
        erofs_is_shown
    step "limits hold in cgroup v2" limits_hold
    step "the service runs under an AppArmor profile" is_confined
    step "a second apply has nothing to do" second_apply_is_quiet
    step "a flushed ruleset is seen by plan and mended by apply" flush_is_mended
    step "a firewall that systemd starts, loads or starts anew is followed by mosb's rules" follows_the_firewall
    step "the timer mends a flushed ruleset and what nftables' reload took away" heals_itself
    step "a killed service is repaired by apply" killed_is_repaired
    step "an unsigned image is refused and what runs stays" refuses_unsigned
    step "a volume keeps what the service writes" volume_is_kept
    step "a corrupt block gives EIO, ps says degraded, a start is refused" reads_eio
    step "the layer is fetched again when the damaged one is removed" heals
    step "the systemd unit starts" unit_works
    step "the kernel has nothing to complain about" no_complaints
    touch "$work/first-boot-done"
    mv "$work/layout" "$work/gone"
    exit 194
fi
step "after a reboot the services are back, without the source and without network" boots_back
mv "$work/gone" "$work/layout" 2>/dev/null
step "after a reboot a service at the bridge answers again at the same addresses" is_forwarded
step "after a reboot services at the bridge find each other again" finds_by_name
step "nothing of the earlier boot was believed" unit_said_nothing_bad
step "down leaves nothing" leaves_nothing
[[ ! -e $work/failed ]]
