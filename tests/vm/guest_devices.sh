#!/bin/bash
# Inside the machine of devices.sh: says what each disk and card is worth, and answers at the cards.
exec >/dev/ttyS0 2>&1
here=/mnt/payload
for module in virtio_pci virtio_blk virtio_scsi sd_mod nvme ahci ata_piix sr_mod virtio_net; do
    modprobe -q "$module"
done

# Each disk begins with its name; what can be written gets another one behind it.
disks() { (cd /sys/block && ls -d vd* sd* nvme* sr* 2>/dev/null); }
for ((i = 0; i < 300 && $(disks | wc -l) < 5; ++i)); do
    sleep 0.1
done
for disk in $(disks); do
    name=$(head -c 16 "/dev/$disk" | tr -d '\0')
    written=no
    printf 'was here' | dd of="/dev/$disk" bs=512 seek=1 conv=fsync 2>/dev/null && written=yes
    echo "disk: $name on ${disk%%[0-9]*}, written: $written"
done

for card in /sys/class/net/eth*; do
    case $(cat "$card/address") in
    52:54:00:00:00:01) address=10.0.2.15 ;;
    52:54:00:00:00:02) address=192.0.2.2 ;;
    52:54:00:00:00:03) address=198.51.100.2 ;;
    esac
    ip addr add "$address/24" dev "${card##*/}"
    ip link set "${card##*/}" up
done
"$here/answer" serve guest 7000 &
for host in 192.0.2.1 198.51.100.1; do
    echo "card: host at $host says $("$here/answer" ask tcp "$host" 7001)"
done
echo "mosb: ready"
sleep infinity
