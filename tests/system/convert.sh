#!/usr/bin/env bash
# Ordinary images become images with verified layers. What umoci unpacks is what has to be seen.
# real: kernel registry
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"
source "${0%/*}/../support/registries.sh"
source "${0%/*}/../support/docker.sh"

tests=$(cd "${0%/*}/.." && pwd)

# tar_image TAG TAR…: an image with these layers in the layout "ordinary".
tar_image() {
    local tag=$1
    shift
    printf '%s\n' "$@" | jq -R . | jq -s '{layers: map({file: ., media_type:
        "application/vnd.oci.image.layer.v1.tar"}), config: {Cmd: ["/bin/sleep", "600"]}}' |
        "$tests/support/make_image.py" ordinary "$tag" >/dev/null
}
# layer NAME: a tar of the entries on standard input (see make_tar.py).
layer() { "$tests/support/make_tar.py" "$1.tar"; }
# listing DIR: every file with type, mode, owner, target, size or content, and attributes.
listing() {
    (cd "$1" && find . -mindepth 1 \( -type f -printf '%P %y %m %U:%G %n %s ' -exec sha256sum {} \; \
        -o -type d -printf '%P %y %m %U:%G\n' -o -printf '%P %y %m %U:%G %l\n' \) |
        sed 's/ \.\/.*$//' | sort
        # A paragraph for each file, in the directory's order.
        { getfattr -R -h -d -m '^(user|security)\.' . 2>/dev/null || true; } |
            awk -v RS= '{gsub("\n", " "); print}' | sort)
}
# converts TAG: the image as converted is seen as umoci unpacks the original, also with erofs.
converts() {
    rm -rf unpacked
    works umoci unpack --image "ordinary:$1" unpacked
    listing unpacked/rootfs >wanted
    mkdir -p "$work/m"
    local to
    for to in converted erofs; do
        works mosb image convert "oci:ordinary:$1" "oci:$to:$1" --fs "${to/converted/squashfs}"
        sign_layout "$to:$1"
        works mosb mount "oci:$to:$1" "$work/m"
        listing "$work/m" >seen
        diff wanted seen || fail "the mount of $to differs from what umoci unpacks"
        works mosb umount "$work/m"
    done
}
sign_layout() {
    works mosb sign "oci:$1" --key "$fixtures/keys/signing.key" \
        --cert "$fixtures/keys/signing-chain.pem"
}

test_case "an image of umoci shows what umoci unpacks, with what its upper layer took away" of_umoci
of_umoci() {
    umoci init --layout ordinary >/dev/null
    umoci new --image ordinary:one >/dev/null
    works umoci unpack --image ordinary:one bundle
    cp -a "$fixtures/rootfs/." bundle/rootfs/
    mkdir -p bundle/rootfs/{gone,made-anew,kept}
    echo low | tee bundle/rootfs/{gone,made-anew,kept}/low >bundle/rootfs/changed
    chown 1000:100 bundle/rootfs/kept
    ln -s kept bundle/rootfs/link
    ln bundle/rootfs/changed bundle/rootfs/hard
    chmod 4755 bundle/rootfs/hard
    setfattr -n user.note -v low bundle/rootfs/kept/low
    works umoci repack --image ordinary:one bundle
    rm -rf bundle
    works umoci unpack --image ordinary:one bundle
    rm -r bundle/rootfs/{gone,made-anew} bundle/rootfs/hard
    mkdir bundle/rootfs/made-anew
    echo high >bundle/rootfs/made-anew/high
    echo new >bundle/rootfs/changed
    works umoci repack --image ordinary:two bundle
    converts one
    converts two
    equal "$(jq '.layers | length' "$(image_manifest converted two)")" 2
    contains "$(cat seen)" 'made-anew/high'
    ! grep -q 'made-anew/low\|^gone' seen || fail "what was removed is seen"
}

test_case "an image of tars with odd but lawful entries shows what umoci unpacks" odd_entries
odd_entries() {
    layer low <<'END'
[{"path": "./", "type": "dir"}, {"path": "usr", "type": "dir"},
 {"path": "usr/lib", "type": "dir", "mode": 493, "uid": 5, "gid": 6}, {"path": "usr/lib/a", "data": "a"},
 {"path": "lib", "type": "symlink", "to": "/usr/lib"}, {"path": "loop", "type": "symlink", "to": "loop"},
 {"path": "etc", "type": "dir", "mode": 448, "uid": 7}, {"path": "etc/old", "data": "old"},
 {"path": "etc/sub/deep", "data": "no parent was listed"},
 {"path": "all", "type": "dir"}, {"path": "all/one", "data": "1"}, {"path": "all/two/x", "data": "2"},
 {"path": "file", "data": "was a file"}, {"path": "dir/in", "data": "was in a directory"},
 {"path": "late/child", "data": "before its directory"}, {"path": "late", "type": "dir", "mode": 457},
 {"path": "caps", "mode": 2541, "xattrs": {"user.kept": "yes"}}]
END
    layer high <<'END'
[{"path": "lib/b", "data": "beneath a symlink"}, {"path": "lib/.wh.a"},
 {"path": "etc/new", "data": "its directory keeps its mode"},
 {"path": "all/three", "data": "3"}, {"path": "all/.wh..wh..opq"},
 {"path": "file", "type": "dir"}, {"path": "file/inside", "data": "is a directory now"},
 {"path": "dir", "data": "is a file now"},
 {"path": "hard", "data": "h"}, {"path": "sub/harder", "type": "link", "to": "./hard"},
 {"path": ".wh.never-there"}, {"path": ".wh..wh.plnk"}]
END
    layer top <<'END'
[{"path": "usr/.wh.lib"}, {"path": "usr/lib", "type": "dir"}, {"path": "usr/lib/c", "data": "anew"},
 {"path": "twice", "data": "first"}, {"path": "twice", "data": "second"}, {"path": "..dots..", "data": ""}]
END
    tar_image odd low.tar high.tar top.tar
    converts odd
    contains "$(cat seen)" 'etc d 700 7:0'
    equal "$(grep -c '^usr/lib/' seen)" 1 "files in the directory that was made anew"
    layer nothing <<<'[{"path": "./", "type": "dir"}]'
    layer all-gone <<<'[{"path": ".wh..wh..opq"}, {"path": "alone", "data": "x"}]'
    tar_image gone low.tar nothing.tar all-gone.tar
    converts gone
    equal "$(cut -d' ' -f1 seen)" alone
    equal "$(jq '.layers | length' "$(image_manifest converted gone)")" 2 "layers that change something"
}

