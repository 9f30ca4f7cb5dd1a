#!/usr/bin/env bash
# Services at a bridge on hosts that are not alone: other firewalls, other tools' containers, other
# uplinks, devices in the way, damage, many services.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"
source "${0%/*}/../support/network_namespaces.sh"

one_service() {
    echo_service a 5000 "network: {type: simple, ports: [{name: x, host: 80, container: 5000}]}"
}

# every_row: what the first case of network.sh asks, of the services `a` (ports 80) and `b`.
every_row() {
    local protocol
    for protocol in tcp udp; do
        asks outside $protocol 192.0.2.1 80 a
        asks host $protocol 127.0.0.1 80 a
        asks host $protocol 192.0.2.1 80 a
        asks host $protocol 198.51.100.1 80 a
        asks host $protocol "$(address_of a)" 5000 a
        service_asks b $protocol a 5000 a
        service_asks b $protocol 192.0.2.1 80 a
        service_asks a $protocol 192.0.2.1 80 a
        service_asks a $protocol 10.0.3.1 80 a
        service_asks a $protocol 192.0.2.2 9000 somebody
    done
}
two_services() {
    echo_service a 5000 "network: {type: simple, ports: [{name: x, host: 80, container: 5000, protocol: both}]}"
    echo_service b 5000 "network: {type: simple}"
}

test_case "ports are reached from every side whether or not bridges hand their frames to iptables" bridge_nf
bridge_nf() {
    local value
    on_host test -e /proc/sys/net/bridge/bridge-nf-call-iptables || skip "this kernel has no br_netfilter"
    somebody outside 9000
    manifest_v2 m.yaml < <(two_services)
    works mosb apply m.yaml
    for value in 0 1; do
        on_host sysctl -qw net.bridge.bridge-nf-call-iptables=$value
        every_row
    done
}

test_case "when the host's way out changes to another device, forwards and the way out go on" uplinks
uplinks() {
    somebody outside 9000
    outside sh -c 'ip addr add 203.0.113.9/32 dev lo'
    on_host ip route add default via 192.0.2.2 dev uplink
    manifest_v2 m.yaml < <(one_service)
    works mosb apply m.yaml
    service_asks a tcp 203.0.113.9 9000 somebody
    asks outside tcp 192.0.2.1 80 a
    ip link add second netns "$(ns_of host)" type veth peer name eth1 netns "$(ns_of outside)"
    on_host sh -c 'ip addr add 192.0.3.1/24 dev second; ip link set second up'
    outside sh -c 'ip addr add 192.0.3.2/24 dev eth1; ip link set eth1 up'
    on_host ip route replace default via 192.0.3.2 dev second
    service_asks a tcp 203.0.113.9 9000 somebody
    asks outside tcp 192.0.3.1 80 a
    asks_in_vain outside udp 192.0.3.1 80
    asks outside tcp 192.0.2.1 80 a
    asks host tcp 192.0.3.1 80 a
    on_host ip link del uplink
    service_asks a tcp 203.0.113.9 9000 somebody
    asks outside tcp 192.0.3.1 80 a
    plan_says_no_change m.yaml
}

test_case "a firewall that drops what it does not know is named, and adjusted only where that is allowed" firewall
firewall() {
    manifest_v2 m.yaml < <(two_services)
    on_host iptables -P FORWARD DROP
    on_host iptables -A FORWARD -s 192.0.2.77 -j ACCEPT
    somebody outside 9000
    host_facts >before
    refused 17 net-setup "chain 'FORWARD' of table 'ip filter'" mosb apply m.yaml
    contains "$err" '^hint: .*bridge.adjust_firewall'
    host_facts | diff before -
    configure "bridge: {adjust_firewall: true}"
    works mosb apply m.yaml
    every_row
    plan_says_no_change m.yaml
    # Whoever writes the rules anew takes it away; plan sees that.
    on_host iptables -F FORWARD
    on_host iptables -A FORWARD -s 192.0.2.77 -j ACCEPT
    works mosb plan m.yaml -o json
    equal "$(json '[.steps[].action] | unique | join(" ")')" network
    works mosb apply m.yaml
    every_row
    plan_says_no_change m.yaml
    works mosb stop a
    works mosb start a
    every_row
    down_leaves before
}

