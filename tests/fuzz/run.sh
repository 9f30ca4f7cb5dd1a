#!/usr/bin/env bash
# Runs every fuzz target in turn.
#
#   tests/fuzz/run.sh TOTAL_SECONDS [TARGET…]
#
# The time is divided among the targets, each getting at least a second; 0 only runs the seeds. A
# crash, a leak, an input that takes more than 5 seconds or 512 MiB is a failure; the input is then
# kept in build/results/fuzz. New inputs that reach new code are kept for the next run in
# MOSB_CACHE_DIR/fuzz (by default build/cache/fuzz). MOSB_FUZZ_BUILD names a build directory that is
# used as it is; without it the preset "fuzz" is built.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tests=$(dirname "$here")
repository=$(dirname "$tests")
(($#)) && [[ $1 =~ ^[0-9]+$ ]] || { sed -n '2,12p' "$0" >&2; exit 2; }
total=$1
shift

build=${MOSB_FUZZ_BUILD:-}
if [[ -z $build ]]; then
    build=$repository/build/fuzz
    (cd "$repository" && cmake --preset fuzz >/dev/null && cmake --build --preset fuzz \
        --target mosb_fuzzers)
fi
# By default 256 MiB of freed memory are kept, with as much again around small pieces: a limit of
# memory would be met by inputs that need little.
export ASAN_OPTIONS=quarantine_size_mb=32${ASAN_OPTIONS:+:$ASAN_OPTIONS}
results=$repository/build/results/fuzz
corpora=${MOSB_CACHE_DIR:-$repository/build/cache}/fuzz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$results" "$corpora"

# seeds NAME PATTERN…: the target's seeds in one directory.
seeds() {
    local name=$1 dir=$work/seeds-$1 file n=0
    shift
    mkdir "$dir"
    for file in "$here/seeds/$name"/* "${@/#/$tests/}"; do
        [[ -f $file ]] || continue
        n=$((n + 1))
        cp "$file" "$dir/$n-${file##*/}"
    done
    echo "$dir"
}

# fuzz NAME MAX_LEN PATTERN…: one target's turn.
fuzz() {
    local name=$1 max_len=$2 log=$work/$1.log dir status=0
    shift 2
    dir=$(seeds "$name" "$@")
    mkdir -p "$corpora/$name"
    local -a options=(-max_len="$max_len" -rss_limit_mb=512 -timeout=5 -print_final_stats=1
        -artifact_prefix="$results/$name-" -verbosity=0)
    if ((each > 0)); then
        options+=(-max_total_time="$each")
    else
        options+=(-runs=0)
    fi
    "$build/bin/fuzz_$name" "${options[@]}" "$corpora/$name" "$dir" >"$log" 2>&1 || status=$?
    local runs rate files
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    files=$(find "$dir" -type f | wc -l)
    if ((status == 0)); then
        printf 'ok - fuzz %-22s %9s runs %8s runs/s %4s seeds\n' "$name" "${runs:-?}" \
            "${rate:-?}" "$files"
    else
        cp "$log" "$results/$name.log"
        tail -n 40 "$log" | sed 's/^/# /'
        echo "not ok - fuzz $name: status $status, see $results/$name.log"
        failed=1
    fi
}

mapfile -t lines < <(grep . "$build/tests/fuzz/fuzzers.txt")
chosen=()
for line in "${lines[@]}"; do
    read -r name _ <<<"$line"
    if ((!$#)) || [[ " $* " == *" $name "* ]]; then
        chosen+=("$line")
    fi
done
((${#chosen[@]})) || { echo "no such target" >&2; exit 2; }
each=$((total == 0 ? 0 : (total + ${#chosen[@]} - 1) / ${#chosen[@]}))
failed=0
for line in "${chosen[@]}"; do
    set -f
    # shellcheck disable=SC2086  # the patterns are words
    set -- $line
    set +f
    # Patterns are expanded below tests/, where they are relative to.
    expanded=()
    for pattern in "${@:3}"; do
        while IFS= read -r file; do expanded+=("$file"); done < <(cd "$tests" && compgen -G "$pattern" || true)
    done
    fuzz "$1" "$2" "${expanded[@]}"
done
exit "$failed"
