#!/usr/bin/env bash
# A machine with a vsock, inside a machine: what it takes of the host is a kernel module that not
# every host of these tests has, but Debian's kernel does. So mosb and qemu run in the test machine,
# and their guest, emulated by what is itself emulated, is the smallest that can open a vsock.
#
#   tests/vm/vsock.sh     MOSB_BUILD names another build directory
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
support=$here/../support
build=${MOSB_BUILD:-$(cd "$here/../.." && pwd)/build/release}
work=$(mktemp -d "${MOSB_TEST_DIR:-/var/tmp}/mosb-vm-XXXXXX")
trap 'rm -rf "$work"' EXIT
payload=$work/payload
mkdir -p "$payload"/{bin,machine} "$work/inner"/{bin,dev,modules}

image=$("$here/build_image.sh")
gcc -static -O1 -o "$payload/bin/vsock_answer" "$support/vsock_answer.c"

# The inner guest: a shell, the program, and the modules from a disk's bus to a vsock.
version=$(debugfs -R 'ls -p /usr/lib/modules' "$image/disk.img" 2>/dev/null |
    grep -oE '/6\.1\.[^/]+/' | tr -d /)
modules=(drivers/virtio/{virtio_ring,virtio,virtio_pci_modern_dev,virtio_pci_legacy_dev,virtio_pci}
    net/vmw_vsock/{vsock,vmw_vsock_virtio_transport_common,vmw_vsock_virtio_transport})
for module in "${modules[@]}"; do
    name=${module##*/}.ko
    debugfs -R "dump /usr/lib/modules/$version/kernel/$module.ko $work/inner/modules/$name" \
        "$image/disk.img" 2>/dev/null
    [[ -s $work/inner/modules/$name ]] || { echo "vsock: no module $module.ko" >&2; exit 1; }
    echo "insmod /modules/$name"
done >"$work/load"
cp /bin/busybox "$work/inner/bin/"
cp "$payload/bin/vsock_answer" "$work/inner/bin/"
cat >"$work/inner/init" <<END
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs devtmpfs /dev
exec >/dev/ttyS0 2>&1
$(cat "$work/load")
vsock_answer serve guest 7000 &
echo "vsock: the host says \$(vsock_answer ask 2 7001)"
echo "mosb: ready"
sleep 1000000
END
chmod 0755 "$work/inner/init"
bsdtar -C "$work/inner" --format newc --uid 0 --gid 0 -cf "$payload/machine/initrd" .
cp "$image/vmlinuz-6.1" "$payload/machine/vmlinuz"

# mosb and qemu, to be put in their places by guest_vsock.sh.
DESTDIR=$payload/install cmake --install "$build" --strip >"$work/install.log" ||
    { cat "$work/install.log"; exit 1; }
cp /usr/bin/qemu-system-x86_64 "$payload/bin/"
mkdir -p "$payload/modules" "$payload/firmware"
cp /usr/lib/x86_64-linux-gnu/qemu/accel-tcg-x86_64.so "$payload/modules/"
cp /usr/share/seabios/bios-256k.bin /usr/share/qemu/{kvmvapic,linuxboot,linuxboot_dma}.bin \
    "$payload/firmware/"
install -m 0755 "$here/guest_vsock.sh" "$payload/run"
install -m 0644 "$here/judge.sh" "$payload/"

"$here/make_initrd.sh" "$image" "$payload" 6.1 "$work/vsock.initrd"
status=0
"$here/boot.sh" "$image" "$work/vsock.initrd" "$work/out" 600 || status=$?
cat "$work/out/results.log" || true
if ((status != 0)) || ! grep -q '^guest: finished' "$work/out/results.log"; then
    echo "not ok - the machine of the vsock came to the end of its test (status $status)"
    tail -n 60 "$work/out/console.log" | sed 's/^/    /'
    exit 1
fi
! grep -q '^not ok' "$work/out/results.log"
