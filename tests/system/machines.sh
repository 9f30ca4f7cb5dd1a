#!/usr/bin/env bash
# The life of virtual machines, with the real qemu and swtpm and a guest of 1.5 KiB.
# real: qemu
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/machines.sh"

# A TCP port of 127.0.0.1 that nobody holds now.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

test_case "a machine starts, is listed, powers off when it is asked, and leaves nothing" life
life() {
    define vm1 r "$(forward "$(free_port)")"
    works mosb machine ls -o json
    equal "$(json '.[0].state')" stopped
    works mosb machine start vm1
    contains "$out" 'machine vm1 runs \(process [0-9]+, tcg\)'
    works mosb machine info vm1 -o json
    equal "$(json .state)" running
    equal "$(json .accel)" tcg
    equal "$(json '.ports[0].guest')" 22
    equal "$(cat "/proc/$(json .pid)/comm")" qemu-system-x86
    equal "$(stat -c %a "$(dirname "$(json .sockets.qmp)")")" 700
    eventually 20 printed vm1 "mosb: ready"
    works mosb machine stop vm1
    contains "$out" "the guest powered off"
    equal "$(state vm1)" stopped
    nothing_runs
}

test_case "no process of mosb runs while a machine does, and a later mosb finds it again" no_daemon
no_daemon() {
    define vm1 r
    works mosb machine start vm1
    local pid
    pid=$(pid_of vm1)
    ! grep -lF "$root" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 |
        while read -r p; do cat "/proc/$p/comm"; done | grep -q '^mosb' || fail "a mosb runs"
    equal "$(machine_processes)" qemu-system-x86
    [[ $(ps -o sid= -p "$pid") -eq $pid ]] || fail "qemu is not in a session of its own"
    works mosb machine stop vm1
}

test_case "start --wait is over when the guest says that it is ready" wait_ready
wait_ready() {
    define vm1 r
    works mosb machine start vm1 --wait --wait-time 60s -o json
    equal "$(json .ready)" true
    works mosb machine ls -o json
    equal "$(json '.[0].ready')" true
    works mosb machine restart vm1 --wait --wait-time 60s
    contains "$out" "is ready"
    works mosb machine stop vm1
}

test_case "a guest that is not ready in time is named and goes on; another line may mean ready" not_ready
not_ready() {
    define vm1 n
    refused 23 boot "runs, but was not ready within 3s" mosb machine start vm1 --wait --wait-time 3s
    contains "$err" 'hint: .*machine logs vm1'
    equal "$(state vm1)" running
    works mosb machine stop vm1
    works mosb machine start vm1 --wait --wait-time 60s --ready-line hello
    works mosb machine stop vm1
    define vm2 o
    refused 23 boot "ended before it was ready" mosb machine start vm2 --wait --wait-time 60s
    nothing_later() { [[ $(state vm2) == stopped ]]; }
    eventually 5 nothing_later
    nothing_runs
}

test_case "a guest that does not heed the power button is ended when patience is over" deaf
deaf() {
    define vm1 d
    works mosb machine start vm1 --wait --wait-time 60s
    local begin=$SECONDS
    works mosb machine stop vm1 --patience 2s
    contains "$out" "stopped by force"
    ((SECONDS - begin < 12)) || fail "it took $((SECONDS - begin)) s"
    works mosb machine start vm1
    works mosb machine stop vm1 --force
    contains "$out" "stopped by force"
    works mosb machine stop vm1
    contains "$out" "it did not run"
    nothing_runs
}

test_case "of two starts at once one wins and the other is told that it is busy" two_starts
two_starts() {
    define vm1 r
    local i codes=""
    for i in 1 2 3 4; do
        { code=0; mosb machine start vm1 >"$work/$i.out" 2>&1 || code=$?; echo $code >"$work/$i.code"; } &
    done
    wait
    codes=$(sort "$work"/?.code | paste -sd' ')
    equal "$codes" "0 20 20 20"
    equal "$(machine_processes)" qemu-system-x86
    refused 20 busy "runs already" mosb machine start vm1
    works mosb machine stop vm1
}

