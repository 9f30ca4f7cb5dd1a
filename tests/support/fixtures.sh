# shellcheck shell=bash
# What the themes of tests/system share: two keysets and an image layout, made once per run with
# the program under test, and short ways to write manifests. Source it after assert.sh.

# The folder with keys/, other/, rootfs/ and layout/. tests/system/run.sh makes it for all themes;
# a theme that is run by itself makes its own.
fixtures=${MOSB_FIXTURES:-}

# A root file system of busybox, some accounts, a page and 4 MiB that no compressor shrinks.
make_rootfs() {
    local dir=$1 applet
    mkdir -p "$dir"/{bin,etc,www,data,tmp,proc,sys,dev,run,var}
    cp /bin/busybox "$dir/bin/busybox"
    for applet in $("$dir/bin/busybox" --list); do
        [[ $applet == busybox ]] || ln -s busybox "$dir/bin/$applet"
    done
    printf 'root:x:0:0:root:/:/bin/sh\napp:x:1000:1000:app:/:/bin/sh\n' >"$dir/etc/passwd"
    printf 'root:x:0:\napp:x:1000:\nextra:x:2000:app\n' >"$dir/etc/group"
    echo "a page from a verified image" >"$dir/www/index.html"
    head -c 4M /dev/zero | openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 >"$dir/data/big"
    chmod 1777 "$dir/tmp"
    find "$dir" -exec touch -h -d @1700000000 {} +
}

make_fixtures() {
    local dir=$1
    make_rootfs "$dir/rootfs"
    local root=$dir/none
    "$MOSB_BIN/mosb" --root "$root" keyset create "$dir/keys" --name "mosb test"
    "$MOSB_BIN/mosb" --root "$root" keyset create "$dir/other" --name "somebody else"
    build_image() {
        local tag=$1
        shift
        "$MOSB_BIN/mosb" --root "$root" image build --rootfs "$dir/rootfs" \
            -t "oci:$dir/layout:$tag" "$@"
        sign_image "oci:$dir/layout:$tag" "$dir"
    }
    build_image web --entrypoint /bin/httpd --entrypoint -f --entrypoint -h --entrypoint /www
    build_image shell --entrypoint /bin/sh --entrypoint -c --cmd 'exec sleep 100000'
    rm -rf "$root"
}

# sign_image REF [FIXTURES] [KEYSET]
sign_image() {
    local keys=${2:-$fixtures}/${3:-keys}
    "$MOSB_BIN/mosb" sign "$1" --key "$keys/signing.key" --cert "$keys/signing-chain.pem"
}

before_theme() {
    [[ -z $fixtures ]] || return 0
    fixtures=$(mktemp -d "${MOSB_TEST_DIR:-/var/tmp}/mosb-fixtures-XXXXXX")
    export MOSB_FIXTURES=$fixtures
    trap 'rm -rf "$fixtures"' EXIT
    (set -e && make_fixtures "$fixtures") >"$fixtures/log" 2>&1 ||
        { cat "$fixtures/log" >&2; echo "not ok - the fixtures can be made"; exit 1; }
}

before_case() { configure; }

# configure [LINE…]: mosb.yaml of the case: the keyset's notation configuration, further lines.
# shellcheck disable=SC2120 # themes pass lines
configure() {
    mkdir -p "$root/etc/mosb"
    {
        echo "trust:"
        echo "  notation_config: ${notation_config:-$fixtures/keys/notation}"
        printf '%s\n' "$@"
    } >"$root/etc/mosb/mosb.yaml"
}

# copy_layout DIR: one that the case may spoil.
copy_layout() { cp -r "$fixtures/layout" "$1"; }

# manifest_v2 FILE: the services follow on standard input, as list items of `targets`.
manifest_v2() {
    {
        printf 'version: 2\nproduct: test\nupdate_type: %s\ntargets:\n' "${update_type:-complete}"
        cat
    } >"$1"
}

