# shellcheck shell=bash
# shellcheck disable=SC2154 # assert.sh sets what is used here
# What the themes about virtual machines share. Source it after assert.sh.

# These need no images, keys or services.
before_theme() {
    [[ -z ${MOSB_GUEST:-} ]] || return 0
    guest_dir=$(mktemp -d "${MOSB_TEST_DIR:-/var/tmp}/mosb-guest-XXXXXX")
    trap 'rm -rf "$guest_dir"' EXIT
    as --32 "$support/guest.S" -o "$guest_dir/guest.o"
    ld -m elf_i386 --oformat binary -Ttext 0 "$guest_dir/guest.o" -o "$guest_dir/guest"
    export MOSB_GUEST=$guest_dir/guest
}

# define NAME MODE [LINE…]: a machine with the guest of tests/support/guest.S in that mode; the lines
# are further fields of its `config`, those that begin with "top:" fields beside it.
define() {
    local name=$1 mode=$2 line
    shift 2
    {
        echo "name: $name"
        echo "type: kvm"
        for line in "$@"; do [[ $line != top:* ]] || echo "${line#top:}"; done
        printf 'config:\n  cpus: 1\n  memory: 64\n  kernel: %s\n  cmdline: %s\n' "$MOSB_GUEST" "$mode"
        [[ "$*" == *accel:* ]] || echo "  accel: tcg"
        for line in "$@"; do [[ $line == top:* ]] || echo "  $line"; done
    } >"$work/$name.yaml"
    works mosb machine init -f "$work/$name.yaml"
}

# One NIC whose port HOST leads to port 22 of the guest: forward HOST [PROTOCOL] [ADDRESS]
forward() {
    echo "nics: [{id: nic0, device: virtio-net, network: user, ports: [{protocol: ${2:-tcp}, host: {address: '${3-127.0.0.1}', port: $1}, guest: {address: '', port: 22}}]}]"
}

# state NAME: as `machine ls` has it, or nothing.
state() { mosb machine ls -o json | jq -r --arg n "$1" '.[] | select(.name == $n) | .state'; }
pid_of() { mosb machine info "$1" -o json | jq -er .pid; }
console_text() { tr -d '\r' <"$root/var/log/mosb/machines/$1.log"; }
# grep reads all of it: one that ended at once would leave tr with a broken pipe.
printed() { console_text "$1" | grep -cF -- "$2" >/dev/null; }

# The processes of this case's machines, by their cgroup: "qemu-system-x86 swtpm".
machine_processes() {
    local id pid
    id=$(cat "$root/var/lib/mosb/state/instance" 2>/dev/null) || return 0
    grep -lE "/mosb-$id/machines/" /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3 |
        while read -r pid; do
            # One that has ended may wait for process 1 to notice.
            grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null || cat "/proc/$pid/comm" 2>/dev/null || true
        done | sort | paste -sd' '
}
no_processes() { [[ -z $(machine_processes) ]]; }

# Nothing of any run of this root is there: processes, run directories, cgroups.
nothing_runs() {
    local id left
    eventually 5 no_processes
    left=$(find "$root/run/mosb/machines" -mindepth 1 2>/dev/null || true)
    [[ -z $left ]] || fail "left in the run directory: $left"
    id=$(cat "$root/var/lib/mosb/state/instance")
    left=$(find /sys/fs/cgroup -type d -path "*mosb-$id/machines*" 2>/dev/null || true)
    [[ -z $left ]] || fail "left of cgroups: $left"
}
