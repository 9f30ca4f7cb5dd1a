#!/usr/bin/env bash
# What services at a bridge cannot do: reach what they shall not, be somebody else, change what is
# theirs to use only. Each case shows the same thing work for somebody who may.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"
source "${0%/*}/../support/network_namespaces.sh"

test_case "an isolated service and the others do not reach each other, the host and outsiders reach it" isolation
isolation() {
    local way
    manifest_v2 m.yaml < <(
        echo_service alone 5000 "network: {type: simple, isolate: true, ports: [{name: x, host: 80, container: 5000}]}"
        echo_service apart 5000 "network: {type: simple, isolate: true, ports: [{name: x, host: 81, container: 5000}]}"
        echo_service open 5000 "network: {type: simple, ports: [{name: x, host: 82, container: 5000}]}"
    )
    works mosb apply m.yaml
    local alone apart open
    alone=$(address_of alone) apart=$(address_of apart) open=$(address_of open)
    meet_nobody() {
        for way in tcp udp; do
            together service_asks_in_vain alone $way "$open" 5000
            together service_asks_in_vain alone $way open 5000
            together service_asks_in_vain alone $way 192.0.2.1 82
            together service_asks_in_vain alone $way 10.0.3.1 82
            together service_asks_in_vain alone $way "$apart" 5000
            together service_asks_in_vain open $way "$alone" 5000
            together service_asks_in_vain open $way alone 5000
            together service_asks_in_vain open $way 192.0.2.1 80
            together service_asks_in_vain open $way 10.0.3.1 80
        done
        together service_asks_in_vain alone tcp 192.0.2.1 81
        together service_asks_in_vain apart tcp 192.0.2.1 80
    }
    meet_nobody
    judged
    # By way of the host, with the host's MAC address, it is no better.
    local from
    for from in alone open; do
        nsenter --net -t "$(pid_of $from)" ip route add "$alone" via 10.0.3.1
        nsenter --net -t "$(pid_of $from)" ip route add "$open" via 10.0.3.1
        nsenter --net -t "$(pid_of $from)" ip route add "$apart" via 10.0.3.1
    done
    together service_asks_in_vain alone tcp "$open" 5000
    together service_asks_in_vain alone tcp "$apart" 5000
    together service_asks_in_vain open tcp "$alone" 5000
    judged
    asks outside tcp 192.0.2.1 80 alone
    asks host tcp 127.0.0.1 80 alone
    asks host udp "$alone" 5000 alone
    service_asks alone tcp 192.0.2.1 80 alone
    somebody outside 9000
    service_asks alone tcp 192.0.2.2 9000 somebody
    service_asks alone udp 192.0.2.2 9000 somebody
}

test_case "isolation and forwards change without a restart" isolation_changes
isolation_changes() {
    local pid
    manifest_v2 m.yaml < <(
        echo_service a 5000 "network: {type: simple, ports: [{name: x, host: 80, container: 5000}]}"
        echo_service b 5000 "network: {type: simple}"
    )
    manifest_v2 n.yaml < <(
        echo_service a 5000 "network: {type: simple, isolate: true, ports: [{host: 81, container: 5000}]}"
        echo_service b 5000 "network: {type: simple}"
    )
    works mosb apply m.yaml
    pid=$(pid_of a)
    service_asks b tcp a 5000 a
    works mosb apply n.yaml
    equal "$(pid_of a)" "$pid"
    service_asks_in_vain b tcp a 5000
    asks outside tcp 192.0.2.1 81 a
    asks_in_vain outside tcp 192.0.2.1 80
    plan_says_no_change n.yaml
    works mosb apply m.yaml
    equal "$(pid_of a)" "$pid"
    service_asks b tcp a 5000 a
    asks outside tcp 192.0.2.1 80 a
    asks_in_vain outside tcp 192.0.2.1 81
}

# datagram SERVICE SOURCE-MAC SOURCE-IP TARGET-MAC TARGET-IP PORT: sent as it is by root of the host
# in the service's network namespace.
datagram() {
    local pid
    pid=$(pid_of "$1")
    shift
    nsenter --net -t "$pid" python3 "$support/send_frame.py" datagram "$@"
}
# arp SERVICE SOURCE-MAC SENDER-MAC SENDER-IP TARGET-IP: a claim that the address is there.
arp() {
    local pid
    pid=$(pid_of "$1")
    shift
    nsenter --net -t "$pid" python3 "$support/send_frame.py" arp "$@"
}
mac_in() { nsenter --net -t "$(pid_of "$1")" ip -o link show eth0 | sed -E 's/.*link\/ether ([^ ]+).*/\1/'; }
neighbour() { on_host ip neigh show "$1" | sed -nE 's/.*lladdr ([^ ]+).*/\1/p'; }

