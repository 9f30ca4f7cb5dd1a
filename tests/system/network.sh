#!/usr/bin/env bash
# Services at a bridge: addresses, names, forwards, and what is left of it all.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"
source "${0%/*}/../support/network_namespaces.sh"

test_case "the address and port of the manifest are the service's, from every side" seeds_example
seeds_example() {
    manifest_v2 m.yaml < <(
        echo_service zot 5000 "network:" "  type: simple" "  ipv4: 10.0.3.99/24" "  ports:" \
            "    - host: 80" "      container: 5000" \
            "    - {host: 80, container: 5000, protocol: udp, name: echo}"
        echo_service other 7000 "network: {type: simple, ports: [{name: x, host: 7001, container: 7000}]}"
    )
    works mosb apply m.yaml
    works mosb ps
    contains "$out" '10\.0\.3\.99.*80->5000/tcp'
    local protocol
    for protocol in tcp udp; do
        asks outside "$protocol" 192.0.2.1 80 zot
        asks host "$protocol" 127.0.0.1 80 zot
        asks host "$protocol" 192.0.2.1 80 zot
        asks host "$protocol" 198.51.100.1 80 zot
        asks host "$protocol" 10.0.3.99 5000 zot
        asks_in_vain outside "$protocol" 10.0.3.99 5000
    done
    service_asks other tcp zot 5000 zot
    service_asks other udp 10.0.3.99 5000 zot
    service_asks other tcp 192.0.2.1 80 zot
    service_asks other udp 192.0.2.1 80 zot
    service_asks zot tcp 192.0.2.1 80 zot
    service_asks zot udp 192.0.2.1 80 zot
    service_asks zot tcp 10.0.3.1 80 zot
    service_asks zot tcp other 7000 other
    # Outgoing connections just work.
    somebody outside 9000
    service_asks zot tcp 192.0.2.2 9000 somebody
    service_asks zot udp 192.0.2.2 9000 somebody
}

test_case "a second apply does nothing, and down leaves nothing of the network" nothing_left
nothing_left() {
    on_host sh -c 'ip -o link; nft list ruleset; sysctl net.ipv4.ip_forward' >before
    manifest_v2 m.yaml < <(echo_service a 5000 "network: {type: simple, ports: [{host: 80, container: 5000}]}")
    works mosb apply m.yaml
    works mosb plan m.yaml -o json
    equal "$(json '.changed')" false
    on_host nft list ruleset >rules
    works mosb apply m.yaml
    on_host nft list ruleset | diff rules -
    works mosb stop a
    on_host sh -c 'ip -o link; nft list ruleset; sysctl net.ipv4.ip_forward' | diff before -
    works mosb start a
    asks outside tcp 192.0.2.1 80 a
    works mosb down
    on_host sh -c 'ip -o link; nft list ruleset; sysctl net.ipv4.ip_forward' | diff before -
}

test_case "a service finds others, resolvers and itself by files that it cannot change" name_files
name_files() {
    manifest_v2 m.yaml < <(
        shell_service a 'exec sleep 1000' "hostname: alpha" "network:" "  type: simple" \
            "  dns: {servers: [192.0.2.53], search: [example.org], options: ['ndots:2']}"
    )
    works mosb apply m.yaml
    equal "$(inside a cat /etc/resolv.conf)" $'nameserver 192.0.2.53\nsearch example.org\noptions ndots:2'
    equal "$(inside a cat /etc/hostname)" alpha
    contains "$(inside a cat /etc/hosts)" '^10\.0\.3\.[0-9]+[[:space:]]alpha a$'
    lacks "$(inside a cat /etc/hosts)" '[[:space:]]b$'
    run mosb exec a -- sh -c 'echo x >> /etc/hosts'
    [[ $status != 0 ]] || fail "the service wrote to its hosts file"
    contains "$err" 'Read-only|denied'
    # A service that comes later is known without a restart.
    local pid
    pid=$(mosb ps -o json | jq '.[0].pid')
    update_type=partial manifest_v2 n.yaml < <(sleeper b "network: {type: simple}")
    works mosb apply n.yaml
    contains "$(inside a cat /etc/hosts)" '[[:space:]]b$'
    contains "$(inside b cat /etc/hosts)" '[[:space:]]a$'
    equal "$(mosb ps -o json | jq '.[0].pid')" "$pid"
    works mosb stop b
    lacks "$(inside a cat /etc/hosts)" '[[:space:]]b$'
}