test_case "a killed qemu is noticed by the next command, and nothing of it stays" killed_qemu
killed_qemu() {
    define vm1 r "tpm: true"
    works mosb machine start vm1
    equal "$(machine_processes)" "qemu-system-x86 swtpm"
    kill -KILL "$(pid_of vm1)"
    gone() { [[ $(state vm1) == failed ]]; }
    eventually 5 gone
    nothing_runs
    works mosb machine info vm1 -o json
    contains "$(json .message)" "killed or crashed"
    works mosb machine start vm1
    works mosb machine stop vm1
    equal "$(state vm1)" stopped
}

test_case "a killed swtpm is noticed by the next command, and the machine is degraded" killed_swtpm
killed_swtpm() {
    define vm1 r "tpm: true"
    works mosb machine start vm1
    works mosb machine info vm1 -o json
    kill -KILL "$(json .tpm_pid)"
    worse() { [[ $(state vm1) == degraded ]]; }
    eventually 5 worse
    works mosb machine ls
    contains "$out" "swtpm has ended"
    works mosb machine restart vm1
    equal "$(state vm1)" running
    works mosb machine stop vm1
    nothing_runs
}

test_case "a guest that powers off by itself leaves a stopped machine and nothing else" by_itself
by_itself() {
    define vm1 o
    works mosb machine start vm1
    off() { [[ $(state vm1) == stopped ]]; }
    eventually 20 off
    works mosb machine info vm1 -o json
    equal "$(json .message)" "the guest powered off"
    nothing_runs
}

test_case "a port of the host in use is refused before qemu starts, with its holder's name" held_ports
held_ports() {
    local port
    port=$(free_port)
    python3 - "$port" <<'PY' &
import socket, sys, time
t = socket.socket(); t.bind(("127.0.0.1", int(sys.argv[1]))); t.listen()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); u.bind(("0.0.0.0", int(sys.argv[1])))
time.sleep(100)
PY
    local holder=$!
    listens() { [[ -n $(ss -Hltn "sport = :$port") && -n $(ss -Hlun "sport = :$port") ]]; }
    eventually 5 listens
    define vm1 r "$(forward "$port")"
    refused 17 net-setup "TCP port $port of 127.0.0.1 is held by process $holder \(python3" mosb machine start vm1
    define vm2 r "$(forward "$port" udp)"
    refused 17 net-setup "UDP port $port of 127.0.0.1 is held by process $holder" mosb machine start vm2
    nothing_runs
    kill "$holder"
    wait "$holder" || true
    works mosb machine start vm1
    define vm3 r "$(forward "$port" tcp '')"
    refused 17 net-setup "port $port is held by machine 'vm1'" mosb machine start vm3
    works mosb machine start vm2
    define vm4 r "$(forward "$port" udp)"
    refused 17 net-setup "UDP port $port of 127.0.0.1 is held by machine 'vm2'" mosb machine start vm4
    works mosb machine stop vm1
    works mosb machine start vm3
    works mosb machine stop vm3
    works mosb machine stop vm2
}

# host_is_started_anew NAME: its processes and all that is in /run are gone.
host_is_started_anew() {
    pkill -KILL -g "$(ps -o pgid= -p "$(pid_of "$1")" | tr -d ' ')"
    eventually 5 no_processes
    rm -rf "$root/run/mosb"
    find /sys/fs/cgroup -depth -type d -path "*mosb-$(cat "$root/var/lib/mosb/state/instance")/machines*" \
        -exec rmdir '{}' ';' 2>/dev/null || true
}

test_case "a machine that ran when the host went down is told from one that was stopped" host_went_down
host_went_down() {
    define vm1 r
    works mosb machine start vm1
    works mosb machine stop vm1
    works mosb machine start vm1
    host_is_started_anew vm1
    works mosb machine info vm1
    contains "$out" 'the host was started anew'
    works mosb machine ls -o json
    equal "$(json '.[0].state')" failed
    works mosb machine start vm1
    works mosb machine stop vm1
    equal "$(state vm1)" stopped
    nothing_runs
}

test_case "a qemu that somebody ended is not taken for a guest that powered off" terminated
terminated() {
    define vm1 r
    works mosb machine start vm1
    kill -TERM "$(pid_of vm1)"
    ended() { [[ $(state vm1) == failed ]]; }
    eventually 10 ended
    nothing_runs
}