test_case "a service is nobody but itself, whatever root sends from its network namespace" spoofing
spoofing() {
    manifest_v2 m.yaml < <(
        echo_service evil 5000 "network: {type: simple, ipv4: 10.0.3.20, ports: [{name: x, host: 80, container: 5000}]}"
        echo_service good 5000 "network: {type: simple, ipv4: 10.0.3.21, ports: [{name: x, host: 81, container: 5000}]}"
    )
    works mosb apply m.yaml
    local bridge mac good
    bridge=$(mac_of lxcbr0)
    mac=$(mac_in evil) good=$(mac_in good)
    # A listener on the host that writes down what it gets; python's, to be deaf to nothing.
    on_host python3 "$support/send_frame.py" listen 0.0.0.0 7000 heard &
    on_host python3 "$support/send_frame.py" listen 127.0.0.1 7001 heard &
    nsenter --net -t "$(pid_of good)" python3 "$support/send_frame.py" listen 0.0.0.0 7002 heard &
    local listener=$!
    eventually 5 test -e heard
    eventually 5 bash -c '[[ $(wc -l <heard) == 3 ]]'
    : >heard
    datagram evil "$mac" 10.0.3.20 "$bridge" 10.0.3.1 7000 honest-to-host
    datagram evil "$mac" 10.0.3.20 "$good" 10.0.3.21 7002 honest-to-good
    on_host python3 -c 'import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"loopback", ("127.0.0.1", 7001))'
    eventually 5 bash -c '[[ $(wc -l <heard) == 3 ]]'
    : >heard
    datagram evil "$mac" 10.0.3.21 "$bridge" 10.0.3.1 7000 wrong-ip
    datagram evil "$mac" 127.0.0.1 "$bridge" 10.0.3.1 7000 loopback-source
    datagram evil "$mac" 192.0.2.2 "$bridge" 10.0.3.1 7000 outside-ip
    datagram evil "$good" 10.0.3.20 "$bridge" 10.0.3.1 7000 wrong-mac
    datagram evil "$mac" 10.0.3.1 "$good" 10.0.3.21 7002 the-bridge
    datagram evil "$bridge" 10.0.3.20 "$good" 10.0.3.21 7002 the-bridges-mac
    datagram evil "$mac" 10.0.3.20 "$bridge" 127.0.0.1 7001 host-loopback
    datagram evil "$mac" 127.0.0.1 "$bridge" 127.0.0.1 7001 both-loopback
    datagram evil "$mac" 10.0.3.20 ff:ff:ff:ff:ff:ff 127.0.0.1 7001 broadcast
    # What comes after them all shows that they are through.
    datagram evil "$mac" 10.0.3.20 "$bridge" 10.0.3.1 7000 last
    datagram evil "$mac" 10.0.3.20 "$good" 10.0.3.21 7002 last
    eventually 5 bash -c '[[ $(grep -c last heard) == 2 ]]'
    equal "$(sort -u heard)" last "what arrived"
    # ARP: the own address counts, nobody else's.
    on_host ip neigh flush dev lxcbr0
    asks host tcp 10.0.3.20 5000 evil
    asks host tcp 10.0.3.21 5000 good
    on_host ip neigh flush dev lxcbr0
    arp evil "$mac" "$mac" 10.0.3.20 10.0.3.1
    eventually 5 bash -c "nsenter --net=/run/netns/$(ns_of host) ip neigh show 10.0.3.20 | grep -q $mac"
    arp evil "$mac" "$mac" 10.0.3.21 10.0.3.1
    arp evil "$good" "$good" 10.0.3.21 10.0.3.1
    arp evil "$mac" "$mac" 192.0.2.2 10.0.3.1
    arp evil "$mac" "$good" 10.0.3.20 10.0.3.1
    sleep 0.2
    equal "$(neighbour 10.0.3.21)" ""
    equal "$(neighbour 10.0.3.20)" "$mac"
    service_asks good tcp 10.0.3.1 80 evil
    equal "$(nsenter --net -t "$(pid_of good)" ip neigh show 10.0.3.1 | awk '{ print $5 }')" "$bridge"
    asks host tcp 10.0.3.21 5000 good
    kill "$listener"
}