test_case "rules of iptables-legacy that drop what services send are named, and never changed" legacy
legacy() {
    local program hint
    on_host test -e /proc/net/ip_tables_names || skip "this kernel has no ip_tables"
    on_host iptables-legacy -P FORWARD DROP 2>/dev/null || skip "this kernel has no table of ip_tables"
    manifest_v2 m.yaml < <(one_service)
    somebody outside 9000
    host_facts >before
    on_host iptables-legacy-save | grep -v '^#' >legacy-before
    for program in apply plan; do
        refused 17 net-setup "chain 'FORWARD' of table 'filter' of iptables-legacy" mosb $program m.yaml
    done
    hint=$err
    contains "$hint" '^hint: .*iptables-legacy -I FORWARD -i lxcbr0 -j ACCEPT'
    configure "bridge: {adjust_firewall: true}"
    refused 17 net-setup "chain 'FORWARD' of table 'filter' of iptables-legacy" mosb apply m.yaml
    works mosb doctor
    contains "$out" '^other firewalls +degraded .*iptables-legacy'
    host_facts | diff before -
    on_host iptables-legacy-save | grep -v '^#' | diff legacy-before -
    # As the hint says.
    on_host sh -ec "$(sed -nE 's/^hint: .*let it pass: //p' <<<"$hint")"
    works mosb apply m.yaml
    asks outside tcp 192.0.2.1 80 a
    service_asks a tcp 192.0.2.2 9000 somebody
    on_host iptables-legacy -D FORWARD 1
    on_host iptables-legacy -D FORWARD 1
    works mosb down
    on_host iptables-legacy-save | grep -v '^#' | diff legacy-before -
    # Without the program, or with another one in its place, it is not known what the rules do.
    # $1 comes in the place of the program for mosb alone.
    with_program() {
        unshare --mount sh -ec 'mount --bind "$0" "$(readlink -f "$(command -v iptables-legacy)")"; exec "$@"' \
            "$1" "$MOSB_BIN/mosb" --root "$root" plan m.yaml
    }
    export -f with_program
    export root
    works bash -c 'with_program /dev/null'
    contains "$err" 'warning: this host has rules of iptables-legacy, which is not installed'
    printf '#!/bin/sh\necho nonsense\n' >program
    chmod +x program
    refused 17 net-setup "look at the rules of .*iptables-legacy: 'nonsense' is no rule" bash -c 'with_program ./program'
    printf '#!/bin/sh\necho broken >&2; exit 4\n' >program
    refused 17 net-setup "look at the rules of .*iptables-legacy: 'broken'" bash -c 'with_program ./program'
    # The old tables of IPv6 count as well.
    on_host iptables-legacy -P FORWARD ACCEPT
    on_host ip6tables-legacy -A FORWARD -j REJECT
    refused 17 net-setup "'filter' of ip6tables-legacy" mosb apply m.yaml
    on_host ip6tables-legacy -F FORWARD
    works mosb apply m.yaml
    asks outside tcp 192.0.2.1 80 a
}

test_case "where Docker's chains are, the accept is in DOCKER-USER and goes with down" docker
docker() {
    manifest_v2 m.yaml < <(two_services)
    on_host sh -e <<'END'
iptables -P FORWARD DROP
for chain in DOCKER DOCKER-USER DOCKER-FORWARD DOCKER-CT DOCKER-BRIDGE; do iptables -N $chain; done
iptables -A FORWARD -j DOCKER-USER
iptables -A FORWARD -j DOCKER-FORWARD
iptables -A DOCKER-FORWARD -j DOCKER-CT
iptables -A DOCKER-FORWARD -j DOCKER-BRIDGE
iptables -A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A DOCKER-BRIDGE -o docker0 -j DOCKER
iptables -A DOCKER-FORWARD -i docker0 -j ACCEPT
iptables -A DOCKER ! -i docker0 -o docker0 -j DROP
END
    somebody outside 9000
    host_facts >before
    refused 17 net-setup "'FORWARD' of table 'ip filter' \(Docker\)" mosb apply m.yaml
    host_facts | diff before -
    configure "bridge: {adjust_firewall: true}"
    works mosb apply m.yaml
    contains "$(on_host iptables -S DOCKER-USER)" "lxcbr0.*mosb:$(instance_id).*ACCEPT"
    lacks "$(on_host iptables -S FORWARD)" mosb
    every_row
    plan_says_no_change m.yaml
    down_leaves before
}

