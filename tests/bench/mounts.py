"""The measurements of tests/bench/mounts.sh; see there."""
import ctypes
import json
import os
import re
import shutil
import stat
import statistics
import subprocess
import tempfile
import time

from bench import BIN, ROUNDS, Bench, host_files, milliseconds, run

# Of files, before compression, for the hash trees.
SIZE = 450 << 20
LAYERS = 8
MANY = 4
MOST_LAYERS = 64


SQUASHFUSE = os.environ.get("SQUASHFUSE", "")


def apart():
    """From here on this process has a mount namespace of its own."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x00020000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    run("mount", "--make-rprivate", "/")


def timed(command):
    begin = time.monotonic()
    command()
    return time.monotonic() - begin


def beside(title, aim, ours, theirs):
    """Both take their turns; the medians, the fastest in brackets, and their ratio."""
    times = {"mosb": [], theirs[0]: []}
    for _ in range(ROUNDS):
        times["mosb"].append(ours())
        times[theirs[0]].append(theirs[1]())
    print(title)
    median = {name: statistics.median(values) for name, values in times.items()}
    for name, values in times.items():
        print(f"  {name:24} {milliseconds(median[name]):>10} [{milliseconds(min(values))}]")
    print(f"  mosb / {theirs[0]} {median['mosb'] / median[theirs[0]]:.2f} ({aim})")


class MountBench:
    def __init__(self, work):
        self.work = work
        self.root = self.path("root")
        self.layout = self.path("layout")
        self.keys = self.path("keys")
        self.count = 0
        self.targets = []

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def mosb(self, *arguments, **options):
        return run(os.path.join(BIN, "mosb"), "--root", self.root, "--progress", "none",
                   *arguments, **options)

    def prepare(self):
        self.mosb("keyset", "create", self.keys, "--name", "bench")
        os.makedirs(os.path.join(self.root, "etc/mosb"), exist_ok=True)
        with open(os.path.join(self.root, "etc/mosb/mosb.yaml"), "w", encoding="utf-8") as out:
            out.write(f"trust:\n  notation_config: {self.keys}/notation\n")

    def image(self, name, layers):
        """A signed image of layers that differ from all others."""
        base = []
        for i in range(layers):
            self.count += 1
            tree = self.path("tree")
            os.makedirs(tree)
            with open(os.path.join(tree, f"file-{self.count}"), "w", encoding="utf-8") as out:
                out.write(f"{self.count}\n" * 2000)
            tag = f"oci:{self.layout}:{name if i == layers - 1 else 'below'}"
            self.mosb("image", "build", *base, "--rootfs", tree, "-t", tag, "--entrypoint", "/x")
            base = ["--base", tag]
            shutil.rmtree(tree)
        tag = f"oci:{self.layout}:{name}"
        self.mosb("sign", tag, "--key", f"{self.keys}/signing.key", "--cert",
                  f"{self.keys}/signing-chain.pem")
        return tag

    def target(self, name):
        """A mount point, free again at the end."""
        self.targets.append(self.path(name))
        os.makedirs(self.targets[-1])
        return self.targets[-1]

    def layers(self, tag):
        out = self.mosb("image", "inspect", tag, "-o", "json", stdout=subprocess.PIPE)
        return [layer["digest"] for layer in json.loads(out.stdout)["layers"]]

    def bench_trees(self, memory):
        tree = self.path("files")
        os.makedirs(tree)
        for path, _ in host_files(SIZE):
            shutil.copy(path, tree)
        plain = os.path.join(memory, "plain")
        # Not compressed: it is the bytes that count.
        run("mksquashfs", tree, plain, "-noappend", "-noI", "-noD", "-noF", "-noX", "-quiet",
            "-no-progress")
        shutil.rmtree(tree)
        size = os.path.getsize(plain)
        program = os.path.join(BIN, "verity_tree")
        ours, theirs = os.path.join(memory, "ours"), os.path.join(memory, "theirs")
        made = {}

        def build_ours():
            shutil.copy(plain, ours)
            begin = time.monotonic()
            out = run(program, "build", ours, stdout=subprocess.PIPE)
            taken = time.monotonic() - begin
            made["ours"] = out.stdout.decode().split()
            return taken

        def build_theirs():
            shutil.copy(plain, theirs)
            os.truncate(theirs, (size + 4095) // 4096 * 4096)
            offset = os.path.getsize(theirs)
            begin = time.monotonic()
            out = run("veritysetup", "format", theirs, theirs, f"--hash-offset={offset}",
                      f"--data-blocks={offset // 4096}", stdout=subprocess.PIPE)
            taken = time.monotonic() - begin
            made["theirs"] = [re.search(r"Root hash:\s+(\w+)", out.stdout.decode())[1], offset]
            return taken

        def check_theirs():
            root_hash, offset = made["theirs"]
            return timed(lambda: run("veritysetup", "verify", theirs, theirs, root_hash,
                                     f"--hash-offset={offset}"))

        beside(f"making the hash tree of {size / 1e6:.0f} MB, in memory", "aim: at most 0.33",
               build_ours, ("veritysetup format", build_theirs))
        beside("checking every block of it", "aim: at most 0.33",
               lambda: timed(lambda: run(program, "check", ours, *made["ours"])),
               ("veritysetup verify", check_theirs))
        for file in (plain, ours, theirs):
            os.unlink(file)

    def bench_mounts(self):
        target = self.target("target")
        for layers in (1, LAYERS):
            tag = self.image(f"mount-{layers}", layers)
            blobs = [os.path.join(self.layout, "blobs", *digest.split(":"))
                     for digest in self.layers(tag)]
            places = [self.path(f"place-{layers}-{i}") for i in range(layers)]
            for place in places:
                os.makedirs(place)
            # Into the store, and scanned.
            self.mosb("mount", tag, target)
            self.mosb("umount", target)

            def ours(tag=tag):
                taken = timed(lambda: self.mosb("mount", tag, target))
                self.mosb("umount", target)
                return taken

            def theirs(blobs=blobs, places=places):
                def mount_all():
                    for blob, place in zip(blobs, places):
                        run("mount", "-t", "squashfs", "-o", "ro,loop", blob, place)
                taken = timed(mount_all)
                for place in places:
                    run("umount", place)
                return taken

            beside(f"mounting an image, layers: {layers}, pulled and scanned before", "aim: at most 1.5",
                   ours, ("mount, once per layer", theirs))

    def bench_servers_view(self):
        """What a server shows of a layer, where there are no loop devices, beside squashfuse_ll."""
        tree = self.path("files")
        os.makedirs(tree)
        for path, _ in host_files(300 << 20):
            shutil.copy(path, tree)
        tag = f"oci:{self.layout}:view"
        self.mosb("image", "build", "--rootfs", tree, "-t", tag, "--entrypoint", "/x")
        shutil.rmtree(tree)
        self.mosb("sign", tag, "--key", f"{self.keys}/signing.key", "--cert",
                  f"{self.keys}/signing-chain.pem")
        blob = os.path.join(self.layout, "blobs", *self.layers(tag)[0].split(":"))
        apart()
        # The number of no device.
        none = self.path("none")
        os.mknod(none, 0o600 | stat.S_IFCHR, os.makedev(0, 0))
        run("mount", "--bind", none, "/dev/loop-control")
        shown, theirs = self.target("shown"), self.path("squashfuse")
        os.makedirs(theirs)
        self.mosb("mount", tag, shown)
        library = os.path.join(SQUASHFUSE, "usr/lib/x86_64-linux-gnu")
        with subprocess.Popen([os.path.join(library, "ld-linux-x86-64.so.2"), "--library-path", library,
                               os.path.join(SQUASHFUSE, "usr/bin/squashfuse_ll"), "-f", blob,
                               theirs]) as peer:
            while not os.path.ismount(theirs):
                if peer.poll() is not None:
                    raise SystemExit("squashfuse_ll ended")
                time.sleep(0.05)
            rates = {}
            for _ in range(ROUNDS):
                for name, mounted in (("mosb", shown), ("squashfuse_ll", theirs)):
                    for kind, read in (("cold", Bench.read_tree), ("warm", Bench.read_tree),
                                       ("random 4 KiB, cold", Bench.read_at_random)):
                        if kind != "warm":
                            Bench.drop_caches()
                        rates.setdefault((kind, name), []).append(read(mounted))
            run("umount", theirs)
        print("reading what a server shows, beside squashfuse_ll (MB/s, or reads per second)")
        for kind in ("cold", "warm", "random 4 KiB, cold"):
            ours = statistics.median(rates[kind, "mosb"])
            other = statistics.median(rates[kind, "squashfuse_ll"])
            print(f"  {kind}: mosb {ours:.0f}, squashfuse_ll {other:.0f}, ratio {ours / other:.2f} "
                  "(aim: at least 1)")

    def bench_memory(self):
        for i in range(MANY):
            self.mosb("mount", self.image(f"many-{i}", MOST_LAYERS), self.target(f"many-{i}"))
        total, processes = 0, 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                    if not file.read().startswith("mosb-layer-serv"):
                        continue
                with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
                    total += int(re.search(r"^Pss:\s+(\d+)", file.read(), re.MULTILINE)[1])
                processes += 1
            except (OSError, TypeError):
                continue
        layers = MANY * MOST_LAYERS
        print(f"{layers} mounted layers: {processes} servers, PSS {total / layers:.0f} KiB for each "
              "(aim: at most 1024 KiB)")

    def clean_up(self):
        for target in self.targets:
            subprocess.run([os.path.join(BIN, "mosb"), "--root", self.root, "umount", target],
                           check=False, capture_output=True)


def main():
    with tempfile.TemporaryDirectory(prefix="mosb-bench-", dir="/var/tmp") as work, \
            tempfile.TemporaryDirectory(prefix="mosb-bench-", dir="/dev/shm") as memory:
        bench = MountBench(work)
        try:
            bench.prepare()
            bench.bench_trees(memory)
            bench.bench_mounts()
            bench.bench_memory()
            if SQUASHFUSE:
                bench.bench_servers_view()
        finally:
            bench.clean_up()


if __name__ == "__main__":
    main()
