#!/usr/bin/env bash
# Images with erofs layers, alone and beside squashfs ones: made, signed, run, corrupted, refused.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

# listing DIR: every file with type, mode, owner, links, target, size, content and attributes.
listing() {
    (cd "$1" && find . -mindepth 1 \( -type f -printf '%P %y %m %U:%G %n %s ' -exec sha256sum {} \; \
        -o -type d -printf '%P %y %m %U:%G\n' -o -printf '%P %y %m %U:%G %l\n' \) |
        sed 's/ \.\/.*$//' | sort
        find . -print0 | sort -z |
            xargs -0 getfattr -h -d -m '^(user|security|trusted)\.' 2>/dev/null || true)
}
# built TAG FLAG…: the image of the fixtures' root file system, as erofs, signed in the layout l.
built() {
    local tag=$1
    shift
    works mosb image build --rootfs "$fixtures/rootfs" -t "oci:l:$tag" --fs erofs \
        --entrypoint /bin/sh --cmd=-c --cmd 'exec sleep 1000' "$@"
    sign_image "oci:l:$tag"
}
# applied: the service one runs from it; blob is its layer in the store.
applied() {
    built x
    manifest_v2 m.yaml < <(service one "oci:$work/l:x")
    works mosb apply m.yaml
    eventually 10 runs one
    blob=$(layer_blob l x "$root/var/lib/mosb/store")
    # An erofs says its length in blocks.
    superblock=$(($(od -An -t u4 -j $((1024 + 36)) -N 4 "$blob") * 4096))
}
# mounted_as TYPE: how many layers of this instance the kernel has mounted so.
mounted_as() {
    awk -v dir="$root/run/mosb/layers/" -v type="$1" 'index($5, dir) == 1 {
        for (i = 6; $i != "-"; i++); if ($(i + 1) == type) n++ } END { print n + 0 }' \
        /proc/self/mountinfo
}

