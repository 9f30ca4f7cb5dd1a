#!/usr/bin/env bash
# Well signed images of a hostile publisher: what their file systems and configurations try.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

# image NAME JSON [LAYER_DIR…]: signed image NAME in layout l from these directories; JSON is the
# configuration, or an object with config, platform and manifest.
image() {
    local name=$1 spec=$2 dir i=0
    shift 2
    local layers='[]'
    for dir in "$@"; do
        i=$((i + 1))
        "$support/make_layer.sh" "$dir" "layer$i" >"$work/hash"
        layers=$(jq -c --arg f "layer$i" --arg h "$(cat "$work/hash")" \
            '. + [{file: $f, root_hash: $h}]' <<<"$layers")
    done
    jq -n --argjson l "$layers" --argjson s "$spec" \
        'if $s | has("config") or has("platform") or has("manifest") or has("layers")
         then {layers: $l} + $s else {layers: $l, config: $s} end' |
        "$support/make_image.py" l "$name" >/dev/null
    sign_image "oci:l:$name"
}
apply_image() { manifest_v2 m.yaml < <(service one "oci:$work/l:x"); }

# set_uid_id TREE: its program `id` is root's and set-uid.
set_uid_id() {
    rm "$1/bin/id"
    cp "$1/bin/busybox" "$1/bin/id"
    chmod 4755 "$1/bin/id"
}

test_case "device nodes and set-uid files of a layer give nothing" device_and_suid
device_and_suid() {
    cp -a "$fixtures/rootfs" tree
    mknod tree/data/null c 1 3
    mknod tree/data/disk b 254 0
    chmod 666 tree/data/null tree/data/disk
    set_uid_id tree
    image x '{"Cmd": ["/bin/sleep", "1000"]}' tree
    apply_image
    works mosb apply m.yaml
    run mosb exec one -- sh -c 'echo x >/data/null'
    [[ $status != 0 ]] || fail "the device node opens"
    run mosb exec one -- sh -c 'head -c 1 /data/disk'
    [[ $status != 0 ]] || fail "the block device opens"
    works mosb down
    works mosb mount oci:l:x "$work/m"
    ! (echo x >"$work/m/data/null") 2>/dev/null || fail "the device node opens on the host"
    equal "$(setpriv --reuid 65534 --clear-groups "$work/m/bin/id" -u)" 65534
    works mosb umount "$work/m"
}

test_case "a set-uid file does not raise a service's user" suid_inside
suid_inside() {
    cp -a "$fixtures/rootfs" tree
    set_uid_id tree
    image x '{"Cmd": ["/bin/sleep", "1000"], "User": "app"}' tree
    apply_image
    works mosb apply m.yaml
    works mosb exec one -- /bin/id -u
    equal "$out" 1000
}

# overlooked ATTRIBUTE: the scan refuses the image for this attribute; from here on it has a scanner
# that sees nothing, so that the mounts themselves are tried.
overlooked() {
    refused 15 verity "attribute '$1'" mosb mount oci:l:x "$work/m"
    with_scanner 'echo passed 1 1 >&4'
}

test_case "an overlay redirect in a layer shows nothing of another directory" redirect
redirect() {
    mkdir -p lower/secret upper/shown
    cp -a "$fixtures/rootfs/." lower/
    echo hidden >lower/secret/file
    setfattr -n trusted.overlay.redirect -v /secret upper/shown
    image x '{"Cmd": ["/bin/sleep", "1000"]}' lower upper
    overlooked trusted.overlay.redirect
    run mosb mount oci:l:x "$work/m"
    if [[ $status == 0 ]]; then
        ! cat "$work/m/shown/file" 2>/dev/null || fail "the redirect was obeyed"
        works mosb umount "$work/m"
    else
        equal "$status" 15
    fi
}

test_case "whiteouts and opaque directories of layers hold" whiteouts
whiteouts() {
    mkdir -p lower/gone lower/kept upper
    cp -a "$fixtures/rootfs/." lower/
    echo x >lower/gone/file
    mknod upper/gone c 0 0
    image x '{"Cmd": ["/bin/sleep", "1000"]}' lower upper
    works mosb mount oci:l:x "$work/m"
    [[ ! -e $work/m/gone && -e $work/m/kept ]] || fail "the whiteout is not honoured"
    works mosb umount "$work/m"
}

