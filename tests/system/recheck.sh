#!/usr/bin/env bash
# trust.recheck: daily: what becomes of services whose image counts no more, with openssl's OCSP
# responder, CRLs over HTTP and containers that run.
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

# The serial number of the certificate that signs.
serial=1001

# authority EXTENSION: a certificate authority in ca/ and a signer whose certificate says so who
# knows whether it is revoked; a notation configuration that trusts the authority and the fixtures'
# keyset strictly.
authority() {
    mkdir -p ca
    export NOTATION_CACHE=$work/cache
    cat >ca/openssl.cnf <<END
[req]
prompt = no
distinguished_name = name
[name]
C = US
ST = WA
O = example
CN = revocable
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = codeSigning
$1
[ca]
default_ca = this
[this]
database = $work/ca/index
crlnumber = $work/ca/crlnumber
default_md = sha256
END
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
        -config ca/openssl.cnf -extensions root -keyout ca/root.key -out ca/root.crt 2>ca/log
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -config ca/openssl.cnf -keyout ca/leaf.key -out ca/leaf.csr 2>>ca/log
    openssl x509 -req -in ca/leaf.csr -CA ca/root.crt -CAkey ca/root.key -set_serial "0x$serial" \
        -days 10 -extfile ca/openssl.cnf -extensions leaf -out ca/leaf.crt 2>>ca/log
    cat ca/leaf.crt ca/root.crt >ca/chain.pem
    : >ca/index.attr
    echo 01 >ca/crlnumber
    index V
    cp -r "$fixtures/keys/notation" policy
    works mosb trust store add --notation-config policy --type ca --store revocable ca/root.crt
    local file
    file=$(find policy -name 'trustpolicy*.json')
    jq '.trustPolicies[] |= (.trustStores += ["ca:revocable"] | .trustedIdentities = ["*"])' \
        "$fixtures/keys/notation/${file##*/}" >"$file"
    notation_config=$work/policy
    configure '  recheck: daily'
}

# index V|R: what the authority knows of the signer's certificate: valid or revoked.
index() {
    local revoked=
    [[ $1 == V ]] || revoked=$(date -ud '1 hour ago' +%y%m%d%H%M%SZ)
    printf '%s\t400101000000Z\t%s\t%s\tunknown\t/CN=revocable\n' "$1" "$revoked" "$serial" >ca/index
}

# responder: openssl's, on the port that the certificate names; $responder is its process.
responder() {
    openssl ocsp -index ca/index -port "$port" -CA ca/root.crt -rsigner ca/root.crt \
        -rkey ca/root.key -nmin 60 >ca/responder.out 2>ca/responder.err &
    responder=$!
    eventually 20 grep -q '^ACCEPT' ca/responder.out
}
no_responder() {
    kill "$responder"
    wait "$responder" 2>/dev/null || true
}

# An image that the authority's signer signed, as service `one`, and one of the fixtures, `two`.
two_services() {
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:x --entrypoint /bin/sleep \
        --cmd 100000
    works mosb sign oci:l:x --key ca/leaf.key --cert ca/chain.pem
    manifest_v2 m.yaml < <(service one "oci:$work/l:x" && service two "oci:$fixtures/layout:shell")
    works mosb apply m.yaml
    runs one
    pids_before=$(pids)
}
pids() { mosb ps -o json | jq -c '[.[] | {service, pid}]'; }
pid_of() { mosb ps -o json | jq -r --arg n "$1" '.[] | select(.service == $n) | .pid'; }
# The record of what is applied.
applied() { sha256sum "$root/var/lib/mosb/state/applied"; }
recheck() { works mosb apply --applied --recheck; }

with_responder() {
    port=$(free_port)
    authority "authorityInfoAccess = OCSP;URI:http://localhost:$port"
    responder
    two_services
}

