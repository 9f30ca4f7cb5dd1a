#!/usr/bin/env bash
# Images mounted by ordinary users, in mount namespaces of their own, and without loop devices.
# real: kernel
source "${0%/*}/../support/assert.sh"
source "${0%/*}/../support/fixtures.sh"

user=12345

# as_user SCRIPT: runs it in a user and a mount namespace of an ordinary user's, who may use FUSE as
# on any distribution. $m is mosb on a root of his.
as_user() {
    mkdir -p "$work/u"
    [[ -e $work/u/keys ]] || cp -r "$fixtures/keys" "$work/u/keys"
    [[ -e $work/fuse ]] || { mknod "$work/fuse" c 10 229 && chmod 666 "$work/fuse"; }
    chmod 755 "$work"
    chown -R "$user:$user" "$work/u"
    {
        echo 'set -euo pipefail'
        echo "m() { mosb --root '$work/u/root' \"\$@\"; }"
        echo "n='--notation-config $work/u/keys/notation'"
        echo 'serving() { { find /proc/[0-9]*/fd/5 -lname "$PWD/*" 2>/dev/null || true; } | cut -d/ -f3; }'
        echo "${1:-$(cat)}"
    } >"$work/script"
    timeout -k 5 "$run_deadline" unshare --mount bash -euc '
        mount --bind "$1/fuse" /dev/fuse
        cd "$1/u"
        exec setpriv --reuid "$2" --regid "$2" --clear-groups \
            unshare --user --map-root-user --mount bash "$1/script"' - "$work" "$user" \
        >"$work/user.out" 2>"$work/user.err" ||
        fail "the user's script ended with $?: $(tail -n 5 "$work/user.err")"
}

# image_of DIR…: `oci:l:x` from trees, in a layout that the user owns; bottom first.
image_of() {
    local tree hash i=0
    local -a layers=()
    for tree in "$@"; do
        i=$((i + 1))
        hash=$("$support/make_layer.sh" "$tree" "layer$i")
        layers+=("{\"file\": \"layer$i\", \"root_hash\": \"$hash\"}")
    done
    (IFS=,; echo "{\"layers\": [${layers[*]}], \"config\": {\"Cmd\": [\"x\"]}}") |
        "$support/make_image.py" u/l x
    sign_image oci:u/l:x
}

# What a tree shows.
listing() {
    (cd "$1" && find . -printf '%P %y %m %T@ %l\n' | sort &&
        find . -type f -exec sha256sum {} + | sort -k 2)
}

test_case "an ordinary user mounts an image in a namespace of his own and sees what is in it" own_namespace
own_namespace() {
    mkdir u && copy_layout u/l
    declare -f listing >u/listing
    as_user <<'END'
        source listing
        m mount oci:l:web mnt $n
        listing mnt >shown
        m mounts -o json >mounts.json
        m umount mnt
        m mounts -o json >after.json
        m umount mnt && exit 1 || [[ $? == 3 ]]
END
    # mosb gives every file of an image the same time.
    diff <(listing "$fixtures/rootfs" | sed 's/ 1700000000.0* / /') \
        <(sed 's/ 0.0* / /' u/shown) || fail "the user sees something else"
    equal "$(jq -r '.[0].verified_by, .[0].layers[0].status' u/mounts.json)" $'fuse-verity\nok'
    contains "$(jq -r '.[0].layers[0].device' u/mounts.json)" '^fuse '
    equal "$(jq length u/after.json)" 0
}

test_case "a user's namespace that ends takes its mounts and servers with it" namespace_ends
namespace_ends() {
    mkdir u && copy_layout u/l
    as_user <<'END'
        m mount oci:l:web mnt $n
        serving >serving
END
    [[ -s u/serving ]] || fail "nothing served the layer"
    eventually 10 no_server
    # The next namespace finds nothing in its way.
    as_user 'm mount oci:l:web mnt $n && cat mnt/www/index.html >page && ls root/run/mosb >names'
    equal "$(cat u/page)" "a page from a verified image"
    lacks "$(cat u/names)" '^mnt-'
}

test_case "a changed byte is an error for a user, too, and mosb says which file has it" changed_byte
changed_byte() {
    mkdir u && copy_layout u/l
    as_user <<'END'
        m mount oci:l:web mnt $n
        layer=$(find root/var/lib/mosb/store/blobs -size +3M)
        printf X | dd of="$layer" bs=1 seek=2500000 conv=notrunc status=none
        ! cat mnt/data/big >/dev/null 2>cat.err
        m mounts >mounts
        m umount mnt
        m mount "$(m image ls -o json | jq -r '.[0].digest')" mnt $n 2>again && exit 1 || echo $? >status
END
    contains "$(cat u/cat.err)" 'Input/output error'
    contains "$(cat u/mounts)" "block [0-9]+ of '/data/big'"
    equal "$(cat u/status)" 15
}

