#!/usr/bin/env bash
# Measures pulling beside its peers, in one run, and prints ratios: the same image, once as one layer
# and once as eight, from a docker-registry on this host into an empty store, until it is mounted
# (mosb), written and synced (curl), copied into an OCI layout (oras, skopeo), or unpacked from tar.gz
# (podman).
#
#   tests/bench/pull.sh [ROUNDS]     default 9; as root; needs build/release
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export MOSB_BIN=${MOSB_BIN:-$here/../../build/release/bin}
cache=${MOSB_CACHE_DIR:-$here/../../build/cache}
notation=$("$here/../support/fetch_notation.sh" "$cache/notation")
PATH=$PATH:$notation

# shellcheck source=packages.sh
source "$here/packages.sh"
need docker-registry skopeo curl podman python3 time
exec python3 "$here/pull.py" "${1:-9}"
