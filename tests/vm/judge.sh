# shellcheck shell=bash
# judge SENTENCE COMMAND…: one line of result, with the output when it fails. Sourced; `work` is a
# folder, and `failed` becomes 1 with the first that fails.
# shellcheck disable=SC2034 # read by who sources this
failed=0
judge() {
    local name=$1 status
    shift
    # Not as a condition, where bash ignores set -e in what is called.
    set +e
    (set -e && "$@") >"${work:?}/said" 2>&1
    status=$?
    set -e
    if ((status == 0)); then
        echo "ok - $name"
    else
        failed=1
        echo "not ok - $name"
        tail -n 40 "$work/said" | sed 's/^/    /'
    fi
}
