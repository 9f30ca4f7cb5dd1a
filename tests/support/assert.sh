# shellcheck shell=bash
# The small library under every file of tests/system. A file is a theme:
#
#   source "${0%/*}/../support/assert.sh"
#   test_case "an unsigned image is refused and nothing is left behind" unsigned_image
#   unsigned_image() { refused 12 signature "no signature" mosb apply "$manifest"; }
#   run_cases "$@"
#
# Each case runs in a shell and a process group of its own, with `set -e`, under a deadline, with
# fresh folders: $work (anything), $root (what `mosb` is given as --root). Afterwards the instance
# is taken down and the leak oracle compares the machine with what it was before.
# A theme prints `ok - SENTENCE`, `not ok - SENTENCE` or `SKIP SENTENCE: reason` for each case.

support=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$support/../.." && pwd)
# Where the programs under test are; the tests run those, never others that happen to be installed.
export MOSB_BIN=${MOSB_BIN:-$repository/build/release/bin}
export PATH="$MOSB_BIN:$PATH" LC_ALL=C
unset NOTATION_CONFIG XDG_CONFIG_HOME HTTP_PROXY HTTPS_PROXY http_proxy https_proxy

work=${work:-} root=${root:-} out='' err='' status=0
declare -a case_names=() case_functions=()

test_case() {
    case_names+=("$1")
    case_functions+=("$2")
}

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

skip() {
    echo "$*" >"$work/skip"
    exit 77
}

# mosb ARGUMENTS: the program under test on this case's root.
mosb() { "$MOSB_BIN/mosb" --root "$root" "$@"; }

# run COMMAND…: its status in $status, its output in $out and $err; ended after $run_deadline
# seconds. `run mosb …` runs the function above.
run_deadline=60
run() {
    local -a command=("$@")
    [[ $1 != mosb ]] || command=("$MOSB_BIN/mosb" --root "$root" "${@:2}")
    status=0
    timeout -k 5 "$run_deadline" "${command[@]}" >"$work/.out" 2>"$work/.err" </dev/null ||
        status=$?
    out=$(tr -d '\0' <"$work/.out")
    err=$(tr -d '\0' <"$work/.err")
    {
        echo "+ $* => $status"
        tail -n 10 "$work/.out" "$work/.err"
    } >>"$work/.trace"
}

# works COMMAND…: it must succeed.
works() {
    run "$@"
    ((status == 0)) || fail "'$*' ended with $status: $err$out"
}

# refused CODE CLASS REGEX COMMAND…: exit status, error class and text of the contract: one line,
# perhaps a hint, nothing else.
refused() {
    local code=$1 class=$2 regex=$3
    shift 3
    run "$@"
    [[ $status == "$code" ]] || fail "'$*' ended with $status, not $code: $err$out"
    local line
    line=$(grep -E '^mosb: ' <<<"$err") || fail "'$*' gave no error line: $err"
    [[ $(wc -l <<<"$line") == 1 ]] || fail "'$*' gave more than one error line: $err"
    [[ $line == "mosb: $class: "* ]] || fail "'$*' gave class other than $class: $line"
    [[ $line =~ $regex ]] || fail "'$*' said '$line', which has no '$regex'"
}

equal() { [[ $1 == "$2" ]] || fail "'$1' is not '$2'${3:+ ($3)}"; }
contains() { grep -qE -- "$2" <<<"$1" || fail "'$1' has no '$2'"; }
lacks() { ! grep -qE -- "$2" <<<"$1" || fail "'$1' has '$2'"; }

# eventually SECONDS COMMAND…: it must succeed before the time is over.
eventually() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || fail "'$*' did not come true in time"
        sleep 0.05
    done
}

# json FILTER: of what the last `run` printed.
json() { jq -er "$1" <<<"$out"; }

# What the kernel holds of this case's instance, for tests that compare before and after.
kernel_facts() { MOSB_LEAKS_ONLY="$root|mosb" "$support/leaks.sh" snapshot "$1"; }

# For files like fixtures.sh to replace: called once per theme, and first thing in each case.
before_theme() { :; }
before_case() { :; }

