#!/usr/bin/env bash
# Signatures and policy, with the real notation as the judge of both directions.
# real: notation
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

notation_bin=${MOSB_NOTATION:-$("$support/fetch_notation.sh" 2>/dev/null)}
[[ -x $notation_bin/notation ]] || { echo "not ok - the real notation is there"; exit 1; }

# The real notation on a configuration directory; layouts are an experiment of notation's.
notation() {
    local config=$1
    shift
    XDG_CONFIG_HOME=$work/$config NOTATION_EXPERIMENTAL=1 "$notation_bin/notation" "$@"
}

# notation_home DIR KEYSET: a configuration as notation looks for it.
notation_home() {
    mkdir -p "$1"
    cp -r "$fixtures/$2/notation" "$1/notation"
}

test_case "notation verifies what mosb signed" notation_verifies
notation_verifies() {
    notation_home home keys
    copy_layout l
    notation home verify --oci-layout --scope local/mosb "l@$(image_digest l web)" >log 2>&1 ||
        fail "notation: $(cat log)"
}

test_case "mosb verifies what notation signed" mosb_verifies
mosb_verifies() {
    notation_home home keys
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:x --entrypoint /bin/sh
    refused 12 signature 'signature' mosb verify oci:l:x
    # notation reads keys from its own configuration
    jq -n --arg k "$fixtures/keys/signing.key" --arg c "$fixtures/keys/signing-chain.pem" \
        '{default: "k", keys: [{name: "k", keyPath: $k, certPath: $c}]}' \
        >home/notation/signingkeys.json
    notation home sign --oci-layout "l@$(image_digest l x)" >log 2>&1 ||
        fail "notation: $(cat log)"
    works mosb verify oci:l:x -o json
    equal "$(json .outcome)" verified
    equal "$(json '.signatures[0].checks.integrity')" pass
}

test_case "all six key algorithms sign here in both formats and verify with notation" six_algorithms
six_algorithms() {
    local algorithm format
    for algorithm in rsa-2048 rsa-3072 rsa-4096 ec-256 ec-384 ec-521; do
        works mosb keyset create "k-$algorithm" --name "$algorithm" --algorithm "$algorithm"
        mkdir "home-$algorithm"
        cp -r "k-$algorithm/notation" "home-$algorithm/notation"
        for format in jws cose; do
            works mosb image build --rootfs "$fixtures/rootfs" -t "oci:l-$algorithm-$format:x" \
                --entrypoint /bin/sh
            works mosb sign "oci:l-$algorithm-$format:x" --key "k-$algorithm/signing.key" \
                --cert "k-$algorithm/signing-chain.pem" --signature-format "$format"
            works mosb verify "oci:l-$algorithm-$format:x" \
                --notation-config "k-$algorithm/notation"
            notation "home-$algorithm" verify --oci-layout --scope local/mosb \
                "l-$algorithm-$format@$(image_digest "l-$algorithm-$format" x)" >log 2>&1 ||
                fail "notation on $algorithm in $format: $(cat log)"
        done
    done
}

test_case "a COSE signature of notation's is verified, listed and explained" cose
cose() {
    notation_home home keys
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:x --entrypoint /bin/sh
    jq -n --arg k "$fixtures/keys/signing.key" --arg c "$fixtures/keys/signing-chain.pem" \
        '{default: "k", keys: [{name: "k", keyPath: $k, certPath: $c}]}' \
        >home/notation/signingkeys.json
    notation home sign --oci-layout --signature-format cose "l@$(image_digest l x)" >log 2>&1 ||
        fail "notation: $(cat log)"
    works mosb verify oci:l:x -o json
    equal "$(json '.signatures[0].media_type')" application/cose
    equal "$(json '.signatures[0].checks.integrity')" pass
    works mosb signatures oci:l:x -o json
    equal "$(json '.[0].media_type')" application/cose
    works mosb trust test oci:l:x
    contains "$out" application/cose
}

