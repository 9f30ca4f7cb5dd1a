#!/usr/bin/env bash
# What a service sees and may do; what reaches it of image and manifest.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

# inside SCRIPT: its output, run by exec in the service `one`.
inside() { works mosb exec one -- sh -c "$1"; }
denied() {
    run mosb exec one -- sh -c "$1"
    [[ $status != 0 ]] || fail "allowed: $1: $out"
}
not_permitted() {
    run mosb exec one -- sh -c "$1"
    [[ $status != 0 ]] || fail "allowed: $1: $out"
    contains "$out$err" 'not permitted|denied|not supported|Read-only'
}
one_service() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000' "$@")
    works mosb apply m.yaml
}

# A PEM, what would be a line of LXC's configuration, and bytes that are no text.
payload() {
    printf 'PEM=-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n\0'
    printf 'EVIL=x\nlxc.hook.pre-start = /usr/bin/touch %s/pwned\nlxc.cap.drop =\0' "$work"
    printf 'QUOTES="a" '\''b'\'' $HOME `id` \\n %%s\0'
}

test_case "environment and a two-line sh -c arrive byte for byte" byte_for_byte
byte_for_byte() {
    "$support/make_layer.sh" "$fixtures/rootfs" layer >hash.txt
    payload >expected
    python3 - >spec.json <<'END'
import json
with open("expected", "rb") as source:
    env = source.read().decode().split("\0")[:-1]
with open("hash.txt") as source:
    root_hash = source.read().strip()
script = "base64 -w 0 /proc/self/environ; echo; echo line one\necho line two; exec sleep 1000"
print(json.dumps({
    "layers": [{"file": "layer", "root_hash": root_hash}],
    "config": {"Env": env, "Entrypoint": ["/bin/sh", "-c"], "Cmd": [script]},
}))
END
    "$support/make_image.py" l x <spec.json
    sign_image oci:l:x
    manifest_v2 m.yaml < <(service one "oci:$work/l:x")
    works mosb apply m.yaml
    eventually 10 bash -c "'$MOSB_BIN/mosb' --root '$root' logs one | grep -q 'line two'"
    works mosb logs one
    contains "$out" '^line one$'
    grep -E '^[A-Za-z0-9+/=]{40,}$' <<<"$out" | base64 -d >arrived
    local name
    for name in PEM EVIL QUOTES; do
        grep -za "^$name=" expected >"expected.$name"
        grep -za "^$name=" arrived >"arrived.$name" || fail "$name did not arrive"
        cmp "expected.$name" "arrived.$name" || fail "$name arrived changed"
    done
    [[ ! -e $work/pwned ]] || fail "the hook ran on the host"
    ! grep -rqs 'lxc.hook' "$root/run/mosb" || fail "a run file holds the payload as LXC key"
}

test_case "the manifest's environment and arguments arrive byte for byte" from_manifest
from_manifest() {
    manifest_v2 m.yaml < <(service one "oci:$fixtures/layout:shell" \
        'args: ["echo \"$A\" | base64 -w 0; echo\nexec sleep 1000"]' \
        'environment: {A: "one\ntwo\ttab é"}')
    works mosb apply m.yaml
    eventually 10 bash -c "'$MOSB_BIN/mosb' --root '$root' logs one | grep -q ."
    works mosb logs one
    equal "$(grep -oE '^[A-Za-z0-9+/=]+$' <<<"$out" | head -n 1 | base64 -d)" $'one\ntwo\ttab é'
}

test_case "image user, groups and working directory are honoured" user_and_cwd
user_and_cwd() {
    one_service 'user: app' 'working_dir: /www'
    inside 'pwd; id'
    contains "$out" '^/www$'
    contains "$out" 'uid=1000\(app\) gid=1000\(app\) groups=.*2000\(extra\)'
}

test_case "services of different groups have disjoint ranges of host ids" ranges
ranges() {
    manifest_v2 m.yaml < <(
        shell_service one 'exec sleep 1000'
        shell_service two 'exec sleep 1000'
        shell_service three 'exec sleep 1000' 'nsgroup: one'
    )
    works mosb apply m.yaml
    base_of() { mosb exec "$1" -- cat /proc/self/uid_map | awk '{ print $1, $2, $3 }'; }
    local one two three
    one=$(base_of one) two=$(base_of two) three=$(base_of three)
    equal "$one" "$three"
    [[ $one != "$two" ]] || fail "two groups share $one"
    contains "$one" '^0 [0-9]+ 65536$'
    (($(cut -d' ' -f2 <<<"$one") >= 536870912)) || fail "the range starts below 2^29: $one"
    works mosb ps -o json
    equal "$(json '.[] | select(.service == "one") | .uid_base')" "$(cut -d' ' -f2 <<<"$one")"
}

