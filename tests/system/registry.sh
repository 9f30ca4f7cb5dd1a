#!/usr/bin/env bash
# Images from a real registry: Debian's docker-registry, plain HTTP where configured and HTTPS.
# real: registry kernel notation
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"
source "${0%/*}/../support/registries.sh"

test_case "an image pushed by skopeo and signed by notation runs from its registry" from_registry
from_registry() {
    start_registry
    insecure
    push shell
    works mosb verify "docker://$registry/test/shell:v1"
    manifest_v2 m.yaml < <(service one "docker://$registry/test/shell:v1")
    works mosb apply m.yaml
    eventually 10 runs one
    works mosb exec one -- cat /www/index.html
    equal "$out" "a page from a verified image"
}

test_case "what is pulled starts again with the registry down; what is not is refused" registry_down
registry_down() {
    start_registry
    insecure
    push shell
    push web
    manifest_v2 m.yaml < <(service one "docker://$registry/test/shell:v1")
    works mosb apply m.yaml
    works mosb stop one
    kill "$registry_pid"
    wait "$registry_pid" || true
    works mosb start one
    works mosb apply --applied
    runs one
    manifest_v2 other.yaml < <(service two "docker://$registry/test/web:v1")
    refused 10 network "${registry%:*}" mosb apply other.yaml
    runs one
}

# faulty_registry RULE: one in $registry before the real one, with this rule of
# registry_with_faults.py. It ends with this shell.
faulty_registry() {
    echo "[$1]" >faults.json
    start_faults
    registry=$faulty
}

# leaving_registry DIGEST SIZE: one that goes away after SIZE bytes of that blob.
leaving_registry() {
    faulty_registry "$(jq -n --arg p "/v2/test/shell/blobs/$1" --argjson n "$2" \
        '{method: "GET", path: $p, behind: true, cut_after: $n, leave: true}')"
}

# slow_registry DIGEST SIZE: one that gives SIZE bytes of that blob each 50 ms, the first time.
slow_registry() {
    faulty_registry "$(jq -n --arg p "/v2/test/shell/blobs/$1" --argjson n "$2" \
        '{method: "GET", path: $p, behind: true, piece: $n, piece_delay_ms: 50, times: 1}')"
}

# part_has DIGEST BYTES: so much of that blob has come.
part_has() {
    local part=$root/var/lib/mosb/store/tmp/.mosb-part-$1
    [[ -e $part && $(stat -c %s "$part") -ge $2 ]]
}

test_case "a pull that was killed or interrupted is gone on with where it was" resumes
resumes() {
    local blob digest size how pid have
    start_registry
    push shell
    real=$registry
    blob=$(layer_blob "$fixtures/layout" shell)
    digest=$(basename "$blob")
    size=$(stat -c %s "$blob")
    for how in KILL INT TERM; do
        registry=$real
        slow_registry "sha256:$digest" $((size / 40))
        insecure
        manifest_v2 m.yaml < <(service one "docker://$registry/test/shell:v1")
        # a shell lets what it starts in the background ignore SIGINT
        env --default-signal=INT "$MOSB_BIN/mosb" --root "$root" apply m.yaml >apply.log 2>&1 &
        pid=$!
        eventually 20 part_has "$digest" $((size / 4))
        kill -"$how" "$pid"
        wait "$pid" && fail "the $how was survived: $(cat apply.log)"
        have=$(stat -c %s "$root/var/lib/mosb/store/tmp/.mosb-part-$digest")
        ((have < size)) || fail "it was done already"
        works mosb apply m.yaml
        eventually 10 runs one
        equal "$(jq -r --arg d "$digest" 'select(.path | endswith($d)) | .headers.range // "-"' \
            faults.log | tail -n 2 | paste -sd' ')" "- bytes=$have-"
        equal "$(sha256sum <"$root/var/lib/mosb/store/blobs/sha256/$digest")" "$digest  -"
        equal "$(ls -A "$root/var/lib/mosb/store/tmp")" "" "temporary files"
        works mosb down
        rm -rf "$root/var/lib/mosb/store" faults.log
        exec 9>&-
        wait "$faulty_pid" || true
    done
}