foreign_bridge() {
    on_host sh -c 'ip link add lxcbr0 type bridge; ip addr add 10.0.3.1/24 dev lxcbr0; ip link set lxcbr0 up'
}
# at_bridge NAME [ADDRESS]: a network namespace at the bridge, as another tool would put one there.
at_bridge() {
    ip netns add "$(ns_of "$1")"
    on_host ip link add "veth$1" type veth peer name eth0 netns "$(ns_of "$1")"
    on_host sh -c "ip link set veth$1 master lxcbr0; ip link set veth$1 up"
    in_ns "$1" sh -c 'ip link set lo up; ip link set eth0 up'
    [[ -z ${2:-} ]] || in_ns "$1" ip addr add "$2/24" dev eth0
}
other_container() {
    at_bridge other 10.0.3.200
    in_ns other ip route add default via 10.0.3.1
    somebody other 6000
}

mac_in() { in_ns "$1" ip -o link show eth0 | sed -E 's/.*link\/ether ([^ ]+).*/\1/'; }

test_case "an address of the pool that another container has goes to no service, whether it is new or was kept" claimed
claimed() {
    local before after
    foreign_bridge
    at_bridge other
    manifest_v2 m.yaml < <(one_service)
    works mosb apply m.yaml
    before=$(address_of a)
    works mosb down
    # What was kept, and somebody took meanwhile.
    in_ns other ip addr add "$before/24" dev eth0
    works mosb apply m.yaml
    after=$(address_of a)
    [[ $after != "$before" ]] || fail "it has the other's address"
    asks outside tcp 192.0.2.1 80 a
    plan_says_no_change m.yaml
    works mosb apply --applied
    equal "$(address_of a)" "$after"
    works mosb stop a
    works mosb start a
    equal "$(address_of a)" "$after" "nobody else has it"
    # What would be the first choice, of somebody who never had one.
    works mosb down
    rm "$root/var/lib/mosb/state/network.json"
    works mosb apply m.yaml
    equal "$(address_of a)" "$after" "the next free one, as before"
    # One that the other gave up is free again, though the kernel remembers it.
    works mosb down
    rm "$root/var/lib/mosb/state/network.json"
    in_ns other busybox ping -c 1 -W 2 10.0.3.1 >/dev/null
    in_ns other ip addr flush dev eth0
    contains "$(on_host ip neigh show "$before" dev lxcbr0)" lladdr
    manifest_v2 n.yaml < <(sleeper a "network: {type: simple, ipv4: $before}")
    works mosb apply n.yaml
    equal "$(address_of a)" "$before"
}

test_case "an address of the manifest that another container has is refused with its MAC address" claimed_fixed
claimed_fixed() {
    local mac
    foreign_bridge
    at_bridge other 10.0.3.30
    at_bridge third
    mac=$(mac_in other)
    manifest_v2 m.yaml < <(sleeper a "network: {type: simple, ipv4: 10.0.3.30}"; sleeper b "network: {type: simple}")
    host_facts >before
    refused 17 net-setup "10\.0\.3\.30 of service 'a' is taken at bridge 'lxcbr0' by $mac" mosb plan m.yaml
    refused 17 net-setup "10\.0\.3\.30 of service 'a' is taken at bridge 'lxcbr0' by $mac" mosb apply m.yaml
    contains "$err" '^hint: '
    host_facts | diff before -
    in_ns other ip addr flush dev eth0
    # Nobody answers, but the host was told who has it.
    on_host ip neigh replace 10.0.3.30 lladdr "$mac" dev lxcbr0 nud permanent
    refused 17 net-setup "10\.0\.3\.30 of service 'a' is taken .*$mac, as a permanent neighbour entry says" mosb apply m.yaml
    on_host ip neigh del 10.0.3.30 dev lxcbr0
    works mosb apply m.yaml
    equal "$(address_of a)" 10.0.3.30
    # What runs is not disturbed by whoever comes later; what does not run is not started.
    in_ns other ip addr add 10.0.3.30/24 dev eth0
    plan_says_no_change m.yaml
    works mosb apply --applied
    works mosb stop a
    refused 17 net-setup "10\.0\.3\.30 of service 'a' is taken" mosb start a
    works mosb stop b
    works mosb start b
    # At a boot only that one stays down.
    in_ns other ip addr flush dev eth0
    works mosb start a
    kill -KILL "$(pid_of a)" "$(pid_of b)"
    eventually 5 sh -c '! mosb ps | grep -q running'
    eventually 5 lacks_devices
    in_ns other ip addr add 10.0.3.30/24 dev eth0
    refused 17 net-setup "10\.0\.3\.30 of service 'a' is taken" mosb apply --applied
    equal "$(state b)" ready
    lacks "$(mosb ps)" '^a .*(running|ready)'
    in_ns other ip addr flush dev eth0
    works mosb apply --applied
    equal "$(state a)" ready
}