test_case "a user's servers have no capability, no new privileges and a system call filter" confined
confined() {
    mkdir u && copy_layout u/l
    as_user <<'END'
        m mount oci:l:web mnt $n
        cat "/proc/$(serving)/status" >status
        m umount mnt
END
    equal "$(sed -n 's/^CapEff:\t//p; s/^CapPrm:\t//p; s/^CapInh:\t//p' u/status | sort -u)" 0000000000000000
    equal "$(sed -n 's/^Seccomp:\t//p; s/^NoNewPrivs:\t//p' u/status)" $'1\n2'
}

test_case "a user's writable mount takes writes over the layers, and keeps them only with --upper" writable
writable() {
    mkdir u && copy_layout u/l
    as_user <<'END'
        m mount oci:l:web mnt $n --writable
        echo new >mnt/www/new; rm mnt/www/index.html; rm -r mnt/data; mkdir mnt/data
        ls mnt/www mnt/data >shown
        m umount mnt
        mkdir upper
        m mount oci:l:web mnt $n --upper upper
        echo kept >mnt/www/kept; rm mnt/www/index.html
        m umount mnt
        m mount oci:l:web mnt $n --upper upper
        ls mnt/www >kept
        m umount mnt
END
    equal "$(cat u/shown)" $'mnt/data:\n\nmnt/www:\nnew'
    equal "$(cat u/kept)" kept
}

test_case "whiteouts and opaque directories hold for a user, and attributes that only look like them do nothing" marks
marks() {
    mkdir -p u lower/gone lower/secret {lower,upper}/{opaque,user-opaque} upper/user-shown
    echo hidden >lower/secret/file
    touch {lower,upper}/{opaque,user-opaque}/both lower/{opaque,user-opaque}/low lower/gone/file
    mknod upper/gone c 0 0
    setfattr -n trusted.overlay.opaque -v y upper/opaque
    setfattr -n user.overlay.opaque -v y upper/user-opaque
    setfattr -n user.overlay.redirect -v /secret upper/user-shown
    truncate -s 7 upper/meta
    setfattr -n user.overlay.metacopy upper/meta
    setfattr -n user.overlay.redirect -v /secret/file upper/meta
    setfattr -n user.colour -v blue upper/meta
    image_of lower upper
    as_user <<'END'
        m mount oci:l:x mnt $n
        ls mnt >top; ls mnt/opaque >opaque; ls mnt/user-opaque >user-opaque; ls mnt/user-shown >user-shown
        tr '\0' 0 <mnt/meta >meta
        getfattr -d -m - mnt/meta >attributes 2>/dev/null
        m umount mnt
END
    lacks "$(cat u/top)" gone
    equal "$(cat u/opaque)" both
    equal "$(cat u/user-opaque)" $'both\nlow'
    equal "$(cat u/user-shown)" ''
    equal "$(cat u/meta)" 0000000
    contains "$(cat u/attributes)" 'user.colour="blue"'
    lacks "$(cat u/attributes)" 'user.overlay'
}

# says CODE TEXT FILE…: what a command in the user's namespace left in FILE.status and FILE.
says() {
    equal "$(cat "u/$3.status")" "$1" "$3"
    contains "$(cat "u/$3")" "$2"
}

test_case "what a user's namespace cannot do is refused by name" refusals
refusals() {
    mkdir u && copy_layout u/l
    works mosb image build --rootfs "$fixtures/rootfs" --fs erofs -t oci:u/l:erofs
    sign_image oci:u/l:erofs
    manifest_v2 u/m.yaml < <(shell_service one 'exec sleep 1000')
    as_user <<'END'
        try() { local f=$1; shift; set +e; "$@" 2>"$f"; echo $? >"$f.status"; set -e; }
        try dm m mount oci:l:web mnt $n --verifier dm
        try erofs m mount oci:l:erofs mnt $n
        try ids m mount oci:l:web mnt $n --idmap 100000
        try apply m apply m.yaml $n
        try place mosb --root /usr mount oci:l:web mnt $n
        m doctor >doctor || true
        m mounts -o json >mounts.json
END
    says 22 'the dm verifier does not work here: in a user namespace nothing is mounted from devices' dm
    says 22 'erofs layers cannot be mounted: in a user namespace' erofs
    says 22 'has not all of the ids from 100000 on' ids
    says 22 'in a user namespace no services can run' apply
    says 22 "mkdir '/usr/run': Permission denied" place
    contains "$(cat u/place)" '^hint: choose a place that you can write to with --root'
    contains "$(cat u/doctor)" 'root of a user namespace: images can be mounted'
    equal "$(jq length u/mounts.json)" 0
}

test_case "without a user namespace an ordinary user is told how to get one" told
told() {
    mkdir u && copy_layout u/l && cp -r "$fixtures/keys" u/keys && chown -R "$user" u && chmod 755 "$work"
    refused 22 host 'only root can change what runs' setpriv --reuid "$user" --clear-groups \
        "$MOSB_BIN/mosb" --root "$work/u/root" mount oci:u/l:web u/mnt --notation-config u/keys/notation
    contains "$err" '^hint: .*unshare -rm mosb --root DIR mount'
}