test_case "whatever tool compressed it, an image gives the same layers, bit for bit" same_layers
same_layers() {
    mkdir tree
    cp -a "$fixtures/rootfs/." tree/
    tar -C tree --sort=name --numeric-owner -cf low.tar .
    tar_image plain low.tar
    skopeo copy -q --dest-compress-format gzip --dest-compress oci:ordinary:plain oci:gzip:x
    skopeo copy -q --dest-compress-format zstd --dest-compress oci:ordinary:plain oci:zstd:x
    skopeo copy -q --format v2s2 oci:ordinary:plain dir:docker
    contains "$(jq -r .layers[0].mediaType docker/manifest.json)" docker.image.rootfs.diff.tar
    works mosb image convert oci:ordinary:plain oci:one:x
    sleep 1.1
    works mosb image convert oci:gzip:x oci-archive:two.tar
    works mosb image convert oci:zstd:x oci:three:x
    equal "$(image_digest one x)" "$(image_digest three x)"
    works mosb image inspect oci-archive:two.tar -o json
    contains "$out" "$(image_digest one x)"
    SOURCE_DATE_EPOCH=1000000000 works mosb image convert oci:ordinary:plain oci:dated:x
    [[ $(image_digest one x) != "$(image_digest dated x)" ]] || fail "SOURCE_DATE_EPOCH means nothing"
    works mosb image convert oci:ordinary:plain oci:four:x --fs erofs
    works mosb image convert oci:zstd:x oci:five:x --fs erofs
    equal "$(image_digest four x)" "$(image_digest five x)"
    works skopeo inspect --raw oci:one:x
    works umoci stat --image one:x
}

test_case "an image of a registry is converted, signed, and runs" runs_from_registry
runs_from_registry() {
    start_registry
    mkdir tree
    cp -a "$fixtures/rootfs/." tree/
    tar -C tree --sort=name --numeric-owner -cf low.tar .
    tar_image plain low.tar
    skopeo copy -q --dest-tls-verify=false --format v2s2 oci:ordinary:plain \
        "docker://$registry/plain:v1"
    configure 'registries:' "  - host: $registry" '    insecure: true'
    works mosb image convert "docker://$registry/plain:v1" "docker://$registry/test/converted:v1"
    works mosb sign "docker://$registry/test/converted:v1" --key "$fixtures/keys/signing.key" \
        --cert "$fixtures/keys/signing-chain.pem"
    manifest_v2 m.yaml < <(service one "docker://$registry/test/converted:v1")
    works mosb apply m.yaml
    eventually 10 runs one
}

# refused_layer ERROR: the layer on standard input, above another, is refused for that.
refused_layer() {
    layer bad
    layer base <<<'[{"path": "low", "data": "low"}, {"path": "ln", "type": "symlink", "to": "ln"}]'
    tar_image bad base.tar bad.tar
    rm -rf nowhere
    refused 11 content "$1" mosb image convert oci:ordinary:bad oci:nowhere:x
    ! skopeo inspect --raw oci:nowhere:x >/dev/null 2>&1 || fail "an image was made"
}

test_case "layers that leave the root, forge overlayfs' marks or link to what is not there are refused" bad_layers
bad_layers() {
    refused_layer "leaves the root" <<<'[{"path": "a/../../x", "data": ""}]'
    refused_layer "leaves the root" <<<'[{"path": "../.wh.x", "data": ""}]'
    refused_layer "device 0:0" <<<'[{"path": "low", "type": "char"}]'
    refused_layer "hides nothing" <<<'[{"path": "a/.wh..", "data": ""}]'
    refused_layer "is a file" <<<'[{"path": "low/x", "data": ""}]'
    refused_layer "too many symlinks" <<<'[{"path": "ln/x", "data": ""}]'
    refused_layer "which is no plain file before it" <<<'[{"path": "hard", "type": "link", "to": "no"}]'
    refused_layer "which is no plain file before it" <<<'[{"path": "hard", "type": "link", "to": "ln"}]'
    refused_layer "which is no plain file before it" \
        <<<'[{"path": "hard", "type": "link", "to": "low"}, {"path": ".wh.low"}]'
    refused_layer "which is no plain file before it" \
        <<<'[{"path": "hard", "type": "link", "to": "later"}, {"path": "later", "data": ""}]'
    refused_layer "leaves the root" <<<'[{"path": "hard", "type": "link", "to": "../low"}]'
}

# made EXPRESSION: a layer of one entry, by a dictionary of Python.
made() { python3 -c 'import json, sys; print(json.dumps([eval(sys.argv[1])]))' "$1"; }

