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

# what_is_there FILE: what the kernel holds of this instance, without the numbers that every start
# draws anew.
what_is_there() {
    local id dir
    id=mosb-$(instance_id)
    {
        MOSB_LEAKS_ONLY="$root|cgroup.*$id" "$support/leaks.sh" snapshot /dev/stdout
        for dir in $(grep -ls "/$id/" /proc/[0-9]*/cgroup); do
            echo "process $(cat "${dir%/cgroup}/comm")"
        done
    } 2>/dev/null |
        sed -E "s/rootfs-[0-9a-f]+/rootfs/; s/($id):[0-9a-f]+/\\1/; s,/dev/loop[0-9]+,/dev/loop," |
        sort >"$1"
}
is_as_before() {
    what_is_there "$work/now"
    diff "$work/before" "$work/now" >"$work/difference"
}

# ended SERVICE REGEX: ps says that it failed, and why; apply would do something about it alone.
ended() {
    eventually 10 state_is "$1" failed
    works mosb ps -o json
    contains "$(jq -r --arg n "$1" '.[] | select(.service == $n) | .message' <<<"$out")" "$2"
    works mosb plan m.yaml -o json
    equal "$(json '[.steps[].object] | unique | join(" ")')" "$1" "what apply would touch"
}
# all_repaired: the machine is as before, and nothing of the former run is left.
all_repaired() {
    repaired
    two_untouched
    eventually 10 is_as_before || fail "not as before: $(cat difference)"
}

# The helper is the topmost of a service's processes, liblxc's monitor below it has the same name.
monitor_of() { ps -o ppid= -p "$(pid_of "$1")" | tr -d ' '; }
helper_of() {
    local helper
    helper=$(ps -o ppid= -p "$(monitor_of "$1")" | tr -d ' ')
    equal "$(cat "/proc/$helper/comm")" mosb-run
    echo "$helper"
}
two_untouched() { equal "$(pid_of two)" "$two_pid" "the other service was touched"; }

test_case "a killed service is started again, the other one stays" killed_service
killed_service() {
    two_services
    local pid
    pid=$(pid_of one)
    kill -KILL "$(pgrep -P "$pid")"
    eventually 10 test ! -e "/proc/$pid"
    ended one 'signal 9'
    repaired
    two_untouched
}

test_case "a service whose process 1 is killed is failed, and apply repairs only that" killed_init
killed_init() {
    two_services
    what_is_there before
    kill -KILL "$(pid_of one)"
    ended one 'process 1.*killed'
    all_repaired
}

test_case "a killed helper takes its service with it and both come back" killed_helper
killed_helper() {
    two_services
    what_is_there before
    local pid
    pid=$(pid_of one)
    kill -KILL "$(helper_of one)"
    ended one 'helper was killed'
    [[ ! -e /proc/$pid ]] || eventually 10 test ! -e "/proc/$pid"
    all_repaired
    [[ $(pid_of one) != "$pid" ]] || fail "the old process is still the service"
}

test_case "a killed liblxc monitor takes its service with it and both come back" killed_monitor
killed_monitor() {
    two_services
    what_is_there before
    local pid
    pid=$(pid_of one)
    kill -KILL "$(monitor_of one)"
    ended one 'killed'
    all_repaired
    eventually 10 test ! -e "/proc/$pid"
}

test_case "everything of a service killed at once is repaired, and nothing of it is left" killed_all
killed_all() {
    two_services
    what_is_there before
    local helper monitor pid
    helper=$(helper_of one) monitor=$(monitor_of one) pid=$(pid_of one)
    kill -STOP "$helper"
    kill -KILL "$monitor" "$pid" "$helper"
    ended one 'helper was killed'
    all_repaired
}

test_case "the helper has a clean environment and none of its starter's descriptors" clean_helper
clean_helper() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    echo secret >held
    works env SECRET_OF_MOSB=1 bash -c "exec '$MOSB_BIN/mosb' --root '$root' apply m.yaml 77<held"
    local pid
    for pid in "$(helper_of one)" "$(monitor_of one)"; do
        lacks "$(tr '\0' '\n' <"/proc/$pid/environ")" 'SECRET|^PATH=.*test|TMPDIR'
        lacks "$(ls -l "/proc/$pid/fd")" "$work/held"
        lacks "$(cat "/proc/$pid/maps")" 'bin/mosb$|libcurl|libcrypto'
    done
    equal "$(pgrep -f "$MOSB_BIN/mosb --root $root" | wc -l)" 0 "mosb itself still runs"
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

