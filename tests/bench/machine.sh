#!/usr/bin/env bash
# Measures `mosb machine start` beside the same command line of qemu started by hand, both from exec to
# qemu's answer over QMP, and that no process of mosb stays. Software emulation.
#
#   tests/bench/machine.sh [ROUNDS]     default 15; as root; needs build/release
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export MOSB_BIN=${MOSB_BIN:-$here/../../build/release/bin}

# shellcheck source=packages.sh
source "$here/packages.sh"
need ovmf python3 qemu-system-x86 qemu-utils swtpm swtpm-tools
exec python3 "$here/machine.py" "${1:-15}"
