# shellcheck shell=bash
# shellcheck disable=SC2154 # assert.sh and the theme set what is used here
# kill -9 of mosb at any of its calls. Source it after assert.sh and set `changing`: the calls by
# which a mosb changes the machine, separated by commas; a kill comes as the N-th of them starts.

# What runs strace and mosb, for themes that do it elsewhere, and the mosb that is run.
declare -a killed_where=()
killed_mosb() { echo "$MOSB_BIN/mosb"; }

# points_of COUNT ARGUMENTS: runs mosb once and keeps about COUNT of its changing calls, spread over
# the whole run (all of them with MOSB_LONG=1), as CALL:WHICH, e.g. mount_setattr:2, in the file
# `points`.
points_of() {
    local count=$1 total step
    shift
    "${killed_where[@]}" strace -o "$work/calls" -e trace="$changing" \
        "$(killed_mosb)" --root "$root" "$@" >/dev/null 2>&1 </dev/null
    total=$(grep -c '^[a-z]' "$work/calls")
    step=$(((total + count - 1) / count))
    [[ ${MOSB_LONG:-0} != 1 ]] || step=1
    awk -F'(' -v step="$step" -v also="${also_points:-^$}" '/^[a-z]/ { n[$1]++
        if (++i % step == 0 || $1 ~ also && ++s % (step > 1 ? 10 : 1) == 0) print $1 ":" n[$1] }' \
        "$work/calls" >"$work/points"
    (($(wc -l <"$work/points") >= count / 2)) || fail "a run makes $total changing calls only"
}

# killed_at POINT ARGUMENTS: mosb, ended by SIGKILL as it makes that call.
kills=0
killed_at() {
    local call=${1%:*} which=${1#*:} status=0
    shift
    "${killed_where[@]}" timeout -k 5 60 strace -o /dev/null -e trace="$call" \
        -e inject="$call:signal=SIGKILL:when=$which" \
        "$(killed_mosb)" --root "$root" "$@" >/dev/null 2>&1 </dev/null || status=$?
    ((status != 137)) || kills=$((kills + 1))
}

# A test that kills nothing shows nothing.
enough_kills() {
    local of
    of=$(wc -l <"$work/points")
    ((kills * 4 >= of * 3)) || fail "only $kills of $of runs were killed"
}