test_case "an image that takes its content from another file of the host is refused" other_files
other_files() {
    truncate -s 1M secret
    qemu-img create -q -f qcow2 -b "$work/secret" -F raw with-backing.qcow2
    qemu-img create -q -f qcow2 -o data_file="$work/data",data_file_raw=on with-data.qcow2 1M
    echo text >no.qcow2
    local image extra
    for image in with-backing with-data; do
        for extra in "" ", size: 1MiB"; do
            define "$image" r "disks: [{file: $work/$image.qcow2, attach: virtio$extra}]"
            refused 14 manifest "takes its content from another file" mosb machine start "$image"
            contains "$err" '^hint: .*qemu-img convert'
            works mosb machine rm "$image"
        done
    done
    define odd r "disks: [{file: $work/no.qcow2, attach: virtio}]"
    refused 14 manifest "is no qcow2 image" mosb machine start odd
    nothing_runs
}

test_case "a tap that is not there is refused before qemu makes one" no_tap
no_tap() {
    define vm1 r "nics: [{id: nic0, device: virtio-net, network: 'tap:mosbtest9'}]"
    refused 17 net-setup "there is no device 'mosbtest9'" mosb machine start vm1
    nothing_runs
    [[ ! -e /sys/class/net/mosbtest9 ]] || fail "a tap was made"
}

test_case "a vsock is refused before qemu starts where the host has none for guests" no_vsock
no_vsock() {
    define vm1 r "vsock: 42"
    if [[ -w /dev/vhost-vsock ]]; then
        works mosb machine start vm1
        works mosb machine stop vm1 --force
    else
        refused 22 host "vsock 42: .*/dev/vhost-vsock" mosb machine start vm1
    fi
    nothing_runs
}

test_case "what a machine prints is for its owner's eyes only" private_log
private_log() {
    define vm1 r
    works mosb machine start vm1
    equal "$(stat -c %a "$root/var/log/mosb/machines/vm1.log")" 600
    works mosb machine stop vm1
    chmod 644 "$root/var/log/mosb/machines/vm1.log"
    works mosb machine start vm1
    equal "$(stat -c %a "$root/var/log/mosb/machines/vm1.log")" 600
    works mosb machine stop vm1
}

test_case "an rm that was cut short leaves no disk to the next machine of that name" half_removed
half_removed() {
    define vm1 r "disks: [{file: a.qcow2, size: 8MiB, attach: virtio}]"
    works mosb machine start vm1
    works mosb machine stop vm1
    local dir=$root/var/lib/mosb/machines/vm1
    # Something in the folder that cannot be removed ends the rm half way.
    mkdir -p "$dir/disks/held"
    mount -t tmpfs none "$dir/disks/held"
    mosb machine rm vm1 >/dev/null 2>&1 && fail "the rm should not come to its end"
    equal "$(state vm1)" stopped
    umount "$dir/disks/held"
    works mosb machine rm vm1
    [[ ! -e $dir ]] || fail "something stayed"
}

test_case "an ephemeral machine leaves nothing, however it ends" ephemeral
ephemeral() {
    local way left
    for way in stop guest kill rm reboot; do
        local mode=r
        [[ $way != guest ]] || mode=o
        define vm1 "$mode" "top:ephemeral: true" "tpm: true" \
            "disks: [{file: a.qcow2, size: 1MiB, attach: virtio}]"
        works mosb machine start vm1
        case $way in
            stop) works mosb machine stop vm1 ;;
            kill) kill -KILL "$(pid_of vm1)" ;;
            rm) works mosb machine rm vm1 --force ;;
            reboot) host_is_started_anew vm1 ;;
        esac
        forgotten() { [[ -z $(state vm1) ]]; }
        eventually 20 forgotten
        left=$(find "$root" -name '*vm1*')
        [[ -z $left ]] || fail "$way left $left"
        nothing_runs
    done
    define vm1 r "top:ephemeral: true"
    works mosb machine start vm1
    refused 2 usage "ephemeral" mosb machine restart vm1
    works mosb machine stop vm1
}