test_case "down gives the ids back to the host once no volume has files of theirs" ids_given_back
ids_given_back() {
    taken() { jq -e --arg i "$(instance_id)" 'has($i)' /run/mosb-uids/ranges.json >/dev/null; }
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000' 'storage: [{dest: /data, label: data}]')
    sed -i 's/^targets:/storage: [{label: data, persistent: true, nsgroup: one}]\n&/' m.yaml
    works mosb apply m.yaml
    taken || fail "the ranges of an instance that runs are not registered"
    local base
    base=$(mosb ps -o json | jq '.[0].uid_base')
    works mosb down
    taken || fail "files of a volume belong to ids that others may get"
    works mosb apply m.yaml
    equal "$(mosb ps -o json | jq '.[0].uid_base')" "$base"
    works mosb down --volumes
    ! taken || fail "ids of an instance that has nothing are kept"
    [[ ! -e $root/var/lib/mosb/state/uid-ranges.json ]] || fail "ids are recorded that others may get"
}

test_case "ids of a volume that another instance took over a reboot are had back as the hint says" ids_taken_over
ids_taken_over() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000' 'storage: [{dest: /data, label: data}]')
    sed -i 's/^targets:/storage: [{label: data, persistent: true, nsgroup: one}]\n&/' m.yaml
    works mosb apply m.yaml
    local base other=("$MOSB_BIN/mosb" --root "$work/other") ranges=/run/mosb-uids/ranges.json
    base=$(mosb ps -o json | jq '.[0].uid_base')
    works mosb down
    # What a reboot leaves of it: nothing.
    jq --arg i "$(instance_id)" 'del(.[$i])' "$ranges" >ranges && cp ranges "$ranges"
    mkdir -p other/etc && cp -r "$root/etc/mosb" other/etc
    manifest_v2 o.yaml < <(shell_service two 'exec sleep 1000')
    works "${other[@]}" apply o.yaml
    equal "$("${other[@]}" ps -o json | jq '.[0].uid_base')" "$base"
    refused 21 state "the uid range at $base is also used by instance" mosb apply m.yaml
    contains "$err" '^hint: take down that instance, apply here'
    works "${other[@]}" down
    works mosb apply m.yaml
    equal "$(mosb ps -o json | jq '.[0].uid_base')" "$base"
    works "${other[@]}" apply o.yaml
    [[ $("${other[@]}" ps -o json | jq '.[0].uid_base') != "$base" ]] || fail "two instances share $base"
    works "${other[@]}" down --volumes
}

test_case "files of a verified layer belong to the container's root inside" owners
owners() {
    one_service
    inside 'stat -c "%u:%g %n" /etc/passwd /bin/busybox'
    contains "$out" '^0:0 /etc/passwd'
    contains "$out" '^0:0 /bin/busybox'
}

test_case "capabilities are the nine, privileges cannot grow, seccomp is on" profile
profile() {
    one_service
    inside 'cat /proc/self/status'
    # chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service
    contains "$out" '^CapBnd:	00000000000005fb'
    contains "$out" '^CapEff:	00000000000005fb'
    contains "$out" '^CapInh:	0000000000000000'
    contains "$out" '^CapAmb:	0000000000000000'
    contains "$out" '^NoNewPrivs:	1'
    contains "$out" '^Seccomp:	2'
    inside 'cat /proc/1/status'
    contains "$out" '^NoNewPrivs:	1'
    contains "$out" '^Seccomp:	2'
}

# sabotaged KEY: the folder of that name gets mosb's programs, whose mosb-run leaves KEY out of the
# container's configuration.
sabotaged() {
    local name
    [[ -x $MOSB_BIN/mosb-run-sabotaged ]] || fail "mosb-run-sabotaged is not built"
    mkdir "$1"
    # a copy, because mosb looks for the others where its own file is
    cp "$MOSB_BIN/mosb" "$1/mosb"
    for name in mosb-init mosb-layer-scan mosb-layer-server mosb-squashfs-server; do
        ln -s "$MOSB_BIN/$name" "$1/$name"
    done
    ln -s "$MOSB_BIN/mosb-run-sabotaged" "$1/mosb-run"
}

