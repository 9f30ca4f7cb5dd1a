#!/usr/bin/env bash
# kill -9 of mosb at any step of a machine's life, then again: no half state, nothing left behind.
# real: qemu
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/kill_points.sh"
source "${0%/*}/../support/machines.sh"
# shellcheck disable=SC2034 # read by judge
case_deadline=900

# shellcheck disable=SC2034 # read by points_of
changing=clone,clone3,fork,execve,bind,connect,sendto,rename,renameat2,unlink,unlinkat,mkdir,rmdir,ftruncate,write,pwrite64,fsync,chmod,ioctl,pidfd_send_signal,waitid,wait4

# One that has everything that a start makes, in an instance that has run once, so that later runs
# make the same calls.
machine_with_all() {
    define vm1 r "tpm: true" "disks: [{file: a.qcow2, size: 1MiB, attach: virtio}]"
    works mosb machine start vm1
    works mosb machine rm vm1 --force
    works mosb machine init -f vm1.yaml
}

test_case "start killed at any step and run again gives a machine that runs, once" start_again
start_again() {
    machine_with_all
    local point
    points_of 25 machine start vm1
    works mosb machine rm vm1 --force
    for point in $(cat "$work/points"); do
        works mosb machine init -f vm1.yaml
        killed_at "$point" machine start vm1
        works mosb machine ls -o json
        [[ $(json '.[0].state') == running ]] || works mosb machine start vm1
        equal "$(state vm1)" running "killed at $point"
        equal "$(machine_processes)" "qemu-system-x86 swtpm" "killed at $point"
        works mosb machine rm vm1 --force
        nothing_runs
    done
    enough_kills
}

test_case "start killed at any step and followed by a look leaves all of a machine or nothing" start_look
start_look() {
    machine_with_all
    local point
    points_of 20 machine start vm1
    works mosb machine rm vm1 --force
    for point in $(cat "$work/points"); do
        works mosb machine init -f vm1.yaml
        killed_at "$point" machine start vm1
        works mosb machine ls -o json
        case $(json '.[0].state') in
            running) works mosb machine stop vm1 --force ;;
            stopped | failed) ;;
            *) fail "killed at $point: $out" ;;
        esac
        nothing_runs
        equal "$(find "$root/var/lib/mosb/machines" "$root/run/mosb" -name '*.mosb-new*' -path '*run*')" ""
        works mosb machine rm vm1
        equal "$(find "$root" -name '*vm1*')" "" "killed at $point"
    done
    enough_kills
}

test_case "stop and rm killed at any step come to their end when they are run again" stop_again
stop_again() {
    machine_with_all
    local verb point
    for verb in "stop vm1 --force" "rm vm1 --force"; do
        [[ -n $(state vm1) ]] || works mosb machine init -f vm1.yaml
        works mosb machine start vm1
        # shellcheck disable=SC2086 # words
        points_of 12 machine $verb
        for point in $(cat "$work/points"); do
            [[ -n $(state vm1) ]] || works mosb machine init -f vm1.yaml
            works mosb machine start vm1
            # shellcheck disable=SC2086 # words
            killed_at "$point" machine $verb
            [[ -z $(state vm1) ]] || works mosb machine $verb
            nothing_runs
        done
        enough_kills
        kills=0
    done
}

test_case "qemu or swtpm killed at any moment leaves a machine that the next command understands" parts_killed
parts_killed() {
    machine_with_all
    local pause victim
    for pause in 0 0.02 0.05 0.1 0.2; do
        for victim in qemu-system-x86 swtpm; do
            mosb machine start vm1 >/dev/null 2>&1 &
            local starter=$!
            until machine_processes | grep -q "$victim"; do kill -0 "$starter" 2>/dev/null || break; done
            sleep "$pause"
            for pid in $(grep -lE "/mosb-$(cat "$root/var/lib/mosb/state/instance")/machines/" /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3); do
                [[ $(cat "/proc/$pid/comm" 2>/dev/null) != "$victim" ]] || kill -KILL "$pid" 2>/dev/null || true
            done
            wait "$starter" || true
            settled() { [[ $(state vm1) =~ ^(failed|degraded|stopped)$ ]]; }
            eventually 5 settled
            works mosb machine stop vm1 --force
            nothing_runs
        done
    done
}

run_cases "$@"
