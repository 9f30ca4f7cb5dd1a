#!/usr/bin/env bash
# Disks of every kind and cards at a bridge and at a tap, used by a real guest: tests/system/machines.sh
# only starts and stops machines with them. In a network namespace of its own.
#
#   tests/vm/devices.sh     MOSB_BUILD names another build directory
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -z ${MOSB_DEVICES_INSIDE:-} ]]; then
    MOSB_DEVICES_INSIDE=1 exec unshare --net --mount --propagation private "$0" "$@"
fi
support=$here/../support
build=${MOSB_BUILD:-$(cd "$here/../.." && pwd)/build/release}
ip link set lo up
# The devices of this namespace where they are looked for.
mount -t sysfs sysfs /mnt
for part in class/net devices/virtual/net; do
    mount --bind "/mnt/$part" "/sys/$part"
done
umount /mnt

work=$(mktemp -d "${MOSB_TEST_DIR:-/var/tmp}/mosb-vm-XXXXXX")
mosb() { "$build/bin/mosb" --root "$work/root" "$@"; }
server=
clear_up() {
    mosb machine rm devices --force >/dev/null 2>&1 || true
    [[ -z $server ]] || kill "$server"
    rm -rf "$work"
}
trap clear_up EXIT
mkdir -p "$work/root" "$work/payload"
chmod 0755 "$work"

image=$("$here/build_image.sh")
gcc -static -O1 -o "$work/payload/answer" "$support/answer.c"
install -m 0755 "$here/guest_devices.sh" "$work/payload/run"
"$here/make_initrd.sh" "$image" "$work/payload" 6.12 "$work/guest.initrd"
for disk in virtio scsi nvme ide cdrom; do
    printf '%s' "$disk" >"$work/$disk.img"
    truncate -s 1M "$work/$disk.img"
done

ip link add bridge0 type bridge
ip addr add 192.0.2.1/24 dev bridge0
ip link set bridge0 up
ip tuntap add tap0 mode tap
ip addr add 198.51.100.1/24 dev tap0
ip link set tap0 up
"$work/payload/answer" serve host 7001 &
server=$!

# The kernel of the backports: Debian 12's own cloud kernel has no driver for the ide disk.
cat >"$work/machine.yaml" <<END
name: devices
config:
  accel: tcg
  cpus: 2
  memory: 1024
  kernel: $image/vmlinuz-6.12
  initrd: $work/guest.initrd
  cmdline: console=ttyS0 panic=-1 net.ifnames=0 apparmor=0 loglevel=1 clearcpuid=cx16
  disks:
  - {file: $work/virtio.img, format: raw, attach: virtio, size: 1M}
  - {file: $work/scsi.img, format: raw, attach: scsi}
  - {file: $work/nvme.img, format: raw, attach: nvme, read-only: true}
  - {file: $work/ide.img, format: raw, attach: ide}
  cdrom: $work/cdrom.img
  nics:
  - {id: nic0, device: virtio-net, network: user, mac: '52:54:00:00:00:01',
     ports: [{protocol: tcp, host: {port: 17000}, guest: {port: 7000}}]}
  - {id: nic1, device: virtio-net, network: 'bridge:bridge0', mac: '52:54:00:00:00:02'}
  - {id: nic2, device: virtio-net, network: 'tap:tap0', mac: '52:54:00:00:00:03'}
END

# shellcheck source=judge.sh
source "$here/judge.sh"
# With MOSB_TEST_KEEP the whole console comes after a failure.
log() { tr -d '\r' <"$work/root/var/log/mosb/machines/devices.log"; }
starts() {
    mosb machine init -f "$work/machine.yaml"
    mosb machine start devices --wait --wait-time 4m || { log | tail -n 40; return 1; }
    mosb machine info devices
}
shows() { log | grep -cxF "$1" >/dev/null || { echo "no '$1'"; log | grep -E '^(disk|card):'; return 1; }; }
disks_are_there() {
    shows 'disk: virtio on vda, written: yes'
    shows 'disk: scsi on sda, written: yes' || shows 'disk: scsi on sdb, written: yes'
    shows 'disk: ide on sda, written: yes' || shows 'disk: ide on sdb, written: yes'
    shows 'disk: nvme on nvme, written: no'
    shows 'disk: cdrom on sr, written: no'
}
asks() { [[ $("$work/payload/answer" ask "$1" "$2" "$3") == "guest $4" ]]; }
cards_carry() {
    asks tcp 127.0.0.1 17000 10.0.2.2
    local protocol
    for protocol in tcp udp; do
        asks $protocol 192.0.2.2 7000 192.0.2.1
        asks $protocol 198.51.100.2 7000 198.51.100.1
    done
    shows 'card: host at 192.0.2.1 says host 192.0.2.2'
    shows 'card: host at 198.51.100.1 says host 198.51.100.2'
}
# has NAME FILE TEXT: the disk's first two sectors.
has() {
    local found
    found=$(head -c 1024 "$2" | tr -d '\0')
    [[ $found == "$1$3" ]] || { echo "$2 has '$found'"; return 1; }
}
ends() {
    mosb machine stop devices --force
    has virtio "$work/virtio.img" 'was here'
    # Images to begin with, used by way of copies, and one that is read-only.
    local disk copies=$work/root/var/lib/mosb/machines/devices/disks
    for disk in scsi ide; do
        has $disk "$copies/$disk.img" 'was here'
        has $disk "$work/$disk.img" ''
    done
    has nvme "$work/nvme.img" ''
    [[ $(ls /sys/class/net/bridge0/brif | wc -l) == 0 ]]
    [[ -e /sys/class/net/tap0 ]]
}

judge "a machine with disks of every kind, a cdrom and three cards starts" starts
judge "a guest reads each disk and writes those that it may" disks_are_there
judge "a guest is reached at a bridge, at a tap and by a forward, and reaches the host" cards_carry
judge "what a guest wrote is in its disks, and its tap is gone from the bridge" ends
if ((failed)) && [[ -n ${MOSB_TEST_KEEP:-} ]]; then
    log
fi
exit $failed
