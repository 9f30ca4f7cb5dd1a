#!/usr/bin/env bash
# Images: building them, and what other tools make of them.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

test_case "the same input gives the same image, bit for bit" reproducible
reproducible() {
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:one:x --entrypoint /bin/sh
    sleep 1.1
    cp -a "$fixtures/rootfs" elsewhere
    works mosb image build --rootfs elsewhere -t oci:two:x --entrypoint /bin/sh
    equal "$(image_digest one x)" "$(image_digest two x)"
}

test_case "an image from a tar equals the image from its directory" from_tar
from_tar() {
    tar -C "$fixtures/rootfs" --sort=name --numeric-owner -cf rootfs.tar .
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:one:x --entrypoint /bin/sh
    works mosb image build --rootfs rootfs.tar -t oci:two:x --entrypoint /bin/sh
    works mosb image verify --help
    equal "$(layer_sums one)" "$(layer_sums two)"
}
layer_sums() {
    unsquashfs -q -n -d "$1.tree" "$(layer_blob "$1" x)" >/dev/null
    (cd "$1.tree" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
}

test_case "skopeo and umoci read what image build makes" other_tools
other_tools() {
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:x --entrypoint /bin/sh \
        --env 'A=b c' --user app --workdir /www --label k=v
    works skopeo inspect --raw oci:l:x
    works skopeo inspect --config oci:l:x
    equal "$(json .config.User)" app
    equal "$(json '.config.Env[0]')" 'A=b c'
    equal "$(json .config.WorkingDir)" /www
    equal "$(json .config.Labels.k)" v
    works umoci stat --image l:x
    works skopeo copy -q oci:l:x oci:copy:x
    equal "$(image_digest l x)" "$(image_digest copy x)"
}

test_case "veritysetup accepts the hash tree of image build" veritysetup_agrees
veritysetup_agrees() {
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:x --entrypoint /bin/sh
    local blob root_hash superblock
    blob=$(layer_blob l x)
    root_hash=$(jq -r '.layers[0].annotations |
        .["io.stackeroci.stacker.atomfs_verity_root_hash"]' "$(image_manifest l x)")
    read -r superblock _ < <(verity_offsets "$blob")
    works veritysetup verify "$blob" "$blob" "$root_hash" --hash-offset="$superblock"
}

test_case "inspect shows layers with their root hashes" inspects
inspects() {
    works mosb image inspect "oci:$fixtures/layout:web" -o json
    contains "$out" "$(image_digest "$fixtures/layout" web)"
    contains "$out" '[0-9a-f]{64}'
    works mosb image inspect "oci:$fixtures/layout:web"
}

test_case "image verify checks the signature and every block" verifies
verifies() {
    works mosb image verify "oci:$fixtures/layout:web"
    copy_layout l
    flip "$(layer_blob l web)" 2000000
    run mosb image verify oci:l:web
    [[ $status == 11 || $status == 15 ]] || fail "a flipped bit gave status $status: $err"
}

test_case "a rootfs that is not there or not a directory is refused" no_rootfs
no_rootfs() {
    run mosb image build --rootfs /no/such -t oci:l:x --entrypoint /bin/sh
    [[ $status == 3 || $status == 2 ]] || fail "status $status: $err"
    echo "not a tar" >file
    run mosb image build --rootfs file -t oci:l:x --entrypoint /bin/sh
    [[ $status != 0 && $status != 1 ]] || fail "status $status: $err"
    [[ ! -s l/index.json ]] || ! grep -q '"x"' l/index.json || fail "an image came of it"
}

# verity_key NAME [ALGORITHM]: NAME.key and NAME.pem.
verity_key() {
    openssl req -x509 -new -nodes -newkey "${2:-rsa:2048}" -keyout "$1.key" -out "$1.pem" \
        -subj "/CN=$1/" ${3:+-pkeyopt "$3"} 2>/dev/null
    chmod 0600 "$1.key"
}
# root_hash_signature LAYOUT TAG LAYER: in DER.
root_hash_signature() {
    jq -r ".layers[$3].annotations[\"io.mosb.verity.root_hash_signature\"]" \
        "$(image_manifest "$1" "$2")" | base64 -d
}
# is_signed LAYOUT TAG LAYER KEY: as openssl signs, and so that it verifies.
is_signed() {
    jq -j ".layers[$3].annotations[\"io.stackeroci.stacker.atomfs_verity_root_hash\"]" \
        "$(image_manifest "$1" "$2")" >root-hash
    root_hash_signature "$1" "$2" "$3" >signature
    openssl smime -sign -binary -noattr -nocerts -outform der -in root-hash -out wanted \
        -inkey "$4.key" -signer "$4.pem"
    cmp signature wanted || fail "openssl signs it otherwise"
    works openssl smime -verify -binary -inform der -in signature -content root-hash \
        -certfile "$4.pem" -nointern -noverify
}

test_case "root hashes are signed as openssl signs them, the same each time" signs_root_hashes
signs_root_hashes() {
    verity_key one
    local key=(--verity-key one.key --verity-cert one.pem)
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:x --entrypoint /bin/sh "${key[@]}"
    is_signed l x 0 one
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:again:x --entrypoint /bin/sh "${key[@]}"
    equal "$(image_digest l x)" "$(image_digest again x)"
    works mosb image inspect oci:l:x -o json
    equal "$(json '.layers[0].root_hash_signature')" true
    mkdir top
    echo page >top/page
    works mosb image build --rootfs top -t oci:l:two --base oci:l:x "${key[@]}"
    is_signed l two 0 one
    is_signed l two 1 one
    sign_image oci:l:two
    works mosb image verify oci:l:two
    works mosb mount oci:l:two m
    equal "$(cat m/page)" page
    works mosb mounts -o json
    works mosb umount m
    # Of an ordinary image each layer.
    umoci init --layout ordinary >/dev/null
    umoci new --image ordinary:x >/dev/null
    works umoci unpack --image ordinary:x bundle
    cp -a top/. bundle/rootfs/
    works umoci repack --image ordinary:x bundle
    works mosb image convert oci:ordinary:x oci:l:converted "${key[@]}"
    is_signed l converted 0 one
}

test_case "keys that can't sign root hashes are refused before an image is made" bad_verity_keys
bad_verity_keys() {
    local build=(mosb image build --rootfs "$fixtures/rootfs" -t oci:l:x --entrypoint /bin/sh)
    verity_key one
    verity_key two
    verity_key curve ec ec_paramgen_curve:P-256
    refused 2 usage 'go together' "${build[@]}" --verity-key one.key
    refused 2 usage 'go together' "${build[@]}" --verity-cert one.pem
    refused 2 usage 'no-verity' "${build[@]}" --verity-key one.key --verity-cert one.pem --no-verity
    refused 11 content 'not for the key' "${build[@]}" --verity-key one.key --verity-cert two.pem
    refused 11 content 'not RSA' "${build[@]}" --verity-key curve.key --verity-cert curve.pem
    refused 3 not-found 'none.key' "${build[@]}" --verity-key none.key --verity-cert one.pem
    chmod 0640 one.key
    refused 13 policy 'one.key' "${build[@]}" --verity-key one.key --verity-cert one.pem
    chmod 0600 one.key
    # A base that a kernel with signatures would refuse.
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:plain --entrypoint /bin/sh
    mkdir top
    refused 11 content 'no signature of its root hash' mosb image build --rootfs top \
        --base oci:l:plain -t oci:l:x --verity-key one.key --verity-cert one.pem
    run grep -c '"x"' l/index.json
    equal "$out" 0
}

test_case "what is no signature of a root hash is refused, whoever asks for it" no_signature
no_signature() {
    "$support/make_layer.sh" "$fixtures/rootfs" layer >root-hash
    local value
    for value in '""' '"x"' '"MAA="' '("QUFB" * 3000)'; do
        jq -n --arg h "$(cat root-hash)" "{layers: [{file: \"layer\", root_hash: \$h, annotations:
            {\"io.mosb.verity.root_hash_signature\": ($value)}}], config: {Cmd: [\"/bin/true\"]}}" |
            "$support/make_image.py" l x >/dev/null
        sign_image oci:l:x
        refused 15 verity 'layer sha256:.*signature of its root hash' mosb image verify oci:l:x
        refused 15 verity 'layer sha256:.*signature of its root hash' mosb mount oci:l:x m
    done
}

test_case "signatures that the machine requires are not done without" required_signatures
required_signatures() {
    verity_key one
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:x --entrypoint /bin/sh \
        --verity-key one.key --verity-cert one.pem
    sign_image oci:l:x
    local rule
    for rule in required if-present; do
        sed '/^policy:/,$d' "$root/etc/mosb/mosb.yaml" >$rule.yaml
        echo "policy: {root_hash_signature: $rule}" >>$rule.yaml
    done
    # What a server checks no kernel has looked at.
    refused 22 host 'policy.root_hash_signature: required' \
        mosb --config required.yaml mount oci:l:x m --verifier fuse
    works mosb --config if-present.yaml mount oci:l:x m --verifier fuse
    # Nor what was mounted before.
    run mosb --config required.yaml mount oci:l:x m
    [[ $status == 22 ]] || fail "status $status: $err"
    works mosb umount m
}

test_case "a tool that has no room left is told from one that refuses its input" no_room
no_room() {
    mkdir small rootfs
    head -c 3000000 /dev/urandom >rootfs/noise
    tar -C rootfs --owner=0 --group=0 -cf rootfs.tar .
    local from
    for from in rootfs rootfs.tar; do
        run unshare -m sh -ec "mount -t tmpfs -o size=4m small small
            head -c 2500000 /dev/zero >small/full
            TMPDIR=$PWD/small exec $(printf '%q ' "$MOSB_BIN/mosb") image build --rootfs $from \
                -t oci:l:x --entrypoint /bin/sh"
        equal "$status" 19
        contains "$err" 'No space left on device'
        contains "$err" 'TMPDIR'
    done
}

run_cases "$@"