test_case "rm refuses a machine that runs unless it is forced, and removes all of it" removal
removal() {
    define vm1 r "disks: [{file: a.qcow2, size: 1MiB, attach: virtio}]"
    works mosb machine start vm1
    refused 20 busy "'vm1' runs" mosb machine rm vm1
    equal "$(state vm1)" running
    works mosb machine rm vm1 --force
    nothing_runs
    left=$(find "$root" -name '*vm1*')
    [[ -z $left ]] || fail "left: $left"
    refused 3 not-found "no machine 'vm1'" mosb machine rm vm1
    define vm2 r
    works mosb machine rm vm2
}

test_case "edit on a running machine tells what needs a restart, and that takes effect then" editing
editing() {
    define vm1 r
    works mosb machine start vm1
    sed 's/memory: 64/memory: 96/; s/cpus: 1/cpus: 2/' vm1.yaml >new.yaml
    works mosb machine edit vm1 -f new.yaml -o json
    equal "$(json '.needs_restart | join(" ")')" "cpus memory"
    works mosb machine info vm1 -o json
    equal "$(json .restart_needed)" true
    works mosb machine restart vm1
    works mosb machine info vm1 -o json
    equal "$(json .restart_needed)" false
    contains "$(tr '\0' ' ' <"/proc/$(json .pid)/cmdline")" '-m size=96M'
    works mosb machine stop vm1
    works mosb machine edit vm1 -f vm1.yaml -o json
    equal "$(json '.needs_restart | length')" 0
    works env EDITOR="sed -i s/64/80/" "$MOSB_BIN/mosb" --root "$root" machine edit vm1
    works mosb machine info vm1 -o json
    equal "$(json .memory)" 80
    refused 2 usage "editor 'false' failed" env EDITOR=false "$MOSB_BIN/mosb" --root "$root" machine edit vm1
    refused 14 manifest "cpsu" env EDITOR="sed -i s/cpus/cpsu/" "$MOSB_BIN/mosb" --root "$root" machine edit vm1
    works mosb machine info vm1 -o json
    equal "$(json .memory)" 80
    sed 's/name: vm1/name: other/' vm1.yaml >other.yaml
    refused 2 usage "of machine 'other', not of 'vm1'" mosb machine edit vm1 -f other.yaml
}

test_case "init takes a file, standard input, or only a name, and nothing twice" initialisation
initialisation() {
    define vm1 r
    refused 2 usage "is a machine 'vm1' already" mosb machine init -f vm1.yaml
    sed '/^name:/d' vm1.yaml >nameless.yaml
    "$MOSB_BIN/mosb" --root "$root" machine init vm2 -f - <nameless.yaml
    works mosb machine init vm3 -o json
    equal "$(json .name)" vm3
    works mosb machine ls -o json
    equal "$(json 'map(.name) | join(" ")')" "vm1 vm2 vm3"
    refused 2 usage "no name of a machine" mosb machine init ../vm4
    refused 2 usage "no name of a machine" mosb machine start ../vm4
    refused 2 usage "neither a name nor a file" mosb machine init
    refused 3 not-found "no machine 'vm5'" mosb machine start vm5
    refused 2 usage "has no name" mosb machine init -f nameless.yaml
}

test_case "disks are made once, with their size, and never written over" disks
disks() {
    define vm1 r "disks: [{file: a.qcow2, size: 8MiB, attach: virtio}, {file: b.raw, format: raw, size: 1MiB, attach: virtio}, {file: $work/c.raw, format: raw, attach: virtio}]"
    refused 14 manifest "no disk .*c.raw" mosb machine start vm1
    echo mine >"$work/c.raw"
    truncate -s 1M "$work/c.raw"
    works mosb machine start vm1
    works mosb machine stop vm1 --force
    local dir=$root/var/lib/mosb/machines/vm1/disks
    equal "$(qemu-img info --output=json "$dir/a.qcow2" | jq '."virtual-size"')" $((8 << 20))
    equal "$(stat -c %s "$dir/b.raw")" $((1 << 20))
    equal "$(stat -c %a "$dir/a.qcow2")" 600
    echo kept | dd of="$dir/b.raw" conv=notrunc status=none
    works mosb machine start vm1
    works mosb machine stop vm1 --force
    equal "$(head -c 4 "$dir/b.raw")" kept
    equal "$(head -c 4 "$work/c.raw")" mine
    equal "$(find "$dir" -name '*mosb-new*')" ""
}

