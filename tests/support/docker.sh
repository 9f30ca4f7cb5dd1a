# shellcheck shell=bash
# Source it after assert.sh.
# shellcheck disable=SC2154 # work and support are those of assert.sh
# A daemon of Docker's as Debian 12 packages it, not installed on this host: in a mount namespace of
# its own, with a /run and an /etc of its own and files below $work.

# start_docker COMMAND…: COMMAND (nsenter, say) runs the daemon where it belongs.
start_docker() {
    docker_root=$("$support/fetch_packages.sh" bookworm \
        "${MOSB_CACHE_DIR:-$support/../../build/cache}/docker" docker.io containerd runc)
    # shellcheck disable=SC2016 # of that shell
    "$@" unshare --mount --propagation private sh -c 'echo $$ >docker.pid; exec sleep infinity' &
    eventually 5 test -s docker.pid
    docker_pid=$(<docker.pid)
    mkdir -p "$work/docker"
    in_docker mount -t tmpfs none /run
    in_docker mount -t tmpfs none /opt
    # The daemon writes a key to /etc/docker.
    in_docker mkdir /opt/upper /opt/work
    in_docker mount -t overlay -o lowerdir=/etc,upperdir=/opt/upper,workdir=/opt/work none /etc
    run_docker_daemon
}
in_docker() {
    nsenter --net="/proc/$docker_pid/ns/net" --mount="/proc/$docker_pid/ns/mnt" \
        env PATH="$docker_root/usr/bin:$docker_root/usr/sbin:$PATH" HOME=/opt "$@"
}
docker() { in_docker docker "$@"; }
run_docker_daemon() {
    in_docker dockerd --data-root "$work/docker" --storage-driver vfs >>"$work/dockerd.log" 2>&1 &
    eventually 30 docker version
}
stop_docker_daemon() {
    local pid
    pid=$(in_docker cat /run/docker.pid)
    kill "$pid"
    eventually 20 test ! -e "/proc/$pid"
}
end_docker() {
    stop_docker_daemon
    kill "$docker_pid"
    # Of containers that are gone; on a host with a Docker of its own they stay, which it uses.
    find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -name docker -exec rmdir {} + 2>/dev/null || true
}
