#!/usr/bin/env bash
# Fetches Debian unstable's `notation` and `oras` without installing them, and prints the folder
# that holds both programs. They are the judges of what mosb signs and verifies.
#
#   tests/support/fetch_notation.sh [CACHE_DIR]     default: build/notation below the repository
#
# A second run uses what the first one left. Any 1.x of either program will do.
set -euo pipefail

support=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$("$support/fetch_packages.sh" unstable "${1:-$support/../../build/notation}" notation oras)/usr/bin

for program in notation oras; do
    version=$("$bin/$program" version | sed -n 's/^Version: *v\{0,1\}//p')
    [[ $version == 1.* ]] || {
        echo "fetch_notation: $program is version '$version', the tests know 1.x" >&2
        exit 1
    }
    echo "fetch_notation: $program $version" >&2
done
echo "$bin"
