#!/usr/bin/env bash
# Runs tests/vm/guest.sh in a Debian 12 virtual machine: its own kernel 6.1, systemd, cgroup v2 and
# AppArmor, and the programs of build/release as installed. Two boots of one disk; beside it, in
# machines without a disk, the behaviours of verified mounts: over dm-verity with the kernel of
# Debian's backports, and with Debian 12's own, where servers shift ids. Then forwards.sh: a service
# in a machine of `mosb machine`, and beside it secure_boot.sh: what Debian signed, in a machine with
# Secure Boot and a TPM, and devices.sh: a guest that uses disks and cards of every kind. With
# MOSB_LONG=1 at last vsock.sh: a machine in the machine, with a vsock.
#
#   tests/vm/run.sh [MACHINE…]    6.1 (the disk), 6.1-initrd or 6.12-initrd, by default all;
#                                 MOSB_BUILD names another build directory
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
build=${MOSB_BUILD:-$repository/build/release}
export MOSB_BIN=${MOSB_BIN:-$build/bin} MOSB_CACHE_DIR=${MOSB_CACHE_DIR:-$repository/build/cache}

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
# Who signs root hashes for the kernel's keyrings: one who is in the firmware's db, and somebody else.
for signer in known unknown; do
    openssl req -x509 -new -nodes -newkey rsa:2048 -days 3650 -subj "/CN=$signer/" \
        -addext basicConstraints=critical,CA:FALSE -addext keyUsage=digitalSignature \
        -keyout "$work/payload/$signer.key" -out "$work/payload/$signer.pem" 2>/dev/null
done
openssl x509 -in "$work/payload/known.pem" -outform der -out "$work/known.der"
python3 "$here/../support/uefi_variables.py" /usr/share/OVMF/OVMF_VARS_4M.fd "$work/known.der" \
    "$work/variables.fd"
readlink -f "$build/bin" >"$work/payload/tests/bin_dir"
mksquashfs "$work/payload" "$work/payload.squashfs" -noappend -comp zstd -Xcompression-level 1 \
    -quiet -no-progress >/dev/null

# boot MACHINE: one test of the guest's, and what it said.
boot() {
    local machine=$1 status=0 out=$work/out-$1 payload=$work/payload.squashfs variables=
    # The kernel that checks signatures by what the firmware has, too.
    [[ $machine != 6.12-* ]] || variables=$work/variables.fd
    if [[ $machine == *-initrd ]]; then
        payload=$work/$machine.initrd
        "$here/make_initrd.sh" "$image" "$work/payload" "${machine%-*}" "$payload"
    fi
    "$here/boot.sh" "$image" "$payload" "$out" "${MOSB_VM_DEADLINE:-1500}" "${machine%-*}" \
        "$variables" || status=$?
    rm -f "$work/$machine.initrd"
    cat "$out/results.log" || true
    if ((status != 0)) || ! grep -q '^guest: finished with status 0' "$out/results.log"; then
        echo "not ok - the machine $machine came to the end of its test (status $status)"
        tail -n 60 "$out/console.log" | sed 's/^/    /'
    fi
}
(($#)) || set -- 6.1 6.12-initrd 6.1-initrd
# What mosb has on this host; others may come and go here meanwhile.
export MOSB_LEAKS_ONLY=mosb
"$here/../support/leaks.sh" snapshot "$work/before"
boots=()
for machine; do
    boot "$machine" >"$work/said-$machine" 2>&1 &
    boots+=("$!")
done
failed=0
for boot in "${boots[@]}"; do wait "$boot" || failed=1; done
for machine; do
    cat "$work/said-$machine"
done | tee "$work/said"
if [[ " $* " == *" 6.1 "* ]]; then
    {
        status=0
        "$here/secure_boot.sh" || status=1
        "$here/devices.sh" || status=1
        exit $status
    } >"$work/beside" 2>&1 &
    beside=$!
    "$here/forwards.sh" | tee -a "$work/said" || failed=1
    wait "$beside" || failed=1
    tee -a "$work/said" <"$work/beside"
    if [[ ${MOSB_LONG:-0} == 1 ]]; then
        "$here/vsock.sh" | tee -a "$work/said" || failed=1
    fi
fi
if "$here/../support/leaks.sh" compare "$work/before" >"$work/leaks"; then
    echo "ok - the machines left nothing on the host"
else
    echo "not ok - the machines left nothing on the host"
    sed 's/^/    /' "$work/leaks"
fi | tee -a "$work/said"
echo "real: machine $(grep -c '^ok - ' "$work/said")"
! grep -q '^not ok' "$work/said" && ((failed == 0))