# blocked REASON: service `one` is not running any more, and whoever looks is told why.
blocked() {
    works mosb ps -o json
    equal "$(json '.[0].state')" blocked
    equal "$(json '.[0].signature.recheck.outcome')" refused
    contains "$(json '.[0].signature.recheck.reason')" "$1"
    contains "$(json '.[0].message')" "its image counts no more: .*$1"
    equal "$(jq '.[0].pid' <<<"$out")" null
    works mosb ps
    contains "$out" "^one .* blocked .*$1"
    works mosb inspect one
    equal "$(json .state)" blocked
    works mosb mounts -o json
    equal "$(jq '[.[] | select(.target | contains("/one/"))] | length' <<<"$out")" 0
    equal "$(pid_of two)" "$two"
}

test_case "a service whose certificate was revoked is stopped, and starts again once it counts" revoked
revoked() {
    with_responder
    two=$(pid_of two)
    recheck
    equal "$out$err" ''
    equal "$(pids)" "$pids_before"
    no_responder
    index R
    responder
    local before
    before=$(applied)
    refused 13 policy "service 'one' would be stopped: .* is revoked" \
        mosb apply --applied --recheck --dry-run
    equal "$(applied)" "$before"
    equal "$(pids)" "$pids_before"
    refused 13 policy "service 'one' was stopped: its image counts no more: .*'.*CN=revocable.*' is revoked" \
        mosb apply --applied --recheck
    contains "$out" '^stop +one: its image counts no more'
    contains "$err" '^hint: .*mosb start one'
    blocked 'is revoked'
    # again it has nothing to do
    before=$(applied)
    recheck
    equal "$out$err" ''
    equal "$(applied)" "$before"
    # starts ask, though the service was admitted today
    refused 12 signature "service 'one'.*is revoked" mosb start one
    refused 12 signature "service 'one'.*is revoked" mosb restart one
    refused 12 signature "service 'one'.*is revoked" mosb apply --applied
    blocked 'is revoked'
    configure
    refused 12 signature "service 'one'.*is revoked" mosb apply --applied
    configure '  recheck: daily'
    # the authority took it back
    no_responder
    index V
    responder
    works mosb start one
    runs one
    works mosb ps -o json
    equal "$(jq '.[0].signature.recheck' <<<"$out")" null
    recheck
    runs one
    no_responder
}

test_case "with the responder away services run on, and are said to" away
away() {
    with_responder
    no_responder
    refused 12 signature "service 'one' runs on; .*cannot be found out" mosb apply --applied --recheck
    contains "$err" '^hint: .*mosb apply --applied --recheck'
    equal "$(pids)" "$pids_before"
    works mosb ps -o json
    runs one
    equal "$(json '.[0].signature.recheck.outcome')" undetermined
    contains "$(json '.[0].message')" 'whether its image still counts could not be found out'
    equal "$(jq '.[1].signature.recheck' <<<"$out")" null
    local before
    before=$(applied)
    run mosb apply --applied --recheck -o json
    equal "$status" 12
    equal "$(json .error.code)" 12
    equal "$(json '.undetermined[0].service')" one
    equal "$(json '.refused | length')" 0
    equal "$(applied)" "$before"
    # a start within a day keeps the verdict
    works mosb restart one
    works mosb ps -o json
    equal "$(json '.[0].signature.recheck.outcome')" undetermined
    responder
    recheck
    works mosb ps -o json
    equal "$(jq '.[0].signature.recheck' <<<"$out")" null
    # found out at last
    no_responder
    refused 12 signature 'runs on' mosb apply --applied --recheck
    index R
    responder
    two=$(pid_of two)
    run mosb apply --applied --recheck -o json
    equal "$status" 13
    equal "$(json '.refused[0].service')" one
    equal "$(json '.steps[0].action')" stop
    equal "$(json .error.class)" policy
    blocked 'is revoked'
    no_responder
}

