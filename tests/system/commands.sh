#!/usr/bin/env bash
# The contract of the command line: exit codes, error lines, JSON on request, one lock.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

test_case "version prints one line" prints_version
prints_version() {
    works mosb version
    contains "$out" '^mosb [0-9]+\.[0-9]+\.[0-9]+'
}

test_case "every command has help with an example" has_help
has_help() {
    local command
    for command in keyset "keyset create" image "image build" "image inspect" "image verify" sign \
        verify trust "trust policy" "trust store" "trust policy check" service mount umount mounts check plan apply ps logs inspect start stop \
        restart exec down doctor version; do
        # shellcheck disable=SC2086 # two words of one command
        works mosb $command --help
        contains "$out" '^Example: mosb .*'"${command##* }"
    done
}

test_case "an unknown command, an unknown flag and a missing argument are usage errors" usage
usage() {
    refused 2 usage 'frobnicate' mosb frobnicate
    refused 2 usage 'no-such-flag' mosb ps --no-such-flag
    refused 2 usage '.' mosb apply
    refused 2 usage '.' mosb
}

test_case "a flag cannot be abbreviated" no_abbreviation
no_abbreviation() { refused 2 usage 'outp' mosb ps --outp json; }

test_case "with -o json an error is one JSON object on standard output" json_error
json_error() {
    run mosb -o json inspect nothing
    equal "$status" 3
    equal "$(json '.error.class')" not-found
    equal "$(json '.error.code')" 3
    contains "$(json '.error.message')" nothing
    run mosb -o json exec nothing -- true
    equal "$status" 125
    equal "$err" ''
    equal "$(json '.error.class')" not-found
    contains "$(json '.error.hint')" 'mosb ps'
    echo 'version: 3' >m.yaml
    run mosb -o json check m.yaml
    equal "$status" 14
    equal "$(json '.valid, (.problems | length > 0)' | xargs)" 'false true'
    equal "$(json '.error.class')" manifest
    equal "$(json '.error.code')" 14
}

test_case "output that cannot be written is an error with its line" full_output
full_output() {
    refused 19 resource 'standard output' bash -c "'$MOSB_BIN/mosb' version >/dev/full"
    refused 19 resource 'standard output' bash -c "'$MOSB_BIN/mosb' -o json version >/dev/full"
    refused 3 not-found 'nothing' \
        bash -c "'$MOSB_BIN/mosb' --root '$root' -o json inspect nothing >/dev/full"
}

test_case "a relative root, one with a slash at its end and one behind a symlink are the same" roots
roots() {
    ln -s "$root" link
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    works "$MOSB_BIN/mosb" --root root/ apply m.yaml
    runs one || fail "not running: $(mosb ps)"
    for given in link ./link/ "$root/" "$root/../root"; do
        works "$MOSB_BIN/mosb" --root "$given" exec one -- true
        works "$MOSB_BIN/mosb" --root "$given" plan m.yaml -o json
        equal "$(json .changed)" false "$given"
    done
    works "$MOSB_BIN/mosb" --root link stop one
    works "$MOSB_BIN/mosb" --root new/one/ ps -o json
    equal "$(json length)" 0
    works "$MOSB_BIN/mosb" --root new/one/ mount "oci:$fixtures/layout:web" m \
        --notation-config "$fixtures/keys/notation"
    works "$MOSB_BIN/mosb" --root new/one umount m
    works "$MOSB_BIN/mosb" --root new/one down
}

test_case "commands that only look make no store" looking
looking() {
    local digest
    digest=sha256:$(printf '0%.0s' {1..64})
    refused 3 not-found '.' mosb image inspect "$digest"
    refused 3 not-found '.' mosb verify "$digest"
    refused 3 not-found '.' mosb signatures "$digest"
    refused 3 not-found '.' mosb trust test "$digest"
    works mosb image ls
    works mosb apply --applied --dry-run
    [[ ! -e $root/var ]] || fail "made: $(find "$root/var")"
}

test_case "an archive is not signed, because the signature would be lost" archive
archive() {
    refused 2 usage 'archive' mosb sign oci-archive:image.tar --key "$fixtures/keys/signing.key" \
        --cert "$fixtures/keys/signing-chain.pem"
    contains "$err" 'hint: sign the layout, then pack it'
}

test_case "a service that does not exist is not found" not_found
not_found() {
    local command
    for command in logs inspect start stop restart; do
        refused 3 not-found 'nothing' mosb "$command" nothing
    done
    run mosb exec nothing -- true
    equal "$status" 125
    contains "$err" '^mosb: not-found: '
}

test_case "an empty machine has no services and no mounts" empty
empty() {
    works mosb ps -o json
    equal "$(jq -c . <<<"$out")" '[]'
    works mosb mounts -o json
    equal "$(jq -c . <<<"$out")" '[]'
    works mosb down
}

test_case "a second mosb gets busy while the first holds the lock" locked
locked() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    works mosb apply m.yaml
    # Without a child, which would keep the lock for as long as it lives.
    flock --no-fork "$root/run/mosb/lock" sleep 100 &
    local holder=$!
    eventually 5 bash -c "! flock -n '$root/run/mosb/lock' true"
    refused 20 busy 'lock|another' mosb apply m.yaml
    refused 20 busy 'lock|another' mosb stop one
    refused 20 busy 'lock|another' mosb down
    works mosb ps
    kill "$holder"
    wait "$holder" || true
    eventually 5 flock -n "$root/run/mosb/lock" true
    works mosb apply m.yaml
}

test_case "doctor says what this host can enforce" doctor
doctor() {
    works mosb doctor -o json
    json 'length > 5' >/dev/null
    json 'all(.[]; (.capability | length > 0) and (.status | IN("ok", "degraded", "missing")))'
    works mosb doctor
}

test_case "doctor says whether KVM works, as a machine will find it, and what else machines need" doctor_machines
doctor_machines() {
    works mosb doctor -o json
    local probe status
    status=$(json '.[] | select(.capability == "KVM").status')
    probe=$(jq -r .outcome "$root/run/mosb/kvm-probe.json" 2>/dev/null || echo absent)
    equal "$status" "$(case $probe in works) echo ok ;; fails) echo degraded ;; *) echo missing ;; esac)"
    equal "$(json '[.[] | select(.capability | IN("qemu", "TPM", "UEFI")).status] | unique | join(" ")')" ok
    equal "$(json '.[] | select(.capability == "vsock").status')" \
        "$([[ -w /dev/vhost-vsock ]] && echo ok || echo missing)"
    # What was found once is not asked again.
    [[ $probe == absent ]] || {
        jq -c '.outcome = "fails" | .detail = "as the file says"' "$root/run/mosb/kvm-probe.json" >probe
        cp probe "$root/run/mosb/kvm-probe.json"
        works mosb doctor
        contains "$out" "^KVM +degraded +it does not work: as the file says"
    }
}

test_case "control characters from outside are escaped in errors" escaped
escaped() {
    refused 3 not-found '\\x1b|\\u001b|\\e|\\033' mosb inspect $'a\x1b[31mred'
    lacks "$err" $'\x1b'
}

run_cases "$@"
