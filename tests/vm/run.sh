#!/usr/bin/env bash
# Runs tests/vm/guest.sh in a Debian 12 virtual machine: its own kernel 6.1, systemd, cgroup v2 and
# AppArmor, and the programs of build/release as installed. Two boots of one disk; beside it, on
# another disk, the behaviours of verified mounts over dm-verity with the kernel of Debian's
# backports; then forwards.sh: a service in a machine of `mosb machine`, and beside it
# secure_boot.sh: what Debian signed, in a machine with Secure Boot and a TPM.
#
#   tests/vm/run.sh [KERNEL…]     6.1 or 6.12, by default both; MOSB_BUILD names another build
#                                 directory
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
# The tests of verified mounts, at the path that they have their programs from.
mkdir "$work/payload/tests"
cp "$build"/bin/{mounted_image_test,euid_is_root,mosb-layer-server,mosb-squashfs-server} \
    "$work/payload/tests/"
strip "$work/payload"/tests/*
[[ ${MOSB_LONG:-0} == 0 ]] || touch "$work/payload/long"
readlink -f "$build/bin" >"$work/payload/tests/bin_dir"
mksquashfs "$work/payload" "$work/payload.squashfs" -noappend -comp zstd -Xcompression-level 1 \
    -quiet -no-progress >/dev/null

# boot KERNEL: one test of the guest's, and what it said.
boot() {
    local kernel=$1 status=0 out=$work/out-$1
    "$here/boot.sh" "$image" "$work/payload.squashfs" "$out" "${MOSB_VM_DEADLINE:-1500}" "$kernel" ||
        status=$?
    cat "$out/results.log" || true
    if ((status != 0)) || ! grep -q '^guest: finished with status 0' "$out/results.log"; then
        echo "not ok - the machine with Linux $kernel came to the end of its test (status $status)"
        tail -n 60 "$out/console.log" | sed 's/^/    /'
    fi
}
(($#)) || set -- 6.1 6.12
boots=()
for kernel; do
    boot "$kernel" >"$work/said-$kernel" 2>&1 &
    boots+=("$!")
done
failed=0
for boot in "${boots[@]}"; do wait "$boot" || failed=1; done
for kernel; do
    cat "$work/said-$kernel"
done | tee "$work/said"
if [[ " $* " == *" 6.1 "* ]]; then
    "$here/secure_boot.sh" >"$work/secure" 2>&1 &
    secure=$!
    "$here/forwards.sh" | tee -a "$work/said" || failed=1
    wait "$secure" || failed=1
    tee -a "$work/said" <"$work/secure"
fi
echo "real: machine $(grep -c '^ok - ' "$work/said")"
! grep -q '^not ok' "$work/said" && ((failed == 0))