test_case "a registry that goes away in the middle of a blob leaves no half blob, and what runs goes on" goes_away
goes_away() {
    start_registry
    push shell
    local digest size pid
    digest=$(basename "$(layer_blob "$fixtures/layout" shell)")
    size=$(stat -c %s "$(layer_blob "$fixtures/layout" shell)")
    leaving_registry "sha256:$digest" $((size / 2))
    insecure
    # what runs has another layer
    mkdir -p small/{bin,dev,proc,sys,tmp,run}
    cp /bin/busybox small/bin/busybox
    works mosb image build --rootfs small -t oci:l:small --entrypoint /bin/busybox \
        --cmd sleep --cmd 1000
    sign_image oci:l:small
    manifest_v2 m.yaml < <(service one "oci:$work/l:small")
    works mosb apply m.yaml
    works mosb ps -o json
    pid=$(json '.[0].pid')
    manifest_v2 m.yaml < <(
        service one "oci:$work/l:small"
        service two "docker://$registry/test/shell:v1"
    )
    refused 10 network "$registry.*blobs/sha256:$digest" mosb apply m.yaml
    wait "$faulty_pid"
    equal "$(grep -c "blobs/sha256:$digest" faults.log)" 1 "how often the layer was asked for"
    works mosb ps -o json
    equal "$(json '[.[].pid] | join(" ")')" "$pid" "what runs"
    cd "$root/var/lib/mosb/store"
    equal "$(find . -path "*$digest*" -o -path './tmp/*')" "./tmp/.mosb-part-$digest" \
        "of the layer in the store"
    equal "$(sha256sum blobs/sha256/* | awk '"blobs/sha256/" $1 != $2')" "" "half stored"
    cd "$work"
    kill "$registry_pid"
    wait "$registry_pid" || true
    sed -i "s/^  addr: .*/  addr: $registry/" registry.yml
    docker-registry serve registry.yml >registry.log 2>&1 &
    registry_pid=$!
    eventually 10 bash -c "echo >/dev/tcp/127.0.0.1/${registry#*:}"
    works mosb apply m.yaml
    eventually 10 runs two
    equal "$(ls -A "$root/var/lib/mosb/store/tmp")" "" "temporary files"
    works mosb exec two -- cat /www/index.html
    equal "$(mosb ps -o json | jq -r '.[] | select(.service == "one") | .pid')" "$pid"
}

test_case "plain HTTP is refused unless the registry is configured insecure" needs_tls
needs_tls() {
    start_registry
    refused 10 network '.' mosb verify "docker://$registry/test/shell:v1"
}

test_case "an unknown certificate authority is refused, the configured one accepted" certificate
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key \
        -out tls.crt -days 2 -subj /CN=registry -addext subjectAltName=IP:127.0.0.1 2>/dev/null
    start_registry "tls: {certificate: $work/tls.crt, key: $work/tls.key}"
    refused 10 network 'certificate|TLS|SSL' mosb verify "docker://$registry/test/shell:v1"
    refused 3 not-found '.' env SSL_CERT_FILE="$work/tls.crt" "$MOSB_BIN/mosb" --root "$root" \
        verify "docker://$registry/test/shell:v1"
    skopeo copy -q --dest-tls-verify=false "oci:$fixtures/layout:shell" \
        "docker://$registry/test/shell:v1"
    configure 'registries:' "  - host: $registry" "    ca: $work/tls.crt"
    refused 12 signature '.' mosb verify "docker://$registry/test/shell:v1"
    sign_image_here() { works mosb sign "docker://$registry/test/shell:v1" \
        --key "$fixtures/keys/signing.key" --cert "$fixtures/keys/signing-chain.pem"; }
    sign_image_here
    works mosb verify "docker://$registry/test/shell:v1"
}

test_case "a registry with a password is refused without it and read with it" password
password() {
    start_registry_with_password
    insecure
    refused 10 network '401|authenticat|credential' mosb verify "docker://$registry/test/shell:v1"
    echo secret >password
    configure 'registries:' "  - host: $registry" '    insecure: true' '    username: user' \
        "    password_file: $work/password"
    refused 12 signature '.' mosb verify "docker://$registry/test/shell:v1"
    lacks "$err" 'secret'
}

oras=${notation_bin:+$notation_bin/oras}
# verifies_with_notation REF: by the notation that is not ours.
verifies_with_notation() {
    XDG_CONFIG_HOME=$work/home "$notation_bin/notation" verify --insecure-registry "$1" \
        >notation.log 2>&1 || fail "notation: $(cat notation.log)"
}

test_case "image copy goes between registry, layout and archive, and other tools read each copy" copies
copies() {
    local digest
    start_registry
    insecure
    push shell
    digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$registry/test/shell:v1")
    works mosb image copy "docker://$registry/test/shell:v1" "docker://$registry/copy/shell:v2"
    contains "$out" "$digest.* 1 signatures"
    verifies_with_notation "$registry/copy/shell:v2"
    works mosb image copy "docker://$registry/copy/shell:v2" oci:l:web
    works mosb image copy oci:l:web oci-archive:a.tar:web
    equal "$(skopeo inspect --format '{{.Digest}}' oci:l:web)" "$digest"
    equal "$(skopeo inspect --format '{{.Digest}}' oci-archive:a.tar:web)" "$digest"
    "$oras" discover --oci-layout --format json l:web >oras.json 2>oras.log || fail "$(cat oras.log)"
    contains "$(cat oras.json)" application/vnd.cncf.notary.signature
    umoci stat --image l:web >/dev/null
    works mosb verify oci-archive:a.tar:web --scope "$registry/test/shell"
    # what other tools copied, signature and all, is copied on
    "$oras" copy -r --from-plain-http "$registry/copy/shell:v2" --to-oci-layout o:web >oras.log 2>&1 ||
        fail "$(cat oras.log)"
    works mosb image copy oci:o:web "docker://$registry/third/shell:v3"
    verifies_with_notation "$registry/third/shell:v3"
    works mosb image copy --no-signatures oci:l:web "docker://$registry/bare/shell:v1"
    refused 12 signature 'no signature' mosb verify "docker://$registry/bare/shell:v1"
    refused 2 usage 'store' mosb image copy oci:l:web "$digest"
    refused 3 not-found 'no manifest is named' mosb image copy oci:l:other oci:l:web
    equal "$(ls -A "${TMPDIR:-/tmp}/mosb-0")" "" "temporary files"
}

