"""The measurements of tests/bench/convert.sh; see there."""
import os
import shutil
import statistics
import sys
import time

from bench import BIN, Registry, host_files, run, run_beside_registry

ROUNDS = int(sys.argv[1])
SIZE = 300 << 20
LAYERS = 3
AIM = 0.8


class ConvertBench:
    def __init__(self, work):
        self.work = work
        self.server = Registry(work)
        self.image = f"docker://{self.server.host}/bench:x"

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def prepare(self):
        """Files of this host as an image of umoci's with some layers of tar and gzip."""
        layout = self.path("layout")
        run("umoci", "init", "--layout", layout)
        run("umoci", "new", "--image", f"{layout}:x")
        files = list(host_files(SIZE))
        for i in range(LAYERS):
            bundle = self.path("bundle")
            run("umoci", "unpack", "--image", f"{layout}:x", bundle)
            folder = os.path.join(bundle, "rootfs", f"part-{i}")
            os.makedirs(folder)
            for path, before in files:
                if before * LAYERS // SIZE == i:
                    shutil.copy(path, folder)
            run("umoci", "repack", "--image", f"{layout}:x", bundle)
            shutil.rmtree(bundle)
        run("skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{layout}:x", self.image)

    def timed(self, *commands):
        folder = self.path("out")
        os.makedirs(folder)
        begin = time.monotonic()
        for command in commands:
            run(*command, cwd=folder)
        taken = time.monotonic() - begin
        shutil.rmtree(folder)
        return taken

    def bench(self):
        self.prepare()
        ways = {
            "mosb image convert": [
                (os.path.join(BIN, "mosb"), "--root", self.path("root"), "--progress", "none",
                 "image", "convert", "--insecure-registry", self.image, "oci:layout:x")],
            "skopeo, umoci, mksquashfs": [
                ("skopeo", "copy", "-q", "--src-tls-verify=false", self.image, "oci:layout:x"),
                ("umoci", "unpack", "--image", "layout:x", "bundle"),
                ("mksquashfs", "bundle/rootfs", "out.squashfs", "-comp", "zstd", "-quiet",
                 "-no-progress")],
        }
        times = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, commands in ways.items():
                run("sync")
                times[name].append(self.timed(*commands))
        print(f"an image of {LAYERS} layers, {SIZE >> 20} MiB of files (median of {ROUNDS}, fastest "
              "in brackets)")
        median = {name: statistics.median(values) for name, values in times.items()}
        for name, values in times.items():
            print(f"  {name:26} {median[name]:6.1f} s [{min(values):.1f}]")
        ratio = median["mosb image convert"] / median["skopeo, umoci, mksquashfs"]
        print(f"  ratio {ratio:.2f} (aim: at most {AIM}: {'yes' if ratio <= AIM else 'NO'})")


if __name__ == "__main__":
    run_beside_registry(ConvertBench)
