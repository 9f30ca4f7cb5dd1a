#!/usr/bin/env bash
# Services at a bridge when runs of mosb fail, are killed, or the machine starts anew.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"
source "${0%/*}/../support/network_namespaces.sh"
source "${0%/*}/../support/kill_points.sh"
# shellcheck disable=SC2034 # read by judge
case_deadline=900

# with_port NAME ADDRESS HOST-PORT [CONTAINER-PORT]
with_port() {
    echo_service "$1" "${4:-5000}" \
        "network: {type: simple, ipv4: $2, ports: [{name: x, host: $3, container: ${4:-5000}}]}"
}

test_case "when a service does not start, the others have the network from before again" put_back
put_back() {
    manifest_v2 old.yaml < <(
        with_port first 10.0.3.20 80
        with_port untouched 10.0.3.30 90
        echo_service second 5000 "network: {type: simple, ipv4: 10.0.3.40}"
    )
    works mosb apply old.yaml
    local pid
    pid=$(pid_of untouched)
    host_facts >before
    manifest_v2 new.yaml < <(
        with_port first 10.0.3.21 81
        with_port untouched 10.0.3.30 90
        shell_service second 'exit 3' "network: {type: simple, ipv4: 10.0.3.20, ports: [{name: x, host: 82, container: 1}]}"
    )
    refused 16 runtime "service 'second'" mosb apply new.yaml
    equal "$(address_of first) $(address_of second)" "10.0.3.20 10.0.3.40"
    asks outside tcp 192.0.2.1 80 first
    asks outside tcp 192.0.2.1 90 untouched
    asks host tcp 10.0.3.40 5000 second
    service_asks untouched tcp first 5000 first
    service_asks first tcp untouched 5000 untouched
    asks_in_vain outside tcp 192.0.2.1 81
    equal "$(pid_of untouched)" "$pid"
    plan_says_no_change old.yaml
    host_facts | diff before -
}

test_case "services swap addresses and ports in one apply, and everybody finds the right one at once" swap
swap() {


    somebody outside 9000
    manifest_v2 old.yaml < <(with_port a 10.0.3.20 80; with_port b 10.0.3.21 81; echo_service c 5000 "network: {type: simple}")
    manifest_v2 new.yaml < <(with_port a 10.0.3.21 81; with_port b 10.0.3.20 80; echo_service c 5000 "network: {type: simple}")
    local round manifest first
    works mosb apply old.yaml
    for round in 1 2; do
        for manifest in new old; do
            # Everybody has asked everybody before, and remembers who was where.
            asks host tcp 10.0.3.20 5000 "${first:-a}"
            service_asks c tcp 10.0.3.20 5000 "${first:-a}"
            works mosb apply $manifest.yaml
            first=b
            [[ $manifest == new ]] || first=a
            asks host tcp 10.0.3.20 5000 $first
            asks outside tcp 192.0.2.1 80 $first
            service_asks c tcp 10.0.3.20 5000 $first
            service_asks c tcp b 5000 b
            service_asks a tcp b 5000 b
            plan_says_no_change $manifest.yaml "round $round"
        done
    done
}

test_case "an address or a port that is another's is refused in a partial manifest, too" partial_taken
partial_taken() {
    manifest_v2 m.yaml < <(with_port a 10.0.3.20 80)
    works mosb apply m.yaml
    host_facts >before
    update_type=partial manifest_v2 n.yaml < <(with_port b 10.0.3.20 81)
    refused 17 net-setup "10.0.3.20 of service 'b' belongs to service 'a'" mosb apply n.yaml
    update_type=partial manifest_v2 n.yaml < <(with_port b 10.0.3.21 80)
    refused 17 net-setup "'b'.*port 80 of the host belongs to service 'a'" mosb apply n.yaml
    # One that runs may not take a process's port either; one that it has stays its own.
    somebody host 82
    manifest_v2 n.yaml < <(with_port a 10.0.3.20 82)
    refused 17 net-setup "port 82 of the host is held by process" mosb apply n.yaml
    somebody host 80
    works mosb apply m.yaml
    asks outside tcp 192.0.2.1 80 a
    host_facts | diff before -
    update_type=partial manifest_v2 n.yaml < <(with_port b 10.0.3.21 81)
    works mosb apply n.yaml
    asks outside tcp 192.0.2.1 80 a
    asks outside tcp 192.0.2.1 81 b
}