# service NAME IMAGE [LINE…]: one list item; the lines are further fields of it.
service() {
    printf '  - service_name: %s\n    source: %s\n    version: "1.0"\n' "$1" "$2"
    shift 2
    ((!$#)) || printf '    %s\n' "$@"
}

# A TCP port of 127.0.0.1 that nobody holds now.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# web_service NAME PORT: the image `web` on the host's network.
web_service() {
    service "$1" "oci:$fixtures/layout:web" "args: ['-p', '127.0.0.1:$2']" "network: {type: host}"
}

# shell_service NAME SCRIPT [LINE…]: the image `shell` running a script of one line.
shell_service() {
    local name=$1 script=$2
    shift 2
    service "$name" "oci:$fixtures/layout:shell" \
        "args: [$(jq -Rn --arg s "$script" '$s')]" "$@"
}

fetch_page() { curl -sS --max-time 5 "http://127.0.0.1:$1/"; }

# state NAME: of `mosb ps`.
state() { mosb ps -o json | jq -r --arg n "$1" '.[] | select(.service == $n) | .state'; }
state_is() { [[ $(state "$1") == "$2" ]]; }
runs() { [[ $(state "$1") == running || $(state "$1") == ready ]]; }

instance_id() { cat "$root"/var/lib/mosb/state/instance; }

# stored_layer TAG: the path of the image's only layer in the case's store.
stored_layer() { layer_blob "$fixtures/layout" "$1" "$root/var/lib/mosb/store"; }

# layer_blob LAYOUT TAG [STORE]: the path of the image's first layer.
layer_blob() {
    local manifest digest
    manifest=$(image_manifest "$1" "$2")
    digest=$(jq -r '.layers[0].digest' "$manifest")
    echo "${3:-$1}/blobs/${digest/://}"
}

image_manifest() {
    local digest
    digest=$(image_digest "$1" "$2")
    echo "$1/blobs/${digest/://}"
}

image_digest() {
    jq -r --arg t "$2" '.manifests[] |
        select(.annotations["org.opencontainers.image.ref.name"] == $t) | .digest' "$1/index.json"
}

# The processes that serve layers for this case, by the status files that they have open.
servers() { { find /proc/[0-9]*/fd/5 -lname "${work:?}/*" 2>/dev/null || true; } | cut -d/ -f3; }
no_server() { [[ -z $(servers) ]]; }

# envelope_of LAYOUT TAG: the path of the image's first signature.
envelope_of() {
    local subject manifest digest
    subject=$(image_digest "$1" "$2")
    for manifest in "$1"/blobs/sha256/*; do
        [[ $(head -c 1 "$manifest") == "{" ]] || continue
        [[ $(jq -r '.subject.digest // ""' "$manifest") == "$subject" ]] || continue
        digest=$(jq -r '.layers[0].digest' "$manifest")
        echo "$1/blobs/${digest/://}"
        return
    done
    fail "$2 in $1 has no signature"
}

# flip FILE OFFSET: changes one bit of one byte.
flip() {
    python3 - "$1" "$2" <<'END'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    byte = f.read(1)[0]
    f.seek(-1, 1)
    f.write(bytes([byte ^ 0x10]))
END
}

# verity_offsets FILE: "SUPERBLOCK ROOT_BLOCK" in bytes: behind the data comes one block with the
# superblock, then the tree, its root block first.
verity_offsets() {
    python3 - "$1" <<'END'
import os, sys
blocks = os.path.getsize(sys.argv[1]) // 4096
def tree(n):
    total = 0
    while True:
        n = -(-n // 128)
        total += n
        if n == 1:
            return total
data = next(n for n in range(1, blocks) if n + 1 + tree(n) == blocks)
print(data * 4096, (data + 1) * 4096)
END
}

# with_scanner SCRIPT: mosb from here on is one in the case's own folder, whose scanner of layers is
# this script; $programs/mosb-layer-scan is the real one.
programs=${programs:-$MOSB_BIN}
with_scanner() {
    local program bin=${work:?}/bin
    mkdir -p "$bin"
    for program in mosb mosb-init mosb-run mosb-layer-server mosb-squashfs-server; do
        [[ -e $bin/$program ]] || ln "$programs/$program" "$bin/" 2>/dev/null ||
            cp "$programs/$program" "$bin/"
    done
    printf '#!/bin/sh\n%s\n' "$1" >"$bin/mosb-layer-scan"
    chmod 755 "$bin/mosb-layer-scan"
    MOSB_BIN=$bin
}
