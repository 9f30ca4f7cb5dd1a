#!/usr/bin/env bash
# mosb on a fresh Debian 12, from a clean clone, as root: builds it, makes a signed image with a
# hash tree, runs it as a service, and shows what happens to whoever changes the image.
#
#   docs/quickstart.sh [DIR]      everything lies below DIR (default /var/tmp/mosb-quickstart),
#                                 which is new, empty or left by an earlier run; it is removed at
#                                 the end
#   PORT=8080 docs/quickstart.sh  another port of 127.0.0.1 than 18080
#   MOSB_BIN=DIR docs/quickstart.sh   programs that are built already; nothing is built
#
# Packages aside, nothing stays outside DIR and the checkout's build/ but an empty folder for temporary
# files and an empty list in /run/mosb-uids. Runs again as often as you like.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=$(realpath -m -- "${1:-/var/tmp/mosb-quickstart}")
marker=$dir/made-by-quickstart
port=${PORT:-18080}
root=$dir/root
bin=${MOSB_BIN:-$repository/build/quickstart/bin}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
mosb() {
    printf '$ mosb %s\n' "$*"
    "$bin/mosb" --root "$root" "$@"
}
# What must not work: its error is shown, and the script goes on.
refused() {
    if mosb "$@"; then
        echo "this should have been refused" >&2
        exit 1
    fi
}
clean_up() {
    if [[ -d $root/var/lib/mosb ]]; then
        "$bin/mosb" --root "$root" down --volumes
    fi
    rm -rf --one-file-system "$dir"
}

if [[ -e $dir && ! -e $marker && -n $(ls -A "$dir") ]]; then
    echo "$dir holds things that are not this script's: name another directory" >&2
    exit 1
fi

say "1. Packages and build"
mapfile -t packages < <(sed '/^# tests$/,$d; /^#/d; /^$/d' "$repository/tests/packages.txt")
missing=()
for package in "${packages[@]}" busybox-static curl; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
        missing+=("$package")
done
if ((${#missing[@]})); then
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}"
fi
if [[ -z ${MOSB_BIN:-} ]]; then
    cd "$repository"
    cmake --preset release -B build/quickstart -DBUILD_TESTING=OFF >/dev/null
    cmake --build build/quickstart
fi
clean_up
mkdir -p "$dir"
touch "$marker"
mkdir -p "$dir"/image/{bin,data,dev,etc,proc,run,sys,tmp,www} "$root/etc/mosb"
trap clean_up EXIT
cd "$dir"

say "2. A keyset: a certificate authority, a signing key, and notation's configuration for them"
mosb keyset create keys --name "quickstart"
cat >"$root/etc/mosb/mosb.yaml" <<END
trust:
  notation_config: $dir/keys/notation
END

say "3. An image: busybox as web server, and a file that nobody reads at first"
cp /bin/busybox image/bin/busybox
ln -s busybox image/bin/httpd
ln -s busybox image/bin/md5sum
echo 'root:x:0:0:root:/:/bin/sh' >image/etc/passwd
echo 'Hello from a verified layer.' >image/www/index.html
head -c 8M /dev/urandom >image/data/unread
mosb image build --rootfs image -t oci:layout:web \
    --entrypoint /bin/httpd --entrypoint -f --entrypoint -h --entrypoint /www \
    --cmd -p --cmd "127.0.0.1:$port"

say "4. Unsigned, it is refused"
cat >machine.yaml <<END
version: 2
product: quickstart
update_type: complete
targets:
  - service_name: web
    source: oci:$dir/layout:web
    version: "1.0"
    network:
      type: host
END
refused apply machine.yaml

say "5. Signed, it runs"
mosb sign oci:layout:web --key keys/signing.key --cert keys/signing-chain.pem
mosb verify oci:layout:web
mosb plan machine.yaml
mosb apply machine.yaml
for _ in {1..50}; do
    curl -fsS "http://127.0.0.1:$port/" 2>/dev/null && break
    sleep 0.1
done
curl -fsS "http://127.0.0.1:$port/" >/dev/null
mosb ps

say "6. A byte of the stored layer is changed, in a block that was not read yet"
blob=$(find "$root/var/lib/mosb/store/blobs" -type f -size +4M)
printf '\x2a' | dd of="$blob" bs=1 seek="$(($(stat -c %s "$blob") / 2))" conv=notrunc status=none
refused exec web -- /bin/md5sum /data/unread
mosb ps

say "7. A byte that a start reads is changed, and the start is refused"
mosb stop web
printf '\x2a' | dd of="$blob" bs=1 seek=0 conv=notrunc status=none
refused start web

say "8. Clean up"
clean_up
trap - EXIT
echo "Done. What is left is build/."
