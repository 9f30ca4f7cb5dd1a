#!/usr/bin/env bash
# docs/quickstart.sh does what it says it does, on the programs that are built.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

quickstart() { PORT=$(free_port) run "$repository/docs/quickstart.sh" "$work/quickstart"; }

# shows REGEX…: lines of the output, in this order.
shows() {
    local rest=$out regex line
    for regex in "$@"; do
        line=$(grep -nE -m 1 -- "$regex" <<<"$rest") || fail "after what is above, no '$regex' in '$out'"
        rest=$(tail -n "+$((${line%%:*} + 1))" <<<"$rest")
    done
}

test_case "the quickstart runs a signed service, shows what a changed byte does, and cleans up" \
    shows_everything
shows_everything() {
    quickstart
    ((status == 0)) || fail "it ended with $status: $err$out"
    shows '^. mosb keyset create' 'mosb image build' 'mosb sign' 'mosb plan' 'mosb apply' \
        '^Hello from a verified layer' '^web .*(running|ready)' 'md5sum /data/unread' '^web .*degraded' 'mosb stop web' \
        'mosb start web' '^Done\.'
    contains "$err" '^mosb: signature: .*no signature'
    contains "$err" "can't read '/data/unread': (Input/output|I/O) error"
    contains "$err" '^mosb: verity: '
    [[ ! -e $work/quickstart ]] || fail "its folder is still there"
}

test_case "the quickstart can be run again" again
again() {
    quickstart
    ((status == 0)) || fail "it ended with $status: $err$out"
    quickstart
    ((status == 0)) || fail "the second time it ended with $status: $err$out"
}

test_case "the quickstart leaves alone a folder that is not its own" foreign_folder
foreign_folder() {
    mkdir "$work/quickstart"
    echo precious >"$work/quickstart/file"
    quickstart
    equal "$status" 1
    contains "$err" "holds things that are not this script's"
    equal "$(cat "$work/quickstart/file")" precious
}

run_cases "$@"
