#!/usr/bin/env bash
# Verified mounts outside any service.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

layers_of() { mosb mounts -o json | jq -r '[.[].layers[].device] | unique | length'; }
root_hash_of() {
    jq -r '.layers[0].annotations["io.stackeroci.stacker.atomfs_verity_root_hash"]' \
        "$(image_manifest "$fixtures/layout" "$1")"
}

test_case "a mounted image shows its files and is gone after umount" mounts_and_unmounts
mounts_and_unmounts() {
    works mosb mount "oci:$fixtures/layout:web" "$work/m"
    works diff -r --no-dereference "$fixtures/rootfs" "$work/m"
    works mosb mounts -o json
    equal "$(json '.[0].target')" "$work/m"
    equal "$(json '.[0].verified_by')" fuse-verity
    equal "$(json '.[0].layers[0].status')" ok
    works mosb umount "$work/m"
    works mosb mounts -o json
    equal "$(json length)" 0
    ! mountpoint -q "$work/m" || fail "still mounted"
}

test_case "what squashfs-tools and veritysetup made mounts as well" foreign_layer
foreign_layer() {
    local hash
    hash=$("$support/make_layer.sh" "$fixtures/rootfs" layer)
    jq -n --arg h "$hash" '{layers: [{file: "layer", root_hash: $h}], config: {Cmd: ["x"]}}' |
        "$support/make_image.py" l x
    sign_image oci:l:x
    works mosb mount oci:l:x "$work/m"
    works diff -r --no-dereference "$fixtures/rootfs" "$work/m"
    works mosb umount "$work/m"
}

test_case "a mount is read-only unless an upper is asked for, which keeps the writes" writable
writable() {
    works mosb mount "oci:$fixtures/layout:web" "$work/m"
    ! touch "$work/m/new" 2>/dev/null || fail "a read-only mount took a file"
    works mosb umount "$work/m"
    mkdir upper
    works mosb mount "oci:$fixtures/layout:web" "$work/m" --upper "$work/upper"
    echo kept >"$work/m/new"
    works mosb umount "$work/m"
    works mosb mount "oci:$fixtures/layout:web" "$work/m" --upper "$work/upper"
    equal "$(cat "$work/m/new")" kept
    works mosb umount "$work/m"
}

test_case "two mounts of one image share the layer and its server" shared
shared() {
    works mosb mount "oci:$fixtures/layout:web" "$work/a"
    works mosb mount "oci:$fixtures/layout:shell" "$work/b"
    equal "$(layers_of)" 1
    works mosb umount "$work/a"
    works cat "$work/b/etc/passwd"
    works mosb umount "$work/b"
}

test_case "the mount carries nodev, nosuid and the overlay options that hostile layers need" options
options() {
    works mosb mount "oci:$fixtures/layout:web" "$work/m"
    works findmnt -n -o FSTYPE,OPTIONS "$work/m"
    contains "$out" '^overlay'
    contains "$out" nodev
    contains "$out" nosuid
    contains "$out" '\bro\b'
    contains "$out" 'redirect_dir=nofollow'
    lacks "$out" 'metacopy=on'
    lacks "$out" 'index=on'
    works mosb umount "$work/m"
}

test_case "unmounting a layer's squashfs by hand frees loop, connection and server" by_hand
by_hand() {
    works mosb mount "oci:$fixtures/layout:web" "$work/m"
    awk -v r="$root" 'index($5, r) || index($5, r) == 1 { print $5 }' /proc/self/mountinfo |
        sort -r >inside
    umount "$work/m"
    while read -r point; do umount "$point" || true; done <inside
    eventually 10 bash -c "! grep -q '$root' /proc/self/mountinfo"
    # the leak oracle looks for the rest: loop, connection, server, cgroup
    works mosb down
}

test_case "the layer server is unprivileged, under seccomp and in a cgroup of its own" confined
confined() {
    works mosb mount "oci:$fixtures/layout:web" "$work/m"
    local pid
    pid=$(pgrep -f "mosb-layer-server.*$(root_hash_of web)" | head -n 1)
    [[ -n $pid ]] || fail "no server for the layer"
    local facts
    facts=$(cat "/proc/$pid/status")
    contains "$facts" '^Uid:	536870911	536870911	536870911'
    contains "$facts" '^CapPrm:	0000000000000000'
    contains "$facts" '^CapEff:	0000000000000000'
    contains "$facts" '^CapBnd:	0000000000000000'
    contains "$facts" '^NoNewPrivs:	1'
    contains "$facts" '^Seccomp:	2'
    contains "$(cat "/proc/$pid/cgroup")" "mosb-$(instance_id)/layers"
    works mosb umount "$work/m"
    eventually 10 test ! -e "/proc/$pid"
}

