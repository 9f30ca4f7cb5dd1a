#!/usr/bin/env bash
# The leak oracle: what this machine's kernel and file systems hold that mosb could have left.
#
#   leaks.sh snapshot FILE [DIR…]   writes what there is now; of each DIR every file below it
#   leaks.sh compare FILE [DIR…]    compares with now: prints "+ what" for what came and "- what"
#                                   for what went, status 1 if there is any
#
# Releasing a loop device or ending a process takes the kernel a moment, so a difference counts
# only when it stands for ten seconds. A process in D state counts when it is in it for five.
#
# MOSB_LEAKS_ONLY=REGEX looks only at lines that match: for work on a machine where other mosb
# instances come and go at the same time. The test run doesn't set it.
set -euo pipefail

mounts() {
    # mount point, file system, source; ids and option order say nothing
    sed -E 's/^[0-9]+ [0-9]+ [0-9:]+ [^ ]+ ([^ ]+) .* - ([^ ]+) ([^ ]+) .*/mount \1 \2 \3/' \
        /proc/self/mountinfo
}

loops() {
    local file
    for file in /sys/block/loop*/loop/backing_file; do
        [[ -e $file ]] || continue
        echo "loop $(cut -d/ -f4 <<<"$file") $(cat "$file" 2>/dev/null || true)"
    done
}

device_mapper() {
    local file
    for file in /sys/block/dm-*/dm/name; do
        [[ -e $file ]] && echo "dm $(cat "$file" 2>/dev/null || true)"
    done
    return 0
}

# fusectl is not mounted everywhere, and mounting it for all would change the machine.
fuse_connections() {
    unshare --mount bash -c '
        mountpoint -q /sys/fs/fuse/connections || mount -t fusectl none /sys/fs/fuse/connections
        ls /sys/fs/fuse/connections' 2>/dev/null | sed 's/^/fuse connection /' || true
}

network() {
    ip -o link show | sed -E 's/^[0-9]+: ([^:@]+).*/link \1/'
    ip netns list 2>/dev/null | sed -E 's/^([^ ]+).*/netns \1/'
    if command -v nft >/dev/null; then
        nft list tables 2>/dev/null | sed 's/^/nft /' || true
    fi
    sed -nE 's/.* (@[^ ]*(mosb|lxc)[^ ]*)$/abstract socket \1/p' /proc/net/unix
}

cgroups() {
    find /sys/fs/cgroup -type d \( -name 'mosb-*' -o -name 'lxc*' \) 2>/dev/null |
        sed 's/^/cgroup /'
}

# stat_of PID: sets name, state, parent and nice; status 1 if there is no such process (any more).
stat_of() {
    local line=""
    { read -r -d '' line <"/proc/$1/stat" || [[ -n $line ]]; } 2>/dev/null || return 1
    # What stands between the parentheses is whatever the process likes.
    name=${line#*\(} name=${name%\)*}
    read -r state parent _ _ _ _ _ _ _ _ _ _ _ _ _ _ nice _ <<<"${line##*\) }"
}

# mosb's own programs, and whatever runs in another pid namespace than this script's; not what runs
# at a lower priority than this script, as builds and tests that are run beside. A process that has
# ended and that only the machine's init has yet to take note of is gone: some do that every two
# seconds only.
processes() {
    local dir pid name state parent nice own_nice here path
    local -A theirs=()
    here=$(readlink /proc/self/ns/pid)
    stat_of $$
    own_nice=$nice
    while read -r path dir; do
        theirs[${path//[^0-9]/}]=$dir
    done < <(find /proc/[0-9]*/ns/pid -maxdepth 0 -printf '%p %l\n' 2>/dev/null || true)
    for dir in /proc/[0-9]*; do
        pid=${dir#/proc/}
        stat_of "$pid" || continue
        [[ $state$parent != Z1 ]] && ((nice <= own_nice)) || continue
        if [[ $name == mosb* ]]; then
            echo "process $pid $name"
        elif [[ -n ${theirs[$pid]:-} && ${theirs[$pid]} != "$here" ]]; then
            echo "process $pid $name in ${theirs[$pid]}"
        fi
    done
}

stuck() {
    local pid state name
    while read -r pid state name; do
        # N: at low priority, as the builds are that may run beside.
        [[ $state == D* && $state != *N* && $name != kworker* && $name != jbd2* ]] && echo "$pid $name"
    done < <(ps -eo pid=,stat=,comm=)
    return 0
}

files() {
    local dir
    for dir in "$@"; do
        find "$dir" -mindepth 1 2>/dev/null | sed 's/^/file /' || true
    done
    find /dev/shm -mindepth 1 -name '*mosb*' 2>/dev/null | sed 's/^/file /' || true
}

snapshot() {
    { mounts; loops; device_mapper; fuse_connections; network; cgroups; processes; files "$@"; } |
        grep -E "${MOSB_LEAKS_ONLY:-.}" | sort || true
}

difference() {
    local before=$1
    shift
    comm -3 "$before" <(snapshot "$@") | sed -E 's/^([^\t])/- \1/; s/^\t/+ /'
}

compare() {
    local before=$1 found="" early late
    shift
    local end=$((SECONDS + 10))
    while found=$(difference "$before" "$@"); [[ -n $found ]] && ((SECONDS < end)); do
        sleep 0.1
    done
    [[ -z $found ]] || { echo "$found"; return 1; }

    early=$(stuck)
    [[ -n $early && -z ${MOSB_LEAKS_ONLY:-} ]] || return 0
    sleep 5
    late=$(stuck)
    found=$(comm -12 <(sort <<<"$early") <(sort <<<"$late") | grep -v '^$' || true)
    [[ -z $found ]] || { echo "+ process in D state: $found"; return 1; }
}

case ${1:-} in
    snapshot) file=$2; shift 2; snapshot "$@" >"$file" ;;
    compare) shift; compare "$@" ;;
    *) sed -n '2,15p' "$0" >&2; exit 2 ;;
esac
