# shellcheck shell=bash
# Under the themes of networks: source it after fixtures.sh. Each case has network namespaces of its
# own: `outside` is another host, `host` is the one that mosb runs on.
# shellcheck disable=SC2154 # work, root, fixtures and support are those of assert.sh and fixtures.sh

# in_ns NAME COMMAND…: in one of the case's network namespaces, with the mounts of everybody.
in_ns() {
    local name=$1
    shift
    nsenter --net="/run/netns/mosb-test-$$-$name" "$@"
}
on_host() { in_ns host "$@"; }
outside() { in_ns outside "$@"; }
ns_of() { echo "mosb-test-$$-$1"; }

remove_namespaces() {
    local name
    "$MOSB_BIN/mosb" --root "$root" down >/dev/null 2>&1 || true
    for name in $(ip netns list | sed -nE "s/^(mosb-test-$$-[^ ]+).*/\\1/p"); do
        ip netns pids "$name" | xargs -r kill -KILL 2>/dev/null || true
        ip netns del "$name"
    done
}

# The host at 192.0.2.1 and 198.51.100.1, another host at 192.0.2.2; IPv6 beside it.
before_case() {
    configure "$@"
    real_bin=$MOSB_BIN
    trap remove_namespaces EXIT
    ip netns add "$(ns_of host)"
    ip netns add "$(ns_of outside)"
    ip link add uplink netns "$(ns_of host)" type veth peer name eth0 netns "$(ns_of outside)"
    on_host sh -c 'ip link set lo up; ip addr add 192.0.2.1/24 dev uplink; ip link set uplink up
        ip addr add 2001:db8::1/64 dev uplink nodad
        ip addr add 198.51.100.1/32 dev lo'
    outside sh -c 'ip link set lo up; ip addr add 192.0.2.2/24 dev eth0; ip link set eth0 up
        ip addr add 2001:db8::2/64 dev eth0 nodad
        ip route add 10.0.3.0/24 via 192.0.2.1; ip route add fd00:3::/64 via 2001:db8::1'
    # mosb, wherever it is called from here on, runs on that host.
    mkdir -p "$work/bin"
    printf '#!/bin/sh\nexec nsenter --net=/run/netns/%s %s/mosb "$@"\n' "$(ns_of host)" "$real_bin" \
        >"$work/bin/mosb"
    chmod +x "$work/bin/mosb"
    export MOSB_BIN=$work/bin PATH="$work/bin:$PATH"
}

# echo_service NAME PORT [LINE…]: says its name and who asked, at TCP and UDP port PORT.
echo_service() {
    local name=$1 port=$2
    shift 2
    service "$name" "oci:$fixtures/network:answer" "args: [serve, $name, '$port']" "$@"
}
sleeper() { local name=$1; shift; shell_service "$name" 'exec sleep 1000' "$@"; }

# asks NS PROTOCOL ADDRESS PORT NAME [AS]: somebody there is answered by the service of that name,
# which sees AS.
asks() {
    local got
    got=$(in_ns "$1" "$fixtures/answer" ask "$2" "$3" "$4" 2>&1) || fail "$1 $2 $3 $4: $got"
    equal "${got% *}" "$5" "$1 asked $2 $3 $4"
    [[ -z ${6:-} ]] || equal "${got##* }" "$6" "seen by $5 when $1 asked $2 $3 $4"
}
asks_in_vain() {
    local got
    ! got=$(in_ns "$1" "$fixtures/answer" ask "$2" "$3" "$4" 2>&1) || fail "$1 reached $2 $3 $4: $got"
}
# inside NAME COMMAND…: in the service.
inside() {
    local name=$1
    shift
    mosb exec "$name" -- "$@"
}
# service_asks SERVICE PROTOCOL HOST PORT NAME
service_asks() {
    local got
    got=$(inside "$1" /bin/answer ask "$2" "$3" "$4" 2>&1) || fail "$1 $2 $3 $4: $got"
    equal "${got% *}" "$5" "$1 asked $2 $3 $4"
}
service_asks_in_vain() {
    local got
    ! got=$(inside "$1" /bin/answer ask "$2" "$3" "$4" 2>&1) || fail "$1 reached $2 $3 $4: $got"
}
# somebody NS PORT [ADDRESS]: a process there that answers until the case ends.
somebody() {
    in_ns "$1" "$fixtures/answer" serve "somebody" "$2" "${3:-::}" &
    eventually 5 in_ns "$1" "$fixtures/answer" ask udp "${3:-127.0.0.1}" "$2"
}

# The image of the shell, with the program that answers.
before_theme_of_fixtures=$(declare -f before_theme)
eval "fixtures_${before_theme_of_fixtures}"
before_theme() {
    fixtures_before_theme
    # The first namespace of a host makes the mount that all of them are in, which stays.
    ip netns add "mosb-test-$$"
    ip netns del "mosb-test-$$"
    [[ ! -e $fixtures/answer ]] || return 0
    {
        cc -static -O1 -o "$fixtures/answer" "$support/answer.c"
        cp -r "$fixtures/rootfs" "$fixtures/network-rootfs"
        cp "$fixtures/answer" "$fixtures/network-rootfs/bin/answer"
        "$MOSB_BIN/mosb" --root "$fixtures/none" image build --rootfs "$fixtures/network-rootfs" \
            -t "oci:$fixtures/network:answer" --entrypoint /bin/answer
        sign_image "oci:$fixtures/network:answer"
        rm -rf "$fixtures/none"
    } >"$fixtures/log" 2>&1 || { cat "$fixtures/log" >&2; exit 1; }
}

# together COMMAND…: begun now, beside others; `judged` fails if one of them did. For what waits.
declare -a begun=()
together() {
    "$@" &
    begun+=("$!")
}
judged() {
    local pid
    for pid in "${begun[@]}"; do wait "$pid" || fail "the one above"; done
    begun=()
}

# host_facts: what mosb could leave there: links, addresses, rules, settings.
host_facts() {
    on_host sh -c "ip -o link | sed -E 's/^[0-9]+: ([^:@]+).*/link \\1/'
        ip -o addr | sed -E 's/^[0-9]+: ([^ ]+) +([^ ]+ [^ ]+).*/address \\1 \\2/'
        nft -s list ruleset
        sysctl -a -r '(ip_forward|\.forwarding|route_localnet|accept_ra)\$' 2>/dev/null" | sort
}
# down_leaves FILE: after down the host is as host_facts said then.
down_leaves() {
    works mosb down
    host_facts >"$work/after"
    diff "$1" "$work/after" || fail "down left something"
}
plan_says_no_change() {
    works mosb plan "$1" -o json
    equal "$(json .changed)" false "${2:-$out}"
}
pid_of() { mosb ps -o json | jq -r --arg n "$1" '.[] | select(.service == $n) | .pid'; }
address_of() { mosb ps -o json | jq -r --arg n "$1" '.[] | select(.service == $n) | .network.ipv4'; }
mac_of() { on_host ip -o link show "$1" | sed -E 's/.*link\/ether ([^ ]+).*/\1/'; }
device_of() { on_host ip -o link show | sed -nE "s/^[0-9]+: ([^@:]+).*alias mosb:$(instance_id):service:$1\$/\1/p"; }
