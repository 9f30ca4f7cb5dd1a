#!/bin/bash
# Inside the machine of vsock.sh: starts a machine with a vsock, and talks with it from both sides.
exec >/dev/ttyS0 2>&1
here=/mnt/payload
export PATH=$here/bin:/usr/local/sbin:/usr/local/bin:$PATH
cp -a "$here/install/." /
# Programs are taken from the host's own folders only.
mv "$here/bin/qemu-system-x86_64" /usr/bin/
mkdir -p "/usr/lib/x86_64-linux-gnu" /usr/share
ln -s "$here/modules" /usr/lib/x86_64-linux-gnu/qemu
ln -s "$here/firmware" /usr/share/qemu
work=$(mktemp -d)
modprobe vhost_vsock
vsock_answer serve host 7001 &

cat >"$work/machine.yaml" <<END
name: talker
config:
  accel: tcg
  cpus: 1
  memory: 192
  kernel: $here/machine/vmlinuz
  initrd: $here/machine/initrd
  cmdline: console=ttyS0 panic=-1 loglevel=1
  vsock: 42
END
sed 's/talker/other/' "$work/machine.yaml" >"$work/other.yaml"

# shellcheck source=judge.sh
source "$here/judge.sh"
log() { tr -d '\r' </var/log/mosb/machines/talker.log; }
starts() {
    local begin=$EPOCHSECONDS
    mosb machine init -f "$work/machine.yaml"
    mosb machine start talker --wait --wait-time 5m || { log | tail -n 40; return 1; }
    echo "guest: $((EPOCHSECONDS - begin)) s until the machine in the machine was ready" >/dev/ttyS0
    [[ $(stat -c %u "/proc/$(pgrep qemu-system)") != 0 ]]
}
guest_reaches_host() { log | grep -cxF 'vsock: the host says host 42' >/dev/null || { log; return 1; }; }
host_reaches_guest() { [[ $(vsock_answer ask 42 7000) == 'guest 2' ]]; }
# refused_twice: a CID that a running machine has.
refused_twice() {
    local status=0
    mosb machine init -f "$work/other.yaml"
    mosb machine start other >"$work/refusal" 2>&1 || status=$?
    cat "$work/refusal"
    ((status == 17)) && [[ $(pgrep -c qemu-system) == 1 ]]
    grep -q 'vsock 42 is held by another machine' "$work/refusal"
    mosb machine rm other --force
    host_reaches_guest
}
ends() {
    mosb machine rm talker --force
    ! pgrep qemu-system
    ! vsock_answer ask 42 7000
    [[ -z $(ls /run/mosb/machines 2>/dev/null) ]]
}
without_module() {
    rmmod vhost_vsock
    local status=0
    mosb machine init -f "$work/machine.yaml"
    mosb machine start talker >"$work/refusal" 2>&1 || status=$?
    cat "$work/refusal"
    ((status == 22)) && grep -q 'vsock 42: .*/dev/vhost-vsock' "$work/refusal"
    mosb machine rm talker --force
    ! pgrep qemu-system
}

judge "a machine with a vsock starts, its qemu a user of its own" starts
judge "a guest reaches the host at the vsock, which knows it by its number" guest_reaches_host
judge "the host reaches a guest at its vsock" host_reaches_guest
judge "a second machine with the same vsock is refused, and the first goes on" refused_twice
judge "a machine with a vsock that is removed leaves nothing" ends
judge "a host without vsocks refuses a machine with one by name" without_module
echo "guest: finished"
