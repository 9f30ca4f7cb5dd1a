#!/usr/bin/env bash
# Images for several platforms: notation signs the index that a tag names, not the image in it.
# real: kernel notation
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

notation_bin=${MOSB_NOTATION:-$("$support/fetch_notation.sh" 2>/dev/null)}
[[ -x $notation_bin/notation ]] || { echo "not ok - the real notation is there"; exit 1; }

notation() {
    mkdir -p home
    [[ -d home/notation ]] || cp -r "$fixtures/keys/notation" home/notation
    jq -n --arg k "$fixtures/keys/signing.key" --arg c "$fixtures/keys/signing-chain.pem" \
        '{default: "k", keys: [{name: "k", keyPath: $k, certPath: $c}]}' \
        >home/notation/signingkeys.json
    XDG_CONFIG_HOME=$work/home NOTATION_EXPERIMENTAL=1 "$notation_bin/notation" "$@" \
        >notation.log 2>&1 || fail "notation: $(cat notation.log)"
}

# platform_image TAG ARCHITECTURE TEXT: an unsigned image in layout l whose service says TEXT.
platform_image() {
    jq -n --arg h "$(cat layer.hash)" --arg a "$2" --arg t "$3" \
        '{layers: [{file: "layer", root_hash: $h}], platform: {architecture: $a},
          config: {Cmd: ["/bin/sh", "-c", "echo \($t); exec sleep 1000"]}}' |
        "$support/make_image.py" l "$1" >/dev/null
}

# index TAG PLATFORM_TAG=ARCHITECTURE…: makes TAG an index of these images of layout l, which lose
# their own tags: only the index says where they are.
index() {
    local tag=$1 entry digest manifests='[]'
    shift
    for entry in "$@"; do
        manifests=$(jq -c --arg t "${entry%=*}" --arg a "${entry#*=}" --argjson m "$manifests" \
            '[.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $t) |
              {mediaType, digest, size, platform: {architecture: $a, os: "linux"}}] | $m + .[0:1]' \
            l/index.json)
    done
    jq -cn --argjson m "$manifests" '{schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json", manifests: $m}' >made
    digest=$(sha256sum made | cut -d' ' -f1)
    jq -c --arg t "$tag" --arg d "sha256:$digest" --argjson s "$(stat -c %s made)" \
        --argjson gone "$(printf '%s\n' "$tag" "${@%=*}" | jq -Rn '[inputs]')" \
        '.manifests |= (map(select(.annotations["org.opencontainers.image.ref.name"] as $n |
            $gone | index($n) | not)) +
            [{mediaType: "application/vnd.oci.image.index.v1+json", digest: $d, size: $s,
              annotations: {"org.opencontainers.image.ref.name": $t}}])' l/index.json >new
    mv made "l/blobs/sha256/$digest"
    mv new l/index.json
}

here=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
# two_platforms: layout l whose tag `multi` is an index of an image for this host and another one.
two_platforms() {
    "$support/make_layer.sh" "$fixtures/rootfs" layer >layer.hash
    platform_image mine "$here" "the right one"
    platform_image other s390x "the wrong one"
    mine=$(image_digest l mine)
    index multi "other=s390x" "mine=$here"
    manifest_v2 m.yaml < <(service one "oci:$work/l:multi")
}
says() { mosb logs one | grep -q "$1"; }
nothing_came() {
    equal "$(grep -c "$root" /proc/self/mountinfo || true)" 0 "mounts"
    works mosb ps -o json
    equal "$(json length)" 0
}

test_case "an image runs by the signature of the index that it was chosen from" signed_index
signed_index() {
    two_platforms
    refused 12 signature 'no signature|not signed|unsigned' mosb apply m.yaml
    nothing_came
    sign_image "oci:l@$(image_digest l multi)"
    works mosb verify oci:l:multi
    works mosb apply m.yaml
    eventually 10 says 'the right one'
    works mosb ps -o json
    equal "$(json '.[0].image.digest')" "$mine"
    equal "$(json '.[0].signature.outcome')" verified
    contains "$(json '.[0].signature.subject')" 'mosb test'
    # what is in the store is enough from now on, and a second apply has nothing to do
    works mosb plan m.yaml -o json
    equal "$(json .changed)" false
    mv l away
    works mosb restart one
    works mosb apply --applied
    runs one
    works mosb image verify "$mine"
    works mosb mount "$mine" "$work/m"
    works mosb umount "$work/m"
}

