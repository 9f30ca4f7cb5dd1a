#!/usr/bin/env bash
# What a guest that took over its qemu would find: a user of its own, without rights, in a cgroup
# with limits.
# real: qemu
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/machines.sh"

# status_of PID FIELD: of each of its threads, once.
status_of() { sed -n "s/^$2:[[:space:]]*//p" /proc/"$1"/task/*/status | sort -u; }
user_of() { mosb machine info "$1" -o json | jq -er .user; }
as_user() { setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"; }
ask_qemu() {
    works mosb machine info "$1" -o json
    python3 - "$(json .sockets.qmp)" "$2" <<'PY'
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
f = s.makefile("rw")
f.readline()
for command in "qmp_capabilities", sys.argv[2]:
    f.write(json.dumps({"execute": command}) + "\n")
    f.flush()
    while "event" in (answer := json.loads(f.readline())):
        pass
    assert "return" in answer, answer
PY
}

test_case "qemu and swtpm of a machine run as a user of their own, without capabilities" confined
confined() {
    define vm1 r "tpm: true" "$(forward "$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')")"
    works mosb machine start vm1
    works mosb machine info vm1 -o json
    local user pid field
    user=$(json .user)
    ((user >= 61184 && user <= 65519)) || fail "user $user"
    for pid in $(json .pid) $(json .tpm_pid); do
        equal "$(status_of "$pid" Uid)" "$user"$'\t'"$user"$'\t'"$user"$'\t'"$user"
        equal "$(status_of "$pid" Gid)" "$user"$'\t'"$user"$'\t'"$user"$'\t'"$user"
        contains " $(status_of "$pid" Groups) " "^ +($user)? *$"
        for field in CapInh CapPrm CapEff CapAmb; do
            equal "$(status_of "$pid" $field)" 0000000000000000
        done
        equal "$(status_of "$pid" NoNewPrivs)" 1
    done
    equal "$(status_of "$(json .pid)" Seccomp)" 2
    equal "$(stat -c %u "$root/var/lib/mosb/machines/vm1/tpm/tpm2-00.permall")" "$user"
    works mosb machine rm vm1 --force
    nothing_runs
}

test_case "a machine with a user of its own boots again, and stops, and powers off by itself" lives
lives() {
    qemu-img create -q -f raw "$work/cd.iso" 1M
    chmod 600 "$work/cd.iso"
    define vm1 r "tpm: true" "gui: vnc" "uefi-code: /usr/share/OVMF/OVMF_CODE_4M.fd" \
        "cdrom: $work/cd.iso" "cloud-init: {user-data: '#cloud-config'}" \
        "disks: [{file: a.qcow2, size: 8MiB, attach: virtio}, {file: b.raw, format: raw, size: 1MiB}]"
    works mosb machine start vm1
    [[ -S $root/run/mosb/machines/vm1/screen.sock ]] || fail "no screen"
    works mosb machine stop vm1 --force
    define vm2 r "tpm: true" "disks: [{file: a.qcow2, size: 8MiB, attach: virtio}]"
    works mosb machine start vm2 --wait --wait-time 60s
    twice() { (($(console_text vm2 | grep -c 'mosb: ready') == 2)); }
    ask_qemu vm2 system_reset
    eventually 20 twice
    equal "$(state vm2)" running
    works mosb machine stop vm2
    contains "$out" "the guest powered off"
    define vm3 o
    works mosb machine start vm3
    off() { [[ $(state vm3) == stopped ]]; }
    eventually 20 off
    works mosb machine info vm3 -o json
    equal "$(json .message)" "the guest powered off"
    nothing_runs
}

test_case "two machines have different users, and neither can read what the other has" apart
apart() {
    define vm1 r "tpm: true"
    define vm2 r "tpm: true"
    works mosb machine start vm1 --wait --wait-time 60s
    works mosb machine start vm2 --wait --wait-time 60s
    local one file
    one=$(user_of vm1)
    [[ $one != "$(user_of vm2)" ]] || fail "the same user"
    # As if somebody had opened the folders above.
    chmod 711 "$work" "$root" "$root"/var "$root"/var/lib "$root"/var/lib/mosb \
        "$root"/var/lib/mosb/machines "$root"/var/lib/mosb/machines/vm? \
        "$root"/run "$root"/run/mosb "$root"/run/mosb/machines
    as_user "$one" cat "$root/var/lib/mosb/machines/vm1/tpm/tpm2-00.permall" >/dev/null ||
        fail "cannot read its own"
    for file in var/lib/mosb/machines/vm2/tpm/tpm2-00.permall var/log/mosb/machines/vm2.log \
        var/lib/mosb/machines/vm2/machine.yaml run/mosb/machines/vm2/run.json \
        run/mosb/machines/vm1/run.json var/log/mosb/machines/vm1.log; do
        [[ -e $root/$file ]] || fail "there is no $file"
        ! as_user "$one" cat "$root/$file" 2>/dev/null || fail "read $file"
    done
    ! as_user "$one" kill -0 "$(pid_of vm2)" 2>/dev/null || fail "may send signals"
    works mosb machine stop vm1 --force
    works mosb machine stop vm2 --force
}

test_case "a user that somebody has is not taken" taken_user
taken_user() {
    define vm1 r
    works mosb machine start vm1
    local user
    user=$(user_of vm1)
    works mosb machine stop vm1 --force
    setpriv --reuid "$user" --regid "$user" --clear-groups sleep 100 &
    local other=$!
    works mosb machine start vm1
    equal "$(user_of vm1)" $((user == 65519 ? 61184 : user + 1))
    works mosb machine stop vm1 --force
    kill $other
    wait $other 2>/dev/null || true
    works mosb machine start vm1
    equal "$(user_of vm1)" "$user"
    works mosb machine stop vm1 --force
}

test_case "a TPM's state that was root's, or another user's, goes on with the machine's user" taken_over
taken_over() {
    define vm1 r "tpm: true"
    works mosb machine start vm1
    works mosb machine stop vm1 --force
    local tpm=$root/var/lib/mosb/machines/vm1/tpm owner
    for owner in 0 61183; do
        chown -R $owner:$owner "$tpm"
        works mosb machine start vm1
        equal "$(stat -c %u "$tpm" "$tpm/tpm2-00.permall" | sort -u)" "$(user_of vm1)"
        works mosb machine stop vm1 --force
    done
}

test_case "what a guest could have put beside its TPM's state is refused, and stays as it was" foreign_state
foreign_state() {
    define vm1 r "tpm: true"
    works mosb machine start vm1
    works mosb machine stop vm1 --force
    local tpm=$root/var/lib/mosb/machines/vm1/tpm what
    echo secret >"$work/secret"
    for what in "ln $work/secret" "ln -s $work/secret" mkdir mkfifo; do
        $what "$tpm/more"
        mosb machine start vm1 >/dev/null 2>said && fail "started with $what"
        contains "$(cat said)" "mosb: (state|system|runtime)"
        equal "$(stat -c %u "$work/secret")" 0
        rm -rf "$tpm/more"
    done
    nothing_runs
    works mosb machine start vm1
    works mosb machine stop vm1 --force
}

test_case "a machine whose processes cannot give up their privileges does not start" no_drop
no_drop() {
    define vm1 r
    define vm2 r "tpm: true"
    works mosb machine start vm2
    works mosb machine stop vm2 --force
    local name
    for name in vm1 vm2; do
        refused 23 boot "setuid|give up privileges" setpriv --bounding-set -setuid --inh-caps -setuid \
            "$MOSB_BIN/mosb" --root "$root" machine start "$name"
        nothing_runs
    done
    refused 23 boot "setgid|setgroups|privileges" setpriv --bounding-set -setgid --inh-caps -setgid \
        "$MOSB_BIN/mosb" --root "$root" machine start vm1
    nothing_runs
}

# cgroup_file CONTROLLER NAME: of the machines' cgroup in version 1 or 2.
cgroup_file() {
    find /sys/fs/cgroup -path "*mosb-$(cat "$root/var/lib/mosb/state/instance")/machines/vm1/*" -name "$1"
}

test_case "a machine's processes and memory have limits, and the kernel keeps to them" limits
limits() {
    define vm1 r
    works mosb machine start vm1
    local pids
    pids=$(cgroup_file pids.max)
    equal "$(cat "$pids")" 257
    equal "$(cat "$(cgroup_file memory.limit_in_bytes)$(cgroup_file memory.max)")" \
        $(((64 + 32 + 3 * 1024) << 20))
    # As a qemu that a guest took over would do it.
    contains "$(bash -c "echo \$\$ >${pids%/*}/cgroup.procs
        exec python3 -c 'import threading, time
try:
    for i in range(300): threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
except RuntimeError as e: print(e)'")" "can't start new thread"
    works mosb machine stop vm1 --force
    nothing_runs
}

test_case "a machine that the kernel killed for its memory says so" out_of_memory
out_of_memory() {
    define vm1 r
    works mosb machine start vm1
    local file
    file=$(cgroup_file memory.limit_in_bytes)$(cgroup_file memory.max)
    echo $((256 << 20)) >"$file"
    works mosb machine info vm1 -o json
    python3 - "$(json .sockets.qmp)" <<'PY' || true
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
f = s.makefile("rw")
f.readline()
for command in ({"execute": "qmp_capabilities"}, {"execute": "object-add", "arguments": {
        "qom-type": "memory-backend-ram", "id": "more", "size": 1 << 30, "prealloc": True}}):
    f.write(json.dumps(command) + "\n")
    f.flush()
    f.readline()
PY
    killed() { [[ $(state vm1) == failed ]]; }
    eventually 20 killed
    works mosb machine ls
    contains "$out" "used more memory than its limit"
    nothing_runs
}

test_case "a mosb that is killed while it makes disks or a TPM leaves nothing that runs" killed_setup
killed_setup() {
    head -c 200M /dev/urandom >"$work/origin.raw"
    define vm1 r "disks: [{file: $work/origin.raw, format: raw, attach: virtio}]"
    define vm2 r "tpm: true"
    local name program starter pid
    for name in vm1 vm2; do
        program=$([[ $name == vm1 ]] && echo qemu-img || echo swtpm_setup)
        "$MOSB_BIN/mosb" --root "$root" machine start $name >/dev/null 2>&1 &
        starter=$!
        until pid=$(grep -lE "/machines/$name" /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3 |
            while read -r pid; do [[ $(cat /proc/"$pid"/comm) != "$program" ]] || echo "$pid"; done 2>/dev/null |
            grep .); do
            kill -0 $starter || fail "$program was not seen"
        done
        kill -STOP $pid
        kill -KILL $starter
        wait $starter || true
        equal "$(state $name)" failed
        nothing_runs
        works mosb machine start $name
        works mosb machine stop $name --force
    done
}

run_cases "$@"