test_case "firmware and TPM: variables of its own, a TPM set up once, and a start that qemu takes" firmware
firmware() {
    cat >vm1.yaml <<'YAML'
name: vm1
type: kvm
config: {cpus: 1, memory: 256, accel: tcg, tpm: true, tpm-version: '2.0', secure-boot: true}
YAML
    works mosb machine init -f vm1.yaml
    works mosb machine start vm1
    equal "$(machine_processes)" "qemu-system-x86 swtpm"
    local dir=$root/var/lib/mosb/machines/vm1 before after
    [[ -s $dir/uefi-vars-secure.fd && -s $dir/tpm/tpm2-00.permall ]] || fail "files are missing"
    works mosb machine stop vm1 --force
    before=$(stat -c %i "$dir/tpm" "$dir/uefi-vars-secure.fd")
    works mosb machine start vm1
    works mosb machine stop vm1 --force
    after=$(stat -c %i "$dir/tpm" "$dir/uefi-vars-secure.fd")
    equal "$after" "$before" "made anew"
    nothing_runs
}

test_case "variables without keys do not become those of Secure Boot" secure_later
secure_later() {
    define vm1 r "uefi-code: /usr/share/OVMF/OVMF_CODE_4M.fd"
    works mosb machine start vm1
    works mosb machine stop vm1 --force
    sed -e '/uefi-code/d' -e 's/^config:/config:\n  secure-boot: true/' vm1.yaml >secure.yaml
    works env EDITOR="cp $work/secure.yaml" "$MOSB_BIN/mosb" --root "$root" machine edit vm1
    works mosb machine start vm1
    works mosb machine stop vm1 --force
    local dir=$root/var/lib/mosb/machines/vm1
    cmp -s "$dir/uefi-vars.fd" "$dir/uefi-vars-secure.fd" && fail "the same variables"
    [[ $(stat -c %a "$dir/uefi-vars-secure.fd") == 600 ]] || fail "readable by others"
}

test_case "settings for cloud-init lie on a disk labelled cidata, made anew at each start" cloud_init
cloud_init() {
    define vm1 r "cloud-init: {user-data: '#cloud-config first'}"
    local image=$root/var/lib/mosb/machines/vm1/cloud-init.img
    works mosb machine start vm1
    equal "$(blkid -p -o value -s LABEL "$image")" cidata
    equal "$(stat -c %a "$image")" 600
    grep -qaF '#cloud-config first' "$image" || fail "the settings are missing"
    works mosb machine stop vm1 --force
    sed -i s/first/second/ vm1.yaml
    works mosb machine edit vm1 -f vm1.yaml
    works mosb machine start vm1
    grep -qaF '#cloud-config second' "$image" || fail "the settings are the old ones"
    works mosb machine stop vm1 --force
}

test_case "what qemu says is wrong becomes the error, and nothing of the try stays" qemu_refuses
qemu_refuses() {
    qemu-img create -q -f qcow2 broken 1M
    printf '\0\0\0\x09' | dd of=broken bs=1 seek=4 conv=notrunc status=none
    define vm1 r "disks: [{file: $work/broken, format: qcow2, attach: virtio}]"
    refused 23 boot "qcow2 version 9" mosb machine start vm1
    define vm2 r "tpm: true" "nics: [{id: nic0, device: virtio-net, romfile: $work/none}]"
    refused 23 boot "qemu does not start: .*failed to find romfile" mosb machine start vm2
    nothing_runs
}

test_case "a root whose path is too long for a socket's address works the same" long_root
long_root() {
    root=$work/$(printf 'a%.0s' {1..60})/$(printf 'b%.0s' {1..60})
    mkdir -p "$root"
    define vm1 r
    works mosb machine start vm1 --wait --wait-time 60s
    works mosb machine stop vm1
    nothing_runs
    works mosb machine rm vm1
}