test_case "names and owners that Linux cannot have are refused, whatever they would cost" impossible
impossible() {
    refused_layer 'longer than 4095 bytes' < <(made '{"path": "a/" * 50000 + "x"}')
    refused_layer 'longer than 255 bytes' < <(made '{"path": "n" * 256}')
    refused_layer 'longer than 4095 bytes' < <(made '{"path": "s", "type": "symlink", "to": "a/../" * 20000}')
    refused_layer 'longer than 4095 bytes' < <(made '{"path": "h", "type": "link", "to": "a/" * 50000}')
    local id
    for id in 4294967295 4294968296 -1; do
        refused_layer "an owner that cannot be" < <(made "{'path': 'f', 'uid': $id}")
        refused_layer "an owner that cannot be" < <(made "{'path': 'd', 'type': 'dir', 'gid': $id}")
    done
    layer root < <(made '{"path": "f", "data": "", "uid": 4294967295}')
    refused 11 content 'an owner that cannot be' mosb image build --rootfs root.tar -t oci:nowhere:x
}

test_case "attributes of overlayfs in an ordinary layer mean nothing afterwards" forged_attributes
forged_attributes() {
    layer base <<<'[{"path": "d/low", "data": "low"}, {"path": "secret", "data": "secret"}]'
    layer forged <<'END'
[{"path": "d", "type": "dir", "xattrs": {"trusted.overlay.opaque": "y", "user.overlay.opaque": "y"}},
 {"path": "shown", "data": "0", "xattrs": {"trusted.overlay.redirect": "/secret",
  "trusted.overlay.metacopy": "", "user.harmless": "1"}}]
END
    tar_image forged base.tar forged.tar
    works mosb image convert oci:ordinary:forged oci:converted:forged
    sign_layout converted:forged
    mkdir -p "$work/m"
    works mosb mount oci:converted:forged "$work/m"
    equal "$(cat "$work/m/d/low")" low
    equal "$(cat "$work/m/shown")" 0
    equal "$(getfattr -h -d -m - "$work/m/shown" 2>/dev/null | sed -n 's/=.*//p' | sed 1d)" ""
    works mosb umount "$work/m"
}

test_case "a layer that is cut, is another than its configuration says, or is no tar is refused" wrong_layers
wrong_layers() {
    layer base <<<'[{"path": "low", "data": "low"}]'
    tar_image plain base.tar
    skopeo copy -q --dest-compress oci:ordinary:plain oci:gzip:x
    local manifest blob
    manifest=$(image_manifest gzip x)
    blob=$(layer_blob gzip x)
    truncate -s -20 "$blob"
    refused 11 content "" mosb image convert oci:gzip:x oci:nowhere:x
    # With a digest that fits, so that only the packing shows it.
    jq -n --arg f "$blob" '{layers: [{file: $f, media_type:
        "application/vnd.oci.image.layer.v1.tar+gzip"}]}' |
        "$tests/support/make_image.py" cut x >/dev/null
    refused 11 content "can't be unpacked" mosb image convert oci:cut:x oci:nowhere:x
    gzip -k base.tar
    jq -n '{layers: [{file: "base.tar.gz", media_type:
        "application/vnd.oci.image.layer.v1.tar+gzip"}]}' |
        "$tests/support/make_image.py" differs x >/dev/null
    refused 11 content "and the configuration says" mosb image convert oci:differs:x oci:nowhere:x
    jq -n '{layers: [{file: "base.tar", media_type: "application/x-rar"}]}' |
        "$tests/support/make_image.py" odd x >/dev/null
    refused 11 content "is no tar" mosb image convert oci:odd:x oci:nowhere:x
    refused 11 content "is no tar" mosb image convert "oci:$fixtures/layout:shell" oci:nowhere:x
    contains "$err" "hint: .*mosb image copy"
    refused 2 usage "has a digest" mosb image convert oci:ordinary:plain \
        "oci:nowhere@$(image_digest ordinary plain)"
    [[ ! -e $manifest.tmp && ! -e nowhere/index.json ]] ||
        [[ $(jq '.manifests | length' nowhere/index.json) -eq 0 ]] || fail "an image was made"
}

# docker_archive FILE IMAGE…: as skopeo makes one of images in the layout "ordinary", each named so.
docker_archive() {
    local file=$1 tag
    shift
    for tag; do
        skopeo copy -q "oci:ordinary:$tag" "docker-archive:$file:test/$tag:1"
    done
}
two_layers() {
    layer base <<<'[{"path": "etc", "type": "dir", "mode": 448, "uid": 7}, {"path": "etc/old", "data": "old"},
        {"path": "low", "data": "low"}, {"path": "same", "data": "same"}]'
    layer upper <<<'[{"path": "etc/.wh.old"}, {"path": "etc/new", "data": "new"}, {"path": "low", "data": "high"}]'
    tar_image two base.tar upper.tar
}

test_case "a docker archive of skopeo or podman gives the image that it was made of" docker_archives
docker_archives() {
    two_layers
    converts two
    docker_archive d.tar two
    works mosb image convert docker-archive:d.tar oci:docker:x
    equal "$(image_digest docker x)" "$(image_digest converted two)" "digest of the converted image"
    works mosb image convert docker-archive:d.tar:test/two:1 oci-archive:x.tar
    works mosb image convert docker-archive:d.tar:docker.io/test/two:1 oci:docker:x
    equal "$(image_digest docker x)" "$(image_digest converted two)"
    sign_layout docker:x
    works mosb mount oci:docker:x "$work/m"
    listing "$work/m" | diff wanted - || fail "the mount differs from what umoci unpacks"
    works mosb umount "$work/m"
    # Of any other image, the same layers: what podman's own store makes of it has other fields.
    podman=(podman --root "$work/podman" --runroot "$work/podman-run" --storage-driver vfs)
    works "${podman[@]}" pull -q oci:ordinary:two
    works "${podman[@]}" save -q --format docker-archive -o podman.tar "$out"
    works mosb image convert docker-archive:podman.tar oci:of-podman:x
    equal "$(jq -c .layers "$(image_manifest of-podman x)")" \
        "$(jq -c .layers "$(image_manifest converted two)")" "layers of podman's archive"
    rm -rf "$work/podman" "$work/podman-run"
}

