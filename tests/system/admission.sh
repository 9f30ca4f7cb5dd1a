#!/usr/bin/env bash
# The scan of layers before their first mount: what it refuses and reports, when it is made, and
# what a scanner that fails means.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

# image DIR [MKSQUASHFS OPTION…]: the signed image x in layout l with this directory as its layer.
image() {
    local dir=$1
    shift
    signed_image squashfs "$("$support/make_layer.sh" "$dir" layer "$@")"
}
# erofs_image DIR [MKFS.EROFS OPTION…]: the same with an erofs layer.
erofs_image() {
    local dir=$1
    shift
    signed_image erofs "$("$support/make_layer.sh" --erofs "$dir" layer "$@")"
}
# signed_image FILESYSTEM ROOT_HASH: the signed image x of the layer in the file layer.
signed_image() {
    jq -n --arg t "application/vnd.stacker.image.layer.$1" --arg h "$2" '{layers: [{file: "layer",
        media_type: $t, root_hash: $h}], config: {Cmd: ["/bin/sleep", "1000"]}}' |
        "$support/make_image.py" l x >/dev/null
    sign_image oci:l:x
    manifest_v2 m.yaml < <(service one "oci:$work/l:x")
}

# with_privileges TREE: a copy of the usual root file system that has some of everything.
with_privileges() {
    cp -a "$fixtures/rootfs" "$1"
    mknod "$1/data/null" c 1 3
    mknod "$1/data/disk" b 8 0
    mknod "$1/data/gone" c 0 0
    cp "$1/bin/busybox" "$1/bin/su.real"
    chmod 4755 "$1/bin/su.real"
    cp "$1/bin/busybox" "$1/bin/ping.real"
    # cap_net_raw, as setcap writes it
    setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 "$1/bin/ping.real"
}