test_case "image build --fs erofs gives the same image bit for bit, of a directory and of its tar" reproducible
reproducible() {
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:one:x --fs erofs --entrypoint /bin/sh
    sleep 1.1
    cp -a "$fixtures/rootfs" elsewhere
    works mosb image build --rootfs elsewhere -t oci:two:x --fs erofs --entrypoint /bin/sh
    equal "$(image_digest one x)" "$(image_digest two x)"
    tar -C elsewhere --numeric-owner --xattrs --xattrs-include='*' -cf rootfs.tar .
    works mosb image build --rootfs rootfs.tar -t oci:three:x --fs erofs --entrypoint /bin/sh
    equal "$(image_digest one x)" "$(image_digest three x)"
    # Of a file system that knows no attributes, too.
    mksquashfs elsewhere plain.squashfs -noappend -no-xattrs -quiet -no-progress >/dev/null
    mkdir plain
    mount -o loop plain.squashfs plain
    run mosb image build --rootfs plain -t oci:four:x --fs erofs --entrypoint /bin/sh
    umount plain
    equal "$status $err" "0 "
    equal "$(image_digest one x)" "$(image_digest four x)"
    SOURCE_DATE_EPOCH=1000000000 works mosb image build --rootfs elsewhere -t oci:dated:x \
        --fs erofs --entrypoint /bin/sh
    [[ $(image_digest one x) != "$(image_digest dated x)" ]] || fail "SOURCE_DATE_EPOCH means nothing"
    works mosb image inspect oci:one:x
    contains "$out" 'layer\.erofs\+lz4hc'
    local hash blob
    blob=$(layer_blob one x)
    hash=$(jq -r '.layers[0].annotations |
        .["io.stackeroci.stacker.atomfs_verity_root_hash"]' "$(image_manifest one x)")
    works veritysetup verify "$blob" "$blob" "$hash" \
        --hash-offset=$(($(od -An -t u4 -j 1060 -N 4 "$blob") * 4096))
}

test_case "a mounted erofs image shows all that its root file system has" shows_all
shows_all() {
    cp -a "$fixtures/rootfs" tree
    ln tree/bin/sh tree/bin/hard
    truncate -s 5M tree/sparse
    echo end >>tree/sparse
    chown 1000:70000 tree/sparse
    setfattr -n user.note -v blue tree/sparse
    setcap cap_net_raw+ep tree/bin/busybox 2>/dev/null || setcap cap_net_raw+ep tree/sparse
    mkfifo tree/fifo
    ln -s /nowhere $'tree/l\xc3\xa4nk'
    printf x >$'tree/\xff-not-utf8'
    tar -C tree --numeric-owner --xattrs --xattrs-include='*' -cf rootfs.tar .
    local rootfs
    for rootfs in tree rootfs.tar; do
        works mosb image build --rootfs "$rootfs" -t "oci:l:$rootfs" --fs erofs --compression lz4
        sign_image "oci:l:$rootfs"
        works mosb mount "oci:l:$rootfs" "$work/m"
        equal "$(mounted_as erofs)" 1
        listing tree >wanted
        listing "$work/m" >seen
        diff wanted seen || fail "the mount of $rootfs differs"
        works mosb mounts
        contains "$out" '1 erofs'
        works mosb mounts -o json
        equal "$(json '.[0].layers[0].filesystem')" erofs
        works mosb umount "$work/m"
    done
}

test_case "a service of an erofs layer runs with ids of its own, and again after restart and verify" runs_as_service
runs_as_service() {
    applied
    equal "$(mounted_as erofs)" 1
    works mosb inspect one
    equal "$(json '.image.layers[0].filesystem')" erofs
    works mosb exec one -- sh -c 'ls -ld /bin; cat /etc/passwd'
    contains "$out" '^root:'
    works mosb restart one
    eventually 10 runs one
    works mosb apply m.yaml
    equal "$(mounted_as erofs)" 1
    works mosb image verify "$(image_digest l x)"
    contains "$out" 'layer\.erofs'
    works mosb image scrub
}

test_case "layers of both kinds in one image hide each other as layers do" mixed
mixed() {
    mkdir -p top/etc
    echo top >top/etc/passwd
    mknod top/www c 0 0
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:base --entrypoint /bin/sh
    works mosb image build --rootfs top -t oci:l:mixed --base oci:l:base --fs erofs
    works mosb image build --rootfs "$fixtures/rootfs" -t oci:l:ebase --fs erofs --entrypoint /bin/sh
    works mosb image build --rootfs top -t oci:l:emixed --base oci:l:ebase
    local tag
    for tag in mixed emixed; do
        sign_image "oci:l:$tag"
        works mosb mount "oci:l:$tag" "$work/m"
        equal "$(mounted_as erofs) $(mounted_as squashfs)" "1 1"
        equal "$(cat "$work/m/etc/passwd")" top
        [[ ! -e $work/m/www ]] || fail "what was whited out is seen"
        works diff "$fixtures/rootfs/data/big" "$work/m/data/big"
        works mosb umount "$work/m"
    done
}

test_case "what mkfs.erofs and veritysetup made runs as well, under every media type" foreign
foreign() {
    local hash type
    hash=$("$support/make_layer.sh" --erofs "$fixtures/rootfs" layer -zlz4hc)
    for type in '' +lz4 +lz4hc +zstd +lz4hc+verity; do
        jq -n --arg h "$hash" --arg t "application/vnd.stacker.image.layer.erofs$type" \
            '{layers: [{file: "layer", root_hash: $h, media_type: $t}], config: {Cmd: ["x"]}}' |
            "$support/make_image.py" l x
        sign_image oci:l:x
        works mosb mount oci:l:x "$work/m"
        works diff -r --no-dereference "$fixtures/rootfs" "$work/m"
        works mosb umount "$work/m"
    done
}

# refused_image CODE CLASS REGEX TYPE FILE HASH: the signed image of this layer is refused.
refused_image() {
    jq -n --arg h "$6" --arg f "$5" --arg t "application/vnd.stacker.image.layer.$4" \
        '{layers: [{file: $f, root_hash: $h, media_type: $t}], config: {Cmd: ["x"]}}' |
        "$support/make_image.py" l x
    sign_image oci:l:x
    refused "$1" "$2" "$3" mosb mount oci:l:x "$work/m"
    manifest_v2 m.yaml < <(service one "oci:$work/l:x")
    refused "$1" "$2" "$3" mosb apply m.yaml
    equal "$(mounted_as erofs) $(mounted_as squashfs)" "0 0"
}

test_case "a layer that is not what its media type says is refused before any mount" other_kind
other_kind() {
    local erofs squashfs
    erofs=$("$support/make_layer.sh" --erofs "$fixtures/rootfs" e)
    squashfs=$("$support/make_layer.sh" "$fixtures/rootfs" s)
    refused_image 15 verity 'media type says squashfs, but it is erofs' squashfs+zstd e "$erofs"
    refused_image 15 verity 'media type says erofs, but it is squashfs' erofs+lz4hc s "$squashfs"
    refused_image 11 content "can't be mounted verified" erofs+gzip e "$erofs"
    refused_image 11 content "can't be mounted verified" ext4 e "$erofs"
}

test_case "an erofs image that needs other devices, or hides a tail, is refused" odd_images
odd_images() {
    local hash
    hash=$("$support/make_layer.sh" --erofs "$fixtures/rootfs" e --chunksize=4096 \
        --blobdev="$work/other")
    refused_image 15 verity 'other devices' erofs e "$hash"
    mkfs.erofs --quiet f "$fixtures/rootfs"
    truncate -s +4096 f
    hash=$(veritysetup format --hash-offset="$(stat -c %s f)" f f |
        sed -n 's/^Root hash:[[:space:]]*//p')
    refused_image 15 verity 'says that the image has' erofs f "$hash"
}

test_case "a bit that flips in an erofs layer at rest stops the start, or gives EIO and degraded" at_rest
at_rest() {
    applied
    works mosb stop one
    local place
    # magic number, checksum, number of blocks; the tree's superblock and its root
    for place in 1024 1028 1060 $((superblock + 72)) $((superblock + 4096 + 5)); do
        flip "$blob" "$place"
        refused 15 verity '.' mosb start one
        flip "$blob" "$place"
    done
    works mosb start one
    works mosb stop one
    flip "$blob" $((superblock / 2))
    works mosb start one
    run mosb exec one -- md5sum /data/big
    [[ $status != 0 ]] || fail "the corrupt file was read"
    contains "$out$err" 'I/O error|Input/output'
    eventually 10 state_is one degraded
    refused 15 verity 'corrupt|block' mosb image verify "$(image_digest l x)"
    works mosb stop one
    refused 15 verity 'corrupt|block' mosb start one
    # Mended by fetching it anew.
    rm "$blob"
    works mosb apply m.yaml
    works mosb exec one -- md5sum /data/big
}

test_case "a bit that flips in an erofs layer while it runs is an error, and degraded" while_running
while_running() {
    applied
    flip "$blob" $((superblock / 2))
    echo 3 >/proc/sys/vm/drop_caches
    run mosb exec one -- md5sum /data/big
    [[ $status != 0 ]] || fail "the corrupt file was read"
    eventually 10 state_is one degraded
    works mosb stop one
    refused 15 verity 'corrupt|block' mosb start one
}

test_case "a bad block of an erofs layer is named with the file that it belongs to" named_file
named_file() {
    local hash block options
    for options in -zlz4hc --chunksize=4096 -x2; do
        cp -a "$fixtures/rootfs" tree
        seq 100000 >tree/data/numbers
        hash=$("$support/make_layer.sh" --erofs tree layer "$options")
        rm -r tree
        block=$(dump.erofs --path=/data/numbers -e layer |
            awk '$1 == "0:" { print $7 / 4096 }')
        jq -n --arg h "$hash" '{layers: [{file: "layer", root_hash: $h,
            media_type: "application/vnd.stacker.image.layer.erofs"}],
            config: {Cmd: ["/bin/sleep", "1000"]}}' | "$support/make_image.py" l x
        sign_image oci:l:x
        manifest_v2 m.yaml < <(service one "oci:$work/l:x")
        works mosb apply m.yaml
        flip "$(layer_blob l x "$root/var/lib/mosb/store")" $((block * 4096 + 7))
        echo 3 >/proc/sys/vm/drop_caches
        run mosb exec one -- md5sum /data/numbers
        [[ $status != 0 ]] || fail "the corrupt file was read"
        eventually 10 state_is one degraded
        works mosb ps -o json
        contains "$(json '.[0].message')" "block $block of '/data/numbers'"
        works mosb mounts
        contains "$out" "block $block of '/data/numbers'"
        works mosb down
    done
}