test_case "with recheck never or start nobody is asked, and nothing is stopped" never
never() {
    with_responder
    no_responder
    index R
    responder
    local how
    for how in '' '  recheck: never' '  recheck: start'; do
        configure "$how"
        recheck
        equal "$out$err" ''
    done
    equal "$(pids)" "$pids_before"
    equal "$(grep -c 'Received request' ca/responder.err || true)" 0
    refused 2 usage 'goes with --applied' mosb apply m.yaml --recheck
    refused 2 usage 'without --network-only' mosb apply --applied --recheck --network-only
    no_responder
}

test_case "a list of revoked certificates counts until it ends, and the next one stops the service" by_list
by_list() {
    port=$(free_port)
    authority "crlDistributionPoints = URI:http://localhost:$port/a.crl"
    mkdir www
    list() {
        openssl ca -config ca/openssl.cnf -gencrl -crlsec "$1" -keyfile ca/root.key \
            -cert ca/root.crt -out ca/crl.pem 2>>ca/log
        openssl crl -in ca/crl.pem -outform DER -out www/a.crl
    }
    list 15
    local end=$((SECONDS + 16))
    python3 -m http.server -b 127.0.0.1 -d www "$port" >ca/responder.out 2>&1 &
    responder=$!
    eventually 20 curl -s "http://localhost:$port/a.crl" -o probe
    two_services
    two=$(pid_of two)
    index R
    list 3600
    recheck
    runs one
    while ((SECONDS <= end)); do sleep 0.2; done
    refused 13 policy "service 'one' was stopped: .* is revoked" mosb apply --applied --recheck
    blocked 'is revoked'
    no_responder
}

# both_run_on REASON: neither service can be judged.
both_run_on() {
    run mosb apply --applied --recheck
    equal "$status" 13
    contains "$err" "^mosb: policy: service 'one' runs on; .*$1"
    contains "$err" "^mosb: warning: service 'two' runs on; .*$1"
    equal "$(pids)" "$pids_before"
}

