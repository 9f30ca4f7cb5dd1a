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

run_cases "$@"
