#!/usr/bin/env bash
# Installs what the tests need, builds, and runs every test. As root, on Debian 12.
#
#   tests/run.sh [--long] [PART…]
#
# Parts, by default all of them: style, build, unit, kernel (test programs that mount, start
# containers or need a registry and notation), system (the programs as a user runs them), machine
# (Debian 12 with its own kernel in qemu), dev (unit again, with sanitizers), fuzz and tidy. Each
# takes with it what it needs: `tests/run.sh machine` builds first. Only when named: mutants, which
# changes each decision about signatures and sees whether a test notices. --long takes every point of the
# crash tests, half an hour of fuzzing, and all checks of clang-tidy. What is worth keeping between
# runs (compiler cache, the machine's disk, notation) lies in MOSB_CACHE_DIR, by default build/cache.
#
# The end is a table of the time, what the cases ran against, the skipped cases compared with
# expected-skips.txt, and one line: N passed, N failed.
set -euo pipefail

tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(dirname "$tests")
cd "$repository"

long=0
whole=0
parts=()
for argument in "$@"; do
    case $argument in
        --long) long=1 ;;
        style | build | unit | kernel | dev | system | machine | fuzz | tidy | mutants) parts+=("$argument") ;;
        *) sed -n '2,17p' "$0" >&2; exit 2 ;;
    esac
