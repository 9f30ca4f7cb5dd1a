"""The measurements of tests/bench/run.sh; see there."""
import glob
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from random import Random

BIN = os.environ["MOSB_BIN"]
ROUNDS = int(sys.argv[1])
MEMORY = 256 << 20
PIDS = 64
# Seconds.
REST = 0.3
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}


def run(*argv, **options):
    return subprocess.run(argv, check=True, **{**QUIET, **options})


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms"


def host_files(limit):
    """Files of this host's programs and libraries, in order, of together at most `limit` bytes."""
    total = 0
    for path in sorted(glob.glob("/usr/bin/*") + glob.glob("/usr/lib/x86_64-linux-gnu/*")):
        if os.path.islink(path) or not os.path.isfile(path):
            continue
        size = os.path.getsize(path)
        if size <= 8 << 20 and total + size <= limit:
            yield path, total
            total += size


class Registry:
    """Debian's docker-registry on a free port of this host, with its files below `work`."""

    def __init__(self, work):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        self.host = f"127.0.0.1:{port}"
        config = os.path.join(work, "registry.yml")
        with open(config, "w", encoding="utf-8") as out:
            out.write("version: 0.1\nlog: {level: error}\n"
                      f"storage: {{filesystem: {{rootdirectory: {work}/registry}}}}\n"
                      f"http:\n  addr: {self.host}\n")
        self.server = subprocess.Popen(["docker-registry", "serve", config], **QUIET,
                                       stderr=subprocess.DEVNULL)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.1)
        self.close()
        raise RuntimeError("the registry does not answer")

    def close(self):
        self.server.terminate()
        self.server.wait()


def run_beside_registry(make):
    """Makes a bench, which has a registry in `server`, in a folder of its own, and runs it."""
    with tempfile.TemporaryDirectory(prefix="mosb-bench-", dir="/var/tmp") as work:
        bench = make(work)
        try:
            bench.bench()
        finally:
            bench.server.close()


class Listener:
    """Where a started service reports: the moment of its first byte is the end of a start."""

    def __init__(self, address):
        self.socket = socket.create_server((address, 0))
        self.socket.settimeout(30)
        self.port = self.socket.getsockname()[1]

    def first_byte(self):
        connection, _ = self.socket.accept()
        with connection:
            connection.settimeout(30)
            if not connection.recv(1):
                raise RuntimeError("the service said nothing")
            return time.monotonic()