test_case "a reader of a stopped server is freed when the server is killed" stuck_server
stuck_server() {
    works mosb mount "oci:$fixtures/layout:web" "$work/m"
    local pid
    pid=$(pgrep -f "mosb-layer-server.*$(root_hash_of web)" | head -n 1)
    kill -STOP "$pid"
    echo 3 >/proc/sys/vm/drop_caches
    timeout -k 1 60 cat "$work/m/data/big" >/dev/null 2>&1 &
    local reader=$!
    sleep 0.5
    kill -KILL "$pid"
    wait "$reader" || true
    run_deadline=30 works mosb umount "$work/m"
}

# hanging_reader: a service with a process that hangs in a read of its layer's stopped server, whose
# pid is in $server.
hanging_reader() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000' 'stop: {grace_period: 1s}')
    works mosb apply m.yaml
    local pid
    for pid in $(pgrep -f "mosb-layer-server.*$(root_hash_of shell)"); do
        ! grep -q "/mosb-$(instance_id)/layers" "/proc/$pid/cgroup" || server=$pid
    done
    mosb exec one -- sh -c 'until [ -e /tmp/go ]; do sleep 0.1; done; cat /data/big' >/dev/null 2>&1 &
    eventually 10 mosb exec one -- sh -c 'ps | grep -v grep | grep -q /tmp/go'
    mosb exec one -- sh -c 'sleep 1; >/tmp/go' &
    sleep 0.5
    kill -STOP "$server"
    echo 3 >/proc/sys/vm/drop_caches
    eventually 20 hangs one
}
# hangs SERVICE: a process of it is in the kernel and deaf to signals.
hangs() {
    local procs pid
    while read -r procs; do
        for pid in $(cat "$procs"); do
            [[ $(ps -o stat= -p "$pid") != D* ]] || return 0
        done
    done < <(find /sys/fs/cgroup -path "*mosb-$(instance_id)/services/$1*" -name cgroup.procs)
    return 1
}

test_case "a stopped server of a mount that is gone is ended by the next command" stopped_server
stopped_server() {
    local server
    works mosb mount "oci:$fixtures/layout:web" "$work/m"
    server=$(servers)
    kill -STOP "$server"
    awk -v r="$work/" 'index($5, r) == 1 { print $5 }' /proc/self/mountinfo | tac | xargs -n1 umount -l
    works mosb umount "$work/m"
    no_server || fail "the stopped server lives"
}

test_case "stop ends a service that hangs in a read of a stopped layer server" hanging_stop
hanging_stop() {
    hanging_reader
    run_deadline=50 works mosb stop one
    equal "$(state one)" stopped
    eventually 5 test ! -e "/proc/$server"
    wait
}

test_case "down ends a service that hangs in a read of a stopped layer server" hanging_down
hanging_down() {
    hanging_reader
    run_deadline=50 works mosb down
    eventually 5 test ! -e "/proc/$server"
    wait
}

test_case "the dm verifier is refused where the kernel has none, and auto takes the other one" no_dm
no_dm() {
    # A host whose kernel has it, too: nothing is in this /dev/mapper.
    mkdir -p "$work/mapper"
    [[ ! -e /dev/mapper ]] || mount --bind "$work/mapper" /dev/mapper
    refused 22 host 'the dm verifier does not work here: the kernel has no device-mapper' \
        mosb mount "oci:$fixtures/layout:web" "$work/m" --verifier dm
    contains "$err" '^hint: .*fuse'
    configure 'verifier: dm'
    refused 22 host 'the dm verifier does not work here' mosb mount "oci:$fixtures/layout:web" "$work/m"
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    refused 22 host "'one'.*the dm verifier does not work here" mosb apply m.yaml
    works mosb mount "oci:$fixtures/layout:web" "$work/m" --verifier auto
    works mosb mounts -o json
    equal "$(json '.[0].verified_by')" fuse-verity
    refused 22 host 'the dm verifier does not work here' \
        mosb mount "oci:$fixtures/layout:web" "$work/n" --verifier dm
    works mosb umount "$work/m"
}

test_case "mounting over a mount and unmounting what is not mounted are refused" wrong_targets
wrong_targets() {
    mkdir other
    echo other >other/file
    works mosb image build --rootfs other -t oci:l:other --entrypoint /bin/sh
    sign_image oci:l:other
    works mosb mount "oci:$fixtures/layout:web" "$work/m"
    run mosb mount oci:l:other "$work/m"
    [[ $status != 0 && $status != 1 ]] || fail "a second image went over the first"
    works cat "$work/m/www/index.html"
    works mosb umount "$work/m"
    refused 3 not-found 'm' mosb umount "$work/m"
    refused 3 not-found 'tmp' mosb umount "$work/tmp"
}

run_cases "$@"
