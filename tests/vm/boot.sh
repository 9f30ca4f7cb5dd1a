#!/usr/bin/env bash
# Boots the test machine with a payload and waits until it powers off.
#
#   tests/vm/boot.sh IMAGE_DIR PAYLOAD OUT_DIR [DEADLINE_SECONDS [KERNEL]]
#
# KERNEL is 6.1 (the default) or 6.12.
# IMAGE_DIR is what build_image.sh printed; PAYLOAD is a squashfs with the program /run; OUT_DIR
# gets disk.img (made from the image if it is not there yet: a second boot goes on with it),
# console.log and results.log. Software emulation, two processors, no network at all.
# Status: 0 powered off by itself, 1 qemu failed, 124 the deadline passed.
set -euo pipefail

image=$1 payload=$2 out=$3 deadline=${4:-240} kernel=${5:-6.1}
mkdir -p "$out"
[[ -f $out/disk.img ]] || cp --sparse=always --reflink=auto "$image/disk.img" "$out/disk.img"

# qemu 7.2's emulation of cmpxchg16b gives wrong flags, on which kernels since 6.4 run into a double
# fault.
qemu-system-x86_64 -name mosb-test -machine q35 -accel tcg,thread=multi -cpu max,cx16=off -smp 2 -m 1536 \
    -nodefaults -no-user-config -display none -nic none \
    -kernel "$image/vmlinuz-$kernel" -initrd "$image/initrd-$kernel.img" \
    -append 'root=/dev/vda rw console=ttyS0 loglevel=4 apparmor=1 security=apparmor panic=-1 net.ifnames=0 systemd.show_status=no' \
    -drive "file=$out/disk.img,format=raw,if=virtio,cache=unsafe" \
    -drive "file=$payload,format=raw,if=virtio,readonly=on" \
    -device virtio-rng-pci \
    -chardev "file,id=console,path=$out/console.log,append=on" -serial chardev:console \
    -chardev "file,id=results,path=$out/results.log,append=on" -serial chardev:results \
    </dev/null 2>"$out/qemu.log" &
qemu=$!
trap 'kill -KILL "$qemu" 2>/dev/null || true' EXIT

end=$((SECONDS + deadline))
while kill -0 "$qemu" 2>/dev/null; do
    if ((SECONDS >= end)); then
        echo "boot: no power-off within $deadline s; the console ends with:" >&2
        tail -n 20 "$out/console.log" >&2
        exit 124
    fi
    sleep 0.5
done
wait "$qemu" || { cat "$out/qemu.log" >&2; exit 1; }
trap - EXIT
