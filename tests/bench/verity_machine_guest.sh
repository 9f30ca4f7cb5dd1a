#!/bin/bash
# The measurements of verity_machine.sh, inside the machine. The alternatives take turns; medians,
# the fastest in brackets.
set -euo pipefail
exec >/dev/ttyS0 2>&1
trap 'echo "guest: finished with status $?"' EXIT
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
here=/mnt/payload
rounds=$(<"$here/rounds")
mkdir -p /var/tmp/bench
cd /var/tmp/bench
declare -A times=()

# took NAME COMMAND…: adds a time in microseconds.
took() {
    local name=$1 begin=${EPOCHREALTIME/./} end
    shift
    "$@" >/dev/null
    end=${EPOCHREALTIME/./}
    times[$name]+="$((end - begin)) "
}
# median NAME: in milliseconds with one digit, and the fastest.
median() {
    tr ' ' '\n' <<<"${times[$1]}" | grep . | sort -n | awk '{ t[NR] = $1 }
        END { printf "%.1f ms [%.1f]", t[int((NR + 1) / 2)] / 1000, t[1] / 1000 }'
}
say() {
    local name
    for name; do
        printf '    %-56s %s\n' "$name" "$(median "$name")"
    done
}

# image TAG LAYERS: signed, and in the store, scanned.
image() {
    local tag=$1 base=() i
    for ((i = 0; i < $2; i++)); do
        mkdir tree
        seq "$((i * 1000 + $2))" "$((i * 1000 + 20000))" >tree/file
        mosb image build "${base[@]}" --rootfs tree -t "oci:layout:$tag" --entrypoint /x
        base=(--base "oci:layout:$tag")
        rm -r tree
    done
    finish_image "$tag"
}
finish_image() {
    mosb sign "oci:layout:$1" --key keys/signing.key --cert keys/signing-chain.pem
    mosb mount "oci:layout:$1" m
    mosb umount m
}
# layers TAG: blob, root hash and where the tree begins, of each.
layers() {
    local digest hash blob data
    while read -r digest hash; do
        blob=layout/blobs/sha256/${digest#sha256:}
        # The tree begins behind the image: the bytes that squashfs says that it has, in whole blocks.
        data=$(od -An -t u8 -j 40 -N 8 "$blob")
        echo "$blob $hash $(((data + 4095) / 4096 * 4096))"
    done < <(mosb image inspect "oci:layout:$1" -o json | jq -r '.layers[] | "\(.digest) \(.root_hash)"')
}
by_hand() {
    local blob hash offset i=0
    while read -r blob hash offset; do
        veritysetup open "$blob" "hand-$i" "$blob" "$hash" "--hash-offset=$offset"
        mount -t squashfs -o ro,nodev,nosuid "/dev/mapper/hand-$i" "place-$i"
        i=$((i + 1))
    done <"$1"
}
undo_by_hand() {
    local i
    for ((i = 0; i < $1; i++)); do
        umount "place-$i"
        veritysetup close "hand-$i"
    done
}

mounts() {
    local count=$1 round
    image "n$count" "$count"
    layers "n$count" >"layers-$count"
    for ((round = 0; round < rounds; round++)); do
        took "mosb mount over dm-verity, layers: $count" \
            mosb mount "oci:layout:n$count" m --verifier dm
        mosb umount m
        took "veritysetup open and mount, layers: $count" by_hand "layers-$count"
        undo_by_hand "$count"
        took "mosb mount with servers that check, layers: $count" \
            mosb mount "oci:layout:n$count" m --verifier fuse
        mosb umount m
        took "its program start (mosb version)" mosb version
        took "program, state and signature (mosb verify), layers: $count" \
            mosb verify "oci:layout:n$count"
    done
    say "mosb mount over dm-verity, layers: $count" "veritysetup open and mount, layers: $count" \
        "mosb mount with servers that check, layers: $count" \
        "program, state and signature (mosb verify), layers: $count"
}
read_all() { cat m/files/* >/dev/null; }
reads() {
    local round verifier
    mkdir tree
    cp -r "$here/files" tree/files
    mosb image build --rootfs tree -t oci:layout:reads --entrypoint /x
    rm -r tree
    finish_image reads
    for ((round = 0; round < rounds; round++)); do
        for verifier in dm fuse; do
            took "mount, $verifier$1" mosb mount oci:layout:reads m --verifier "$verifier" "${@:2}"
            echo 3 >/proc/sys/vm/drop_caches
            took "read cold, $verifier$1" read_all
            # Only what the reader has is gone: the device or file below is still in memory.
            took "read warm, $verifier$1" read_all
            mosb umount m
        done
    done
    for verifier in dm fuse; do
        say "mount, $verifier$1" "read cold, $verifier$1" "read warm, $verifier$1"
    done
}

echo "    Linux $(uname -r), $(nproc) processors, $rounds rounds; medians, the fastest in brackets"
cp -a "$here/install/." /
mkdir -p m /etc/mosb place-{0..7}
modprobe dm-verity
{
    mosb keyset create keys --name bench
    printf 'trust:\n  notation_config: %s/keys/notation\n' "$PWD" >/etc/mosb/mosb.yaml
} >/dev/null
mounts 1
mounts 8
say "its program start (mosb version)"
echo "    reading $(du -sm "$here/files" | cut -f1) MB of files"
reads ", the kernel's file system"
if [[ $(uname -r) == 6.1.* ]]; then
    reads ", ids shifted by a server" --idmap 700000000
fi
