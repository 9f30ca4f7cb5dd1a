#!/usr/bin/env bash
# Secure Boot and the TPM of `mosb machine`, with what Debian signed: shim, grub and kernel start;
# each of them with one byte changed does not.
#
#   tests/vm/secure_boot.sh     MOSB_BUILD names another build directory
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${MOSB_BUILD:-$(cd "$here/../.." && pwd)/build/release}
work=$(mktemp -d "${MOSB_TEST_DIR:-/var/tmp}/mosb-vm-XXXXXX")
root=$work/root
mosb() { "$build/bin/mosb" --root "$root" "$@"; }
clear_up() {
    local name
    for name in signed shim kernel; do
        mosb machine rm $name --force >/dev/null 2>&1 || true
    done
    rm -rf "$work"
}
trap clear_up EXIT
mkdir -p "$root"
image=$("$here/build_image.sh")

# Installing them would change how this machine boots.
(cd "$work" && apt-get -q download shim-signed grub-efi-amd64-signed >download.log 2>&1) ||
    { cat "$work/download.log"; exit 1; }
for package in "$work"/*.deb; do dpkg -x "$package" "$work/signed"; done

# flip FILE COPY: with one bit of a byte in the middle changed.
flip() {
    python3 - "$1" "$2" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 1
open(sys.argv[2], "wb").write(data)
PY
}
shim=$work/signed/usr/lib/shim/shimx64.efi.signed
grub=$work/signed/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed
flip "$shim" "$work/flipped-shim"
flip "$image/vmlinuz-6.1" "$work/flipped-kernel"
cat >"$work/grub.cfg" <<'END'
set timeout=0
linux /vmlinuz console=ttyS0 panic=0
boot
END

# machine NAME SHIM KERNEL: one that boots from a disk at USB with these.
machine() {
    truncate -s 48M "$work/$1.raw"
    mformat -i "$work/$1.raw" -F ::
    mmd -i "$work/$1.raw" ::/EFI ::/EFI/BOOT ::/EFI/debian
    mcopy -i "$work/$1.raw" "$2" ::/EFI/BOOT/BOOTX64.EFI
    mcopy -i "$work/$1.raw" "$grub" ::/EFI/BOOT/grubx64.efi
    mcopy -i "$work/$1.raw" "$work/grub.cfg" ::/EFI/debian/grub.cfg
    mcopy -i "$work/$1.raw" "$3" ::/vmlinuz
    cat >"$work/$1.yaml" <<END
name: $1
config:
  accel: tcg
  cpus: 1
  memory: 512
  secure-boot: true
  tpm: true
  disks:
  - {file: $work/$1.raw, format: raw, size: 48MiB, attach: usb}
END
    mosb machine init -f "$work/$1.yaml" >/dev/null
}

failed=0
# judge SENTENCE NAME READY_LINE [PATTERN…]: the machine prints the line, and the patterns before it.
judge() {
    local sentence=$1 name=$2 line=$3 pattern status=0 begin=$SECONDS log=$work/$2.log
    shift 3
    mosb machine start "$name" --wait --wait-time 4m --ready-line "$line" >"$work/$name.said" 2>&1 ||
        status=$?
    tr -d '\r' <"$root/var/log/mosb/machines/$name.log" >"$log" || true
    mosb machine stop "$name" --force >/dev/null || status=$?
    for pattern; do
        if [[ $pattern == !* ]]; then
            ! grep -qaE -- "${pattern#!}" "$log" || status=1
        else
            grep -qaE -- "$pattern" "$log" || status=1
        fi
    done
    if ((status == 0)); then
        echo "ok - $sentence ($((SECONDS - begin)) s)"
    else
        failed=1
        echo "not ok - $sentence ($((SECONDS - begin)) s)"
        tail -n 40 "$work/$name.said" "$log" | sed 's/^/    /'
    fi
}

machine signed "$shim" "$image/vmlinuz-6.1"
machine shim "$work/flipped-shim" "$image/vmlinuz-6.1"
machine kernel "$shim" "$work/flipped-kernel"
judge "under Secure Boot Debian's signed kernel starts, and finds Secure Boot on and a TPM 2.0" \
    signed 'Unable to mount root fs' 'secureboot: Secure boot enabled' 'tpm_tis .*: 2.0 TPM' \
    'Kernel is locked down'
judge "under Secure Boot a boot loader with one bit changed is refused by the firmware" \
    shim 'Access Denied' '!Linux version' '!GRUB'
judge "under Secure Boot a kernel with one bit changed is refused by the boot loader" \
    kernel 'bad shim signature' '!Linux version'
exit $failed