test_case "after a reboot apply --applied brings the same network back" reboot
reboot() {
    manifest_v2 m.yaml < <(
        with_port a 10.0.3.20 80
        echo_service b 5000 "network: {type: simple, ports: [{host: 81, container: 5000}]}"
        echo_service held 5000 "network: {type: simple, ports: [{host: 83, container: 5000}]}")
    host_facts >before
    works mosb apply m.yaml
    works mosb stop held
    mosb ps -o json | jq -r '.[] | [.service, .network.ipv4] | @tsv' >addresses
    # What a power cut leaves is what is on the disk.
    local pid
    for pid in $(pid_of a) $(pid_of b); do kill -KILL "$pid"; done
    eventually 10 state_is a failed
    eventually 10 state_is b failed
    on_host sh -c 'nft flush ruleset; ip link del lxcbr0; sysctl -qw net.ipv4.ip_forward=0'
    local device
    for device in $(on_host ip -o link | sed -nE 's/^[0-9]+: (mv[^@:]+).*/\1/p'); do on_host ip link del "$device"; done
    awk -v r="$root/run" 'index($5, r) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
        while read -r point; do umount -l "$point" || true; done
    rm -rf "$root/run/mosb"
    host_facts | diff before -
    works mosb apply --applied
    mosb ps -o json | jq -r '.[] | [.service, .network.ipv4] | @tsv' | diff addresses -
    eventually 5 asks outside tcp 192.0.2.1 80 a
    eventually 5 asks outside tcp 192.0.2.1 81 b
    equal "$(state held)" stopped
    works mosb apply --applied --dry-run -o json
    equal "$(json .changed)" false
    # A root whose run directory outlived the reboot says nothing about the new one.
    works mosb stop a
    works mosb stop b
    sed -i 's/"boot[_a-z]*": *"[^"]*"/"boot_id":"of the last boot"/' "$root"/run/mosb/network.json 2>/dev/null || true
    works mosb apply --applied
    down_leaves before
}

# With the calls to the kernel's network.
# shellcheck disable=SC2034 # read by points_of
changing=mount,umount2,move_mount,mount_setattr,clone,clone3,fork,vfork,execve,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,write,pwrite64,setns,kill,pidfd_send_signal,sendto,sendmsg

# More of them among the calls to the network, where this theme's risks are.
also_points='^send'
killed_where=(on_host)
killed_mosb() { echo "$real_bin/mosb"; }
enough_kills() {
    local of
    of=$(wc -l <"$work/points")
    ((kills * 3 >= of * 2)) || fail "only $kills of $of runs were killed"
    echo "$kills kills"
}
# first_run: a bridge of another name than the default, so that what is guessed is wrong.
first_run() {
    configure "bridge: {name: br-own, subnet: 10.0.3.0/24}"
    manifest_v2 m.yaml < <(with_port one 10.0.3.20 80)
    host_facts >before
    works mosb apply m.yaml
    works mosb down
    host_facts | diff before -
}
is_right() {
    asks outside tcp 192.0.2.1 80 one
    asks host tcp 127.0.0.1 80 one
    plan_says_no_change m.yaml "killed at $1"
}
is_gone() {
    host_facts >after
    diff before after >left || fail "killed at $1: $(cat left)"
}

test_case "a port that a process took over a reboot keeps its own service down and no other" held_over_reboot
held_over_reboot() {
    manifest_v2 m.yaml < <(
        with_port a 10.0.3.20 80
        with_port b 10.0.3.21 81
        sleeper c "network: {type: none}")
    works mosb apply m.yaml
    local name
    for name in a b; do
        kill -KILL "$(pid_of $name)"
        eventually 10 state_is $name failed
    done
    on_host nft flush ruleset
    somebody host 80
    refused 17 net-setup "'a': tcp port 80 of the host is held by process [0-9]+ \\(answer" mosb apply --applied
    equal "$(state a)" failed
    equal "$(state c)" ready
    asks outside tcp 192.0.2.1 81 b
    asks outside tcp 192.0.2.1 80 somebody
    ip netns pids "$(ns_of host)" | xargs kill
    eventually 10 mosb apply --applied
    asks outside tcp 192.0.2.1 80 a
}

test_case "apply killed at any step and run again has the network right, and down leaves nothing" apply_again
apply_again() {
    local point
    first_run
    points_of 5 apply m.yaml
    works mosb down
    for point in $(cat points); do
        killed_at "$point" apply m.yaml
        works mosb apply m.yaml
        is_right "$point"
        works mosb down
        is_gone "$point"
    done
    enough_kills
}

test_case "the first apply killed at any step and followed by down leaves nothing of the network" apply_down
apply_down() {
    local point
    first_run
    points_of 5 apply m.yaml
    works mosb down
    for point in $(cat points); do
        rm -f "$root/var/lib/mosb/state/network.json"
        killed_at "$point" apply m.yaml
        works mosb down
        is_gone "$point"
    done
    enough_kills
}

# killed_verb VERB BEFORE: each time after `mosb BEFORE one`.
killed_verb() {
    local verb=$1 before=$2 point
    first_run
    works mosb apply m.yaml
    works mosb "$before" one
    points_of 4 "$verb" one
    for point in $(cat points); do
        works mosb apply m.yaml
        works mosb "$before" one
        killed_at "$point" "$verb" one
        works mosb "$verb" one
        if [[ $verb == stop ]]; then is_gone "$point"; else is_right "$point"; fi
        works mosb down
        is_gone "$point"
    done
    enough_kills
}
test_case "stop killed at any step and run again leaves nothing of the network" stop_again
stop_again() { killed_verb stop start; }
test_case "start killed at any step and run again has the network right" start_again
start_again() { killed_verb start stop; }

test_case "down killed at any step and run again leaves nothing of the network" down_again
down_again() {
    local point
    first_run
    works mosb apply m.yaml
    points_of 4 down
    for point in $(cat points); do
        works mosb apply m.yaml
        killed_at "$point" down
        works mosb down
        is_gone "$point"
    done
    enough_kills
}

run_cases "$@"
