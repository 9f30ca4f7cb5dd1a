#!/usr/bin/env bash
# Measures what is done with layers, beside its peers, in one run, and prints ratios: making a hash
# tree and checking every block (veritysetup), mounting an image of one and of eight layers (mount,
# once per layer), what 256 mounted layers need of memory, and reading what a server shows
# (squashfuse_ll of Debian unstable).
#
#   tests/bench/mounts.sh [ROUNDS]     default 9; as root; needs build/release
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export MOSB_BIN=${MOSB_BIN:-$here/../../build/release/bin}

# shellcheck source=packages.sh
source "$here/packages.sh"
need cryptsetup-bin squashfs-tools python3
# The newest one, with the libraries that it wants.
SQUASHFUSE=$("$here/../support/fetch_packages.sh" unstable "$here/../../build/squashfuse" squashfuse \
    libsquashfuse0 libfuse3-4 libc6 libzstd1 liblzma5 liblz4-1 liblzo2-2 zlib1g)
export SQUASHFUSE
exec python3 "$here/mounts.py" "${1:-9}"