test_case "a container that lost a protection is killed before its program runs, and the error names it" lost_protection
lost_protection() {
    {
        printf 'version: 2\nproduct: test\nupdate_type: complete\n'
        printf 'storage:\n  - label: proof\n    persistent: true\n    nsgroup: one\ntargets:\n'
        shell_service one 'touch /data/ran; exec sleep 1000' 'storage: [{dest: /data, label: proof}]'
    } >m.yaml
    "$support/leaks.sh" snapshot before
    local proof=$root/var/lib/mosb/volumes/proof/ran key
    for key in lxc.cap.keep=CapBnd lxc.idmap=uid_map; do
        sabotaged "${key%=*}"
        refused 16 runtime "service 'one'.*${key#*=}" "$work/${key%=*}/mosb" --root "$root" apply m.yaml
        [[ ! -e $proof ]] || fail "the program ran without ${key%=*}"
        [[ -z ${MOSB_LEAKS_ONLY:-} ]] || MOSB_LEAKS_ONLY="$work|mosb-$(instance_id)"
        "$support/leaks.sh" compare before >leaks || fail "left without ${key%=*}: $(cat leaks)"
        works mosb ps -o json
        equal "$(json length)" 0
    done
    works mosb apply m.yaml
    eventually 10 test -e "$proof"
}

test_case "mounting, unsharing, device nodes and kernel switches are denied" denials
denials() {
    one_service
    denied 'mount -t tmpfs x /tmp'
    denied 'unshare -U true'
    denied 'unshare -m true'
    denied 'mknod /tmp/null c 1 3'
    denied 'echo 1 >/proc/sys/kernel/sysrq'
    denied 'echo b >/proc/sysrq-trigger'
    denied 'dmesg'
    denied 'reboot -f'
    denied 'chroot / true'
    denied 'hostname other'
    # busybox says success all the same
    run mosb exec one -- date -s 2020-01-01
    contains "$err" "can't set date"
}

test_case "masked paths are empty, /sys is read-only, /dev is fresh" masked
masked() {
    one_service
    inside 'for f in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug; do
        [ ! -e $f ] || cat $f 2>/dev/null | head -c 1; done | wc -c'
    equal "$out" 0
    inside 'grep " /sys " /proc/self/mountinfo'
    contains "$out" ' ro,'
    inside 'ls /dev'
    lacks "$out" '^(vda|sda|loop|fuse|kvm|mem|kmsg|dm-)'
    contains "$out" '^null$'
    inside 'echo x >/dev/null; head -c 1 /dev/zero | wc -c; head -c 1 /dev/urandom | wc -c'
    inside 'ls /proc/self/fd | wc -l'
    (($(tail -n 1 <<<"$out") <= 4)) || fail "a process starts with $out open descriptors"
}

test_case "PID 1 reaps orphans and forwards the stop signal" reaps
reaps() {
    one_service
    inside 'for i in 1 2 3 4 5; do sh -c "sleep 0.1 & exit 0"; done; sleep 1; ps -o stat | grep -c "^Z" || true'
    equal "$(tail -n 1 <<<"$out")" 0
    manifest_v2 m.yaml < <(shell_service one 'trap "echo stopping; exit 0" TERM; echo up; while :; do sleep 0.1; done')
    works mosb apply m.yaml
    eventually 10 bash -c "'$MOSB_BIN/mosb' --root '$root' logs one | grep -q up"
    works mosb stop one
    works mosb logs one
    contains "$out" 'stopping'
}

test_case "the rootfs of version 2 is read-only with tmpfs on /tmp and /run" read_only
read_only() {
    one_service
    denied 'touch /www/new'
    inside 'touch /tmp/new /run/new'
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000' 'rootfs: {readonly: false}')
    works mosb apply m.yaml
    inside 'touch /www/new'
}

test_case "limits reach the cgroup" limits
limits() {
    one_service 'resources: {memory: 64MiB, pids: 20, cpu: 500m}'
    local limits
    limits=$(find /sys/fs/cgroup -path "*mosb-$(instance_id)*" \
        \( -name memory.max -o -name memory.limit_in_bytes \) -exec cat {} +)
    contains "$limits" '^67108864$'
    denied 'for i in $(seq 40); do sleep 5 & done; wait'
}