test_case "the metadata of clouds and the host's own loopback are out of a service's reach" metadata
metadata() {
    outside ip addr add 169.254.169.254/32 dev eth0
    on_host ip route add 169.254.0.0/16 dev uplink
    somebody outside 8000
    somebody host 8001 127.0.0.1
    somebody host 8002
    manifest_v2 m.yaml < <(echo_service a 5000 "network: {type: simple, ports: [{name: x, host: 80, container: 5000}]}")
    works mosb apply m.yaml
    asks host tcp 169.254.169.254 8000 somebody
    service_asks a tcp 192.0.2.2 8000 somebody
    together service_asks_in_vain a tcp 169.254.169.254 8000
    together service_asks_in_vain a udp 169.254.169.254 8000
    judged
    # An address of the host itself is no better.
    outside ip addr del 169.254.169.254/32 dev eth0
    on_host ip addr add 169.254.169.254/32 dev lo
    service_asks a tcp 10.0.3.1 8002 somebody
    together service_asks_in_vain a tcp 169.254.169.254 8002
    asks host tcp 127.0.0.1 8001 somebody
    nsenter --net -t "$(pid_of a)" ip route add 127.0.0.0/8 via 10.0.3.1 dev eth0 table main 2>/dev/null || true
    nsenter --net -t "$(pid_of a)" sysctl -qw net.ipv4.conf.eth0.route_localnet=1
    nsenter --net -t "$(pid_of a)" ip rule add pref 0 table main 2>/dev/null || true
    together service_asks_in_vain a tcp 10.0.3.1 8001
    together service_asks_in_vain a tcp 192.0.2.1 8001
    # From outside neither, with the setting that forwards at 127.0.0.1 need.
    outside ip route add 127.0.0.1/32 via 192.0.2.1 dev eth0 2>/dev/null || true
    together asks_in_vain outside tcp 192.0.2.1 8001
    judged
}

test_case "a service has its address and cannot change it, its route or its files" cannot_change
cannot_change() {
    manifest_v2 m.yaml < <(sleeper a "network: {type: simple, ipv4: 10.0.3.20}" "user: '0'" "rootfs: {readonly: false}")
    works mosb apply m.yaml
    contains "$(inside a ip -o addr show eth0)" 'inet 10\.0\.3\.20/24'
    lacks "$(inside a ip -o addr show eth0)" inet6
    contains "$(inside a ip route)" '^default via 10\.0\.3\.1 dev eth0'
    inside a ip addr >addresses
    inside a ip route >routes
    local change
    while read -r change; do
        # shellcheck disable=SC2086 # words
        run mosb exec a -- $change
        [[ $status != 0 ]] || fail "the service did: $change"
    done <<'END'
ip addr add 10.0.3.21/24 dev eth0
ip addr del 10.0.3.20/24 dev eth0
ip route add 192.0.2.9 via 10.0.3.1
ip route del default
ip link set eth0 address 02:00:00:00:00:01
ip link set eth0 down
ip link add x type dummy
umount /etc/hosts
mv /etc/hosts /etc/gone
rm /etc/resolv.conf
sh -c echo>/etc/hosts
touch /etc/hostname
sysctl -w net.ipv4.conf.eth0.route_localnet=1
arping -c1 -I eth0 10.0.3.1
END
    inside a ip addr | diff addresses -
    inside a ip route | diff routes -
}

test_case "name files over links, directories or nothing never write outside the image" hostile_images
hostile_images() {
    local kind i=0 entry
    sha256sum /etc/hosts /etc/resolv.conf /etc/hostname /etc/passwd >before
    for kind in link relative directory absent dangling parent; do
        cp -r "$fixtures/rootfs" rootfs-$kind
        for entry in hosts resolv.conf hostname; do
            rm -rf "rootfs-$kind/etc/$entry"
            case $kind in
                link) ln -s /etc/passwd "rootfs-$kind/etc/$entry" ;;
                relative) ln -s "../../../../../../../../$work/victim" "rootfs-$kind/etc/$entry" ;;
                directory) mkdir "rootfs-$kind/etc/$entry" ;;
                parent) rm -rf rootfs-parent/etc && ln -s "$work/outside" rootfs-parent/etc ;;
                dangling) ln -s /run/gone "rootfs-$kind/etc/$entry" ;;
            esac
        done
        works mosb image build --rootfs rootfs-$kind -t "oci:$work/l:$kind" --entrypoint /bin/sh
        sign_image "oci:$work/l:$kind"
    done
    echo untouched >victim
    mkdir outside
    for kind in link relative directory absent dangling parent; do
        for i in true false; do
            manifest_v2 m.yaml < <(service "$kind" "oci:$work/l:$kind" "args: [-c, exec sleep 1000]" \
                "rootfs: {readonly: $i}" "network: {type: simple}")
            run mosb apply m.yaml
            echo "$kind readonly=$i: $status $err"
            equal "$(cat victim)" untouched
            equal "$(find outside -mindepth 1)" ""
            if ((status == 0)); then
                contains "$(inside "$kind" cat /etc/hosts)" "$kind"
                lacks "$(inside "$kind" cat /etc/passwd)" localhost
                works mosb plan m.yaml -o json
                equal "$(json .changed)" false "$kind"
            else
                contains "$err" '/etc/(hosts|resolv.conf|hostname)'
                contains "$err" '^hint: '
                equal "$(mosb ps -o json | jq length)" 0
                [[ -z $(on_host nft list tables) ]] || fail "rules are left"
            fi
            works mosb down
        done
    done
    sha256sum /etc/hosts /etc/resolv.conf /etc/hostname /etc/passwd | diff before -
}

run_cases "$@"