test_case "the format that notation's config.json names is signed in by both" config_format
config_format() {
    notation_home home keys
    jq -n --arg k "$fixtures/keys/signing.key" --arg c "$fixtures/keys/signing-chain.pem" \
        '{default: "k", keys: [{name: "k", keyPath: $k, certPath: $c}]}' \
        >home/notation/signingkeys.json
    echo '{"signatureFormat": "cose"}' >home/notation/config.json
    local who
    for who in mosb notation; do
        works mosb image build --rootfs "$fixtures/rootfs" -t "oci:$who:x" --entrypoint /bin/sh
    done
    works mosb sign oci:mosb:x --key-name k --notation-config home/notation
    notation home sign --oci-layout "notation@$(image_digest notation x)" >log 2>&1 ||
        fail "notation: $(cat log)"
    for who in mosb notation; do
        works mosb signatures "oci:$who:x" -o json
        equal "$(json '.[0].media_type')" application/cose "$who"
    done
    works mosb sign oci:mosb:x --key-name k --notation-config home/notation --format jws
    works mosb signatures oci:mosb:x -o json
    contains "$out" application/jose
    echo '{"signatureFormat": "pgp"}' >home/notation/config.json
    refused 11 content 'signatureFormat' \
        mosb sign oci:mosb:x --key-name k --notation-config home/notation
    contains "$err" '^hint: write "jws" or "cose"'
    refused 13 policy "'home/none'" mosb sign oci:mosb:x --key "$fixtures/keys/signing.key" \
        --cert "$fixtures/keys/signing-chain.pem" --notation-config home/none
}

test_case "user metadata is signed and asked for on both sides" metadata
metadata() {
    notation_home home keys
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:x --entrypoint /bin/sh
    works mosb sign oci:l:x --key "$fixtures/keys/signing.key" \
        --cert "$fixtures/keys/signing-chain.pem" --metadata stage=final
    works mosb verify oci:l:x --metadata stage=final
    refused 12 signature 'metadata' mosb verify oci:l:x --metadata stage=draft
    notation home verify --oci-layout --scope local/mosb -m stage=final \
        "l@$(image_digest l x)" >log 2>&1 || fail "notation: $(cat log)"
}

test_case "an expired signature is refused" expired
expired() {
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:x --entrypoint /bin/sh
    works mosb sign oci:l:x --key "$fixtures/keys/signing.key" \
        --cert "$fixtures/keys/signing-chain.pem" --expiry 1s
    sleep 2.2
    refused 12 signature 'expir' mosb verify oci:l:x
}

# at TIME: what mosb has to be run with to have a clock that goes on from that time.
at() { by_then=(env FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f "@$1" "$MOSB_BIN/mosb" --root "$root"); }
# A service whose image was signed for some seconds, which are over when this returns.
expired_service() {
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:x --entrypoint /bin/sleep \
        --cmd 100000
    works mosb sign oci:l:x --key "$fixtures/keys/signing.key" \
        --cert "$fixtures/keys/signing-chain.pem" --expiry 10s
    manifest_v2 m.yaml < <(service one "oci:$work/l:x")
    works mosb apply m.yaml
    works mosb ps -o json
    local end
    end=$(date -d "$(json '.[0].signature.counts_until')" +%s)
    works mosb ps
    contains "$out" "verified until $(date -ud "@$end" +%F)"
    while (($(date +%s) <= end)); do sleep 0.2; done
    refused 12 signature 'expir' mosb verify oci:l:x
    works mosb ps
    contains "$out" "verified, ended $(date -ud "@$end" +%F)"
}

test_case "a service keeps the verdict that it was admitted with, but is not admitted anew" keeps_verdict
keeps_verdict() {
    expired_service
    works mosb restart one
    works mosb stop one
    works mosb start one
    works mosb apply --applied
    runs one
    refused 12 signature "service 'one'.*expir" mosb apply m.yaml
    runs one
    # what is trusted is today's matter all the same
    notation_config=$fixtures/other/notation
    configure
    refused 12 signature "service 'one'" mosb restart one --notation-config "$notation_config"
    runs one
}