lacks_devices() { [[ -z $(device_of a)$(device_of b) ]]; }

test_case "an address of IPv6 that another container has is refused, too" claimed_ipv6
claimed_ipv6() {
    foreign_bridge
    on_host ip addr add fd00:3::1/64 dev lxcbr0 nodad
    at_bridge other
    in_ns other ip addr add fd00:3::99/64 dev eth0 nodad
    configure "bridge: {subnet6: 'fd00:3::/64'}"
    manifest_v2 m.yaml < <(sleeper a "network: {type: simple, ipv6: 'fd00:3::99/64'}")
    refused 17 net-setup "fd00:3::99 of service 'a' is taken at bridge 'lxcbr0' by $(mac_in other)" \
        mosb apply m.yaml
    in_ns other ip addr flush dev eth0
    works mosb apply m.yaml
}

test_case "what lxc-net's DHCP server gave away goes to no service, and it gives away no service's address" dhcp
dhcp() {
    local name=lxcb$$ mac got
    leases=/var/lib/misc/dnsmasq.$name.leases
    on_host sh -c "ip link add $name type bridge; ip addr add 10.0.3.1/24 dev $name; ip link set $name up"
    configure "bridge: {name: $name}"
    manifest_v2 m.yaml < <(sleeper a "network: {type: simple}")
    works mosb apply m.yaml
    got=$(address_of a)
    works mosb down
    rm "$root/var/lib/mosb/state/network.json"
    # As lxc-net starts it, with a range of that one address and its neighbour.
    trap 'rm -f "$leases"; remove_namespaces' EXIT
    on_host dnsmasq --conf-file=/dev/null --pid-file="$work/dnsmasq.pid" -u root --strict-order \
        --bind-interfaces --listen-address 10.0.3.1 --dhcp-range "$got,$got" --dhcp-lease-max=253 --dhcp-no-override \
        --port=0 --except-interface=lo --interface="$name" --dhcp-leasefile="$leases" --dhcp-authoritative
    ip netns add "$(ns_of other)"
    on_host ip link add vethother type veth peer name eth0 netns "$(ns_of other)"
    on_host sh -c "ip link set vethother master $name; ip link set vethother up"
    in_ns other sh -c 'ip link set lo up; ip link set eth0 up'
    mac=$(mac_in other)
    # Nobody takes the address that it is given: only the file tells of it.
    in_ns other busybox udhcpc -f -q -n -i eth0 -s /bin/true
    contains "$(<"$leases")" "$mac $got "
    works mosb apply m.yaml
    [[ $(address_of a) != "$got" ]] || fail "it has a leased address"
    manifest_v2 n.yaml < <(sleeper a "network: {type: simple, ipv4: $got}")
    refused 17 net-setup "$got of service 'a' is taken .*DHCP lease.*$mac" mosb apply n.yaml
    # A file of leases that is none is no file without leases.
    mv "$leases" leases
    ln -s /dev/zero "$leases"
    refused 17 net-setup 'leases of lxc-net' mosb plan n.yaml
    mv leases "$leases"
    # The lease is over, and the address a service's: nobody else is offered it.
    in_ns other busybox udhcpc -f -q -n -R -i eth0 -s /bin/true >/dev/null 2>&1 || true
    # One that still asks whether an address is free ends only then, and answers beside the next.
    local server
    server=$(<"$work/dnsmasq.pid")
    kill "$server"
    eventually 10 test ! -e "/proc/$server"
    : >"$leases"
    works mosb apply n.yaml
    on_host dnsmasq --conf-file=/dev/null --pid-file="$work/dnsmasq.pid" -u root --strict-order \
        --bind-interfaces --listen-address 10.0.3.1 --dhcp-range "$got,$got" --dhcp-lease-max=253 --dhcp-no-override \
        --port=0 --except-interface=lo --interface="$name" --dhcp-leasefile="$leases" --dhcp-authoritative
    ! in_ns other busybox udhcpc -f -q -n -t 3 -i eth0 -s /bin/true || fail "the DHCP server gave it away"
    kill "$(<"$work/dnsmasq.pid")"
}