test_case "a docker archive is copied and inspected, and never written or signed" docker_archive_reads
docker_archive_reads() {
    two_layers
    docker_archive d.tar two
    sha256sum d.tar >before
    works mosb image inspect docker-archive:d.tar -o json
    equal "$(jq '.layers | length' <<<"$out")" 2
    works mosb image copy docker-archive:d.tar oci:copy:x
    works umoci unpack --image copy:x of-copy
    works umoci unpack --image ordinary:two of-source
    diff <(listing of-copy/rootfs) <(listing of-source/rootfs) || fail "the copy is another image"
    works mosb image convert oci:copy:x oci:converted:copied
    works mosb image convert docker-archive:d.tar oci:converted:direct
    equal "$(image_digest converted copied)" "$(image_digest converted direct)"
    refused 2 usage "only read" mosb image copy oci:copy:x docker-archive:n.tar
    refused 2 usage "only read" mosb image convert oci:ordinary:two docker-archive:n.tar
    refused 2 usage "only read" mosb image build --rootfs . -t docker-archive:n.tar
    refused 2 usage "takes no signature" mosb sign docker-archive:d.tar \
        --key "$fixtures/keys/signing.key" --cert "$fixtures/keys/signing-chain.pem"
    refused 12 signature "" mosb verify docker-archive:d.tar
    refused 12 signature "" mosb mount docker-archive:d.tar "$work/m"
    refused 11 content "can.t be mounted verified" \
        mosb mount --insecure-skip-signature docker-archive:d.tar "$work/m"
    refused 11 content "holds no OCI layout" mosb image convert oci-archive:d.tar oci:nowhere:x
    contains "$err" '^hint: .*docker-archive:'
    works sha256sum -c before
    [[ ! -e n.tar ]] || fail "a docker archive was written"
}

test_case "what new versions of docker save, with an OCI layout within, is a docker archive, too" new_docker
new_docker() {
    two_layers
    works mosb image convert oci:ordinary:two oci:converted:two
    # With layers as they are, and compressed as docker pulled them.
    skopeo copy -q --dest-compress oci:ordinary:two oci:packed:two
    local layout
    for layout in ordinary packed; do
        jq -c '[{Config: ("blobs/sha256/" + (.config.digest | ltrimstr("sha256:"))), RepoTags: ["two:latest"],
            Layers: [.layers[].digest | "blobs/sha256/" + ltrimstr("sha256:")], LayerSources: {}}]' \
            "$(image_manifest "$layout" two)" >"$layout/manifest.json"
        tar -C "$layout" -cf "$layout.tar" .
        works mosb image convert "docker-archive:$layout.tar:two" oci:new:x
        equal "$(image_digest new x)" "$(image_digest converted two)" "$layout"
        works mosb image convert "oci-archive:$layout.tar:two" oci:new:y
        equal "$(image_digest new y)" "$(image_digest converted two)" "$layout"
    done
}

test_case "of a docker archive with several images one is named" several_images
several_images() {
    layer one <<<'[{"path": "one", "data": "1"}]'
    layer two <<<'[{"path": "two", "data": "2"}]'
    tar_image a one.tar
    tar_image b one.tar two.tar
    podman=(podman --root "$work/podman" --runroot "$work/podman-run" --storage-driver vfs)
    works "${podman[@]}" pull -q oci:ordinary:a
    works "${podman[@]}" tag "$out" localhost/test/a:1
    works "${podman[@]}" pull -q oci:ordinary:b
    works "${podman[@]}" tag "$out" localhost/test/b:1
    works "${podman[@]}" save -q --format docker-archive -m -o both.tar localhost/test/a:1 localhost/test/b:1
    rm -rf "$work/podman" "$work/podman-run"
    equal "$(tar -xOf both.tar manifest.json | jq length)" 2
    refused 2 usage "has 2 images" mosb image convert docker-archive:both.tar oci:nowhere:x
    contains "$err" '^hint: name one of them: localhost/test/[ab]:1, localhost/test/[ab]:1$'
    refused 3 not-found "has no image 'test/a:1'" \
        mosb image convert docker-archive:both.tar:test/a:1 oci:nowhere:x
    works mosb image convert docker-archive:both.tar:localhost/test/b:1 oci:out:b
    equal "$(jq '.layers | length' "$(image_manifest out b)")" 2
    works mosb image convert docker-archive:both.tar:localhost/test/a:1 oci:out:a
    equal "$(jq '.layers | length' "$(image_manifest out a)")" 1
}

# bad_archive ERROR MANIFEST [ENTRY…]: an archive of $config, this manifest.json and more entries is
# refused for that.
bad_archive() {
    local regex=$1 manifest=$2
    shift 2
    jq -cn --arg name "$config_name" --arg config "$config" --arg manifest "$manifest" \
        '[{path: $name, data: $config}, {path: "manifest.json", data: $manifest}] + $ARGS.positional' \
        --jsonargs "$@" >entries.json
    bad_entries "$regex"
}
bad_entries() {
    layer d <entries.json
    rm -rf nowhere
    refused 11 content "$1" mosb image convert docker-archive:d.tar oci:nowhere:x
    [[ ! -e nowhere/index.json || $(jq '.manifests | length' nowhere/index.json) == 0 ]] ||
        fail "an image was made"
}
lists() { jq -cn --arg c "$config_name" '[{Config: $c, Layers: $ARGS.positional}]' --args "$@"; }

