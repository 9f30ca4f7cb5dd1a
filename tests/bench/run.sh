#!/usr/bin/env bash
# Measures mosb beside its peers on one machine in one run, and prints ratios: start of a service
# (lxc-start, podman run), reading a verified tree (the kernel's squashfs without verification),
# memory per running service (LXC's own monitor).
#
#   tests/bench/run.sh [ROUNDS]      default 15; as root; needs build/release
#
# The alternatives take turns, so that what else the machine does hits all of them; medians count.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export MOSB_BIN=${MOSB_BIN:-$here/../../build/release/bin}
rounds=${1:-15}

# shellcheck source=packages.sh
source "$here/packages.sh"
need podman crun lxc busybox-static squashfs-tools python3

# crun of Debian 12 refuses the hybrid cgroup layout: where there is one, everything is measured
# without its empty v2 tree, in a mount namespace of its own.
if [[ -d /sys/fs/cgroup/unified ]]; then
    exec unshare --mount --propagation private bash -c \
        'umount /sys/fs/cgroup/unified && exec python3 "$@"' bash "$here/bench.py" "$rounds"
fi
exec python3 "$here/bench.py" "$rounds"