test_case "an index signed by notation counts, and notation accepts one signed by mosb" notation_index
notation_index() {
    two_platforms
    notation sign --oci-layout "l@$(image_digest l multi)"
    works mosb verify oci:l:multi
    works mosb apply m.yaml
    eventually 10 says 'the right one'
    rm -r l
    two_platforms
    sign_image oci:l:multi
    notation verify --oci-layout --scope local/mosb "l@$(image_digest l multi)"
}

test_case "an image signed itself runs from an index that is not" signed_manifest
signed_manifest() {
    two_platforms
    sign_image "oci:l@$mine"
    works mosb apply m.yaml
    eventually 10 says 'the right one'
}

test_case "the other platform's signature does not count for this one" other_signed
other_signed() {
    two_platforms
    local other
    other=$(jq -r '.manifests[0].digest' "$(image_manifest l multi)")
    [[ $other != "$mine" ]] || fail "the index does not begin with the other platform"
    sign_image "oci:l@$other"
    refused 12 signature '.' mosb apply m.yaml
    nothing_came
}

test_case "an image that is not in the signed index is refused, however it is put there" exchanged
exchanged() {
    two_platforms
    sign_image oci:l:multi
    cp -r l signed
    # the tag names an index that was changed after the signature
    platform_image evil "$here" "exchanged"
    local evil
    evil=$(image_digest l evil)
    index multi "evil=$here"
    refused 12 signature '.' mosb apply m.yaml
    refused 12 signature '.' mosb verify oci:l:multi
    nothing_came
    # the signed index with other bytes in it
    cp -r signed changed
    sed -i "s/$mine/$evil/" "$(image_manifest changed multi)"
    cp "l/blobs/${evil/://}" changed/blobs/sha256/
    manifest_v2 changed.yaml < <(service one "oci:$work/changed:multi")
    refused 11 content 'sha256:' mosb apply changed.yaml
    nothing_came
    # the signed index, and other bytes in the place of the image that it lists
    cp "l/blobs/${evil/://}" "signed/blobs/${mine/://}"
    manifest_v2 signed.yaml < <(service one "oci:$work/signed:multi")
    refused 11 content "${mine#sha256:}|size" mosb apply signed.yaml
    nothing_came
    # the image alone, which nobody signed: the index says nothing for who did not come by it
    manifest_v2 evil.yaml < <(service one "oci:$work/l@$evil")
    refused 12 signature '.' mosb apply evil.yaml
    nothing_came
}

test_case "a target's digest pins what the signed index gives" pinned
pinned() {
    two_platforms
    sign_image oci:l:multi
    manifest_v2 m.yaml < <(service one "oci:$work/l:multi" "digest: sha256:$(printf '0%.0s' {1..64})")
    refused 11 content 'is sha256:.*, not sha256:' mosb apply m.yaml
    nothing_came
}

test_case "an index without this host's platform is refused as such, signed or not" no_platform
no_platform() {
    two_platforms
    platform_image other s390x "the wrong one"
    index multi "other=s390x"
    sign_image oci:l:multi
    refused 22 host "$here|platform|architecture" mosb apply m.yaml
    nothing_came
}

test_case "an image that lies about its platform in a signed index is refused" liar
liar() {
    two_platforms
    platform_image other s390x "the wrong one"
    index multi "other=$here"
    sign_image oci:l:multi
    refused 11 content "index says linux/$here, the config linux/s390x" mosb apply m.yaml
    nothing_came
}

test_case "an index signed by another authority is refused" another_ca
another_ca() {
    two_platforms
    sign_image oci:l:multi "$fixtures" other
    refused 12 signature '.' mosb apply m.yaml
    nothing_came
}

run_cases "$@"