test_case "hostile docker archives are refused, and nothing outside of them is read" hostile_archives
hostile_archives() {
    local config config_name diff_id
    layer base <<<'[{"path": "low", "data": "low"}]'
    diff_id=$(sha256sum base.tar | cut -d' ' -f1)
    config=$(jq -cn --arg d "sha256:$diff_id" '{os: "linux", architecture: "amd64", config: {},
        rootfs: {type: "layers", diff_ids: [$d]}}')
    config_name=$(printf %s "$config" | sha256sum | cut -d' ' -f1).json
    bad_archive "$diff_id" "$(lists l.tar)" '{"path": "l.tar", "data": "something else"}'
    bad_archive "'l.tar' is missing" "$(lists l.tar)"
    bad_archive "leads out of the archive" "$(lists ../../etc/passwd)"
    bad_archive "leads out of the archive" "$(lists ../../etc/passwd)" \
        '{"path": "../../etc/passwd", "data": "x"}'
    bad_archive "leads out of the archive" "$(lists l.tar)" \
        '{"path": "l.tar", "type": "symlink", "to": "/etc/passwd"}'
    bad_archive "too many symlinks" "$(lists l.tar)" '{"path": "l.tar", "type": "symlink", "to": "m.tar"}' \
        '{"path": "m.tar", "type": "symlink", "to": "l.tar"}'
    bad_archive "not a plain file" "$(lists l.tar)" '{"path": "l.tar", "type": "fifo"}'
    bad_archive "not a plain file" "$(lists l.tar)" \
        '{"path": "l.tar", "type": "link", "to": "manifest.json"}'
    bad_archive "stands twice" "$(lists l.tar)" \
        '{"path": "l.tar", "data": "1"}' '{"path": "l.tar", "data": "2"}'
    bad_archive "1 diff_ids for 2 layers" "$(lists l.tar m.tar)" \
        '{"path": "l.tar", "data": "1"}' '{"path": "m.tar", "data": "2"}'
    bad_archive "malformed JSON" 'not JSON'
    bad_archive "is not a list" '{"Config": "x", "Layers": ["l.tar"]}'
    bad_archive "stands twice" "[{\"Config\": \"$config_name\", \"Config\": \"x\", \"Layers\": [\"l.tar\"]}]"
    jq -n '[{path: "oci-layout", data: "{}"}]' >entries.json
    bad_entries "has no manifest.json"
    contains "$err" '^hint: .*oci-archive:'
    # Too large for a command line.
    python3 -c 'import json
print(json.dumps([{"path": "manifest.json", "data": "[" + " " * (5 << 20) + "]"}]))' >entries.json
    bad_entries "is larger than 4194304 bytes"
    config=${config/amd64/amd65}
    bad_archive "has another digest" "$(lists l.tar)" '{"path": "l.tar", "data": "1"}'
    xz -f d.tar
    refused 11 content "Unrecognized" mosb image convert docker-archive:d.tar.xz oci:nowhere:x
    refused 3 not-found "" mosb image convert docker-archive:none.tar oci:nowhere:x
}

# platform_image TAG PLATFORM TAR…: one of the layout "ordinary" for that platform (a JSON object).
platform_image() {
    local tag=$1 platform=$2
    shift 2
    printf '%s\n' "$@" | jq -R . | jq -s --argjson p "$platform" '{platform: $p, config: {Cmd: ["/x"]},
        layers: map({file: ., media_type: "application/vnd.oci.image.layer.v1.tar"}),
        manifest: {annotations: {"org.example.of": $p.architecture}}}' |
        "$tests/support/make_image.py" ordinary "$tag" >/dev/null
}
# put_index TAG [LAYOUT] < ENTRIES: an index of these manifests in the layout, by default "ordinary".
put_index() {
    local bytes digest layout=${2:-ordinary}
    bytes=$(jq -c '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json",
        annotations: {"org.example.of": "all"}, manifests: .}')
    digest=$(printf %s "$bytes" | sha256sum | cut -d' ' -f1)
    printf %s "$bytes" >"$layout/blobs/sha256/$digest"
    jq --arg d "sha256:$digest" --argjson s "${#bytes}" --arg t "$1" '.manifests |= map(select(
        .annotations["org.opencontainers.image.ref.name"] != $t)) + [{digest: $d, size: $s,
        mediaType: "application/vnd.oci.image.index.v1+json",
        annotations: {"org.opencontainers.image.ref.name": $t}}]' "$layout/index.json" >index.new
    mv index.new "$layout/index.json"
}
# entry TAG [MEMBERS [LAYOUT]]: how an index lists this image.
entry() {
    jq -c --arg t "$1" --argjson m "${2:-null}" '.manifests[] | select(.annotations[
        "org.opencontainers.image.ref.name"] == $t) | {mediaType, digest, size} + $m' \
        "${3:-ordinary}/index.json"
}
# An index as buildkit makes one: two variants of arm, another that is a system of its own with a
# version, this host's, and what was attested of it.
several_platforms() {
    layer here <<<'[{"path": "here", "data": "1"}, {"path": "etc/one", "data": "1"}]'
    layer there <<<'[{"path": "there", "data": "2"}]'
    layer top <<<'[{"path": "etc/.wh.one"}, {"path": "top", "data": "3"}]'
    host=$(jq -cn --arg a "$(dpkg --print-architecture)" '{os: "linux", architecture: $a}')
    platform_image host "$host" here.tar top.tar
    platform_image v6 '{"os": "linux", "architecture": "arm", "variant": "v6"}' there.tar
    platform_image v7 '{"os": "linux", "architecture": "arm", "variant": "v7"}' there.tar top.tar
    platform_image other '{"os": "windows", "architecture": "mips", "os.version": "10.0.1.2",
        "os.features": ["win32k"]}' there.tar
    jq -n '{layers: [{file: "here.tar", media_type: "application/vnd.in-toto+json"}],
        platform: {os: "unknown", architecture: "unknown"}}' |
        "$tests/support/make_image.py" ordinary attested >/dev/null
    {
        entry v6 '{"platform": {"os": "linux", "architecture": "arm", "variant": "v6"}}'
        entry v7 '{"platform": {"os": "linux", "architecture": "arm", "variant": "v7"},
            "annotations": {"org.example.entry": "kept"}}'
        entry host "{\"platform\": $host}"
        entry other '{"platform": {"os": "windows", "architecture": "mips", "os.version": "10.0.1.2",
            "os.features": ["win32k"], "features": ["sse4"]}}'
        entry attested '{"platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}'
    } | jq -s . >entries.json
    put_index all <entries.json
}
index_of() { skopeo inspect --raw "oci:$1"; }

