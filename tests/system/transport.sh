#!/usr/bin/env bash
# Where content and logins come from: mirrors, credential helpers, notation's insecure registries.
# real: registry kernel notation
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"
source "${0%/*}/../support/registries.sh"

# mirrored HOST MIRROR…: HOST has these mirrors; the real registry, the one with faults and HOST
# itself, if it is one of them, speak plain HTTP.
mirrored() {
    local host=$1 list
    shift
    list=$(printf '%s, ' "$@")
    local -a lines=('registries:' "  - host: $host" "    mirrors: [${list%, }]")
    [[ $host != "$registry" ]] || lines+=('    insecure: true')
    [[ $host == "$registry" ]] || lines+=("  - host: $registry" '    insecure: true')
    [[ -z ${faulty:-} ]] || lines+=("  - host: $faulty" '    insecure: true')
    configure "${lines[@]}"
}

layer_digest() { basename "$(layer_blob "$fixtures/layout" "$1")"; }

test_case "an image of a registry that is away runs from its mirror, under the registry's name" from_mirror
from_mirror() {
    start_registry
    skopeo copy -q --dest-tls-verify=false "oci:$fixtures/layout:shell" \
        "docker://$registry/proxy/test/shell:v1"
    oras_sign "$registry/proxy/test/shell"
    mirrored registry.invalid "127.0.0.1:1" "$registry/proxy"
    works mosb trust test docker://registry.invalid/test/shell:v1 -o json
    equal "$(json .scope)" registry.invalid/test/shell
    works mosb verify docker://registry.invalid/test/shell:v1
    contains "$err" '127.0.0.1:1/test/shell is left for another place'
    manifest_v2 m.yaml < <(service one docker://registry.invalid/test/shell:v1)
    works mosb apply m.yaml
    eventually 10 runs one
    works mosb ps -o json
    equal "$(json '.[0].image.ref')" docker://registry.invalid/test/shell:v1
}

test_case "a mirror that serves a changed blob is left, and the registry's right one runs" lying_mirror
lying_mirror() {
    start_registry
    push shell
    local digest
    digest=$(layer_digest shell)
    jq -n --arg p "/v2/test/shell/blobs/sha256:$digest" \
        --argjson n "$(stat -c %s "$(layer_blob "$fixtures/layout" shell)")" \
        '[{method: "GET", path: $p, fill: $n}]' >faults.json
    start_faults
    mirrored "$registry" "$faulty"
    manifest_v2 m.yaml < <(service one "docker://$registry/test/shell:v1")
    works mosb apply m.yaml
    contains "$err" "warning: $faulty/test/shell is left for another place: .*$digest"
    eventually 10 runs one
    equal "$(sha256sum <"$root/var/lib/mosb/store/blobs/sha256/$digest")" "$digest  -"
    works mosb image verify "docker://$registry/test/shell:v1"
}

test_case "a mirror that dies in the middle of a blob is gone on without" dying_mirror
dying_mirror() {
    start_registry
    push shell
    jq -n --arg p "/v2/test/shell/blobs/sha256:$(layer_digest shell)" \
        '[{method: "GET", path: $p, behind: true, cut_after: 50000, leave: true}]' >faults.json
    start_faults
    mirrored "$registry" "$faulty"
    manifest_v2 m.yaml < <(service one "docker://$registry/test/shell:v1")
    works mosb apply m.yaml
    contains "$err" "$faulty/test/shell is left for another place"
    eventually 10 runs one
}

test_case "a mirror that stalls holds nothing up for long" stalling_mirror
stalling_mirror() {
    start_registry
    push shell
    echo '[{"delay_ms": 600000}]' >faults.json
    start_faults
    mirrored "$registry" "$faulty"
    local start=$SECONDS
    works mosb verify "docker://$registry/test/shell:v1"
    ((SECONDS - start <= 25)) || fail "it took $((SECONDS - start)) seconds"
    equal "$(wc -l <faults.log)" 1 "how often the mirror was asked"
}

test_case "a mirror that is silent holds up one service of a manifest, not each" silent_mirror
silent_mirror() {
    start_registry
    push shell
    push web
    echo '[{"raw_base64": ""}]' >faults.json
    start_faults
    mirrored "$registry" "$faulty"
    manifest_v2 m.yaml < <(
        service a "docker://$registry/test/shell:v1"
        service b "docker://$registry/test/web:v1"
    )
    works mosb apply m.yaml
    contains "$err" "$faulty/test/web is left for another place.*gave no answer before"
    equal "$(wc -l <faults.log)" 1 "how often the mirror was asked"
}

test_case "a mirror's other image under the tag is refused for its signature, and never signed" other_image
other_image() {
    start_registry
    skopeo copy -q --dest-tls-verify=false "oci:$fixtures/layout:shell" \
        "docker://$registry/test/shell:v1"
    skopeo copy -q --dest-tls-verify=false "oci:$fixtures/layout:web" \
        "docker://$registry/proxy/test/shell:v1"
    mirrored "$registry" "$registry/proxy"
    refused 12 signature 'no signature' mosb verify "docker://$registry/test/shell:v1"
    manifest_v2 m.yaml < <(service one "docker://$registry/test/shell:v1")
    refused 12 signature 'no signature' mosb apply m.yaml
    works mosb sign "docker://$registry/test/shell:v1" --key "$fixtures/keys/signing.key" \
        --cert "$fixtures/keys/signing-chain.pem" -o json
    equal "$(json .digest)" "$(image_digest "$fixtures/layout" shell)"
    refused 12 signature 'no signature' mosb verify "docker://$registry/test/shell:v1"
}

test_case "where every place fails the error has what each of them said" all_fail
all_fail() {
    start_registry
    mirrored registry.invalid "127.0.0.1:1" "$registry/proxy"
    run mosb verify docker://registry.invalid/test/shell:v1
    equal "$status" 10
    contains "$err" '^mosb: network: .*registry.invalid.*mirror 127.0.0.1:1/test/shell: .*mirror '"$registry"'/proxy/test/shell: .*404'
}

test_case "a registry's login comes from a credential helper" helper
helper() {
    start_registry_with_password
    mkdir bin
    cat >bin/docker-credential-mosb-test <<'END'
#!/bin/sh
read -r server
echo "$1 $server" >>"${0%/*}/asked"
case $server in
    127.0.0.1:*) printf '{"ServerURL":"%s","Username":"user","Secret":"secret"}' "$server" ;;
    *) echo 'credentials not found in native keychain'; exit 1 ;;