test_case "a service on no network has nothing but a loopback" no_network
no_network() {
    one_service
    inside 'ip -o link | cut -d: -f2'
    equal "$(tr -d ' \n' <<<"$out" | sed 's/@.*//')" lo
}

test_case "a service on the host's network has no power over it" host_network
host_network() {
    one_service 'network: {type: host}'
    inside 'ip -o link | wc -l'
    (($(tail -n 1 <<<"$out") >= 2)) || fail "the host's links are not there"
    ip -o link >links
    ip -o addr >addresses
    sysctl -a -r '^net\.' 2>/dev/null | grep -vE 'random|_last|_mem|nf_conntrack_count' >sysctls
    not_permitted 'ip link set lo down'
    not_permitted 'ip link add mosb-evil type dummy'
    not_permitted 'ip addr add 127.9.9.9/32 dev lo'
    not_permitted 'ip route add 198.51.100.0/24 dev lo'
    # packet sockets, of which a program opens one before it does anything else
    not_permitted 'arping -c 1 -w 2 -I lo 127.0.0.1'
    not_permitted 'udhcpc -f -n -q -t 1 -i lo'
    not_permitted 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    not_permitted 'echo 0 >/proc/sys/net/ipv4/conf/lo/rp_filter'
    inside 'find /proc/sys/net -type f | wc -l
        for f in $(find /proc/sys/net -type f); do (exec 3>>$f) 2>/dev/null && echo $f; done; true'
    (($(head -n 1 <<<"$out") > 100)) || fail "no net sysctls to try"
    lacks "$out" '/proc/sys/net'
    works diff links <(ip -o link)
    works diff addresses <(ip -o addr)
    works diff sysctls <(sysctl -a -r '^net\.' 2>/dev/null |
        grep -vE 'random|_last|_mem|nf_conntrack_count')
    # Abstract sockets belong to the network namespace: nothing of LXC or mosb may listen there.
    lacks "$(cat /proc/net/unix)" '@[^ ]*(lxc|mosb)'
    inside 'find / -path /proc -prune -o -type s -print 2>/dev/null'
    equal "$out" "" "sockets visible inside"
    # systemd's and this instance's own, by their names on the host
    local socket
    for socket in /run/systemd/private /run/systemd/notify /run/dbus/system_bus_socket \
        "$root/run/mosb/mosb.sock" "$root/run/mosb/lock"; do
        denied "ls $socket"
    done
}

test_case "exec has the service's namespaces, seccomp, capabilities and cgroup" exec_profile
exec_profile() {
    one_service
    inside 'for n in cgroup ipc mnt net pid user uts; do
        [ "$(readlink /proc/self/ns/$n)" = "$(readlink /proc/$(pidof sleep)/ns/$n)" ] || echo "$n differs"; done'
    equal "$out" ""
    inside 'grep -E "^(Cap|NoNew|Seccomp)" /proc/self/status'
    local ours=$out
    inside 'grep -E "^(Cap|NoNew|Seccomp)" /proc/$(pidof sleep)/status'
    equal "$out" "$ours"
    run mosb exec one -- sh -c 'exit 42'
    equal "$status" 42
    run mosb exec one -- sh -c 'kill -TERM $$'
    equal "$status" 143
    run mosb exec one -- /no/such
    [[ $status == 125 || $status == 127 ]] || fail "status $status"
    works bash -c "echo in | '$MOSB_BIN/mosb' --root '$root' exec -i one -- cat"
    equal "$out" in
    works mosb exec one -- env
    equal "$(grep '^HOME=' <<<"$out")" HOME=/
}

test_case "exec keeps the home directory that image or manifest set" exec_home
exec_home() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000' 'environment: {HOME: /data}')
    works mosb apply m.yaml
    works mosb exec one -- env
    equal "$(grep '^HOME=' <<<"$out")" HOME=/data
}

