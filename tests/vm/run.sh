#!/usr/bin/env bash
# Runs tests/vm/guest.sh in a Debian 12 virtual machine: its own kernel 6.1, systemd, cgroup v2 and
# AppArmor, and the programs of build/release as installed. Two boots of one disk.
#
#   tests/vm/run.sh      MOSB_BUILD names another build directory
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
build=${MOSB_BUILD:-$repository/build/release}

# shellcheck source=../support/fixtures.sh
source "$here/../support/fixtures.sh"
work=$(mktemp -d "${MOSB_TEST_DIR:-/var/tmp}/mosb-vm-XXXXXX")
trap 'rm -rf "$work"' EXIT

image=$("$here/build_image.sh")

# The second disk: the installed programs, the test, a root file system to make an image of.
mkdir "$work/payload"
DESTDIR=$work/payload/install cmake --install "$build" --strip >"$work/install.log" ||
    { cat "$work/install.log"; exit 1; }
make_rootfs "$work/payload/rootfs"
install -m 0755 "$here/guest.sh" "$work/payload/run"
mksquashfs "$work/payload" "$work/payload.squashfs" -noappend -comp zstd -Xcompression-level 1 \
    -quiet -no-progress >/dev/null

status=0
"$here/boot.sh" "$image" "$work/payload.squashfs" "$work/out" "${MOSB_VM_DEADLINE:-900}" || status=$?
cat "$work/out/results.log"
if ((status != 0)) || ! grep -q '^guest: finished with status 0' "$work/out/results.log"; then
    echo "not ok - the machine came to the end of its test (status $status)"
    tail -n 60 "$work/out/console.log" | sed 's/^/    /'
    exit 1
fi
echo "real: machine $(grep -c '^ok - ' "$work/out/results.log")"
! grep -q '^not ok' "$work/out/results.log"