test_case "an index is converted for all its platforms, into the same index each time" all_platforms
all_platforms() {
    several_platforms
    works mosb image convert oci:ordinary:all oci:out:all
    contains "$err" 'warning: .*attestations of buildkit .*: 1$'
    contains "$err" '^linux/arm/v7: layer 2 of 2: '
    index_of out:all >index.json
    equal "$(jq -cS '[.manifests[].platform]' index.json)" "$(jq -cS '[.[:4][].platform]' entries.json)"
    equal "$(jq -c '[.annotations, .manifests[1].annotations, .mediaType]' index.json)" \
        '[{"org.example.of":"all"},{"org.example.entry":"kept"},"application/vnd.oci.image.index.v1+json"]'
    # Each image is the one that its own reference gives.
    local tag number=0 digest
    for tag in v6 v7 host other; do
        works mosb image convert "oci:ordinary:$tag" "oci:single:$tag"
        digest=$(jq -r ".manifests[$number].digest" index.json)
        equal "$digest" "$(image_digest single "$tag")" "$tag"
        number=$((number + 1))
    done
    works skopeo inspect --override-arch arm --override-variant v6 oci:out:all
    equal "$(jq -c '[.Architecture, (.Layers | length)]' <<<"$out")" '["arm",1]'
    works skopeo inspect --override-arch arm --override-variant v7 --config oci:out:all
    equal "$(jq -c '[.architecture, .variant, (.rootfs.diff_ids | length)]' <<<"$out")" '["arm","v7",2]'
    works skopeo inspect --override-os windows --override-arch mips --config oci:out:all
    equal "$(jq -c '[."os.version", ."os.features"]' <<<"$out")" '["10.0.1.2",["win32k"]]'
    works skopeo copy -q --all oci:out:all oci:everything:all
    works mosb image convert oci:ordinary:all oci:again:all -o json
    equal "$(jq -r .digest <<<"$out")" "sha256:$(sha256sum <index.json | cut -d' ' -f1)"
    equal "$(jq -c '[.platforms, (.left_out | length)]' <<<"$out")" \
        "[[\"linux/arm/v6\",\"linux/arm/v7\",\"linux/$(jq -r .architecture <<<"$host")\",\"windows/mips\"],1]"
    # This host's, signed by the index, shows what umoci unpacks of it.
    works umoci unpack --image ordinary:host unpacked
    listing unpacked/rootfs >wanted
    sign_layout out:all
    mkdir -p "$work/m"
    works mosb mount oci:out:all "$work/m"
    listing "$work/m" | diff wanted - || fail "the mount differs from what umoci unpacks"
    works mosb umount "$work/m"
}

test_case "one platform of an index gives its image, several an index of them" some_platforms
some_platforms() {
    several_platforms
    works mosb image convert oci:ordinary:v7 oci:single:v7
    works mosb image convert --platform linux/arm/v7 oci:ordinary:all oci:out:one
    equal "$(image_digest out one)" "$(image_digest single v7)"
    works mosb image convert --platform linux/arm/v7 oci:ordinary:v7 oci:out:one
    works mosb image convert --platform "linux/$(jq -r .architecture <<<"$host")" \
        --platform linux/arm/v6 oci:ordinary:all oci-archive:two.tar:two
    skopeo inspect --raw oci-archive:two.tar:two >index.json
    equal "$(jq -r '[.manifests[].platform.architecture] | join(" ")' index.json)" \
        "arm $(jq -r .architecture <<<"$host")" "the order is that of the old index"
    refused 2 usage "two manifests for linux/arm:" \
        mosb image convert --platform linux/arm oci:ordinary:all oci:nowhere:x
    refused 22 host "no manifest for linux/s390x, only for .*linux/arm/v6" \
        mosb image convert --platform linux/s390x oci:ordinary:all oci:nowhere:x
    refused 22 host "the image is for linux/arm/v6, not for linux/s390x" \
        mosb image convert --platform linux/s390x oci:ordinary:v6 oci:nowhere:x
    refused 2 usage "is no platform" mosb image convert --platform arm oci:ordinary:all oci:nowhere:x
    contains "$err" '^hint: .*linux/arm/v7'
    refused 2 usage "malformed os" mosb image convert --platform 'li nux/arm' oci:ordinary:all oci:nowhere:x
}

