#!/usr/bin/env bash
# Makes an initrd that is a whole machine: the payload of tests/vm/run.sh, the programs that its test
# calls with their libraries, all of them this host's, and the modules of a kernel of the test
# machine. No distribution, no systemd, no disk. libarchive writes the archive.
#
#   tests/vm/make_initrd.sh IMAGE_DIR PAYLOAD_DIR KERNEL OUT
#
# IMAGE_DIR is what build_image.sh printed, KERNEL 6.1 or 6.12.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
image=$1 payload=$2 kernel=$3 out=$4
root=$(mktemp -d "${MOSB_TEST_DIR:-/var/tmp}/mosb-initrd-XXXXXX")
trap 'rm -rf "$root"' EXIT

mkdir -p "$root"/{dev,etc,mnt/payload,proc,root,run,sys,tmp,var/tmp} "$root"/usr/{bin,lib,lib64,sbin}
ln -s usr/bin usr/lib usr/lib64 usr/sbin "$root/"

# What the packages install as programs, and what of them and of mosb is loaded while they run.
programs=$(dpkg -L bash busybox-static coreutils cryptsetup-bin curl diffutils dmsetup \
    docker-registry erofs-utils findutils grep iproute2 jq kmod mawk mount nftables procps sed \
    squashfs-tools util-linux |
    grep -E '^(/usr)?/s?bin/[^/]+$')
loaded=$(dpkg -L libcryptsetup12 libcurl4 libdevmapper1.02.1 libfuse3-3 libnftables1 libnl-3-200 \
    liblxc1 libsquashfuse0 libarchive13 | grep -E '\.so\.[0-9]+$')
# ldd fails for what is no dynamic program, which is most of the payload.
libraries=$({ echo "$programs"; echo "$loaded"; find "$payload" -type f; } |
    { xargs -d '\n' ldd 2>/dev/null || true; } | grep -oE '/[^ :]+\.so[^ :]*' | sort -u)
while read -r file; do
    mkdir -p "$root$(dirname "$file")"
    [[ -e $root$file ]] || cp -L "$file" "$root$file"
done < <(printf '%s\n' "$programs" "$loaded" "$libraries")
ln -sf mawk "$root/usr/bin/awk"

version=$(debugfs -R 'ls -p /usr/lib/modules' "$image/disk.img" 2>/dev/null |
    grep -oE "/${kernel//./\\.}\.[^/]+/" | tr -d /)
mkdir -p "$root/usr/lib/modules"
debugfs -R "rdump /usr/lib/modules/$version $root/usr/lib/modules" "$image/disk.img" 2>/dev/null

cp -a "$payload/." "$root/mnt/payload/"
install -m 0755 "$here/guest/initrd-init" "$root/init"
install -m 0755 "$here/guest/initrd-start" "$root/usr/sbin/init"
echo 'root:x:0:0:root:/root:/bin/bash' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files\nprotocols: files\n' >"$root/etc/nsswitch.conf"
cp /etc/protocols "$root/etc/" 2>/dev/null || true
echo '127.0.0.1 localhost' >"$root/etc/hosts"
: >"$root/etc/resolv.conf"

bsdtar -C "$root" --format newc --uid 0 --gid 0 -cf "$out" .
