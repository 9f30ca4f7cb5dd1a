#!/usr/bin/env bash
# Makes a verity layer without mosb: squashfs-tools and veritysetup are independent of it.
#
#   make_layer.sh DIR FILE [MKSQUASHFS OPTION…]          prints the root hash
#   make_layer.sh --erofs DIR FILE [MKFS.EROFS OPTION…]
#
# FILE is the image padded to 4096, then the verity superblock and the hash tree (format 1,
# sha256, 4096/4096, random salt), as project machine's tools lay it out.
set -euo pipefail

filesystem=squashfs
[[ $1 != --erofs ]] || { filesystem=erofs; shift; }
dir=$1 file=$2
shift 2
rm -f "$file"
if [[ $filesystem == erofs ]]; then
    mkfs.erofs --quiet "$@" "$file" "$dir"
else
    mksquashfs "$dir" "$file" -noappend -comp zstd -Xcompression-level 1 -no-progress -quiet \
        -processors 1 "$@" >/dev/null
fi
size=$(stat -c %s "$file")
size=$(((size + 4095) / 4096 * 4096))
truncate -s "$size" "$file"
veritysetup format --hash-offset="$size" "$file" "$file" | sed -n 's/^Root hash:[[:space:]]*//p'