test_case "one platform that can't be converted fails the index, and its tag stays what it was" bad_platform
bad_platform() {
    several_platforms
    start_registry
    configure 'registries:' "  - host: $registry" '    insecure: true'
    works mosb image convert oci:ordinary:host oci:out:all
    works mosb image convert oci:ordinary:host "docker://$registry/out:all"
    local before
    before=$(image_digest out all)
    layer evil <<<'[{"path": "../../x", "data": ""}]'
    platform_image v7 '{"os": "linux", "architecture": "arm", "variant": "v7"}' evil.tar
    bad_index() {
        { jq -c '.[0]' entries.json; entry "$2" "$3"; } | jq -s . | put_index bad
        refused 11 content "$1" mosb image convert oci:ordinary:bad oci:out:all
        refused 11 content "$1" mosb image convert oci:ordinary:bad "docker://$registry/out:all"
        refused 11 content "$1" mosb image convert oci:ordinary:bad oci-archive:bad.tar
        equal "$(image_digest out all)" "$before"
        equal "$(jq '.manifests | length' out/index.json)" 1 "manifests in the layout"
        equal "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$registry/out:all")" \
            "$before"
        [[ ! -e bad.tar ]] || fail "an archive was written"
    }
    bad_index "linux/arm/v7: layer .* leaves the root" v7 \
        '{"platform": {"os": "linux", "architecture": "arm", "variant": "v7"}}'
    bad_index "the index says linux/s390x, the config linux/arm/v7" v7 \
        '{"platform": {"os": "linux", "architecture": "s390x"}}'
    bad_index "is of type 'application/vnd.in-toto.json', which is no tar" attested \
        '{"platform": {"os": "unknown", "architecture": "unknown"}}'
    jq -c '[.[4]]' entries.json | put_index bad
    refused 11 content "the index has 0 images" mosb image convert oci:ordinary:bad oci:out:all
}

test_case "links to files of lower layers show what umoci unpacks" lower_links
lower_links() {
    layer low <<'END'
[{"path": "d", "type": "dir", "mode": 457, "uid": 3}, {"path": "d/a", "data": "of low", "mode": 420,
  "uid": 8, "xattrs": {"user.note": "kept"}}, {"path": "b", "data": "b of low"},
 {"path": "c", "data": "c of low"}, {"path": "to-d", "type": "symlink", "to": "d"},
 {"path": "gone/x", "data": "x of low"}]
END
    layer high <<'END'
[{"path": "e/link", "type": "link", "to": "to-d/a"}, {"path": "e/second", "type": "link", "to": "e/link"},
 {"path": "b-as-it-was", "type": "link", "to": "b"}, {"path": "b", "data": "b of high"},
 {"path": "c2", "type": "link", "to": "c"}]
END
    layer top <<'END'
[{"path": "f", "type": "link", "to": "b-as-it-was"}, {"path": "x", "type": "link", "to": "gone/x"},
 {"path": "gone", "data": "a file now"}, {"path": "g", "type": "link", "to": "b"}]
END
    tar_image links low.tar high.tar top.tar
    converts links
    equal "$(cat unpacked/rootfs/b-as-it-was unpacked/rootfs/f)" "b of lowb of low"
    # The layers below are fetched again for it, whatever they are compressed with.
    works skopeo copy -q --dest-compress --dest-compress-format gzip oci:ordinary:links oci:gzip:links
    works mosb image convert oci:gzip:links oci:again:links
    equal "$(jq -c '[.layers[].digest]' "$(image_manifest again links)")" \
        "$(jq -c '[.layers[].digest]' "$(image_manifest converted links)")"
}

test_case "an index that lists indexes is converted into one of all their images" nested_indexes
nested_indexes() {
    several_platforms
    jq -c '.[:2]' entries.json | put_index arms
    jq -c '.[2:]' entries.json | put_index others
    { entry arms; entry others; } | jq -s . | put_index nested
    works mosb image convert oci:ordinary:all oci:out:flat
    works mosb image convert oci:ordinary:nested oci:out:nested
    index_of out:flat | jq -S 'del(.annotations)' >flat.json
    index_of out:nested | jq -S 'del(.annotations)' | diff flat.json - ||
        fail "the images of nested indexes are others"
    works mosb image convert --platform linux/arm/v7 oci:ordinary:nested oci:out:one
    equal "$(image_digest out one)" "$(jq -r '.manifests[1].digest' flat.json)"
    # Three of them are too many, one without images has none to give.
    entry nested | jq -s . | put_index deep
    refused 11 content "indexes are nested too deeply" mosb image convert oci:ordinary:deep oci:out:x
    entry nested "{\"platform\": $host}" | jq -s . | put_index deep
    refused 11 content "indexes are nested too deeply" mosb image convert oci:ordinary:deep oci:out:x
    echo '[]' | put_index empty
    entry empty | jq -s . | put_index hollow
    refused 11 content "has 0 images" mosb image convert oci:ordinary:hollow oci:out:x
    # What is looked at is this host's image, of an index within, too.
    entry flat "{\"platform\": $host}" out | jq -s . | put_index outer out
    works mosb image inspect oci:out:outer -o json
    equal "$(json .digest)" "$(jq -r '.manifests[2].digest' flat.json)"
    entry outer "{\"platform\": $host}" out | jq -s . | put_index outermost out
    refused 11 content "indexes are nested too deeply" mosb image inspect oci:out:outermost
}