test_case "trust.recheck has starts judge by the present time" rechecks
rechecks() {
    expired_service
    configure '  recheck: start'
    refused 12 signature "service 'one'.*expir" mosb restart one
    runs one
    refused 12 signature "service 'one'.*expir" mosb apply --applied
    runs one
    configure '  recheck: daily'
    works mosb restart one
    runs one
    at "$(date -d '25 hours' '+%F %T')"
    refused 12 signature "service 'one'.*expir" "${by_then[@]}" restart one
    configure '  recheck: weekly'
    refused 14 manifest 'trust.recheck' mosb restart one
}

test_case "a clock that shows a time before this mosb was made judges nothing" early_clock
early_clock() {
    manifest_v2 m.yaml < <(service one "oci:$fixtures/layout:shell")
    works mosb apply m.yaml
    at '2020-01-01 00:00:00'
    for command in "verify oci:$fixtures/layout:shell" 'apply m.yaml'; do
        # shellcheck disable=SC2086 # the words of a command
        refused 13 policy 'the clock shows 2020-01-01T00:0' "${by_then[@]}" $command
        contains "$err" '^hint: set the clock'
    done
    # at boot there may be no clock yet
    works "${by_then[@]}" restart one
    runs one
    configure '  recheck: start'
    refused 13 policy 'the clock shows 2020' "${by_then[@]}" restart one
}

test_case "a policy asking for what is not built yet fails closed" fails_closed
fails_closed() {
    cp -r "$fixtures/keys/notation" policy
    find policy -name 'trustpolicy*.json' -print0 | xargs -0 sed -i \
        's/"level": *"strict"/"level": "strict", "override": {"revocation": "enforce"}/'
    run mosb verify "oci:$fixtures/layout:web" --notation-config policy
    # revocation cannot be asked here: a certificate without responders passes, others must not
    [[ $status == 0 || $status == 12 || $status == 13 ]] || fail "status $status: $err"
}

test_case "a policy that asks for timestamps is refused where it enforces them, and says so" timestamps
timestamps() {
    local image="oci:$fixtures/layout:web" file filter
    cp -r "$fixtures/keys/notation" policy
    works mosb trust store add --notation-config policy --type tsa --store stamps \
        "$fixtures/other/root.crt"
    file=$(find policy -name 'trustpolicy*.json')
    # with_policy FILTER: the keyset's statements, each with the tsa store, changed by FILTER.
    with_policy() {
        jq ".trustPolicies[] |= (.trustStores += [\"tsa:stamps\"] | .signatureVerification |= ($1))" \
            "$fixtures/keys/notation/${file##*/}" >"$file"
        works mosb trust policy check "$file"
    }
    manifest_v2 m.yaml < <(service one "oci:$fixtures/layout:shell")
    for filter in . '.verifyTimestamp = "always"' \
        '.level = "permissive" | .override = {authenticTimestamp: "enforce"}'; do
        with_policy "$filter"
        refused 12 signature 'timestamp' mosb verify "$image" --notation-config policy
        contains "$err" '^hint: .*tsa'
        refused 12 signature "service 'one'.*timestamp" mosb apply m.yaml --notation-config policy
        works mosb ps -o json
        equal "$(json length)" 0
        run mosb verify "$image" --notation-config policy -o json
        equal "$(json '.signatures[0].checks.authentic_timestamp')" fail
    done
    with_policy '.level = "permissive"'
    works mosb verify "$image" --notation-config policy
    contains "$err" '^mosb: warning: .*timestamp'
    # asked for only when a certificate has expired, of which there is none
    with_policy '.verifyTimestamp = "afterCertExpiry"'
    works mosb verify "$image" --notation-config policy
    lacks "$err" timestamp
}

test_case "trust policy check accepts the keyset's policy and refuses broken ones" policy_check
policy_check() {
    works mosb trust policy check "$(find "$fixtures/keys/notation" -name 'trustpolicy*.json')"
    echo '{"version": "1.0", "trustPolicies": []}' >empty.json
    refused 13 policy '.' mosb trust policy check empty.json
    echo '{"version": "1.0", "trustPolicies": [' >cut.json
    refused 13 policy '.' mosb trust policy check cut.json
}

run_cases "$@"
