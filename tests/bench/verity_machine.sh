#!/usr/bin/env bash
# Measures mounts over the kernel's dm-verity where there is one for sure, in the test machine without
# a disk (tests/vm/make_initrd.sh): images of one and of eight layers beside `veritysetup open` and
# `mount` of the same layers, and where the kernel can't shift the ids of a squashfs, reading through
# a server that the kernel checks for beside one that checks itself. Everything is emulated: only
# ratios mean something.
#
#   tests/bench/verity_machine.sh [KERNEL [ROUNDS]]    6.1 or 6.12, default 6.12 and 9; as root; needs
#                                                      build/release
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vm=$here/../vm
build=${MOSB_BUILD:-$(cd "$here/../.." && pwd)/build/release}
export MOSB_BIN=${MOSB_BIN:-$build/bin}
kernel=${1:-6.12} rounds=${2:-9}

# shellcheck source=packages.sh
source "$here/packages.sh"
need cryptsetup-bin squashfs-tools jq
# shellcheck source=../support/fixtures.sh
source "$here/../support/fixtures.sh"
work=$(mktemp -d "${MOSB_TEST_DIR:-/var/tmp}/mosb-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT

image=$("$vm/build_image.sh")
mkdir "$work/payload"
DESTDIR=$work/payload/install cmake --install "$build" --strip >"$work/install.log"
make_rootfs "$work/payload/rootfs"
# Some 40 MB of programs and libraries to be read.
mkdir "$work/payload/files"
find /usr/bin /usr/lib/x86_64-linux-gnu -maxdepth 1 -type f -size +100k -size -4M | sort | head -n 60 |
    xargs cp -t "$work/payload/files"
install -m 0755 "$here/verity_machine_guest.sh" "$work/payload/run"
echo "$rounds" >"$work/payload/rounds"
"$vm/make_initrd.sh" "$image" "$work/payload" "$kernel" "$work/machine.initrd"
"$vm/boot.sh" "$image" "$work/machine.initrd" "$work/out" "${MOSB_VM_DEADLINE:-1500}" "$kernel" ||
    { tail -n 40 "$work/out/console.log"; exit 1; }
sed 's/^    //' "$work/out/results.log"
grep -q '^guest: finished with status 0' "$work/out/results.log"