run_one_case() {
    set -euo pipefail
    cd "$work"
    before_case
    "$1"
}

# What a case started and did not end, seen by its environment: ended here, and named.
end_leftovers() {
    local dir pid
    for dir in /proc/[0-9]*; do
        pid=${dir#/proc/}
        if [[ $pid != "$$" ]] && grep -qszF "work=$work" "$dir/environ"; then
            echo "+ process $pid $(cat "$dir/comm")"
            kill -KILL "$pid" || true
        fi
    done 2>/dev/null
}

take_down() {
    [[ -d $1/var/lib/mosb ]] || return 0
    local target
    timeout -k 5 60 "$MOSB_BIN/mosb" --root "$1" mounts -o json 2>/dev/null | jq -r '.[].target' |
        while read -r target; do
            timeout -k 5 60 "$MOSB_BIN/mosb" --root "$1" umount "$target" >/dev/null 2>&1 || true
        done
    timeout -k 5 60 "$MOSB_BIN/mosb" --root "$1" machine ls -o json 2>/dev/null | jq -r '.[].name' |
        while read -r target; do
            timeout -k 5 60 "$MOSB_BIN/mosb" --root "$1" machine rm --force "$target" >/dev/null 2>&1 || true
        done
    timeout -k 5 60 "$MOSB_BIN/mosb" --root "$1" down --volumes >"$2" 2>&1
}

print_log() { sed 's/^/    /' "$1" | tail -n "${2:-60}"; }

# run_cases [SUBSTRING of a sentence]
run_cases() {
    if [[ ${1:-} == --case ]]; then
        run_one_case "$2"
        return
    fi
    [[ -z ${MOSB_TEST_CASE:-} ]] || fail "a theme must end with: run_cases \"\$@\""
    local only=${1:-} failed=0 i
    before_theme
    for i in "${!case_names[@]}"; do
        [[ ${case_names[i]} == *"$only"* ]] || continue
        judge "${case_names[i]}" "${case_functions[i]}" || failed=1
    done
    return "$failed"
}

judge() {
    local name=$1 function=$2 status=0 seconds=$SECONDS
    export work root
    work=$(mktemp -d "${MOSB_TEST_DIR:-/var/tmp}/mosb-test-XXXXXX")
    root=$work/root
    mkdir -p "$root" "$work/tmp"
    [[ -z ${MOSB_TEST_CONCURRENT:-} ]] || export MOSB_LEAKS_ONLY=$work
    "$support/leaks.sh" snapshot "$work.before" /run/mosb
    MOSB_TEST_CASE=$function TMPDIR=$work/tmp timeout -k 10 "${case_deadline:-180}" bash "$0" --case "$function" \
        >"$work/.log" 2>&1 || status=$?
    take_down "$root" "$work/.down" || { [[ $status != 0 ]] || status=down; }
    local leaks="" left=""
    left=$(end_leftovers)
    if [[ -n ${MOSB_TEST_CONCURRENT:-} && -s $root/var/lib/mosb/state/instance ]]; then
        MOSB_LEAKS_ONLY="$work|mosb-$(cat "$root/var/lib/mosb/state/instance")"
    fi
    leaks=$("$support/leaks.sh" compare "$work.before" /run/mosb) || true
    leaks+=${left:+$'\n'$left}
    seconds=$((SECONDS - seconds))

    if [[ $status == 77 ]]; then
        echo "SKIP $name: $(cat "$work/skip")"
        status=0
    elif [[ $status == 0 && -z $leaks ]]; then
        echo "ok - $name ($seconds s)"
    else
        echo "not ok - $name ($seconds s, status $status)"
        print_log "$work/.log"
        [[ $status == 0 || ! -s $work/.trace ]] || print_log "$work/.trace" 30
        [[ ! -s $work/.down ]] || print_log "$work/.down"
        [[ -z $leaks ]] || printf 'left behind:\n%s\n' "$leaks" | print_log -
        status=1
    fi
    if [[ $status == 0 || -z ${MOSB_TEST_KEEP:-} ]]; then
        rm -rf --one-file-system "$work" "$work.before"
    fi
    return "$status"
}
