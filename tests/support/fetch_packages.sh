#!/usr/bin/env bash
# Fetches programs of a Debian suite (bookworm, unstable) without installing them, and prints the
# folder that their packages were unpacked to.
#
#   tests/support/fetch_packages.sh SUITE DIR PACKAGE…
#
# The host's own package lists stay as they are: lists, state and cache of this download live in
# DIR. A second run with the same packages uses what the first one left.
set -euo pipefail

suite=$1
mkdir -p "$2"
cache=$(cd "$2" && pwd)
shift 2

die() {
    echo "fetch_packages: $1" >&2
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
    echo "deb [signed-by=$keyring] $site $suite main" >"$cache/sources.list"
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
    rm -f "$cache"/debs/*.deb
    (cd "$cache/debs" && apt-get "${options[@]}" -qq download "$@" >&2)
    rm -rf "$cache/root.new" "$cache/root"
    local deb
    for deb in "$cache"/debs/*.deb; do dpkg -x "$deb" "$cache/root.new"; done
    mv "$cache/root.new" "$cache/root"
    printf '%s\n' "$@" >"$cache/packages"
    rm -rf "$cache/lists" "$cache/archives" "$cache"/{pkgcache,srcpkgcache}.bin
}

exec 9>"$cache/lock"
flock -w 300 9 || die "another download holds $cache/lock"
printf '%s\n' "$@" | cmp -s - "$cache/packages" || fetch "$@"
echo "$cache/root"
