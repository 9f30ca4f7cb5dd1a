#!/usr/bin/env bash
# Measures what is done with layers, beside its peers, in one run, and prints ratios: making a hash
# tree and checking every block (veritysetup), mounting an image of one and of eight layers (mount,
# once per layer), and what 256 mounted layers need of memory.
#
#   tests/bench/mounts.sh [ROUNDS]     default 9; as root; needs build/release
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export MOSB_BIN=${MOSB_BIN:-$here/../../build/release/bin}

# shellcheck source=packages.sh
source "$here/packages.sh"
need cryptsetup-bin squashfs-tools python3
exec python3 "$here/mounts.py" "${1:-9}"
