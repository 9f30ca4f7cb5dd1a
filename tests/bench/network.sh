#!/usr/bin/env bash
# Measures services at a bridge beside their peers, in one run, and prints ratios: what passes a
# forward (a route without NAT, a DNAT rule of iptables), 1,000 forwards (one), start and stop
# (lxc-start and lxc-stop with veth at the same bridge). Hosts are network namespaces without names:
# nothing of them outlives the run.
#
#   tests/bench/network.sh [ROUNDS]     default 9; as root; needs build/release
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export MOSB_BIN=${MOSB_BIN:-$here/../../build/release/bin}

# shellcheck source=packages.sh
source "$here/packages.sh"
need busybox-static gcc iproute2 iptables libc6-dev libnftables1 lxc nftables python3 squashfs-tools
# A mount namespace of its own: LXC looks for the bridge in /sys/class/net.
exec unshare --mount --propagation private python3 "$here/network.py" "${1:-9}"
