#!/usr/bin/env bash
# Measures pulling beside its peers, in one run, and prints ratios: the same image, once as one layer
# and once as eight, from a docker-registry on this host into an empty store, until it is mounted
# (mosb), written and synced (curl), or copied into an OCI layout (oras, skopeo).
#
#   tests/bench/pull.sh [ROUNDS]     default 9; as root; needs build/release
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export MOSB_BIN=${MOSB_BIN:-$here/../../build/release/bin}
cache=${MOSB_CACHE_DIR:-$here/../../build/cache}
notation=$("$here/../support/fetch_notation.sh" "$cache/notation")
PATH=$PATH:$notation

missing=()
for package in docker-registry skopeo curl python3; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
        missing+=("$package")
done
if ((${#missing[@]})); then
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 install "${missing[@]}" >/dev/null
fi
exec python3 "$here/pull.py" "${1:-9}"