test_case "image build --fs erofs refuses what it can't do, and leaves nothing" refuses
refuses() {
    local -a build=(mosb image build -t oci:n:x --fs erofs)
    refused 2 usage 'no compression .zstd. for erofs' "${build[@]}" --rootfs / --compression zstd
    refused 2 usage 'no compression .lz4hc. for squashfs' mosb image build -t oci:n:x --rootfs / \
        --compression lz4hc
    "$support/make_tar.py" bad.tar <<<'[{"path": "out", "type": "symlink", "to": ".."},
        {"path": "out/escaped", "data": "x"}]'
    refused 11 content 'out/escaped' "${build[@]}" --rootfs bad.tar
    [[ ! -e escaped ]] || fail "a file was written beside the directory"
    tar -C "$fixtures/rootfs" -cf good.tar .
    chmod 0755 "$work" "$root"
    mkdir -m 0777 free
    cp "$MOSB_BIN/mosb" free/
    status=0
    (cd free && TMPDIR=$work/free setpriv --reuid 65534 --regid 65534 --clear-groups \
        ./mosb image build -t oci:n:x --fs erofs --rootfs ../good.tar) >out 2>err || status=$?
    equal "$status" 22 "$(cat err)"
    contains "$(cat err)" 'only root can make an erofs image of a tar'
    [[ -z $(find "${TMPDIR:-/tmp}/mosb-0" -name 'tree-*') ]] || fail "the unpacked tar was left"
}

test_case "a build that is killed leaves its unpacked tar to the next one" killed_build
killed_build() {
    mkdir temp big
    head -c 60000000 /dev/urandom >big/noise
    cp -a "$fixtures/rootfs/." big/
    tar -C big -cf big.tar .
    TMPDIR=$work/temp "$MOSB_BIN/mosb" image build --rootfs big.tar -t oci:n:x --fs erofs \
        >/dev/null 2>&1 &
    local pid=$! seen=0 i
    for ((i = 0; i < 1000; i++)); do
        if [[ -n $(find temp -name 'noise' 2>/dev/null) ]]; then
            seen=1
            break
        fi
        sleep 0.01
    done
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    equal "$seen" 1 "the tar was being unpacked"
    TMPDIR=$work/temp works mosb image build --rootfs "$fixtures/rootfs" -t oci:n:y --fs erofs \
        --entrypoint /bin/sh
    [[ -z $(find temp -name 'noise') ]] || fail "the unpacked tar was left: $(find temp | head)"
}

test_case "doctor says whether erofs layers can be mounted" doctor_says
doctor_says() {
    run mosb doctor -o json
    equal "$(json '.[] | select(.capability == "erofs") | .status')" ok
}

run_cases "$@"
