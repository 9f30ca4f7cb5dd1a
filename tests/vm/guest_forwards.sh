#!/bin/bash
# Inside the machine of forwards.sh: a service at the bridge, with a port of the machine's.
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
exec >/dev/ttyS0 2>&1
here=/mnt/payload
cp -a "$here/install/." /
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
mosb apply "$here/m.yaml" --notation-config "$here/keys/notation" && echo "mosb: ready"
exec sleep infinity
