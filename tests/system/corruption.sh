#!/usr/bin/env bash
# Bits that change: at rest and while running, in data, tree, root block and superblock.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

drop_caches() { echo 3 >/proc/sys/vm/drop_caches; }

# pulled: the image web in the case's store, nothing mounted.
pulled() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    works mosb apply m.yaml
    works mosb stop one
    blob=$(stored_layer shell)
    [[ -f $blob ]] || fail "the store has no $blob"
    read -r superblock root_block < <(verity_offsets "$blob")
}

test_case "a flipped bit in any field of the superblock at rest stops the start" superblock_at_rest
superblock_at_rest() {
    pulled
    local field
    # signature, version, hash type, algorithm, block sizes, number of data blocks, size of the
    # salt; the UUID between them is used for nothing
    for field in 3 8 12 33 64 68 72 75 80; do
        flip "$blob" $((superblock + field))
        refused 15 verity 'superblock' mosb start one
        flip "$blob" $((superblock + field))
    done
    works mosb start one
}

test_case "a flipped bit in the tree's root block at rest stops the start" root_at_rest
root_at_rest() {
    pulled
    flip "$blob" $((root_block + 5))
    refused 15 verity 'root' mosb start one
}

test_case "a flipped bit in the salt at rest stops the start" salt_at_rest
salt_at_rest() {
    pulled
    flip "$blob" $((superblock + 88 + 3))
    refused 15 verity '.' mosb start one
}

test_case "a flipped bit in the squashfs superblock at rest stops the start" squashfs_at_rest
squashfs_at_rest() {
    pulled
    flip "$blob" 3
    refused 15 verity 'block 0|corrupt|squashfs' mosb start one
}

test_case "a flipped bit in unread data at rest gives EIO to its reader and degraded" data_at_rest
data_at_rest() {
    pulled
    flip "$blob" $((superblock / 2))
    works mosb start one
    run mosb exec one -- md5sum /data/big
    [[ $status != 0 ]] || fail "the corrupt file was read"
    contains "$out$err" 'I/O error|Input/output'
    eventually 10 state_is one degraded
    works mosb ps -o json
    contains "$(json '.[0].message')" 'corrupt|block'
    refused 15 verity 'corrupt|block' mosb image verify \
        "$(image_digest "$fixtures/layout" shell)"
}

# degraded_while_running: the service one runs, and a bit of its file /data/big has flipped: of the
# block superblock / 2 / 4096.
degraded_while_running() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    works mosb apply m.yaml
    local blob
    blob=$(stored_layer shell)
    read -r superblock _ < <(verity_offsets "$blob")
    flip "$blob" $((superblock / 2))
    drop_caches
    run mosb exec one -- md5sum /data/big
    [[ $status != 0 ]] || fail "the corrupt file was read"
    eventually 10 state_is one degraded
}

test_case "a bad block is named with the file that it belongs to" named_file
named_file() {
    degraded_while_running
    local block=$((superblock / 2 / 4096))
    works mosb ps -o json
    contains "$(json '.[0].message')" "block $block of '/data/big'"
    works mosb inspect one
    contains "$(json '.message')" "block $block of '/data/big'"
    works mosb mounts
    contains "$out" "block $block of '/data/big'"
    works mosb mounts -o json
    equal "$(json -c '.[0].layers[0].blocks[] | select(.block == '"$block"') | [.kind, .files, .path]')" \
        '["files",1,"/data/big"]'
}
json() { jq -er "$@" <<<"$out"; }

test_case "a flipped bit in a lower level of the tree is found by who reads below it" lower_level
lower_level() {
    pulled
    # the last block of the file is a leaf of the tree
    flip "$blob" $(($(stat -c %s "$blob") - 4096 + 8))
    run mosb start one
    if [[ $status == 0 ]]; then
        run mosb exec one -- sh -c 'find / -xdev -type f -exec cat {} + >/dev/null'
        eventually 10 state_is one degraded
    else
        equal "$status" 15
    fi
}

test_case "a bit flipped while the service runs gives EIO and degraded, and a start is refused" running
running() {
    degraded_while_running
    run mosb mounts -o json
    contains "$out" '"corrupt"'
    works mosb stop one
    refused 15 verity 'corrupt|block' mosb start one
}