test_case "an archive as Docker wrote it before 1.10 gives the layers that it was made of" old_docker
old_docker() {
    two_layers
    converts two
    # skopeo still writes what old versions read beside what they don't.
    docker_archive d.tar two
    mkdir old
    tar -C old -xf d.tar
    local layer
    for layer in old/*/layer.tar; do cp --remove-destination "$(readlink -f "$layer")" "$layer"; done
    rm old/*.json old/*.tar
    tar -C old -cf old.tar .
    works mosb image convert docker-archive:old.tar oci:of-old:x
    equal "$(jq -c '[.layers[].digest]' "$(image_manifest of-old x)")" \
        "$(jq -c '[.layers[].digest]' "$(image_manifest converted two)")"
    works mosb image convert docker-archive:old.tar:test/two:1 oci:again:x
    equal "$(image_digest again x)" "$(image_digest of-old x)"
    sign_layout of-old:x
    works mosb mount oci:of-old:x "$work/m"
    listing "$work/m" | diff wanted - || fail "the mount differs from what umoci unpacks"
    works mosb umount "$work/m"
    works mosb image inspect docker-archive:old.tar -o json
    equal "$(json '.cmd | join(" ")')" "/bin/sleep 600"
    # It made a layer of each step, also where nothing changed, and many are the same then.
    local top middle
    top=$(jq -r '.[][]' old/repositories | head -n 1)
    middle=$(jq -r .parent "old/$top/json")
    cp "old/$top/layer.tar" "old/$middle/layer.tar"
    tar -C old -cf twice.tar .
    works mosb image inspect docker-archive:twice.tar -o json
    equal "$(json '.layers | length')" 2
    works mosb image convert docker-archive:twice.tar oci:of-twice:x
    # Only what is compressed needs a folder.
    works env TMPDIR=/nonexistent "$MOSB_BIN/mosb" --root "$work/none" image inspect docker-archive:old.tar
    gzip -k old.tar
    refused 22 host "docker archive 'old.tar.gz'.*/nonexistent" \
        env TMPDIR=/nonexistent "$MOSB_BIN/mosb" --root "$work/none" image inspect docker-archive:old.tar.gz
}

test_case "a docker archive that is compressed as a whole gives the same image" compressed_archive
compressed_archive() {
    layer l <<<'[{"path": "etc", "type": "dir"}, {"path": "etc/one", "data": "1"}]'
    tar_image x l.tar
    works skopeo copy -q oci:ordinary:x docker-archive:d.tar:x:1
    works mosb image convert docker-archive:d.tar oci:out:plain
    gzip -k d.tar
    zstd -q -k d.tar
    local packed
    for packed in d.tar.gz d.tar.zst; do
        works mosb image convert "docker-archive:$packed:x:1" oci:out:packed
        equal "$(image_digest out packed)" "$(image_digest out plain)"
        works mosb image copy "docker-archive:$packed" oci:copy:packed
    done
    run ls -A "${TMPDIR:-/tmp}/mosb-0"
    [[ -z $out ]] || fail "left in the folder for temporary files: $out"
    head -c $(($(stat -c %s d.tar.gz) / 2)) d.tar.gz >cut.tar
    refused 11 content "can't be unpacked" mosb image convert docker-archive:cut.tar oci:nowhere:x
    mkdir small
    run unshare -m sh -ec "mount -t tmpfs -o size=4k small small
        TMPDIR=$PWD/small exec $MOSB_BIN/mosb --root $root image convert docker-archive:d.tar.gz oci:nowhere:x"
    equal "$status" 19
    contains "$err" 'hint: make room in '
}

test_case "what Docker itself built and saved gives the files that Docker shows" docker_saves
docker_saves() {
    start_docker unshare --net
    mkdir -p base/{gone,made-anew,kept} context m
    cp -a "$fixtures/rootfs/." base/
    echo low | tee base/{gone,made-anew,kept}/low >base/changed
    chown -R 1000:100 base/kept
    chmod 4755 base/bin/busybox
    ln -s kept base/link
    tar -C base -c . | docker import -c 'ENTRYPOINT ["/bin/sh"]' - base >imported
    echo high >context/changed
    cat >context/Dockerfile <<'END'
FROM base
COPY changed /changed
RUN ["/bin/sh", "-c", "rm -r /gone /made-anew && mkdir /made-anew && echo new >/made-anew/high"]
USER 1000
WORKDIR /kept
ENV K=v
LABEL who=docker
END
    in_docker env DOCKER_BUILDKIT=0 docker build -q -t test/built:1 "$work/context" >built 2>&1 || fail "$(<built)"
    docker save -o "$work/saved.tar" test/built:1
    docker create --name shown test/built:1 >created
    mkdir shown
    docker export shown | tar -C shown -x
    docker rm shown >removed
    end_docker
    works mosb image convert docker-archive:saved.tar oci:saved:x
    works mosb image inspect oci:saved:x -o json
    equal "$(json '[.user, .working_dir, .labels.who, .entrypoint[0]] | join(" ")')" "1000 /kept docker /bin/sh"
    contains "$(json '.env | join(" ")')" 'K=v'
    sign_layout saved:x
    works mosb mount oci:saved:x "$work/m"
    # What Docker puts into every container that it shows.
    rm -rf shown/.dockerenv shown/dev shown/etc/{hosts,hostname,resolv.conf,mtab}
    listing shown >wanted
    listing "$work/m" | grep -vE '^(dev|etc/(hosts|hostname|resolv.conf|mtab))( |/)' >seen
    diff wanted seen || fail "the mount differs from what Docker shows"
    contains "$(<seen)" 'made-anew/high'
    works mosb umount "$work/m"
}

run_cases "$@"
