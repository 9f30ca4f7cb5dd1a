#!/usr/bin/env bash
# Services at a bridge on hosts with the firewalls that distributions have: ufw, firewalld and Docker
# as Debian packages them, each in the host's network namespace and with files of its own.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"
source "${0%/*}/../support/network_namespaces.sh"
source "${0%/*}/../support/docker.sh"

two_services() {
    echo_service a 5000 "network: {type: simple, ports: [{name: x, host: 80, container: 5000, protocol: both}]}"
    echo_service b 5000 "network: {type: simple}"
}
# every_way: into the services, out of them, and between them.
every_way() {
    local protocol
    for protocol in tcp udp; do
        asks outside $protocol 192.0.2.1 80 a
        asks host $protocol 127.0.0.1 80 a
        service_asks b $protocol a 5000 a
        service_asks b $protocol 192.0.2.1 80 a
        service_asks a $protocol 192.0.2.2 9000 somebody
    done
}

# firewall_files DIR…: a mount namespace for the host's firewall, with copies of these folders and
# a /run of its own.
firewall_files() {
    local dir
    # shellcheck disable=SC2016 # of that shell
    on_host unshare --mount --propagation private sh -c 'echo $$ >firewall.pid; exec sleep infinity' &
    eventually 5 test -s firewall.pid
    firewall_pid=$(<firewall.pid)
    for dir; do
        mkdir -p "$work/files${dir%/*}"
        cp -a "$dir" "$work/files$dir"
        firewall mount --bind "$work/files$dir" "$dir"
    done
    firewall mount -t tmpfs none /run
    firewall mount -t tmpfs none /var/log
}
firewall() {
    nsenter --net="/run/netns/$(ns_of host)" --mount="/proc/$firewall_pid/ns/mnt" "$@"
}
start_ufw() {
    firewall_files /etc/ufw
    firewall ufw --force enable >"$work/ufw" 2>&1 || fail "$(<"$work/ufw")"
}
start_firewalld() {
    firewall_files /etc/firewalld
    firewall mkdir /run/dbus
    firewall dbus-daemon --system --nofork --nopidfile >"$work/dbus" 2>&1 &
    eventually 5 firewall test -S /run/dbus/system_bus_socket
    firewall firewalld --nofork --nopid >"$work/firewalld" 2>&1 &
    eventually 20 firewall firewall-cmd --state
}

# adjusted CHAIN COMMAND…: from the refusal that names the chain, over a command that takes mosb's
# accept away, to a down that leaves nothing.
adjusted() {
    local chain=$1
    shift
    somebody outside 9000
    manifest_v2 m.yaml < <(two_services)
    host_facts >before
    refused 17 net-setup "a firewall of this host drops what services send: $chain" mosb apply m.yaml
    contains "$err" '^hint: .*bridge.adjust_firewall'
    host_facts | diff before -
    configure "bridge: {adjust_firewall: true}"
    works mosb apply m.yaml
    every_way
    plan_says_no_change m.yaml
    # What is not published stays closed.
    asks_in_vain outside tcp "$(address_of a)" 5000
    "$@" >"$work/reload" 2>&1 || fail "$(<"$work/reload")"
    works mosb plan m.yaml -o json
    equal "$(json '[.steps[].action] | unique | join(" ")')" network "the reload took the accept away"
    works mosb apply m.yaml
    every_way
    plan_says_no_change m.yaml
    down_leaves before
}

test_case "ufw is named, let through where that is allowed, mended after a reload and left as it was" ufw_adjusted
ufw_adjusted() {
    start_ufw
    # What flush-all leaves is there from the beginning: empty tables.
    firewall /lib/ufw/ufw-init flush-all >"$work/flush" 2>&1
    firewall ufw reload >"$work/flush" 2>&1
    # A mere reload leaves what is not ufw's own.
    reload_all() {
        firewall ufw reload
        every_way
        plan_says_no_change m.yaml
        firewall /lib/ufw/ufw-init flush-all
        firewall ufw reload
    }
    adjusted "chain 'FORWARD' of table 'ip filter' \\(ufw\\)" reload_all
}

test_case "what ufw route allows for the bridge is enough" ufw_route
ufw_route() {
    start_ufw
    somebody outside 9000
    manifest_v2 m.yaml < <(two_services)
    firewall ufw route allow in on lxcbr0 >/dev/null
    refused 17 net-setup "'FORWARD' of table 'ip filter' \\(ufw\\)" mosb apply m.yaml
    firewall ufw route allow out on lxcbr0 >/dev/null
    works mosb apply m.yaml
    every_way
    firewall ufw reload >/dev/null
    every_way
    plan_says_no_change m.yaml
}

test_case "firewalld is named, let through where that is allowed, mended after a reload and left as it was" firewalld_adjusted
firewalld_adjusted() {
    start_firewalld
    adjusted "chain 'filter_FORWARD' of table 'inet firewalld' \\(firewalld\\)" firewall firewall-cmd --reload
}

test_case "Docker is named, let through where that is allowed, mended after a flush and left as it was" docker_adjusted
docker_adjusted() {
    start_docker on_host
    # Started again, it keeps what is in the chain that is there for others.
    restart_and_flush() {
        stop_docker_daemon
        run_docker_daemon
        every_way
        plan_says_no_change m.yaml
        on_host iptables -F DOCKER-USER
        on_host iptables -A DOCKER-USER -j RETURN
    }
    adjusted "chain 'FORWARD' of table 'ip filter' \\(Docker\\)" restart_and_flush
    end_docker
}

test_case "a container of Docker's and services publish ports beside each other" docker_beside
docker_beside() {
    start_docker on_host
    somebody outside 9000
    mkdir -p rootfs/bin
    cp "$fixtures/answer" rootfs/bin/answer
    tar -C rootfs -c . | docker import - answer >"$work/imported"
    docker run -d --name theirs -p 8080:5000 answer /bin/answer serve theirs 5000 >"$work/run" 2>&1 ||
        fail "$(<"$work/run")"
    eventually 10 asks outside tcp 192.0.2.1 8080 theirs
    configure "bridge: {adjust_firewall: true}"
    manifest_v2 m.yaml < <(two_services
        echo_service c 5000 "network: {type: simple, ports: [{host: 8080, container: 5000}]}")
    refused 17 net-setup "8080" mosb apply m.yaml
    manifest_v2 m.yaml < <(two_services)
    works mosb apply m.yaml
    every_way
    asks outside tcp 192.0.2.1 8080 theirs
    asks host tcp 127.0.0.1 8080 theirs
    plan_says_no_change m.yaml
    works mosb down
    asks outside tcp 192.0.2.1 8080 theirs
    docker rm -f theirs >"$work/run" 2>&1
    end_docker
}

run_cases "$@"
