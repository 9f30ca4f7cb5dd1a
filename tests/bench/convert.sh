#!/usr/bin/env bash
# Measures `mosb image convert` beside what else makes squashfs of an ordinary image: skopeo copies
# it, umoci unpacks it, mksquashfs packs the tree with the same compressor.
#
#   tests/bench/convert.sh [ROUNDS]     default 3; as root; needs build/release
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export MOSB_BIN=${MOSB_BIN:-$here/../../build/release/bin}

# shellcheck source=packages.sh
source "$here/packages.sh"
need docker-registry skopeo umoci squashfs-tools python3
exec python3 "$here/convert.py" "${1:-3}"