test_case "what has expired, and whom the operator trusts no more, is stopped; half a configuration stops nothing" distrust
distrust() {
    authority '# nobody can be asked'
    two_services
    two=$(pid_of two)
    local file
    file=$(find policy -name 'trustpolicy*.json')
    cp "$file" good
    head -c 100 good >"$file"
    both_run_on 'trust policy'
    cp good "$file"
    cp ca/root.crt root.crt
    echo garbage >policy/truststore/x509/ca/revocable/root.crt
    both_run_on 'trust store'
    mv policy elsewhere
    both_run_on 'notation configuration'
    mv elsewhere policy
    cp root.crt policy/truststore/x509/ca/revocable/root.crt
    recheck
    equal "$(pids)" "$pids_before"
    # the image that the store lost runs on, too
    local manifest
    manifest=$root/var/lib/mosb/store/blobs/sha256/$(image_digest l x | cut -d: -f2)
    mv "$manifest" blob
    refused 11 content "service 'one' runs on" mosb apply --applied --recheck
    mv blob "$manifest"
    # nor is a signature that it lost none
    manifest=$(grep -l "$(image_digest l x)" "$root"/var/lib/mosb/store/blobs/sha256/* |
        xargs grep -l 'vnd.cncf.notary.signature')
    mv "$manifest" blob
    refused 11 content "service 'one' runs on" mosb apply --applied --recheck
    tr a b <blob >"$manifest"
    refused 11 content "service 'one' runs on" mosb apply --applied --recheck
    equal "$(pids)" "$pids_before"
    works mosb apply m.yaml
    cmp blob "$manifest"
    recheck
    equal "$(pids)" "$pids_before"
    by_then=(env FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f "@2020-01-01 00:00:00" "$MOSB_BIN/mosb" --root "$root")
    refused 13 policy 'the clock shows 2020' "${by_then[@]}" apply --applied --recheck
    equal "$(pids)" "$pids_before"
    jq '.trustPolicies[].trustStores -= ["ca:revocable"]' good >"$file"
    refused 13 policy "service 'one' was stopped: .*is in trust store" mosb apply --applied --recheck
    blocked 'is in trust store'
    # trusted again
    cp good "$file"
    works mosb apply --applied
    runs one
    # its certificate is valid for ten days, the others' for years
    by_then=(env FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f "@$(date -d '11 days' '+%F %T')" "$MOSB_BIN/mosb" --root "$root")
    refused 13 policy "service 'one' was stopped: .*expired" "${by_then[@]}" apply --applied --recheck
    blocked 'expired'
    # who took all stores away trusts nobody; with one of two gone, that is half a configuration
    works mosb apply m.yaml
    runs one
    pids_before=$(pids)
    works mosb trust store rm --notation-config policy --type ca --store revocable
    both_run_on 'does not exist'
    rm -r policy/truststore/x509/ca/*
    run mosb apply --applied --recheck
    equal "$status" 13
    contains "$err" "^mosb: policy: service 'one' was stopped: .*does not exist"
    contains "$err" "^mosb: warning: service 'two' was stopped: .*does not exist"
}

test_case "what was found revoked is stopped by the next run, though nobody answers any more" stands
stands() {
    with_responder
    no_responder
    index R
    responder
    two=$(pid_of two)
    # Known, and nothing is stopped yet.
    timeout 60 strace -f -o trace -e trace=kill,pidfd_send_signal \
        -e inject=kill,pidfd_send_signal:signal=KILL:when=1 \
        "$MOSB_BIN/mosb" --root "$root" apply --applied --recheck >log 2>&1 || true
    contains "$(<trace)" 'killed by SIGKILL'
    equal "$(pids)" "$pids_before"
    no_responder
    works mosb ps -o json
    equal "$(json '.[0].signature.recheck.outcome')" refused
    refused 13 policy "service 'one' was stopped: .* is revoked" mosb apply --applied --recheck
    blocked 'is revoked'
}

test_case "where one service is stopped and another can't be judged, the status has the unit ask again" mixed
mixed() {
    with_responder
    no_responder
    local file store
    file=$(find policy -name 'trustpolicy*.json')
    store=$(jq -r '.trustPolicies[0].trustStores[] | select(. != "ca:revocable")' "$file")
    jq --arg store "$store" '.trustPolicies[].trustStores -= [$store]' "$file" >without
    cp without "$file"
    run mosb apply --applied --recheck
    equal "$status" 12
    contains "$err" "^mosb: signature: service 'one' runs on; .*cannot be found out"
    contains "$err" "^mosb: warning: service 'two' was stopped: .*is in trust store"
    contains "$out" '^stop +two: its image counts no more'
    runs one
    works mosb ps -o json
    equal "$(json '.[1].state')" blocked
    # What was stopped is not told again.
    responder
    recheck
    equal "$out$err" ''
    no_responder
}

test_case "a recheck that was killed at any call is finished by the next one" killed
killed() {
    with_responder
    no_responder
    index R
    responder
    two=$(pid_of two)
    local n
    for n in 1 4 7 10 13 16 20 25 30; do
        timeout 60 strace -f -o trace -e 'trace=rename,renameat,renameat2,unlink,unlinkat,rmdir,kill,umount2,fsync,pidfd_send_signal' \
            -e "inject=rename,renameat,renameat2,unlink,unlinkat,rmdir,kill,umount2,fsync,pidfd_send_signal:signal=KILL:when=$n" \
            "$MOSB_BIN/mosb" --root "$root" apply --applied --recheck >log 2>&1 || true
        run mosb apply --applied --recheck
        [[ $status == 13 || $status == 0 ]] || fail "after the kill at $n: $status: $err"
        blocked 'is revoked'
        no_responder
        index V
        responder
        works mosb start one
        no_responder
        index R
        responder
        grep -q 'killed by SIGKILL' trace || break
    done
    no_responder
}

run_cases "$@"