class Bench:
    # The services' network, for mosb and for LXC, and where they find this host.
    network = {"type": "host"}
    lxc_network = ["lxc.net.0.type = none"]
    address = "127.0.0.1"

    def __init__(self, work):
        self.work = work
        self.listener = Listener(self.address)
        self.script = f"echo x | nc {self.address} {self.listener.port}; exec sleep 100000"
        self.rootfs = os.path.join(work, "rootfs")
        self.keys = os.path.join(work, "keys")
        self.layout = os.path.join(work, "layout")
        self.lxcpath = os.path.join(work, "lxc")
        self.undo = []
        self.prepare()

    def mosb(self, *arguments, **options):
        return run(os.path.join(BIN, "mosb"), "--root", os.path.join(self.work, "root"),
                   *arguments, **options)

    def mosb_json(self, *arguments):
        out = self.mosb(*arguments, "-o", "json", stdout=subprocess.PIPE)
        return json.loads(out.stdout)

    def prepare(self):
        for folder in ("bin", "etc", "proc", "sys", "dev", "tmp", "run", "var"):
            os.makedirs(os.path.join(self.rootfs, folder))
        shutil.copy("/bin/busybox", os.path.join(self.rootfs, "bin"))
        for applet in ("sh", "nc", "sleep", "cat"):
            os.symlink("busybox", os.path.join(self.rootfs, "bin", applet))
        with open(os.path.join(self.rootfs, "etc/passwd"), "w", encoding="utf-8") as out:
            out.write("root:x:0:0:root:/:/bin/sh\n")
        # As on any host, where /run is a tmpfs.
        run_folder = os.path.join(self.work, "root/run")
        os.makedirs(run_folder)
        run("mount", "-t", "tmpfs", "mosb-bench", run_folder)
        self.mosb("keyset", "create", self.keys, "--name", "bench")
        os.makedirs(os.path.join(self.work, "root/etc/mosb"))
        with open(os.path.join(self.work, "root/etc/mosb/mosb.yaml"), "w",
                  encoding="utf-8") as out:
            out.write(f"trust:\n  notation_config: {self.keys}/notation\n")
        self.image("small", self.rootfs)
        manifest = {
            "version": 2, "product": "bench", "update_type": "complete",
            "targets": [{
                "service_name": "bench", "source": f"oci:{self.layout}:small", "version": "1",
                "entrypoint": ["/bin/sh", "-c"], "args": [self.script],
                "network": self.network,
                "resources": {"memory": f"{MEMORY >> 20}MiB", "pids": PIDS},
            }],
        }
        self.manifest = os.path.join(self.work, "machine.json")
        with open(self.manifest, "w", encoding="utf-8") as out:
            json.dump(manifest, out)

    def image(self, tag, tree):
        ref = f"oci:{self.layout}:{tag}"
        self.mosb("image", "build", "--rootfs", tree, "-t", ref, "--entrypoint", "/bin/sh")
        self.mosb("sign", ref, "--key", f"{self.keys}/signing.key", "--cert",
                  f"{self.keys}/signing-chain.pem")

    def blob(self, tag):
        with open(os.path.join(self.layout, "index.json"), encoding="utf-8") as source:
            index = json.load(source)
        name = "org.opencontainers.image.ref.name"
        digest = next(m["digest"] for m in index["manifests"]
                      if m.get("annotations", {}).get(name) == tag)
        with open(os.path.join(self.layout, "blobs", *digest.split(":")),
                  encoding="utf-8") as source:
            layer = json.load(source)["layers"][0]["digest"]
        return os.path.join(self.layout, "blobs", *layer.split(":"))

    def mount_plain(self, tag, target):
        os.makedirs(target)
        run("mount", "-t", "squashfs", "-o", "loop,ro", self.blob(tag), target)
        self.undo.append(lambda: run("umount", target))

    # Starting.

    def timed_start(self, *argv):
        """From a machine at rest: what one alternative did last must not speed the next one up."""
        time.sleep(REST)
        begin = time.monotonic()
        with subprocess.Popen(argv, **QUIET) as starter:
            taken = self.listener.first_byte() - begin
        if starter.returncode != 0:
            raise RuntimeError(f"{argv[0]} ended with status {starter.returncode}")
        return taken

    def start_mosb(self):
        self.mosb("stop", "bench")
        return self.timed_start(os.path.join(BIN, "mosb"), "--root",
                                os.path.join(self.work, "root"), "start", "bench")

    def prepare_lxc(self):
        target = os.path.join(self.work, "plain-small")
        self.mount_plain("small", target)
        folder = os.path.join(self.lxcpath, "bench")
        os.makedirs(folder)
        os.chmod(self.work, 0o755)
        v2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
        memory = "lxc.cgroup2.memory.max" if v2 else "lxc.cgroup.memory.limit_in_bytes"
        pids = "lxc.cgroup2.pids.max" if v2 else "lxc.cgroup.pids.max"
        with open(os.path.join(folder, "config"), "w", encoding="utf-8") as out:
            out.write("\n".join([
                f"lxc.rootfs.path = dir:{target}", "lxc.rootfs.options = ro,idmap=container",
                "lxc.idmap = u 0 600000000 65536", "lxc.idmap = g 0 600000000 65536",
                "lxc.uts.name = bench", *self.lxc_network,
                "lxc.mount.auto = proc:mixed", "lxc.autodev = 1",
                "lxc.no_new_privs = 1",
                "lxc.cap.keep = chown dac_override fowner fsetid kill net_bind_service setgid"
                " setuid setpcap",
                "lxc.seccomp.profile = /usr/share/lxc/config/common.seccomp",
                "lxc.apparmor.profile = unconfined",
                f"{memory} = {MEMORY}", f"{pids} = {PIDS}",
            ]) + "\n")

    def start_lxc(self):
        return self.timed_start("lxc-start", "-P", self.lxcpath, "-n", "bench", "-d", "--",
                                "/bin/sh", "-c", self.script)

    def stop_lxc(self):
        run("lxc-stop", "-P", self.lxcpath, "-n", "bench", "-k")

    def prepare_podman(self):
        self.podman = ["podman", "--root", os.path.join(self.work, "podman"),
                       "--runroot", os.path.join(self.work, "podman-run"),
                       "--cgroup-manager", "cgroupfs", "--runtime", "crun"]
        tar = os.path.join(self.work, "rootfs.tar")
        run("tar", "-C", self.rootfs, "-cf", tar, ".")
        run(*self.podman, "import", tar, "localhost/bench", stderr=subprocess.DEVNULL)

    def start_podman(self):
        return self.timed_start(
            *self.podman, "run", "-d", "--rm", "--name", "bench", "--network", "host",
            "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024",
            "--memory", str(MEMORY), "--pids-limit", str(PIDS),
            "--read-only", "localhost/bench", "/bin/sh", "-c", self.script)

    def stop_podman(self):
        run(*self.podman, "rm", "-f", "-t", "0", "bench")

    def bench_start(self):
        self.mosb("apply", self.manifest)
        self.listener.first_byte()
        self.prepare_lxc()
        self.prepare_podman()
        times = {"mosb": [], "lxc": [], "podman": []}
        for _ in range(ROUNDS):
            times["mosb"].append(self.start_mosb())
            times["lxc"].append(self.start_lxc())
            self.stop_lxc()
            times["podman"].append(self.start_podman())
            self.stop_podman()
        median = {name: statistics.median(values) for name, values in times.items()}
        print("start, from exec to the service's first byte (median of "
              f"{ROUNDS}, fastest in brackets)")
        for name, values in times.items():
            print(f"  {name:8} {milliseconds(median[name]):>10} [{milliseconds(min(values))}]")
        print(f"  mosb / lxc-start   {median['mosb'] / median['lxc']:.2f}   (aim: at most 2)")
        print(f"  podman / mosb      {median['podman'] / median['mosb']:.2f}   (aim: at least 5)")

    # Reading.

    def make_tree(self):
        tree = os.path.join(self.work, "tree")
        os.makedirs(tree)
        total = 0
        for path, before in host_files(300 << 20):
            shutil.copy(path, tree)
            total = before + os.path.getsize(path)
        return tree, total

    @staticmethod
    def read_tree(tree):
        begin = time.monotonic()
        buffer = bytearray(128 << 10)
        total = 0
        for entry in sorted(os.scandir(tree), key=lambda e: e.name):
            with open(entry.path, "rb", buffering=0) as source:
                while count := source.readinto(buffer):
                    total += count
        return total / (time.monotonic() - begin) / 1e6

    @staticmethod
    def read_at_random(tree):
        """4 KiB at a time, in the same places each time; reads per second."""
        random = Random(4096)
        files = [(entry.path, entry.stat().st_size)
                 for entry in sorted(os.scandir(tree), key=lambda e: e.name)]
        places = [(path, random.randrange(max(size // 4096, 1)) * 4096)
                  for path, size in random.choices(files, [size for _, size in files], k=1500)]
        opened = {path: os.open(path, os.O_RDONLY) for path, _ in files}
        begin = time.monotonic()
        for path, offset in places:
            os.pread(opened[path], 4096, offset)
        taken = time.monotonic() - begin
        for descriptor in opened.values():
            os.close(descriptor)
        return len(places) / taken

    @staticmethod
    def drop_caches():
        run("sync")
        with open("/proc/sys/vm/drop_caches", "w", encoding="utf-8") as out:
            out.write("3")

    def bench_read(self):
        tree, total = self.make_tree()
        self.image("tree", tree)
        plain = os.path.join(self.work, "plain-tree")
        verified = os.path.join(self.work, "verified-tree")
        self.mount_plain("tree", plain)
        overlay = os.path.join(self.work, "overlay-tree")
        empty = os.path.join(self.work, "empty")
        os.makedirs(overlay)
        os.makedirs(empty)
        run("mount", "-t", "overlay", "-o", f"ro,lowerdir={plain}:{empty}", "mosb-bench", overlay)
        self.undo.append(lambda: run("umount", overlay))
        self.mosb("mount", f"oci:{self.layout}:tree", verified)
        self.undo.append(lambda: self.mosb("umount", verified))
        trees = {"plain": plain, "overlay": overlay, "verified": verified}
        rates = {(kind, name): [] for kind in ("cold", "warm", "random") for name in trees}
        for _ in range(ROUNDS):
            for name, mounted in trees.items():
                self.drop_caches()
                rates["cold", name].append(self.read_tree(mounted))
                self.read_tree(mounted)
                rates["warm", name].append(self.read_tree(mounted))
                self.drop_caches()
                rates["random", name].append(self.read_at_random(mounted))
        print(f"reading a tree of {total / 1e6:.0f} MB (median MB/s; random: 4 KiB, cold, per second)")
        for kind, aim in (("cold", 0.9), ("warm", 0.97), ("random", 0.7)):
            median = {name: statistics.median(rates[kind, name]) for name in trees}
            print(f"  {kind}: verified {median['verified']:.0f}, kernel squashfs unverified "
                  f"{median['plain']:.0f}, under overlayfs {median['overlay']:.0f}; ratio to the first "
                  f"{median['verified'] / median['plain']:.2f} (aim: at least {aim}), to the second "
                  f"{median['verified'] / median['overlay']:.2f}")

    # Memory.

    @staticmethod
    def pss(pids):
        total = 0
        for pid in pids:
            with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as source:
                total += sum(int(line.split()[1]) for line in source if line.startswith("Pss:"))
        return total

    @staticmethod
    def processes(name):
        out = subprocess.run(["pgrep", "-x", name[:15]], stdout=subprocess.PIPE, text=True,
                             check=False)
        return [int(pid) for pid in out.stdout.split()]

    def bench_memory(self):
        before = set(self.processes("mosb-run"))
        self.start_mosb()
        run("lxc-start", "-P", self.lxcpath, "-n", "bench", "-d", "--", "/bin/sh", "-c",
            self.script)
        self.listener.first_byte()
        helpers = [pid for pid in self.processes("mosb-run") if pid not in before]
        monitors = self.lxc_monitors()
        servers = self.processes("mosb-layer-server")
        ours, theirs = self.pss(helpers), self.pss(monitors)
        print("memory per running service (PSS)")
        print(f"  mosb's helper {ours} KiB in {len(helpers)} processes, LXC's monitor {theirs} KiB"
              f" in {len(monitors)}, difference {ours - theirs} KiB   (aim: at most 1024)")
        print(f"  a layer server {self.pss(servers[-1:])} KiB, one per layer")
        self.stop_lxc()

    def lxc_monitors(self):
        found = []
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as source:
                    text = source.read()
            except OSError:
                continue
            if b"[lxc monitor]" in text and self.lxcpath.encode() in text:
                found.append(int(path.split("/")[2]))
        return found

    def clean_up(self):
        quiet = {"stderr": subprocess.DEVNULL, **QUIET}
        subprocess.run(["lxc-stop", "-P", self.lxcpath, "-n", "bench", "-k"], check=False, **quiet)
        if hasattr(self, "podman"):
            subprocess.run([*self.podman, "rm", "-af", "-t", "0"], check=False, **quiet)
            subprocess.run([*self.podman, "system", "reset", "-f"], check=False, **quiet)
        for step in reversed(self.undo):
            step()
        # liblxc leaves its monitor's cgroups to whoever asked for a kill.
        for folder in sorted(glob.glob("/sys/fs/cgroup/**/lxc.*bench*", recursive=True)):
            subprocess.run(["rmdir", folder], check=False, **quiet)
        self.mosb("down", "--volumes")
        run("umount", os.path.join(self.work, "root/run"))


def main():
    with tempfile.TemporaryDirectory(prefix="mosb-bench-", dir="/var/tmp") as work:
        bench = Bench(work)
        try:
            bench.bench_start()
            bench.bench_memory()
            bench.bench_read()
        finally:
            bench.clean_up()


if __name__ == "__main__":
    main()