test_case "stdout and stderr go to a bounded, rotated log" logs
logs() {
    manifest_v2 m.yaml < <(shell_service one 'echo to-out; echo to-err >&2; exec sleep 1000')
    works mosb apply m.yaml
    eventually 10 bash -c "'$MOSB_BIN/mosb' --root '$root' logs one | grep -q to-err"
    works mosb logs one
    contains "$out" 'to-out'
    works mosb logs one --tail 1
    equal "$(wc -l <<<"$out")" 1
    manifest_v2 m.yaml < <(shell_service one \
        'i=0; while [ $i -lt 30 ]; do head -c 1000000 /dev/zero | tr "\0" x; echo; i=$((i+1)); done; exec sleep 1000')
    works mosb apply m.yaml
    eventually 30 bash -c "[[ \$(find '$root/var/log/mosb' -name 'one.log*' ! -name '*.times' | wc -l) -ge 3 ]]"
    local file
    for file in "$root"/var/log/mosb/one.log*; do
        (($(stat -c %s "$file") <= 11 * 1024 * 1024)) || fail "$file is too large"
    done
}

test_case "logs shows older files, what came since a time, and follows over rotations" old_logs
old_logs() {
    manifest_v2 m.yaml < <(shell_service one 'echo begun; exec sleep 1000')
    works mosb apply m.yaml
    local log=$root/var/log/mosb/one.log now
    eventually 10 grep -q begun "$log"
    now=$(date +%s)
    contains "$(<"$log.times")" '^[0-9]+ 0$'
    refused 2 usage "since 'yesterday' is neither" mosb logs one --since yesterday
    refused 2 usage "tail 'few' is no number" mosb logs one --tail few
    works mosb logs one --since 10m
    equal "$out" begun
    ago() { date -u -d "@$((now - $1))" +%FT%TZ; }
    works mosb logs one --since "$(ago -60)"
    equal "$out" ''
    # Files as rotation leaves them.
    seq 1 1000 >"$log.2" && seq 1001 2000 >"$log.1" && seq 2001 2005 >"$log"
    echo "$((now - 3600)) 0" >"$log.2.times"
    printf '%s\n' "$((now - 600)) 0" "$((now - 300)) 2500" >"$log.1.times"
    echo "$((now - 60)) 0" >"$log.times"
    touch -d "@$((now - 3000))" "$log.2"
    touch -d "@$((now - 290))" "$log.1"
    works mosb logs one
    equal "$out" "$(seq 1806 2005)"
    works mosb logs one --tail 2000
    equal "$out" "$(seq 6 2005)"
    works mosb logs one --tail 0
    equal "$out" ''
    works mosb logs one --since 30s
    equal "$out" "$(seq 2001 2005)"
    works mosb logs one --since 2m
    equal "$out" "$(seq 2001 2005)"
    works mosb logs one --since "$(ago 295)"
    equal "$out" "$(seq 1501 2005)"
    works mosb logs one --since "$(ago 480)"
    equal "$out" "$(seq 1501 2005)"
    works mosb logs one --since "$(ago 595)"
    equal "$out" "$(seq 1001 2005)"
    works mosb logs one --since 2h
    equal "$out" "$(seq 1 2005)"
    works mosb logs one --since 2h --tail 3
    equal "$out" "$(seq 2003 2005)"
    rm "$log.times"
    works mosb logs one --since "$(ago 295)"
    equal "$out" "$(seq 1501 2005)"
    # A rotation without room for a new file.
    mv "$log" kept
    works mosb logs one --tail 5
    equal "$out" "$(seq 1996 2000)"
    mv kept "$log"
    # More than one rotation between two looks.
    "$MOSB_BIN/mosb" --root "$root" logs one -f --tail 1 >followed &
    local reader=$!
    eventually 10 grep -q 2005 followed
    kill -STOP "$reader"
    echo 2006 >>"$log"
    mv "$log.1" "$log.2" && mv "$log" "$log.1" && seq 2007 3000 >"$log"
    mv "$log.2" "$log.3" && mv "$log.1" "$log.2" && mv "$log" "$log.1" && seq 3001 3500 >"$log"
    kill -CONT "$reader"
    eventually 10 grep -q 3500 followed
    kill "$reader"
    wait "$reader" || true
    seq 2005 3500 | cmp - followed
}

test_case "inspect tells everything about a service" inspects
inspects() {
    one_service
    works mosb inspect one -o json
    contains "$out" '"one"'
    contains "$out" "$(image_digest "$fixtures/layout" shell)"
    works mosb inspect one
}

run_cases "$@"
