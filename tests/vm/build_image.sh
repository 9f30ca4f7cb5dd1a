#!/usr/bin/env bash
# Builds the disk of the Debian 12 test machine: Debian 12's own kernel and that of its backports,
# systemd, cgroup v2, AppArmor, LXC and its profiles, and a service that runs what the second disk
# brings.
#
#   tests/vm/build_image.sh     prints the folder with disk.img, and vmlinuz-6.1, initrd-6.1.img
#                               and the same for 6.12
#
# The folder is named by a digest of everything that goes in (this script, the package list, the
# guest's files, the versions that apt would install), below MOSB_CACHE_DIR, else build/cache.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${MOSB_CACHE_DIR:-$here/../../build/cache}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

packages() { grep -v '^#' "$here/packages.txt"; }

# The machine's own Debian mirrors, as lines of sources.list: the guest comes from the same place.
sources() {
    apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        grep -E '/debian(-security)?/? bookworm' | sort -u | sed 's/^/deb /'
    # Its packages are taken only where they are asked for.
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
        grep -E '/debian/?$' | head -n 1 | sed 's/.*/deb & bookworm-backports main/'
}

key() {
    local -a names
    mapfile -t names < <(packages)
    {
        cat "$here/build_image.sh" "$here/packages.txt"
        find "$here/guest" -type f | sort | xargs sha256sum | sed "s|$here||"
        apt-cache policy "${names[@]}" | grep -E '^[a-z]|Candidate:'
    } | sha256sum | cut -c1-24
}

# Runs inside the new root, as mmdebstrap's customize hook: no network, no name server, no clutter.
customize() {
    local root=$1
    install -D -m 0644 "$here/guest/mosb-test.service" \
        "$root/etc/systemd/system/mosb-test.service"
    install -D -m 0755 "$here/guest/mosb-test-runner" "$root/usr/local/sbin/mosb-test-runner"
    install -d "$root/mnt/payload" "$root/etc/systemd/system/multi-user.target.wants"
    ln -s ../mosb-test.service "$root/etc/systemd/system/multi-user.target.wants/"
    echo mosb-test >"$root/etc/hostname"
    echo '/dev/vda / ext4 rw,noatime 0 1' >"$root/etc/fstab"
    : >"$root/etc/machine-id"
    # LXC's own bridge and autostart belong to its administrator, not to this test.
    local unit
    for unit in lxc.service lxc-net.service lxc-monitord.service apt-daily.timer \
        apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
        fstrim.timer getty@tty1.service systemd-pstore.service; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
}

if [[ ${1:-} == --customize ]]; then
    customize "$2"
    exit 0
fi

image=$cache/vm-$(key)
exec 9>"$cache/vm.lock"
flock -w 1200 9 || { echo "build_image: another build holds $cache/vm.lock" >&2; exit 1; }
if [[ ! -f $image/complete ]]; then
    work=$cache/vm-work
    rm -rf "$work" "$image" && mkdir -p "$work"
    trap 'rm -rf "$work"' EXIT
    sources >"$work/sources.list"
    # A short initrd: the two modules that the disk needs, found without probing this host.
    mmdebstrap --mode=root --variant=minbase --format=directory \
        --include="$(packages | paste -sd,)" \
        --aptopt='Acquire::Retries "3"' --aptopt='APT::Install-Recommends "false"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d" &&
            printf "MODULES=list\nCOMPRESS=gzip\n" >"$1/etc/initramfs-tools/conf.d/mosb-test" &&
            printf "virtio_pci\nvirtio_blk\next4\n" >"$1/etc/initramfs-tools/modules"' \
        --customize-hook='chroot "$1" apt-get -y -t bookworm-backports install linux-image-cloud-amd64' \
        --customize-hook="'$here/build_image.sh' --customize \"\$1\"" \
        bookworm "$work/root" "$work/sources.list" >"$work/log" 2>&1 ||
        { tail -n 40 "$work/log" >&2; exit 1; }
    mkdir "$work/out"
    for version in 6.1 6.12; do
        cp "$work"/root/boot/vmlinuz-$version.* "$work/out/vmlinuz-$version"
        cp "$work"/root/boot/initrd.img-$version.* "$work/out/initrd-$version.img"
    done
    truncate -s 2G "$work/out/disk.img"
    mke2fs -q -t ext4 -E lazy_itable_init=0 -d "$work/root" "$work/out/disk.img"
    touch "$work/out/complete"
    mv "$work/out" "$image"
fi
echo "$image"
