#!/usr/bin/env bash
# Fetches Debian unstable's `notation` and `oras` without installing them, and prints the folder
# that holds both programs. They are the judges of what mosb signs and verifies.
#
#   tests/support/fetch_notation.sh [CACHE_DIR]     default: build/notation below the repository
#
# The host's own package lists stay as they are: lists, state and cache of this download live in
# CACHE_DIR. A second run uses what the first one left. Any 1.x of either program will do.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${1:-$repository/build/notation}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
bin=$cache/root/usr/bin

die() {
    echo "fetch_notation: $1" >&2
    exit 1
}

# The mirror that this machine's own Debian comes from.
mirror() {
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
        grep -E '/debian/?$' | sort -u | head -n 1
}

fetch() {
    local site keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    site=$(mirror)
    [[ -n $site ]] || die "no Debian mirror among this machine's package sources"
    mkdir -p "$cache"/{lists/partial,archives/partial,state,debs}
    echo "deb [signed-by=$keyring] $site unstable main" >"$cache/sources.list"
    : >"$cache/state/status"
    local options=(
        -o "Dir::Etc::SourceList=$cache/sources.list"
        -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State=$cache/state"
        -o "Dir::State::Lists=$cache/lists"
        -o "Dir::State::status=$cache/state/status"
        -o "Dir::Cache=$cache"
        -o "Dir::Cache::archives=$cache/archives"
        -o Acquire::Languages=none
        -o Acquire::Retries=3
        -o APT::Sandbox::User=root
    )
    apt-get "${options[@]}" -qq update >&2
    (cd "$cache/debs" && apt-get "${options[@]}" -qq download notation oras >&2)
    rm -rf "$cache/root.new" "$cache/root"
    local deb
    for deb in "$cache"/debs/*.deb; do dpkg -x "$deb" "$cache/root.new"; done
    mv "$cache/root.new" "$cache/root"
    rm -rf "$cache/lists" "$cache/archives" "$cache"/{pkgcache,srcpkgcache}.bin
}

exec 9>"$cache/lock"
flock -w 300 9 || die "another download holds $cache/lock"
[[ -x $bin/notation && -x $bin/oras ]] || fetch

for program in notation oras; do
    version=$("$bin/$program" version | sed -n 's/^Version: *v\{0,1\}//p')
    [[ $version == 1.* ]] || die "$program is version '$version', the tests know 1.x"
    echo "fetch_notation: $program $version" >&2
done
echo "$bin"
