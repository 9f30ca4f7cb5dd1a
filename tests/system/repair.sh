#!/usr/bin/env bash
# Apply repairs what somebody broke by hand, and only that.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

# Two services that run; pid_of says which process a service is.
two_services() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000'; shell_service two 'exec sleep 1000')
    works mosb apply m.yaml
    two_pid=$(pid_of two)
}
pid_of() { mosb ps -o json | jq -r --arg n "$1" '.[] | select(.service == $n) | .pid'; }

repaired() {
    works mosb apply m.yaml
    eventually 10 runs one
    works mosb exec one -- cat /etc/passwd
    works mosb plan m.yaml -o json
    equal "$(json .changed)" false
}
two_untouched() { equal "$(pid_of two)" "$two_pid" "the other service was touched"; }

test_case "a killed service is started again, the other one stays" killed_service
killed_service() {
    two_services
    local pid
    pid=$(pid_of one)
    kill -KILL "$pid"
    eventually 10 test ! -e "/proc/$pid"
    eventually 10 bash -c "[[ \$('$MOSB_BIN/mosb' --root '$root' ps -o json |
        jq -r '.[0].state') =~ ^(failed|stopped|completed)$ ]]"
    repaired
    two_untouched
}

test_case "a killed helper takes its service with it and both come back" killed_helper
killed_helper() {
    two_services
    local pid helper
    pid=$(pid_of one)
    helper=$(ps -o ppid= -p "$pid" | tr -d ' ')
    while [[ $(cat "/proc/$helper/comm") != mosb-run* && $helper != 1 ]]; do
        helper=$(ps -o ppid= -p "$helper" | tr -d ' ')
    done
    [[ $helper != 1 ]] || fail "the service has no helper above it"
    kill -KILL "$helper"
    repaired
    [[ $(pid_of one) != "$pid" ]] || fail "the old process is still the service"
    eventually 10 test ! -e "/proc/$pid"
    two_untouched
}

test_case "a layer unmounted by hand is mounted again" unmounted_layer
unmounted_layer() {
    two_services
    mosb stop one
    mosb stop two
    # everything below the root, deepest first
    awk -v r="$root" 'index($5, r) == 1 { print $5 }' /proc/self/mountinfo | sort -r >inside
    while read -r point; do umount -l "$point" || true; done <inside
    works mosb start one
    works mosb start two
    repaired
}

test_case "a mount detached under a running service is repaired" detached_mount
detached_mount() {
    two_services
    awk -v r="$root" 'index($5, r) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
        while read -r point; do umount -l "$point" || true; done
    works mosb apply m.yaml
    eventually 10 runs one
    eventually 10 runs two
    works mosb exec one -- cat /etc/passwd
    works mosb plan m.yaml -o json
    equal "$(json .changed)" false
}

test_case "a removed cgroup of a stopped service does no harm" removed_cgroup
removed_cgroup() {
    two_services
    works mosb stop one
    find /sys/fs/cgroup -depth -type d -path "*mosb-$(instance_id)/one*" -exec rmdir {} + || true
    works mosb start one
    repaired
    two_untouched
}

test_case "a killed layer server is noticed and its services come back" killed_server
killed_server() {
    two_services
    local pid
    for pid in $(pgrep -x mosb-layer-serv); do
        grep -q "mosb-$(instance_id)/" "/proc/$pid/cgroup" && kill -KILL "$pid"
    done
    eventually 10 bash -c "! grep -l 'mosb-$(instance_id)/layers' /proc/[0-9]*/cgroup"
    echo 3 >/proc/sys/vm/drop_caches
    eventually 10 state_is one degraded
    works mosb apply m.yaml
    eventually 10 runs one
    works mosb exec one -- md5sum /data/big
}

test_case "removed run files are made again" removed_run_files
removed_run_files() {
    two_services
    rm -rf "$root/run/mosb/services/one/container"
    works mosb apply m.yaml
    eventually 10 runs one
}

test_case "ps and logs are right when a service ended while no mosb was running" ended_alone
ended_alone() {
    manifest_v2 m.yaml < <(shell_service one 'echo said; sleep 1; exit 7')
    works mosb apply m.yaml
    eventually 20 state_is one failed
    works mosb ps -o json
    contains "$(json '.[0].message')" '7'
    works mosb logs one
    contains "$out" '^said|said$'
}

test_case "a service that ends well is completed" completed
completed() {
    manifest_v2 m.yaml < <(shell_service one 'exit 0')
    works mosb apply m.yaml
    eventually 20 state_is one completed
}

test_case "a service killed for memory is recorded as out of memory" out_of_memory
out_of_memory() {
    manifest_v2 m.yaml < <(shell_service one 'sleep 1; x=$(head -c 200000000 /dev/zero | tr "\0" a)' \
        'resources: {memory: 32MiB}')
    works mosb apply m.yaml
    eventually 30 state_is one failed
    works mosb ps -o json
    contains "$(json '.[0].message')" '[Mm]emory|OOM|oom'
}

run_cases "$@"
