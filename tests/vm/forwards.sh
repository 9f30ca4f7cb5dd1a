#!/usr/bin/env bash
# From a port of this host to a service in a virtual machine, through two forwards: the card of
# `mosb machine` leads to the machine's port 22, the service's network from there to its own.
#
#   tests/vm/forwards.sh     MOSB_BUILD names another build directory
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
support=$here/../support
build=${MOSB_BUILD:-$(cd "$here/../.." && pwd)/build/release}
export PATH=$build/bin:$PATH

# shellcheck source=../support/fixtures.sh
source "$support/fixtures.sh"
work=$(mktemp -d "${MOSB_TEST_DIR:-/var/tmp}/mosb-vm-XXXXXX")
export root=$work/root
mosb() { "$build/bin/mosb" --root "$root" "$@"; }
clear_up() {
    mosb machine rm seed --force >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap clear_up EXIT
mkdir -p "$root" "$work/payload"

image=$("$here/build_image.sh")
DESTDIR=$work/payload/install cmake --install "$build" --strip >"$work/install.log"
gcc -static -O1 -o "$work/answer" "$support/answer.c"
make_rootfs "$work/rootfs"
cp "$work/answer" "$work/rootfs/bin/answer"
mosb keyset create "$work/payload/keys" --name "machine test" >/dev/null
mosb image build --rootfs "$work/rootfs" -t "oci:$work/payload/layout:answer" \
    --entrypoint /bin/answer >/dev/null
mosb sign "oci:$work/payload/layout:answer" --key "$work/payload/keys/signing.key" \
    --cert "$work/payload/keys/signing-chain.pem" >/dev/null
manifest_v2 "$work/payload/m.yaml" < <(
    service echo oci:/mnt/payload/layout:answer 'args: [serve, echo, "22"]' \
        'network: {type: simple, ports: [{name: answer, host: 22, container: 22, protocol: both}]}'
)
install -m 0755 "$here/guest_forwards.sh" "$work/payload/run"
mksquashfs "$work/payload" "$work/payload.squashfs" -noappend -comp zstd \
    -Xcompression-level 1 -quiet -no-progress >/dev/null

# The card is that of project machine's documentation, with a second port for UDP.
cat >"$work/machine.yaml" <<END
name: seed
config:
  accel: tcg
  cpus: 2
  memory: 1024
  kernel: $image/vmlinuz-6.1
  initrd: $image/initrd-6.1.img
  cmdline: root=/dev/vda rw console=ttyS0 apparmor=1 security=apparmor panic=-1 net.ifnames=0
  disks:
  - {file: $image/disk.img, format: raw, attach: virtio}
  - {file: $work/payload.squashfs, format: raw, attach: virtio, read-only: true}
  nics:
  - bootindex: 'off'
    device: virtio-net
    id: nic0
    network: user
    ports:
    - guest:
        address: ''
        port: 22
      host:
        address: ''
        port: 22222
      protocol: tcp
    - {protocol: udp, host: {port: 22222}, guest: {port: 22}}
    romfile: ''
END

# shellcheck source=judge.sh
source "$here/judge.sh"
answers() { [[ $("$work/answer" ask "$1" "$2" 22222) == echo\ * ]]; }
own_address() { ip -4 -o addr show scope global | sed -nE 's/.* inet ([0-9.]+).*/\1/p' | head -n 1; }
starts() {
    mosb machine init -f "$work/machine.yaml"
    mosb machine start seed --wait --wait-time 8m && return
    tail -n 60 "$root/var/log/mosb/machines/seed.log"
    return 1
}
is_answered() {
    local protocol
    for protocol in tcp udp; do
        answers $protocol 127.0.0.1
        [[ -z $(own_address) ]] || answers $protocol "$(own_address)"
    done
}
stops() {
    mosb machine stop seed --patience 2m
    mosb machine ls
    ! answers tcp 127.0.0.1 || return 1
    [[ -z $(ss -Hlntu 'sport = :22222') ]]
}

judge "a machine with a signed service at its bridge starts, and is ready when the service is" starts
judge "TCP and UDP at the host's port 22222 reach port 22 of the service in the machine" is_answered
judge "the machine stops when it is asked, and its ports are free" stops
exit $failed
