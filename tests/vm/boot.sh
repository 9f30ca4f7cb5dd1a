#!/usr/bin/env bash
# Boots the test machine with a payload, by `mosb machine`, and waits until it powers off.
#
#   tests/vm/boot.sh IMAGE_DIR PAYLOAD OUT_DIR [DEADLINE_SECONDS [KERNEL [VARIABLES]]]
#
# KERNEL is 6.1 (the default) or 6.12. MOSB_BUILD names another build directory. With VARIABLES, a
# file of OVMF's, the machine has UEFI.
# IMAGE_DIR is what build_image.sh printed; PAYLOAD is a squashfs with the program /run, which prints
# its results on the console, or an initrd of make_initrd.sh: then the machine has no disk. OUT_DIR
# gets console.log and results.log. Software emulation, two processors, no network at all.
# Status: 0 powered off by itself, 1 it did not start or qemu failed, 124 the deadline passed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${MOSB_BUILD:-$(cd "$here/../.." && pwd)/build/release}
image=$1 payload=$2 out=$3 deadline=${4:-240} kernel=${5:-6.1} variables=${6:-}
mkdir -p "$out/root"
mosb() { "$build/bin/mosb" --root "$out/root" "$@"; }

# qemu 7.2's emulation of cmpxchg16b gives wrong flags, on which kernels since 6.4 run into a double
# fault unless they are told to do without.
cmdline='console=ttyS0 panic=-1 net.ifnames=0 clearcpuid=cx16'
# Nothing but results on the console: no messages below emergencies, no login.
cmdline+=' loglevel=1 systemd.show_status=no systemd.getty_auto=no'
# An initrd brings no profiles for AppArmor.
if [[ $payload == *.initrd ]]; then
    cmdline+=' apparmor=0'
else
    cmdline+=' root=/dev/vda rw apparmor=1 security=apparmor'
fi
cat >"$out/machine.yaml" <<END
name: test
config:
  accel: tcg
  cpus: 2
  memory: 1536
  kernel: $image/vmlinuz-$kernel
  cmdline: $cmdline
END
if [[ -n $variables ]]; then
    cat >>"$out/machine.yaml" <<END
  uefi-code: /usr/share/OVMF/OVMF_CODE_4M.fd
  uefi-vars: $variables
END
fi
if [[ $payload == *.initrd ]]; then
    echo "  initrd: $payload" >>"$out/machine.yaml"
else
    cat >>"$out/machine.yaml" <<END
  initrd: $image/initrd-$kernel.img
  disks:
  - {file: $image/disk.img, format: raw, attach: virtio}
  - {file: $payload, format: raw, attach: virtio, read-only: true}
END
fi

finish() {
    local status=$?
    tr -d '\r' <"$out/root/var/log/mosb/machines/test.log" >"$out/console.log" || true
    grep -aE '^(ok - |not ok - |    |guest: )' "$out/console.log" >"$out/results.log" || true
    mosb machine rm test --force >/dev/null || status=1
    exit "$status"
}
trap finish EXIT
mosb machine init -f "$out/machine.yaml" >/dev/null
mosb machine start test >/dev/null
end=$((SECONDS + deadline))
while state=$(mosb machine info test -o json | jq -r .state) && [[ $state == running ]]; do
    if ((SECONDS >= end)); then
        echo "boot: no power-off within $deadline s" >&2
        exit 124
    fi
    sleep 1
done
if [[ $state != stopped ]]; then
    mosb machine info test >&2
    exit 1
fi