done
if ((!${#parts[@]})); then
    parts=(style build unit kernel system machine dev fuzz tidy)
    whole=1
fi

export MOSB_CACHE_DIR=${MOSB_CACHE_DIR:-$repository/build/cache}
mkdir -p "$MOSB_CACHE_DIR" build/results
MOSB_CACHE_DIR=$(cd "$MOSB_CACHE_DIR" && pwd)
export CCACHE_DIR=${CCACHE_DIR:-$MOSB_CACHE_DIR/ccache} CCACHE_BASEDIR=$repository \
    CCACHE_NOHASHDIR=1 CMAKE_C_COMPILER_LAUNCHER=ccache \
    CMAKE_CXX_COMPILER_LAUNCHER=ccache
export MOSB_LONG=$long MOSB_BIN=$repository/build/release/bin
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
results=$repository/build/results
rm -rf "$results" && mkdir -p "$results"
passed=0 failed=0

wants() { [[ " ${parts[*]} " == *" $1 "* ]]; }

# pass NAME / bad NAME: one judgement that is no case of a test program.
pass() { passed=$((passed + 1)); echo "ok - $1"; }
bad() { failed=$((failed + 1)); echo "not ok - $1"; }
judge() {
    local name=$1
    shift
    if "$@"; then pass "$name"; else bad "$name"; fi
}

# timed NAME FUNCTION: adds the function's time to the table.
timed() {
    local start=$EPOCHREALTIME
    echo "== $1"
    "$2"
    echo "$1 $(bc_seconds "$start" "$EPOCHREALTIME")" >>"$results/times"
}
# start_beside NAME FUNCTION: runs it at the lowest priority beside what follows, which mostly waits;
# join_beside NAME waits for it, shows what it said and takes its judgements.
declare -A beside=()
start_beside() {
    local name=$1 function=$2
    set -m
    (
        set +m
        renice -n 19 "$BASHPID" >/dev/null
        # join_beside adds them, where the sums are.
        add_counts() { :; }
        start=$EPOCHREALTIME status=0
        "$function" || status=$?
        beside_time "$name" "$start"
        exit "$status"
    ) >"$results/$name.out" 2>&1 </dev/null &
    beside[$name]=$!
    set +m
}
beside_time() { echo "$1 $(bc_seconds "$2" "$EPOCHREALTIME") beside" >>"$results/times"; }
join_beside() {
    local status=0
    [[ -n ${beside[$1]:-} ]] || return 0
    wait "${beside[$1]}" || status=$?
    unset "beside[$1]"
    echo "== $1"
    cat "$results/$1.out"
    add_counts "$results/$1.out"
    ((status == 0)) || grep -q '^not ok' "$results/$1.out" || bad "$1 ends with status $status"
}
end_beside() {
    local name
    for name in "${!beside[@]}"; do kill -- "-${beside[$name]}" 2>/dev/null || true; done
}
trap end_beside EXIT
bc_seconds() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", b - a }'; }

install_packages() {
    local -a names missing=()
    local name
    mapfile -t names < <(grep -vE '^(#|$)' "$tests/packages.txt")
    for name in "${names[@]}"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed ||
            missing+=("$name")
    done
    if ((${#missing[@]})); then
        apt-get -qq update
        apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install "${missing[@]}" \
            >"$results/apt.log" 2>&1 || { tail -n 20 "$results/apt.log"; exit 1; }
    fi
    MOSB_NOTATION=$("$tests/support/fetch_notation.sh" "$MOSB_CACHE_DIR/notation")
    export MOSB_NOTATION PATH=$PATH:$MOSB_NOTATION
}

check_style() {
    local -a scripts sources
    mapfile -t scripts < <(grep -rlE '^#!/usr/bin/env bash|^# shellcheck shell' tests docs .ci)
    mapfile -t sources < <(find mosb verity lxc provider-kvm tests -name '*.cpp' -o -name '*.h' -o -name '*.c')
    judge "the shell scripts are clean by shellcheck" shellcheck -S warning -x "${scripts[@]}"
    judge "the sources are formatted by clang-format" \
        clang-format --dry-run -Werror "${sources[@]}"
}

build_release() {
    cmake --preset release >"$results/cmake-release.log" ||
        { cat "$results/cmake-release.log"; exit 1; }
    cmake --build --preset release
    pass "the release preset builds without a warning"
}

# The unit tests touch nothing but files of their own: they can run beside those that look at the
# kernel.
run_dev() {
    cmake --preset dev >"$results/cmake-dev.log" || { cat "$results/cmake-dev.log"; return 1; }
    local start=$EPOCHREALTIME
    judge "the dev preset builds without a warning" cmake --build --preset dev
    beside_time build-dev "$start"
    wants dev || return 0
    # Less out of the way than a build: these tests have deadlines.
    renice -n 5 "$BASHPID" >/dev/null
    start=$EPOCHREALTIME
    run_unit_dev
    beside_time unit-dev "$start"
}

# run_ctest PRESET [CTEST OPTION…]: every case of every test program counts by itself.
run_ctest() {
    local preset=$1 status=0
    shift
    ctest --preset "$preset" --output-junit "$results/ctest-$preset.xml" \
        --test-output-size-passed 10000000 --test-output-size-failed 10000000 "$@" \
        >"$results/ctest-$preset.log" 2>&1 || status=$?
    ctest --preset "$preset" --show-only=json-v1 >"$results/tests-$preset.json"
    python3 "$tests/support/count_cases.py" "$results/ctest-$preset.xml" \
        "$results/tests-$preset.json" >"$results/cases-$preset" || status=1
    cat "$results/cases-$preset"
    add_counts "$results/cases-$preset"
    ((status == 0)) || tail -n 200 "$results/ctest-$preset.log"
    ((status == 0)) || grep -q '^not ok' "$results/cases-$preset" || bad "ctest on preset $preset"
}

# add_counts FILE: takes its "ok - ", "not ok - " and "counted: P F" lines into the sum.
add_counts() {
    local more less
    more=$(awk '/^ok - / { n++ } /^counted: / { n += $2 } END { print n + 0 }' "$1")
    less=$(awk '/^not ok - / { n++ } /^counted: / { n += $3 } END { print n + 0 }' "$1")
    passed=$((passed + more)) failed=$((failed + less))
    grep -h '^SKIP ' "$1" >>"$results/skips" || true
    grep -h '^real: ' "$1" >>"$results/real" || true
}

run_unit_dev() { run_ctest dev -L unit; }
run_unit_release() { run_ctest release -L unit; }
run_kernel() { run_ctest release -LE unit; }

run_lines() {
    local log=$results/$1 status=0
    shift
    "$@" 2>&1 | tee "$log" || status=$?
    add_counts "$log"
    ((status == 0)) || grep -q '^not ok' "$log" || bad "$* ends with status $status"
}
run_system() { run_lines system.log "$tests/system/run.sh"; }
run_machine() { run_lines machine.log "$tests/vm/run.sh"; }
# A short turn takes the programs of the dev preset; hours are worth optimised ones.
run_fuzz() {
    if ((long)); then
        run_lines fuzz.log "$tests/fuzz/run.sh" 1800
    else
        MOSB_FUZZ_BUILD=$repository/build/dev run_lines fuzz.log "$tests/fuzz/run.sh" 60
    fi
}
run_tidy() {
    if ((long)); then "$tests/tidy.py"; else "$tests/tidy.py" --quick; fi
}
# Debian's python3 has Debian's python3-clang-14.
run_mutants() {
    judge "each change to a decision about signatures is noticed by a test, or has a reason not to be" \
        /usr/bin/python3 "$tests/mutants.py"
}
compare_skips() {
    sort -u "$results/skips" 2>/dev/null >"$results/skips.sorted" || true
    grep -vE '^(#|$)' "$tests/expected-skips.txt" | sort -u >"$results/skips.expected" || true
    echo "== skipped cases: $(wc -l <"$results/skips.sorted")"
    cat "$results/skips.sorted"
    # A part that didn't run has nothing to say about its skips.
    ((whole)) || return 0
    judge "the skipped cases are those of tests/expected-skips.txt" \
        diff -u "$results/skips.expected" "$results/skips.sorted"
}

report() {
    echo "== time"
    awk '{ name[NR] = $1; t[NR] = $2; beside[NR] = $3; if ($3 == "") sum += $2 }
         END { for (i = 1; i <= NR; i++)
                   if (beside[i] != "") printf "%-10s %7.1f s beside the others\n", name[i], t[i]
                   else printf "%-10s %7.1f s %3d %%\n", name[i], t[i], 100 * t[i] / sum
               printf "%-10s %7.1f s, and what waited for what ran beside\n", "all", sum }' "$results/times"
    echo "== cases that ran against something real"
    awk '{ n[$2] += $3 } END { for (what in n) printf "%-10s %d\n", what, n[what] }' \
        "$results/real" 2>/dev/null | sort || true
    compare_skips
    echo "$passed passed, $failed failed"
}

timed packages install_packages
! wants style || timed style check_style
if wants build || wants kernel || wants unit || wants system || wants machine || wants mutants; then
    timed build build_release
fi
if wants dev || wants fuzz; then
    start_beside build-and-unit-dev run_dev
fi
! wants tidy || start_beside tidy run_tidy
! wants unit || timed unit run_unit_release
! wants kernel || timed kernel run_kernel
! wants system || timed system run_system
! wants machine || timed machine run_machine
! wants mutants || timed mutants run_mutants
join_beside build-and-unit-dev
! wants fuzz || timed fuzzers run_fuzz
join_beside tidy
report
((failed == 0))