# counted SCRIPT: mosb with this scanner, which notes each scan in $work/scans.
counted() {
    with_scanner "echo scan >>$work/scans
$1"
    touch scans
}
really_scanned() { counted "exec $programs/mosb-layer-scan \"\$@\""; }
scans() { wc -l <scans; }
record() { echo "$root"/var/lib/mosb/state/scans/*; }

test_case "devices, set-uid files and file capabilities are reported when a layer is first mounted" reported
reported() {
    with_privileges tree
    image tree
    works mosb apply m.yaml
    contains "$out" "layer sha256:[0-9a-f]{64}: 2 device-nodes, such as '/data/disk'"
    contains "$out" "1 set-id-files, such as '/bin/su.real'"
    contains "$out" "1 file-capabilities, such as '/bin/ping.real'"
    works mosb apply m.yaml
    lacks "$out" 'device-nodes'
    works mosb image inspect oci:l:x -o json
    equal "$(json -c '.layers[0].scan.findings | map([.kind, .count])')" \
        '[["device-nodes",2],["set-id-files",1],["file-capabilities",1]]'
    works mosb image inspect oci:l:x
    contains "$out" '2 device-nodes'
    works mosb image verify oci:l:x
    contains "$out" '1 set-id-files'
    works mosb image verify oci:l:x -o json
    equal "$(json '.layers[0].scan.findings[0].example')" /data/disk
    works mosb down
    works mosb mount oci:l:x "$work/m"
    lacks "$out" .
    works mosb umount "$work/m"
}
json() { jq -er "$@" <<<"$out"; }

test_case "apply says in JSON what it found in layers that it scanned" reported_json
reported_json() {
    with_privileges tree
    image tree
    works mosb apply m.yaml -o json
    equal "$(json -c '.scanned[0].findings | map(.kind)')" \
        '["device-nodes","set-id-files","file-capabilities"]'
    equal "$(json '.scanned[0].layer')" "sha256:$(sha256sum <layer | cut -d' ' -f1)"
    works mosb apply m.yaml -o json
    equal "$(json -c .scanned)" '[]'
}

test_case "policy refuses devices, set-uid files and file capabilities, also of what was admitted before" refused_by_policy
refused_by_policy() {
    local field
    with_privileges tree
    image tree
    for field in device_nodes set_id_files file_capabilities; do
        configure 'policy:' "  $field: refuse"
        refused 15 verity "${field//_/-}.*policy.$field" mosb apply m.yaml
        refused 15 verity "policy.$field" mosb mount oci:l:x "$work/m"
        refused 15 verity "policy.$field" mosb image verify oci:l:x
        [[ ! -e m ]] || fail "the mount point was left"
        equal "$(grep -c "$root" /proc/self/mountinfo || true)" 0
    done
    configure
    works mosb apply m.yaml
    configure 'policy:' '  set_id_files: refuse'
    refused 15 verity 'policy.set_id_files' mosb restart one
    runs one || fail "a restart that was refused stopped the service"
    works mosb stop one
    refused 15 verity 'policy.set_id_files' mosb start one
    configure 'policy:' '  set_id_files: maybe'
    refused 14 manifest 'report.*refuse|set_id_files' mosb apply m.yaml
}

test_case "a layer is scanned once, and again only when the record is lost or is not its own" once
once() {
    really_scanned
    image "$fixtures/rootfs"
    works mosb apply m.yaml
    equal "$(scans)" 1
    works mosb restart one
    works mosb mount oci:l:x "$work/m"
    works mosb umount "$work/m"
    works mosb apply m.yaml
    equal "$(scans)" 1
    works mosb stop one
    # lost, spoiled, of another root hash, size or rules
    rm "$(record)"
    works mosb start one
    equal "$(scans)" 2
    local change n=2
    for change in 's/^passed/Passed/' 's/root_hash ./root_hash x/' 's/size /size 1/' \
        's/rules /rules 9/' '1d' '$d'; do
        works mosb stop one
        sed -i "$change" "$(record)"
        works mosb start one
        n=$((n + 1))
        equal "$(scans)" "$n" "$change"
    done
    equal "$(stat -c %a "$(record)")" 600
    works mosb down
    works mosb image rm "$(image_digest l x)"
    [[ ! -e $(record) ]] || fail "the record outlives its layer"
}

test_case "image verify scans each time" verify_scans
verify_scans() {
    really_scanned
    image "$fixtures/rootfs"
    works mosb image verify oci:l:x
    works mosb image verify oci:l:x
    equal "$(scans)" 2
}

test_case "a scanner that dies, hangs up or talks nonsense lets nothing be mounted" scanner_fails
scanner_fails() {
    image "$fixtures/rootfs"
    local script
    for script in 'exit 0' 'echo passed 1 1 >&4; exit 1' 'echo passed 1 1 >&4; kill -SEGV $$' \
        'echo refused 2f62696e 626164 >&4' 'echo yes >&4'; do
        counted "$script"
        refused 15 verity 'scan layer sha256:' mosb apply m.yaml
        refused 15 verity 'scan layer sha256:' mosb mount oci:l:x "$work/m"
        refused 15 verity 'scan layer sha256:' mosb image verify oci:l:x
        equal "$(grep -c "$root" /proc/self/mountinfo || true)" 0
    done
    rm bin/mosb-layer-scan
    refused 22 host 'mosb-layer-scan' mosb apply m.yaml
    really_scanned
    works mosb apply m.yaml
}

test_case "a scanner does not outlive a mosb that is killed" killed
killed() {
    image "$fixtures/rootfs"
    # The real one, stopped before it can say anything.
    counted "kill -STOP \$\$; exec $programs/mosb-layer-scan \"\$@\""
    "$MOSB_BIN/mosb" --root "$root" apply m.yaml >/dev/null 2>&1 &
    local mosb=$!
    eventually 10 grep -q scan scans
    local scanner
    eventually 10 pgrep -P "$mosb" -f mosb-layer-scan
    scanner=$(pgrep -P "$mosb" -f mosb-layer-scan)
    kill -KILL "$mosb"
    wait "$mosb" || true
    kill -CONT "$scanner"
    eventually 10 gone "$scanner"
    really_scanned
    works mosb apply m.yaml
}
gone() { ! kill -0 "$1"; }

test_case "an image with a hostile directory is refused before anything of it is mounted" hostile
hostile() {
    mkdir -p tree/bin tree/etc
    cp -a "$fixtures/rootfs/." tree/
    touch tree/etc/zzzname
    mksquashfs tree layer -noappend -noI -noId -no-progress -quiet >/dev/null
    python3 - layer <<'END'
import os, sys
data = bytearray(open(sys.argv[1], "rb").read())
at = data.rindex(b"zzzname")
data[at:at + 7] = b"../../x"
data += bytes(-len(data) % 4096)
open(sys.argv[1], "wb").write(data)
END
    local size
    size=$(stat -c %s layer)
    hash=$(veritysetup format --hash-offset="$size" layer layer | sed -n 's/^Root hash:[[:space:]]*//p')
    signed_image squashfs "$hash"
    refused 15 verity "'/etc/?': the name '../../x' is none" mosb apply m.yaml
    refused 15 verity 'is none' mosb mount oci:l:x "$work/m"
    refused 15 verity 'is none' mosb image verify oci:l:x
    equal "$(grep -c "$root" /proc/self/mountinfo || true)" 0
}