# apart SCRIPT: runs it in a mount namespace of its own until $work/go is there; waits until it
# says that it is ready.
apart() {
    unshare --mount --propagation private bash -euc "
        mosb() { '$MOSB_BIN/mosb' --root '$root' \"\$@\"; }
        $1
        touch '$work/ready'
        for ((i = 0; i < 300; i++)); do [[ ! -e '$work/go' ]] || break; sleep 0.1; done
        ${2:-true}" >"$work/apart.out" 2>"$work/apart.err" &
    apart=$!
    eventually 20 test -e "$work/ready"
}

test_case "mount namespaces of one root don't see, use or disturb each other's mounts" apart_mounts
apart_mounts() {
    apart "mosb mount oci:$fixtures/layout:web $work/a" \
        "echo 3 >/proc/sys/vm/drop_caches; sha256sum <$work/a/data/big; mosb mounts; mosb umount $work/a; mosb mounts -o json"
    works mosb mounts -o json
    equal "$(json length)" 0
    works mosb mount "oci:$fixtures/layout:web" "$work/b"
    equal "$(servers | wc -l)" 2
    works mosb umount "$work/b"
    refused 3 not-found 'no image is mounted' mosb umount "$work/b"
    equal "$(servers | wc -l)" 1
    touch go
    wait "$apart" || fail "$(cat apart.err)"
    contains "$(cat apart.out)" "$(sha256sum <"$fixtures/rootfs/data/big")"
    contains "$(cat apart.out)" "^$work/a .* ok"
    equal "$(tail -n 1 apart.out)" '[]'
}

test_case "what another namespace has mounted is not collected, and says where it is mounted" pinned
pinned() {
    apart "mosb mount oci:$fixtures/layout:web $work/a" "cat $work/a/www/index.html"
    works mosb image ls
    contains "$out" "mount $work/a in another mount namespace"
    refused 20 busy 'in another mount namespace' mosb image rm "oci:$fixtures/layout:web"
    works mosb image gc
    touch go
    wait "$apart"
    eventually 10 no_server
    works mosb image rm "oci:$fixtures/layout:web"
    works mosb image gc
}

test_case "an image mounted in a namespace goes with it, servers, loop devices and all" goes_with_namespace
goes_with_namespace() {
    works unshare --mount --propagation private "$MOSB_BIN/mosb" --root "$root" \
        mount "oci:$fixtures/layout:web" "$work/a"
    eventually 10 no_server
    works mosb mount "oci:$fixtures/layout:web" "$work/b"
    works mosb umount "$work/b"
    lacks "$(ls "$root/run/mosb")" '^mnt-'
}

test_case "a lazily unmounted image serves whoever has a file of it open, whatever mosb does meanwhile" lazily
lazily() {
    local i
    works mosb mount "oci:$fixtures/layout:web" "$work/a"
    exec 9<"$work/a/data/big"
    umount -l "$work/a"
    for i in 1 2 3; do
        refused 3 not-found 'no image is mounted' mosb umount "$work/b"
    done
    works mosb mount "oci:$fixtures/layout:web" "$work/b"
    works mosb umount "$work/b"
    echo 3 >/proc/sys/vm/drop_caches
    equal "$(sha256sum <&9)" "$(sha256sum <"$fixtures/rootfs/data/big")"
    exec 9<&-
    refused 3 not-found 'no image is mounted' mosb umount "$work/b"
    eventually 10 no_server
}

# without_loops SCRIPT: writes the script `loopless` that runs it as root on a host that has no loop
# driver.
without_loops() {
    # The number of no device.
    [[ -e none ]] || mknod none c 0 0
    {
        echo "mount --bind $work/none /dev/loop-control"
        echo "mosb() { '$MOSB_BIN/mosb' --root '$root' \"\$@\"; }"
        echo "$1"
    } >loopless
}

test_case "without loop devices servers show the layers, of services as well, and erofs is refused" no_loops
no_loops() {
    without_loops "
        mosb mount oci:$fixtures/layout:web $work/a
        diff -r --no-dereference $fixtures/rootfs $work/a
        mosb mounts -o json >$work/mounts.json
        mosb umount $work/a
        mosb mount oci:$fixtures/layout:web $work/a --idmap 200000
        stat -c %u $work/a/www >$work/owner
        mosb umount $work/a
        mosb doctor >$work/doctor || true"
    works unshare --mount --propagation slave bash -eu loopless
    contains "$(jq -r '.[0].layers[0].device' mounts.json)" '^fuse '
    equal "$(cat owner)" 200000
    contains "$(cat doctor)" 'loop devices .*servers show the layers'
    works mosb image build --rootfs "$fixtures/rootfs" --fs erofs -t oci:l:erofs
    sign_image oci:l:erofs
    without_loops "mosb mount oci:l:erofs $work/a"
    refused 22 host 'erofs layers cannot be mounted: no loop devices are to be had' \
        unshare --mount --propagation slave bash -eu loopless
}

run_cases "$@"