test_case "the console takes one that types and any that watch, and gives the terminal back" console
console() {
    define vm1 r
    works mosb machine start vm1 --wait --wait-time 60s
    timeout 30 "$MOSB_BIN/mosb" --root "$root" machine logs vm1 -f >watch1 &
    timeout 30 "$MOSB_BIN/mosb" --root "$root" machine logs vm1 -f --tail 0 >watch2 &
    works python3 "$support/type_at_console.py" "$MOSB_BIN/mosb" "$root" vm1
    contains "$out" "second refused: 20 .*is held by process [0-9]+"
    contains "$out" "typed: <a><b>"
    contains "$out" "detached: 0, terminal restored"
    contains "$out" "after SIGTERM: terminal restored"
    saw() { grep -q '<a><b>' "$1"; }
    eventually 5 saw watch1
    eventually 5 saw watch2
    printf 'xyz\x1dnot sent' | timeout 20 "$MOSB_BIN/mosb" --root "$root" machine console vm1 >typed
    z_came() { printed vm1 '<z>'; }
    eventually 5 z_came
    ! printed vm1 '<n>' || fail "typed behind the detach key"
    works mosb machine stop vm1
    contains "$(mosb machine logs vm1)" '<a><b>'
    refused 16 runtime "does not run" mosb machine console vm1
    kill %1 %2 2>/dev/null || true
    wait
}

test_case "a console that prints without end is kept in bounded logs by whoever looks" log_bounds
log_bounds() {
    define vm1 f
    local log=$root/var/log/mosb/machines/vm1.log
    mkdir -p "$(dirname "$log")"
    head -c 11M /dev/zero | tr '\0' x >"$log"
    works mosb machine start vm1
    [[ -f $log.1 ]] || fail "not turned over at the start"
    eventually 20 printed vm1 hello
    head -c 11M /dev/zero | tr '\0' y >>"$log"
    works mosb machine ls
    (($(stat -c %s "$log") < 10 << 20)) || fail "not turned over by ls"
    (($(stat -c %s "$log.1") <= 10 << 20)) || fail "the old log is too long"
    works mosb machine stop vm1 --force
}

test_case "a guest on KVM that qemu cannot start, or without any sign of life, is reported as KVM that does not work" no_life
no_life() {
    [[ -w /dev/kvm ]] || skip "this host has no KVM"
    define vm1 s "accel: kvm"
    # Which of them depends on the host's processor.
    refused 22 host "no sign of life: KVM does not work here|qemu does not start: .*kvm" \
        mosb machine start vm1 --wait --wait-time 3s
    contains "$err" "hint: .*accel: tcg"
    [[ $(state vm1) == failed ]] || works mosb machine stop vm1 --force
}

test_case "accel auto asks a guest of its own whether KVM works, once per boot" auto_accel
auto_accel() {
    define vm1 r "accel: auto"
    works mosb machine start vm1
    works mosb machine info vm1 -o json
    local accel
    accel=$(json .accel)
    if [[ ! -w /dev/kvm ]]; then
        equal "$accel" tcg
    else
        equal "$(jq -r .outcome "$root/run/mosb/kvm-probe.json")" \
            "$([[ $accel == kvm ]] && echo works || echo fails)"
        works mosb machine stop vm1 --force
        jq -c '.outcome = "fails" | .detail = "as the file says"' "$root/run/mosb/kvm-probe.json" >probe
        cp probe "$root/run/mosb/kvm-probe.json"
        works mosb machine start vm1
        contains "$err" "KVM does not work here \(as the file says\)"
    fi
    works mosb machine stop vm1 --force
}

test_case "a NIC at a bridge has a tap while the machine runs, and none after" bridged
bridged() {
    local bridge=mosbt$$
    ip link add "$bridge" type bridge
    # shellcheck disable=SC2064 # now, not then: it is local
    trap "ip link del $bridge" EXIT
    taps() { ls "/sys/class/net/$bridge/brif" | wc -l; }
    define vm1 r "nics: [{id: nic0, device: virtio-net, network: 'bridge:$bridge'}]"
    works mosb machine start vm1
    equal "$(taps)" 1
    works mosb machine stop vm1 --force
    equal "$(taps)" 0
    works mosb machine start vm1
    kill -KILL "$(pid_of vm1)"
    gone() { [[ $(state vm1) == failed ]]; }
    eventually 5 gone
    equal "$(taps)" 0
    ip -o link | grep -q mosbvm && fail "a tap is left"
    sed "s/bridge:$bridge/bridge:nobridge0/" vm1.yaml >new.yaml
    works mosb machine edit vm1 -f new.yaml
    refused 17 net-setup "no bridge 'nobridge0'" mosb machine start vm1
    nothing_runs
}

run_cases "$@"
