#!/usr/bin/env bash
# Measures commands on a store of 10,000 blobs: 2,000 signed images and one that runs.
#
#   tests/bench/store.sh [ROUNDS]     default 15; as root; needs build/release
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export MOSB_BIN=${MOSB_BIN:-$here/../../build/release/bin}

# shellcheck source=packages.sh
source "$here/packages.sh"
need busybox-static python3
exec python3 "$here/store.py" "${1:-15}"