test_case "addresses of the pool stay with a service over stops and applies" stable_addresses
stable_addresses() {
    local name
    for name in a b c; do sleeper $name "network: {type: simple}"; done |
        manifest_v2 m.yaml
    works mosb apply m.yaml
    mosb ps -o json | jq -r '.[] | [.service, .network.ipv4] | @tsv' >first
    equal "$(cut -f2 first | sort -u | wc -l)" 3
    works mosb restart b
    works mosb down
    works mosb apply m.yaml
    mosb ps -o json | jq -r '.[] | [.service, .network.ipv4] | @tsv' | diff first -
}

test_case "addresses that no service can have are refused before anything starts" bad_addresses
bad_addresses() {
    local address code class
    while read -r address code class; do
        manifest_v2 m.yaml < <(sleeper a "network: {type: simple, ipv4: $address}")
        refused "$code" "$class" . mosb apply m.yaml
    done <<'END'
10.0.3.0/24 14 manifest
10.0.3.255/24 14 manifest
10.0.3.1/24 14 manifest
10.0.4.9/24 14 manifest
10.0.3.9/16 14 manifest
10.0.3.9/0 14 manifest
END
    manifest_v2 m.yaml < <(sleeper a "network: {type: simple, ipv6: 'fd00:3::9'}")
    refused 17 net-setup 'no network of IPv6' mosb apply m.yaml
    manifest_v2 m.yaml < <(
        sleeper a "network: {type: simple, ipv4: 10.0.3.9}"
        sleeper b "network: {type: simple, ipv4: 10.0.3.9/24}"
    )
    refused 17 net-setup "10.0.3.9 of service 'b' belongs to service 'a'" mosb apply m.yaml
    manifest_v2 m.yaml < <(
        sleeper a "network: {type: simple, ports: [{host: 80, container: 5000, host_ip: '2001:db8::1'}]}")
    refused 17 net-setup "'a'.*port 80 of 2001:db8::1 cannot lead to it" mosb apply m.yaml
    contains "$err" '^hint: .*bridge.subnet6'
    on_host ip link show lxcbr0 2>/dev/null && fail "a bridge was made"
    [[ -z $(on_host nft list tables) ]] || fail "a table was made"
}

test_case "a port that another service or a process holds is refused by its holder's name" held_ports
held_ports() {
    manifest_v2 m.yaml < <(
        echo_service a 5000 "network: {type: simple, ports: [{host: 80, container: 5000}]}"
        echo_service b 5000 "network: {type: simple, ports: [{host: 80, container: 5000}]}"
    )
    refused 17 net-setup "'b'.*port 80 of the host belongs to service 'a'" mosb apply m.yaml
    somebody host 81
    manifest_v2 m.yaml < <(echo_service a 5000 "network: {type: simple, ports: [{host: 81, container: 5000}]}")
    refused 17 net-setup "port 81 of the host is held by process [0-9]+ \(answer" mosb apply m.yaml
    manifest_v2 m.yaml < <(
        echo_service a 5000 "network: {type: simple, ports: [{host: 82, container: 5000, protocol: udp}]}")
    on_host busybox httpd -f -p 82 -h / &
    eventually 5 on_host curl -sS -o /dev/null http://127.0.0.1:82/
    works mosb apply m.yaml
    asks outside udp 192.0.2.1 82 a
}

