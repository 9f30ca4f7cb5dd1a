#!/usr/bin/env bash
# Measures verifying beside notation, in one run, and prints ratios: the same signed images, RSA and
# EC, in a docker-registry on this host, by the same configuration; and what one signature more costs
# a mosb that runs already.
#
#   tests/bench/verify.sh [ROUNDS]     default 15; as root; needs build/release
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export MOSB_BIN=${MOSB_BIN:-$here/../../build/release/bin}
cache=${MOSB_CACHE_DIR:-$here/../../build/cache}
notation=$("$here/../support/fetch_notation.sh" "$cache/notation")
PATH=$PATH:$notation

# shellcheck source=packages.sh
source "$here/packages.sh"
need docker-registry skopeo busybox-static python3 time
exec python3 "$here/verify.py" "${1:-15}"