# cgroups_of SERVICE: its topmost directory in each hierarchy of this host, version 1 and 2.
cgroups_of() { find /sys/fs/cgroup -type d -path "*/mosb-$(instance_id)/services/$1"; }
# cgroup_facts SERVICE: where its process 1 is in each hierarchy, and the limits set there.
cgroup_facts() {
    local dir
    cat "/proc/$(pid_of "$1")/cgroup"
    for dir in $(cgroups_of "$1"); do
        grep -s . "$dir"/{memory.max,memory.limit_in_bytes,pids.max,cpu.max,cpu.cfs_quota_us} || true
    done
}
# remove_cgroup_of SERVICE: its processes go to the root of each hierarchy, its cgroups away.
remove_cgroup_of() {
    local dir file pid
    for dir in $(cgroups_of "$1"); do
        while read -r file; do
            for pid in $(cat "$file"); do echo "$pid" >"${dir%/mosb-*}/cgroup.procs"; done
        done < <(find "$dir" -name cgroup.procs)
        find "$dir" -depth -type d -exec rmdir {} \;
    done
    equal "$(cgroups_of "$1")" ""
}

test_case "a running service whose cgroup is removed by hand is started again in one with its limits" lost_cgroup
lost_cgroup() {
    manifest_v2 m.yaml < <(
        shell_service one 'exec sleep 1000' 'resources: {memory: 64MiB, pids: 20, cpu: 500m}' \
            'stop: {grace_period: 1s}'
        shell_service two 'exec sleep 1000'
    )
    works mosb apply m.yaml
    two_pid=$(pid_of two)
    what_is_there before
    cgroup_facts one >facts.before
    contains "$(cat facts.before)" 'memory.*:67108864$'
    contains "$(cat facts.before)" 'services/one/pids.max:[0-9]+$'
    local pid
    pid=$(pid_of one)
    remove_cgroup_of one
    [[ -e /proc/$pid ]] || fail "the service ended by itself"
    works mosb plan m.yaml -o json
    equal "$(json '[.steps[].object] | unique | join(" ")')" one "what apply would touch"
    all_repaired
    works diff facts.before <(cgroup_facts one)
    eventually 10 test ! -e "/proc/$pid"
}

test_case "a killed layer server is noticed and only its services come back" killed_server
killed_server() {
    mkdir -p small/{bin,dev,proc,sys,tmp,run}
    cp /bin/busybox small/bin/busybox
    works mosb image build --rootfs small -t oci:l:small --entrypoint /bin/busybox \
        --cmd sleep --cmd 1000
    sign_image oci:l:small
    manifest_v2 m.yaml < <(
        shell_service one 'exec sleep 1000'
        service two "oci:$work/l:small"
    )
    works mosb apply m.yaml
    two_pid=$(pid_of two)
    what_is_there before
    local layer
    layer=$(mosb mounts -o json |
        jq -r '.[] | select(.image | endswith("shell")) | .layers[0].root_hash')
    kill -KILL "$(server_of "$layer")"
    eventually 10 state_is one degraded
    works mosb ps -o json
    contains "$(json '.[] | select(.service == "one") | .message')" 'server is gone'
    runs two
    # what the kernel did not read before cannot be read now, and never wrongly
    echo 3 >/proc/sys/vm/drop_caches
    run mosb exec one -- md5sum /data/big
    [[ $status != 0 ]] || fail "read without a server: $out"
    works mosb plan m.yaml -o json
    equal "$(json '[.steps[].object] | unique | join(" ")')" one "what apply would touch"
    all_repaired
    works mosb exec one -- md5sum /data/big
    equal "${out%% *}" "$(md5sum <"$fixtures/rootfs/data/big" | cut -d' ' -f1)"
}
# server_of ROOT_HASH: the pid of the layer's server in this instance.
server_of() {
    local pid
    for pid in $(pgrep -f "mosb-layer-server.*$1"); do
        ! grep -q "/mosb-$(instance_id)/layers" "/proc/$pid/cgroup" || echo "$pid"
    done
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

test_case "the signal that ended a service is on record" ended_by_signal
ended_by_signal() {
    manifest_v2 m.yaml < <(shell_service one 'sleep 1; kill -SEGV $$')
    works mosb apply m.yaml
    eventually 20 state_is one failed
    works mosb ps -o json
    contains "$(json '.[0].message')" 'signal 11'
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