test_case "IPv6 works as IPv4 where the bridge has a network of it" ipv6
ipv6() {
    configure "bridge: {subnet6: 'fd00:3::/64'}"
    on_host sysctl -qw net.ipv6.conf.uplink.accept_ra=1
    manifest_v2 m.yaml < <(
        echo_service a 5000 \
            "network: {type: simple, ipv6: 'fd00:3::99/64', ports: [{name: x, host: 80, container: 5000, protocol: both}]}"
        echo_service b 5000 "network: {type: simple}"
    )
    works mosb apply m.yaml
    [[ -z ${DEBUG_NET:-} ]] || { on_host sh -c 'ip -6 addr; ip -6 route; nft list ruleset; sysctl -a 2>/dev/null | grep -E "ipv6.conf.*forwarding"' >&2; inside a ip -6 addr >&2;  inside a ip -6 route >&2; inside a ping -6 -c 1 -W 1 fd00:3::1 >&2 || true;  on_host ping -6 -c 1 -W 1 fd00:3::99 >&2 || true; inside a cat /proc/net/if_inet6 >&2; }
    asks outside tcp 2001:db8::1 80 a
    asks host tcp 2001:db8::1 80 a
    asks host tcp fd00:3::99 5000 a
    asks outside tcp 192.0.2.1 80 a
    asks_in_vain outside tcp fd00:3::99 5000
    asks_in_vain host tcp ::1 80
    service_asks b tcp fd00:3::99 5000 a
    service_asks b udp a 5000 a
    service_asks a tcp 2001:db8::1 80 a
    equal "$(on_host sysctl -n net.ipv6.conf.uplink.accept_ra)" 2 "or the host would lose its routes"
    works mosb down
    equal "$(on_host sysctl -n net.ipv6.conf.uplink.accept_ra)" 1
    equal "$(on_host sysctl -n net.ipv6.conf.all.forwarding)" 0
}