test_case "an image of the store is copied from it by its digest" copies_from_store
copies_from_store() {
    start_registry
    insecure
    push shell
    manifest_v2 m.yaml < <(service one "docker://$registry/test/shell:v1")
    works mosb apply m.yaml
    kill "$registry_pid"
    works mosb image ls -o json
    digest=$(json '.[0].digest')
    works mosb image copy "$digest" oci:l:rescued
    works mosb verify oci:l:rescued --scope "$registry/test/shell"
    refused 3 not-found 'the store has no image' mosb image copy \
        "sha256:$(printf '0%.0s' {1..64})" oci:l:x
}

test_case "the referrers tag of a registry without the API is found and written" tag_fallback
tag_fallback() {
    start_registry
    insecure
    skopeo copy -q --dest-tls-verify=false "oci:$fixtures/layout:shell" \
        "docker://$registry/test/shell:v1"
    works mosb sign "docker://$registry/test/shell:v1" --key "$fixtures/keys/signing.key" \
        --cert "$fixtures/keys/signing-chain.pem"
    works mosb verify "docker://$registry/test/shell:v1"
    mkdir -p home
    cp -r "$fixtures/keys/notation" home/
    XDG_CONFIG_HOME=$work/home "$notation_bin/notation" verify --insecure-registry \
        "$registry/test/shell:v1" >notation.log 2>&1 || fail "notation: $(cat notation.log)"
}

test_case "a blob that the registry serves changed is refused" changed_blob
changed_blob() {
    start_registry
    insecure
    push shell
    local digest
    digest=$(basename "$(layer_blob "$fixtures/layout" shell)")
    flip "$(find "$work/registry" -path "*$digest/data")" 5000
    manifest_v2 m.yaml < <(service one "docker://$registry/test/shell:v1")
    refused 11 content "$digest" mosb apply m.yaml
    [[ ! -e $root/var/lib/mosb/store/blobs/sha256/$digest ]] || fail "the store took it"
}

test_case "an image for several platforms runs by the signature that notation made of its index" signed_index
signed_index() {
    start_registry
    insecure
    local here mine other index
    here=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
    copy_layout l
    mine=$(image_digest l shell) other=$(image_digest l web)
    # web stands for the other platform: nobody may look at it here
    index=$(jq -cn --arg a "$mine" --arg b "$other" --arg h "$here" \
        --argjson s "$(stat -c %s "$(image_manifest l shell)")" \
        --argjson t "$(stat -c %s "$(image_manifest l web)")" \
        '"application/vnd.oci.image.manifest.v1+json" as $m | {schemaVersion: 2,
          mediaType: "application/vnd.oci.image.index.v1+json", manifests: [
            {mediaType: $m, digest: $b, size: $t, platform: {architecture: "s390x", os: "linux"}},
            {mediaType: $m, digest: $a, size: $s, platform: {architecture: $h, os: "linux"}}]}')
    local digest
    digest=$(printf %s "$index" | sha256sum | cut -d' ' -f1)
    printf %s "$index" >"l/blobs/sha256/$digest"
    jq -cn --arg d "sha256:$digest" --argjson s "${#index}" '{schemaVersion: 2, manifests: [{
        mediaType: "application/vnd.oci.image.index.v1+json", digest: $d, size: $s,
        annotations: {"org.opencontainers.image.ref.name": "multi"}}]}' >l/index.json
    skopeo copy -q --all --preserve-digests --dest-tls-verify=false oci:l:multi \
        "docker://$registry/test/multi:v1"
    manifest_v2 m.yaml < <(service one "docker://$registry/test/multi:v1")
    refused 12 signature 'no signature|not signed|unsigned' mosb apply m.yaml
    oras_sign "$registry/test/multi"
    works mosb apply m.yaml
    eventually 10 runs one
    works mosb ps -o json
    equal "$(json '.[0].image.digest')" "$mine"
    kill "$registry_pid"
    wait "$registry_pid" || true
    works mosb restart one
    works mosb apply --applied
    runs one
}

test_case "an unknown tag is not found" unknown_tag
unknown_tag() {
    start_registry
    insecure
    push shell
    refused 3 not-found 'nothing' mosb verify "docker://$registry/test/shell:nothing"
}

run_cases "$@"