test_case "another tool's container at the bridge has its network before, beside and after mosb" other_tool
other_tool() {
    foreign_bridge
    on_host sysctl -qw net.ipv4.ip_forward=1
    outside ip route add 10.0.3.200/32 via 192.0.2.1
    other_container
    somebody outside 9000
    other_works() {
        asks host tcp 10.0.3.200 6000 somebody
        asks outside tcp 10.0.3.200 6000 somebody
        asks other tcp 192.0.2.2 9000 somebody
        asks other udp 10.0.3.1 9001 somebody
    }
    somebody host 9001
    other_works
    host_facts >before
    manifest_v2 m.yaml < <(
        one_service
        echo_service alone 5000 "network: {type: simple, isolate: true, ports: [{name: x, host: 81, container: 5000}]}")
    works mosb apply m.yaml
    other_works
    asks other tcp "$(address_of a)" 5000 a
    asks other tcp 192.0.2.1 80 a
    service_asks a tcp 10.0.3.200 6000 somebody
    together asks_in_vain other tcp "$(address_of alone)" 5000
    together asks_in_vain other tcp 192.0.2.1 81
    together service_asks_in_vain alone tcp 10.0.3.200 6000
    judged
    works mosb stop a
    other_works
    down_leaves before
    other_works
}

test_case "a bridge that mosb made stays while somebody else is at it, and goes with the next down" shared_bridge
shared_bridge() {
    manifest_v2 m.yaml < <(one_service)
    host_facts >before
    works mosb apply m.yaml
    other_container
    asks other tcp "$(address_of a)" 5000 a
    works mosb down
    asks host tcp 10.0.3.200 6000 somebody
    equal "$(on_host nft list tables)" ""
    equal "$(on_host sysctl -n net.ipv4.conf.lxcbr0.route_localnet)" 0
    works mosb apply m.yaml
    asks other tcp "$(address_of a)" 5000 a
    asks outside tcp 192.0.2.1 80 a
    on_host ip link del vethother
    down_leaves before
}

test_case "a device of somebody else's with the name that mosb needs is in the way and left alone" device_in_the_way
device_in_the_way() {
    local device
    manifest_v2 m.yaml < <(one_service)
    works mosb apply m.yaml
    device=$(device_of a)
    works mosb down
    on_host ip link add "$device" type bridge
    host_facts >before
    refused 17 net-setup "'$device'.*not mosb's" mosb apply m.yaml
    contains "$err" '^hint: '
    equal "$(mosb ps -o json | jq length)" 0
    host_facts | diff before -
    down_leaves before
    on_host ip link del "$device"
    works mosb apply m.yaml
    asks outside tcp 192.0.2.1 80 a
}