esac
END
    chmod +x bin/docker-credential-mosb-test
    export PATH=$work/bin:$PATH REGISTRY_AUTH_FILE=$work/auth.json
    echo '{}' >auth.json
    insecure
    refused 10 network '401|authenticat' mosb verify "docker://$registry/test/shell:v1"
    jq -n --arg h "$registry" '{credHelpers: {($h): "mosb-test"}}' >auth.json
    refused 12 signature '.' mosb -v verify "docker://$registry/test/shell:v1"
    lacks "$out$err" 'secret'
    equal "$(sort -u bin/asked)" "get $registry"
    echo '{"credsStore": "mosb-test"}' >auth.json
    refused 12 signature '.' mosb verify "docker://$registry/test/shell:v1"
    echo '{"credsStore": "mosb-absent"}' >auth.json
    refused 2 usage "docker-credential-mosb-absent" mosb verify "docker://$registry/test/shell:v1"
}

test_case "a registry that notation's config.json calls insecure is so for mosb and notation alike" listed_insecure
listed_insecure() {
    start_registry
    push shell
    local ref=docker://$registry/test/shell:v1 notation_config=$work/home/notation
    configure
    refused 10 network '.' mosb verify "$ref"
    printf '{"insecureRegistries": ["%s"]}' "$registry" >home/notation/config.json
    XDG_CONFIG_HOME=$work/home "$notation_bin/notation" verify "$registry/test/shell:v1" \
        >notation.log 2>&1 || fail "notation: $(cat notation.log)"
    works mosb verify "$ref"
    works mosb signatures "$ref"
    works mosb trust test "$ref"
    works mosb image verify "$ref"
    works mosb image inspect "$ref"
    works mosb image copy "$ref" "oci:$work/copied:v1"
    works mosb image copy "oci:$work/copied:v1" "docker://$registry/test/copied:v1"
    mkdir more
    works mosb image build --rootfs more --base "$ref" -t "docker://$registry/test/built:v1"
    works mosb mount --insecure-skip-signature "docker://$registry/test/built:v1" "$work/mnt"
    works mosb umount "$work/mnt"
    works mosb sign "$ref" --key "$fixtures/keys/signing.key" \
        --cert "$fixtures/keys/signing-chain.pem"
    works mosb mount "$ref" "$work/mnt"
    works mosb umount "$work/mnt"
    manifest_v2 m.yaml < <(service one "$ref")
    works mosb plan m.yaml
    works mosb apply m.yaml
    configure
    works mosb verify "$ref" --notation-config home/notation
    notation_config=$fixtures/keys/notation
    configure
    refused 10 network '.' mosb verify "$ref"
}

test_case "a config.json of notation that others could change decides nothing" untrusted_config
untrusted_config() {
    start_registry
    push shell
    local ref=docker://$registry/test/shell:v1 notation_config=$work/home/notation
    configure
    printf '{"insecureRegistries": ["%s"]}' "$registry" >home/notation/config.json
    chmod 666 home/notation/config.json
    refused 13 policy 'config.json' mosb verify "$ref"
    mv home/notation/config.json elsewhere
    chmod 644 elsewhere
    ln -s "$work/elsewhere" home/notation/config.json
    refused 13 policy 'config.json' mosb verify "$ref"
    rm home/notation/config.json
    truncate -s 2G home/notation/config.json
    refused 13 policy 'config.json' mosb verify "$ref"
    rm home/notation/config.json
    echo '{"insecureRegistries": "all"}' >home/notation/config.json
    refused 11 content 'config.json' mosb verify "$ref"
}

test_case "of a name with a thousand addresses eight are tried" many_addresses
many_addresses() {
    local i
    cp /etc/hosts hosts
    for ((i = 0; i < 1000; i++)); do
        echo "127.1.$((i / 250)).$((i % 250 + 1)) many.example"
    done >>hosts
    # shellcheck disable=SC2016 # for the inner shell
    run unshare --mount bash -c 'mount --bind hosts /etc/hosts &&
        exec timeout 30 strace -f -qq -e trace=connect -e signal=none -o trace "$@"' \
        - "$MOSB_BIN/mosb" --root "$root" verify docker://many.example:1/app:v1
    equal "$status" 10
    # The resolver connects UDP sockets, which sends nothing, to put the addresses in order.
    equal "$(grep -c 'htons(1).* = -1 ' trace)" 8 "connections that were tried"
}

run_cases "$@"