test_case "bits flipped in superblock, root or tree while the service runs give no wrong byte" running_tree
running_tree() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    works mosb apply m.yaml
    local blob superblock root_block place good
    good=$(md5sum <"$fixtures/rootfs/data/big" | cut -d' ' -f1)
    blob=$(stored_layer shell)
    read -r superblock root_block < <(verity_offsets "$blob")
    for place in $((superblock + 8)) $((root_block + 5)) $(($(stat -c %s "$blob") - 4096 + 8)) \
        $((root_block + 4096 + 40)); do
        flip "$blob" "$place"
        drop_caches
        run mosb exec one -- md5sum /data/big
        # what the server holds since the start is good for ever; else there is an error
        [[ $status != 0 || ${out%% *} == "$good" ]] || fail "a wrong byte at $place: $out"
        run mosb stop one
        refused 15 verity '.' mosb start one
        flip "$blob" "$place"
        works mosb start one
        works mosb exec one -- md5sum /data/big
        equal "${out%% *}" "$good"
    done
}

test_case "pages that were read before a bit flipped are still right" cached_pages
cached_pages() {
    manifest_v2 m.yaml < <(shell_service one 'exec sleep 1000')
    works mosb apply m.yaml
    works mosb exec one -- md5sum /www/index.html
    local before=$out
    works mosb exec one -- md5sum /www/index.html
    equal "$out" "$before"
}

test_case "a wrong layer digest in the source is refused before any mount" wrong_digest
wrong_digest() {
    copy_layout l
    local layer
    layer=$(layer_blob l shell)
    flip "$layer" 4096
    manifest_v2 m.yaml < <(service one oci:"$work"/l:shell)
    refused 11 content 'sha256:[0-9a-f]{8}' mosb apply m.yaml
    [[ ! -e $(stored_layer shell) ]] || fail "the store took the wrong blob"
    equal "$(grep -c "$root" /proc/self/mountinfo || true)" 0
}

test_case "a cut layer in the source is refused" cut_layer
cut_layer() {
    copy_layout l
    truncate -s -4096 "$(layer_blob l shell)"
    manifest_v2 m.yaml < <(service one oci:"$work"/l:shell)
    refused 11 content '.' mosb apply m.yaml
}

# with_annotations JSON: the image x in layout l, signed, whose layer has these annotations.
with_annotations() {
    "$support/make_layer.sh" "$fixtures/rootfs" layer >"$work/hash"
    jq -n --arg h "$(cat "$work/hash")" "{layers: [{file: \"layer\", annotations: ($1)}],
        config: {Cmd: [\"/bin/true\"]}}" | "$support/make_image.py" l x
    sign_image oci:l:x
    manifest_v2 m.yaml < <(service one oci:"$work"/l:x)
}
new=io.stackeroci.stacker.atomfs_verity_root_hash
old=io.stackeroci.stacker.squashfs_verity_root_hash

test_case "a layer without a root-hash annotation is refused" no_annotation
no_annotation() {
    with_annotations '{}'
    refused 15 verity 'root.hash' mosb apply m.yaml
}

test_case "both root-hash annotations, different, are refused; the same twice is accepted" both
both() {
    with_annotations "{\"$new\": \$h, \"$old\": (\"0\" * 64)}"
    refused 15 verity 'differ|both|root.hash' mosb apply m.yaml
    with_annotations "{\"$new\": \$h, \"$old\": \$h}"
    works mosb mount oci:l:x "$work/m"
    works mosb umount "$work/m"
}

test_case "the old annotation alone is accepted" old_annotation
old_annotation() {
    with_annotations "{\"$old\": \$h}"
    works mosb mount oci:l:x "$work/m"
    works mosb umount "$work/m"
}

test_case "a root hash that is another layer's is refused" other_hash
other_hash() {
    with_annotations "{\"$new\": (\"ab\" * 32)}"
    refused 15 verity '.' mosb apply m.yaml
    with_annotations "{\"$new\": \"xyz\"}"
    refused 15 verity '.' mosb apply m.yaml
}

run_cases "$@"