test_case "stop and down do their work after somebody deleted the bridge, the rules or the device" deleted_before
deleted_before() {
    local damage device
    manifest_v2 m.yaml < <(two_services)
    host_facts >before
    while read -r damage; do
        works mosb apply m.yaml
        device=$(device_of a)
        # shellcheck disable=SC2086 # words
        on_host ${damage//DEVICE/$device}
        works mosb stop a
        equal "$(device_of a)" "" "$damage"
        # shellcheck disable=SC2086 # words
        on_host ${damage//DEVICE/$(device_of b)} 2>/dev/null || true
        down_leaves before
    done <<'END'
ip link del lxcbr0
nft flush ruleset
ip link del DEVICE
ip link set DEVICE nomaster
ip link set DEVICE name other0
sysctl -qw net.ipv4.ip_forward=0
END
}

test_case "another bridge's name in the configuration moves the services, and nothing stays at the old one" other_bridge
other_bridge() {
    manifest_v2 m.yaml < <(two_services)
    somebody outside 9000
    host_facts >before
    works mosb apply m.yaml
    configure "bridge: {name: br-own, subnet: 10.0.3.0/24}"
    works mosb apply m.yaml
    every_row
    on_host ip link show lxcbr0 2>/dev/null && fail "the old bridge is still there"
    plan_says_no_change m.yaml
    configure "bridge: {name: br-own, subnet: 10.8.0.0/24}"
    works mosb apply m.yaml
    contains "$(mosb ps)" 'simple 10\.8\.0\.'
    asks outside tcp 192.0.2.1 80 a
    service_asks b tcp a 5000 a
    plan_says_no_change m.yaml
    down_leaves before
}

test_case "when the bridge's network changes, services that a manifest does not name are not left in the old one" other_subnet
other_subnet() {
    manifest_v2 m.yaml < <(two_services)
    somebody outside 9000
    works mosb apply m.yaml
    configure "bridge: {subnet: 10.8.0.0/24}"
    update_type=partial manifest_v2 n.yaml < <(sleeper c "network: {type: simple}")
    refused 17 net-setup "'(a|b)' runs with 10\.0\.3\.[0-9]+, which is not of the bridge's network" \
        mosb apply n.yaml
    contains "$err" '^hint: .*mosb apply --applied'
    service_asks b tcp a 5000 a
    works mosb apply --applied
    contains "$(mosb ps)" 'simple 10\.8\.0\.'
    asks outside tcp 192.0.2.1 80 a
    service_asks b tcp a 5000 a
    works mosb apply n.yaml
}

test_case "services of another network, file systems and version 1 are beside services at a bridge" beside
beside() {
    local base="oci:$fixtures/layout:shell"
    configure "policy: {allow_host_ids: true}"
    cat >m.yaml <<END
version: 1
product: test
update_type: complete
targets:
  - service_name: a
    source: $base
    version: "1"
    network: {type: simple, ipv4: 10.0.3.30/24, ports: [{host: 80, container: 7}]}
  - service_name: files
    source: $base
    version: "1"
    service_type: fs-only
    network: {type: none}
  - service_name: boot
    source: $base
    version: "1"
    service_type: hostfs
    network: {type: none}
END
    works mosb apply m.yaml
    contains "$(mosb ps)" '10\.0\.3\.30'
    plan_says_no_change m.yaml
    manifest_v2 n.yaml < <(one_service; sleeper none "network: {type: none}"; sleeper hosts "network: {type: host}" "nsgroup: h")
    works mosb apply n.yaml
    asks outside tcp 192.0.2.1 80 a
    lacks "$(inside none ip -o link)" eth0
    # From one kind of network to another, the host's own network is left alone.
    on_host ip -o addr | grep -v -E 'lxcbr0|mv' | sed 's, tentative,,' >own
    manifest_v2 o.yaml < <(one_service; echo_service none 5000 "network: {type: simple}"; echo_service hosts 5000 "network: {type: simple}" "nsgroup: h")
    works mosb plan o.yaml
    lacks "$out" 'made again'
    works mosb apply o.yaml
    service_asks a tcp none 5000 none
    service_asks a tcp hosts 5000 hosts
    works mosb apply n.yaml
    lacks "$(inside none ip -o link)" eth0
    on_host ip -o addr | grep -v -E 'lxcbr0|mv' | sed 's, tentative,,' | diff own -
    plan_says_no_change n.yaml
}

test_case "many services at one bridge answer, and down leaves nothing of them" many
many() {
    local count=20 i start
    [[ ${MOSB_LONG:-0} != 1 ]] || count=200
    run_deadline=300
    host_facts >before
    for ((i = 1; i <= count; i++)); do
        echo_service "s$i" 5000 "network: {type: simple, ports: [{host: $((20000 + i)), container: 5000}, {host: $((30000 + i)), container: 5000, protocol: udp}]}" "nsgroup: all"
    done | manifest_v2 m.yaml
    timed() {
        local start=$EPOCHREALTIME
        works "$@"
        awk -v a="$start" -v b="$EPOCHREALTIME" -v w="$2" -v n="$count" 'BEGIN { printf "%s of %d services: %.1f s\n", w, n, b - a }'
    }
    timed mosb apply m.yaml
    timed mosb plan m.yaml -o json
    equal "$(json .changed)" false
    equal "$(mosb ps -o json | jq -r '.[].network.ipv4' | sort -u | wc -l)" "$count"
    start=$EPOCHREALTIME
    for ((i = 1; i <= count; i++)); do
        asks outside tcp 192.0.2.1 $((20000 + i)) "s$i"
        asks host udp 127.0.0.1 $((30000 + i)) "s$i"
    done
    service_asks s1 tcp "s$count" 5000 "s$count"
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "asking them all: %.1f s\n", b - a }'
    timed mosb down
    host_facts | diff before -
}

run_cases "$@"