# metacopy FILE NAMESPACE: a file of seven zeros that claims to be the data of /secret/file.
metacopy() {
    truncate -s 7 "$1"
    setfattr -n "$2.overlay.metacopy" "$1"
    setfattr -n "$2.overlay.redirect" -v /secret/file "$1"
}
# own_zeros_or_nothing FILE
own_zeros_or_nothing() {
    equal "$(cat "$1" 2>/dev/null | tr '\0' 0)" "$([[ ! -r $1 ]] || echo 0000000)" "$1"
}

test_case "of an upper layer's overlay attributes only a trusted opaque directory has an effect" attributes
attributes() {
    local flag
    mkdir -p {lower,upper}/{opaque,user-opaque,user-white} lower/secret upper/user-shown
    cp -a "$fixtures/rootfs/." lower/
    echo hidden >lower/secret/file
    touch {lower,upper}/{opaque,user-opaque}/both lower/{opaque,user-opaque}/low
    echo lower | tee lower/meta lower/user-meta >lower/user-white/file
    metacopy upper/meta trusted
    metacopy upper/other-meta trusted
    metacopy upper/user-meta user
    setfattr -n trusted.overlay.opaque -v y upper/opaque
    setfattr -n user.overlay.opaque -v y upper/user-opaque
    setfattr -n user.overlay.redirect -v /secret upper/user-shown
    setfattr -n user.overlay.opaque -v x upper/user-white
    touch upper/user-white/file
    setfattr -n user.overlay.whiteout upper/user-white/file
    image x '{"Cmd": ["/bin/sleep", "1000"]}' lower upper
    overlooked trusted.overlay.metacopy
    for flag in '' --writable; do
        # shellcheck disable=SC2086 # none or one
        works mosb mount oci:l:x "$work/m" $flag
        own_zeros_or_nothing m/meta
        own_zeros_or_nothing m/other-meta
        equal "$(tr '\0' 0 <m/user-meta)" 0000000 "user.overlay.metacopy"
        equal "$(ls m/opaque)" both "trusted.overlay.opaque"
        equal "$(ls m/user-opaque)" $'both\nlow' "user.overlay.opaque"
        equal "$(ls m/user-shown)" '' "user.overlay.redirect"
        equal "$(stat -c %s m/user-white/file)" 0 "user.overlay.whiteout"
        works diff -r --no-dereference "$fixtures/rootfs/www" m/www
        works mosb umount "$work/m"
    done
}

test_case "whiteouts and overlay attributes of a single layer show nothing and hide nothing else" only_layer
only_layer() {
    local flag dir name
    cp -a "$fixtures/rootfs" tree
    mkdir tree/{secret,redirected}
    echo hidden >tree/secret/file
    metacopy tree/meta trusted
    mknod tree/white c 0 0
    # a name that the host's root has
    mknod tree/boot c 0 0
    chmod 666 tree/white tree/boot
    setfattr -n trusted.overlay.redirect -v /secret tree/redirected
    for dir in tree tree/etc tree/www; do setfattr -n trusted.overlay.opaque -v y "$dir"; done
    image x '{"Cmd": ["/bin/sleep", "1000"]}' tree
    overlooked trusted.overlay.metacopy
    for flag in '' --writable; do
        # shellcheck disable=SC2086 # none or one
        works mosb mount oci:l:x "$work/m" $flag
        own_zeros_or_nothing m/meta
        equal "$(ls m/redirected 2>/dev/null)" ''
        for name in white boot; do
            ! head -c 1 "m/$name" 2>/dev/null || fail "/$name can be read"
            [[ ! -d m/$name ]] || fail "/$name is a directory"
        done
        # all else is there; of these a listing may have the name and nothing more
        { find m ! -name meta ! -name white ! -name boot ! -name redirected -printf './%P\n' || true; } \
            2>errors | sort >shown
        lacks "$(grep -v redirected errors)" .
        {
            find "$fixtures/rootfs" -printf './%P\n'
            printf './secret\n./secret/file\n'
        } | sort >expected
        works diff expected shown
        for dir in bin etc www; do works diff -r --no-dereference "tree/$dir" "m/$dir"; done
        works mosb umount "$work/m"
    done
    apply_image
    works mosb apply m.yaml
    works mosb exec one -- cat /www/index.html
    for name in white boot meta redirected/file; do
        run mosb exec one -- cat "/$name"
        equal "$out" '' "/$name"
    done
}