test_case "what an erofs layer has is reported when it is first mounted, and refused by policy" erofs_findings
erofs_findings() {
    local field
    with_privileges tree
    erofs_image tree -zlz4hc
    works mosb apply m.yaml -o json
    equal "$(json -c '.scanned[0].findings | map([.kind, .count])')" \
        '[["device-nodes",2],["set-id-files",1],["file-capabilities",1]]'
    equal "$(json '.scanned[0].layer')" "sha256:$(sha256sum <layer | cut -d' ' -f1)"
    works mosb apply m.yaml -o json
    equal "$(json -c .scanned)" '[]'
    works mosb image verify oci:l:x
    contains "$out" "files' names and kinds"
    contains "$out" "1 set-id-files, such as '/bin/su.real'"
    works mosb down
    for field in device_nodes set_id_files file_capabilities; do
        configure 'policy:' "  $field: refuse"
        refused 15 verity "${field//_/-}.*policy.$field" mosb apply m.yaml
        refused 15 verity "policy.$field" mosb mount oci:l:x "$work/m"
        refused 15 verity "policy.$field" mosb image verify oci:l:x
        equal "$(grep -c "$root" /proc/self/mountinfo || true)" 0
    done
    # What has none of them passes the strictest policy, and is scanned once.
    configure 'policy:' '  device_nodes: refuse' '  set_id_files: refuse' \
        '  file_capabilities: refuse'
    really_scanned
    erofs_image "$fixtures/rootfs"
    works mosb apply m.yaml
    works mosb restart one
    equal "$(scans)" 1
}

test_case "an erofs image with a hostile directory is refused before anything of it is mounted" hostile_erofs
hostile_erofs() {
    cp -a "$fixtures/rootfs" tree
    touch tree/etc/zzzname
    mkfs.erofs --quiet layer tree
    python3 - layer <<'END'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
at = data.rindex(b"zzzname")
data[at:at + 7] = b"zzz/../"
# The superblock may share its block with the directory: without a checksum.
compatible = struct.unpack_from("<I", data, 1032)[0]
struct.pack_into("<I", data, 1032, compatible & ~1)
open(sys.argv[1], "wb").write(data)
END
    signed_image erofs "$(veritysetup format --hash-offset="$(stat -c %s layer)" layer layer |
        sed -n 's/^Root hash:[[:space:]]*//p')"
    refused 15 verity "'/etc': the name 'zzz/../' is none" mosb apply m.yaml
    refused 15 verity 'is none' mosb mount oci:l:x "$work/m"
    refused 15 verity 'is none' mosb image verify oci:l:x
    equal "$(grep -c "$root" /proc/self/mountinfo || true)" 0
}

test_case "an ordinary user can verify an image" ordinary_user
ordinary_user() {
    image "$fixtures/rootfs"
    cp -r "$fixtures/keys/notation" trusted
    chmod -R a+rX "$work"
    setpriv --reuid 65534 --regid 65534 --clear-groups test -r l/index.json ||
        skip "this user can't read $work"
    HOME=/nonexistent TMPDIR=/tmp works setpriv --reuid 65534 --regid 65534 --clear-groups \
        "$MOSB_BIN/mosb" --root "$work/none" image verify oci:l:x --notation-config \
        "$work/trusted" --scope local/mosb
}

run_cases "$@"