test_case "what a flush, a deleted device or another setting took away, plan names and apply mends" mended
mended() {
    manifest_v2 m.yaml < <(echo_service a 5000 "network: {type: simple, ports: [{name: x, host: 80, container: 5000}]}")
    works mosb apply m.yaml
    local pid device
    pid=$(mosb ps -o json | jq '.[0].pid')
    device=$(on_host ip -o link show master lxcbr0 | sed -E 's/^[0-9]+: ([^@:]+).*/\1/')
    local damage
    while read -r damage; do
        # shellcheck disable=SC2086 # words
        on_host ${damage//DEVICE/$device}
        works mosb plan m.yaml -o json
        equal "$(json '[.steps[].action] | unique | join(" ")')" network "$damage"
        works mosb apply m.yaml
        asks outside tcp 192.0.2.1 80 a
        asks host tcp 127.0.0.1 80 a
        equal "$(mosb ps -o json | jq '.[0].pid')" "$pid" "$damage"
        works mosb plan m.yaml -o json
        equal "$(json '.changed')" false "$damage"
    done <<'END'
nft flush ruleset
ip link del DEVICE
ip link set DEVICE nomaster
ip link set DEVICE down
ip link set lxcbr0 down
sysctl -qw net.ipv4.ip_forward=0
sysctl -qw net.ipv4.conf.lxcbr0.route_localnet=0
END
    on_host ip link del lxcbr0
    works mosb apply m.yaml
    asks outside tcp 192.0.2.1 80 a
}

test_case "apply --applied --network-only mends the network and nothing else" network_only
network_only() {
    local damage device pid
    works mosb apply --applied --network-only
    equal "$out" ""
    manifest_v2 m.yaml < <(
        echo_service a 5000 "network: {type: simple, ports: [{name: x, host: 80, container: 5000}]}"
        sleeper b "network: {type: simple}")
    works mosb apply m.yaml
    pid=$(pid_of a)
    works mosb apply --applied --network-only
    equal "$out" ""
    device=$(device_of a)
    while read -r damage; do
        # shellcheck disable=SC2086 # words
        on_host ${damage//DEVICE/$device}
        works mosb apply --applied --network-only
        contains "$out" '^network '
        asks outside tcp 192.0.2.1 80 a
        plan_says_no_change m.yaml "$damage"
    done <<'END'
nft flush ruleset
ip link del DEVICE
sysctl -qw net.ipv4.ip_forward=0
END
    equal "$(pid_of a)" "$pid"
    # A service that ended stays ended, and no image is looked at.
    kill -KILL "$(pid_of b)"
    eventually 5 sh -c '! mosb ps | grep -q ^b.*ready'
    mv "$root/var/lib/mosb/store" "$root/var/lib/mosb/store-away"
    on_host nft flush ruleset
    works mosb apply --applied --network-only
    asks outside tcp 192.0.2.1 80 a
    lacks "$(mosb ps)" '^b .*(running|ready)'
    mv "$root/var/lib/mosb/store-away" "$root/var/lib/mosb/store"
    # What it cannot mend it says, after it mended the rest.
    on_host nft flush ruleset
    on_host iptables -P FORWARD DROP
    refused 17 net-setup "chain 'FORWARD' of table 'ip filter'" mosb apply --applied --network-only
    asks host tcp 192.0.2.1 80 a
    on_host iptables -P FORWARD ACCEPT
    refused 2 usage 'goes with --applied' mosb apply m.yaml --network-only
    refused 2 usage 'without --dry-run' mosb apply --applied --network-only --dry-run
    works mosb down
    works mosb apply --applied --network-only
    equal "$out" ""
    equal "$(on_host nft -s list ruleset | grep -c mosb)" 0
}

test_case "a bridge that somebody else made is used with its network and left as it was" foreign_bridge
foreign_bridge() {
    on_host sh -c 'ip link add lxcbr0 type bridge; ip addr add 10.7.0.1/24 dev lxcbr0; ip link set lxcbr0 up'
    manifest_v2 m.yaml < <(echo_service a 5000 "network: {type: simple, ports: [{name: x, host: 80, container: 5000}]}")
    on_host ip -o addr show lxcbr0 | sed 's/valid_lft.*//' >before
    works mosb apply m.yaml
    contains "$(mosb ps)" 'simple 10\.7\.0\.'
    asks outside tcp 192.0.2.1 80 a
    works mosb down
    on_host ip -o addr show lxcbr0 | sed 's/valid_lft.*//' | diff before -
    configure "bridge: {subnet: 10.0.3.0/24}"
    refused 17 net-setup "'lxcbr0' has no address in 10.0.3.0/24" mosb apply m.yaml
    configure "bridge: {name: uplink}"
    refused 17 net-setup "'uplink' is no bridge" mosb apply m.yaml
    configure "bridge: {name: br-own, subnet: 192.0.2.0/24}"
    refused 17 net-setup "'uplink' has the address 192.0.2.1/24" mosb apply m.yaml
    configure "bridge: {name: br-own, subnet: 10.9.0.0/24}"
    works mosb apply m.yaml
    contains "$(mosb ps)" 'simple 10\.9\.0\.'
    asks outside tcp 192.0.2.1 80 a
}

test_case "a service counts as ready when its ports accept, and is told why not" readiness
readiness() {
    manifest_v2 m.yaml < <(
        service slow "oci:$fixtures/network:answer" "entrypoint: [sh, -c]" \
            "args: ['sleep 1; exec answer serve slow 5000']" \
            "network: {type: simple, ports: [{name: x, host: 80, container: 5000}]}"
    )
    works mosb apply m.yaml
    asks outside tcp 192.0.2.1 80 slow
    equal "$(state slow)" ready
    manifest_v2 m.yaml < <(
        service slow "oci:$fixtures/network:answer" "args: [serve, slow, '5000', 127.0.0.1]" \
            "network: {type: simple, ports: [{name: x, host: 80, container: 5000, wait: 1s}]}"
    )
    refused 16 runtime "port 5000 \(x\) is open on the service's own loopback only" mosb apply m.yaml
    equal "$(state slow)" ready "what ran before was put back"
    asks outside tcp 192.0.2.1 80 slow
    manifest_v2 m.yaml < <(
        shell_service gone 'exit 3' "network: {type: simple, ports: [{name: x, host: 82, container: 5000}]}"
    )
    refused 16 runtime "ended before it was ready" mosb apply m.yaml
}

test_case "doctor says what mosb changed for networks, and what is not as it should be" doctor
doctor() {
    works mosb doctor
    contains "$out" "^nftables +ok"
    contains "$out" "^forwarding +ok +.* is off"
    lacks "$out" "^services' network"
    manifest_v2 m.yaml < <(echo_service a 5000 "network: {type: simple, ports: [{host: 80, container: 5000}]}")
    works mosb apply m.yaml
    works mosb doctor
    contains "$out" "^services' network +ok +as applied; to be put back .*net.ipv4.ip_forward \(0\)"
    on_host nft flush ruleset
    works mosb doctor
    contains "$out" "^services' network +degraded +not as applied: mosb_.*replace the rules"
    on_host iptables -P FORWARD DROP
    works mosb doctor
    contains "$out" "^other firewalls +degraded +ip filter FORWARD"
}

run_cases "$@"