test_case "symlinks out of the root file system lead nowhere on the host" symlinks
symlinks() {
    cp -a "$fixtures/rootfs" tree
    rm -r tree/etc tree/tmp tree/dev
    mkdir outside
    ln -s "$work/outside" tree/etc
    ln -s / tree/dev
    ln -s "$work/outside" tree/tmp
    image x '{"Cmd": ["/bin/sleep", "1000"]}' tree
    apply_image
    run mosb apply m.yaml
    equal "$(find outside | wc -l)" 1 "something was written outside"
}

test_case "an image user that its passwd does not know is refused" unknown_user
unknown_user() {
    image x '{"Cmd": ["/bin/sleep", "1000"], "User": "nobody-there"}' "$fixtures/rootfs"
    apply_image
    refused 16 runtime 'nobody-there' mosb apply m.yaml
}

test_case "user ids beyond 32 bits or negative are refused" wild_user
wild_user() {
    local user
    for user in 4294967296 4294967295 -1 0x10 '1000:'; do
        image x "{\"Cmd\": [\"/bin/sleep\", \"1000\"], \"User\": \"$user\"}" "$fixtures/rootfs"
        apply_image
        run mosb apply m.yaml
        [[ $status == 11 || $status == 16 ]] || fail "user $user: status $status: $err"
    done
}

test_case "an image with neither Entrypoint nor Cmd is refused with a hint" no_command
no_command() {
    image x '{}' "$fixtures/rootfs"
    apply_image
    refused 11 content '[Ee]ntrypoint' mosb apply m.yaml
    contains "$err" '^hint: '
}

test_case "a working directory that is not there is refused" no_cwd
no_cwd() {
    image x '{"Cmd": ["/bin/sleep", "1000"], "WorkingDir": "/not/there"}' "$fixtures/rootfs"
    apply_image
    refused 16 runtime '/not/there' mosb apply m.yaml
}

test_case "an image for another architecture is refused" architecture
architecture() {
    image x '{"config": {"Cmd": ["/bin/sleep", "1000"]}, "platform": {"architecture": "s390x"}}' \
        "$fixtures/rootfs"
    apply_image
    refused 22 host 's390x' mosb apply m.yaml
}

test_case "an image without layers is refused" no_layers
no_layers() {
    image x '{"Cmd": ["/bin/sleep", "1000"]}'
    apply_image
    refused 11 content 'layer' mosb apply m.yaml
}

test_case "a NUL in the image's environment or command is refused" nul
nul() {
    image x '{"Cmd": ["/bin/sleep", "1000"], "Env": ["A=x\u0000y"]}' "$fixtures/rootfs"
    apply_image
    refused 11 content 'NUL|0x00|zero' mosb apply m.yaml
    image x '{"Cmd": ["/bin/sle\u0000ep", "1000"]}' "$fixtures/rootfs"
    refused 11 content 'NUL|0x00|zero' mosb apply m.yaml
}

test_case "an ordinary tar layer is refused as unacceptable" tar_layer
tar_layer() {
    tar -C "$fixtures/rootfs" -czf layer.tgz etc
    jq -n '{layers: [{file: "layer.tgz",
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip"}], config: {Cmd: ["x"]}}' |
        "$support/make_image.py" l x
    sign_image oci:l:x
    apply_image
    run mosb apply m.yaml
    [[ $status == 11 || $status == 15 ]] || fail "status $status: $err"
}

test_case "a layer that is no squashfs is refused" no_squashfs
no_squashfs() {
    head -c 40960 /dev/urandom >layer
    hash=$(veritysetup format --hash-offset=40960 layer layer | sed -n 's/^Root hash:[[:space:]]*//p')
    jq -n --arg h "$hash" '{layers: [{file: "layer", root_hash: $h}], config: {Cmd: ["x"]}}' |
        "$support/make_image.py" l x
    sign_image oci:l:x
    apply_image
    refused 15 verity 'squashfs' mosb apply m.yaml
}

test_case "a program that is not there is refused and leaves nothing" no_program
no_program() {
    image x '{"Cmd": ["/no/such/program"]}' "$fixtures/rootfs"
    apply_image
    refused 16 runtime '/no/such/program' mosb apply m.yaml
}

run_cases "$@"
