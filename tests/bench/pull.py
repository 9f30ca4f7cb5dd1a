"""The measurements of tests/bench/pull.sh; see there."""
import gzip
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from bench import BIN, Registry, host_files, milliseconds, run, run_beside_registry

ROUNDS = int(sys.argv[1])
LAYERS = 8
SIZE = 450 << 20
# It takes many seconds.
PODMAN_ROUNDS = 3


def platform_name():
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


class PullBench:
    def __init__(self, work):
        self.work = work
        self.layout = self.path("layout")
        self.keys = self.path("keys")
        self.server = Registry(work)
        self.registry = self.server.host
        self.count = 0
        # The most that a mosb had in memory, in KiB.
        self.memory = 0

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def mosb(self, root, *arguments):
        run(os.path.join(BIN, "mosb"), "--root", root, "--progress", "none", *arguments)

    def make_root(self):
        """An instance that has pulled nothing yet."""
        self.count += 1
        root = self.path(f"root-{self.count}")
        os.makedirs(os.path.join(root, "etc/mosb"))
        with open(os.path.join(root, "etc/mosb/mosb.yaml"), "w", encoding="utf-8") as out:
            out.write(f"trust:\n  notation_config: {self.keys}/notation\n"
                      f"registries:\n  - host: {self.registry}\n    insecure: true\n")
        return root

    def make_trees(self):
        """Files of this host in as many trees as there are layers, and all of them in one."""
        whole = self.path("whole")
        parts = [self.path(f"part-{i}") for i in range(LAYERS)]
        for folder in [whole, *parts]:
            os.makedirs(folder)
        for path, before in host_files(SIZE):
            shutil.copy(path, parts[before * LAYERS // SIZE])
            shutil.copy(path, whole)
        return whole, parts

    def prepare(self):
        root = self.make_root()
        self.mosb(root, "keyset", "create", self.keys, "--name", "bench")
        whole, parts = self.make_trees()
        flags = ["--entrypoint", "/bin/true"]
        self.mosb(root, "image", "build", "--rootfs", whole, "-t", f"oci:{self.layout}:one", *flags)
        base = []
        for i, part in enumerate(parts):
            tag = f"oci:{self.layout}:{'eight' if i == LAYERS - 1 else f'base-{i}'}"
            self.mosb(root, "image", "build", *base, "--rootfs", part, "-t", tag, *flags)
            base = ["--base", tag]
        for tag in ("one", "eight"):
            run("skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{self.layout}:{tag}",
                f"docker://{self.registry}/bench:{tag}")
            self.push_tar(tag, [whole] if tag == "one" else parts)
            self.mosb(root, "sign", f"docker://{self.registry}/bench:{tag}", "--key",
                      f"{self.keys}/signing.key", "--cert", f"{self.keys}/signing-chain.pem")

    def push_tar(self, tag, trees):
        """The same trees as ordinary layers, tar and gzip, for tools that unpack."""
        layout = self.path("tar-layout")
        blobs = os.path.join(layout, "blobs/sha256")
        os.makedirs(blobs, exist_ok=True)

        def add(media_type, data):
            digest = hashlib.sha256(data).hexdigest()
            with open(os.path.join(blobs, digest), "wb") as out:
                out.write(data)
            return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

        oci = "application/vnd.oci.image"
        layers, ids = [], []
        for tree in trees:
            tar = subprocess.run(["tar", "-C", tree, "-c", "."], check=True,
                                 stdout=subprocess.PIPE).stdout
            ids.append("sha256:" + hashlib.sha256(tar).hexdigest())
            layers.append(add(f"{oci}.layer.v1.tar+gzip", gzip.compress(tar, 6, mtime=0)))
        config = add(f"{oci}.config.v1+json", json.dumps(
            {"os": "linux", "architecture": platform_name(),
             "rootfs": {"type": "layers", "diff_ids": ids}}).encode())
        manifest = add(f"{oci}.manifest.v1+json", json.dumps(
            {"schemaVersion": 2, "mediaType": f"{oci}.manifest.v1+json", "config": config,
             "layers": layers}).encode())
        manifest["annotations"] = {"org.opencontainers.image.ref.name": tag}
        for name, document in (("oci-layout", {"imageLayoutVersion": "1.0.0"}),
                               ("index.json", {"schemaVersion": 2, "manifests": [manifest]})):
            with open(os.path.join(layout, name), "w", encoding="utf-8") as out:
                json.dump(document, out)
        run("skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{layout}:{tag}",
            f"docker://{self.registry}/tar:{tag}")
        shutil.rmtree(layout)

    def layers(self, tag):
        out = subprocess.run(["skopeo", "inspect", "--raw", "--tls-verify=false",
                              f"docker://{self.registry}/bench:{tag}"], check=True,
                             stdout=subprocess.PIPE)
        return json.loads(out.stdout)["layers"]

    def copy_mosb(self, tag):
        """What the copiers do, into a layout of its own; each blob hashed and made durable."""
        root = self.make_root()
        taken = self.timed(lambda folder: self.mosb(
            root, "image", "copy", f"docker://{self.registry}/bench:{tag}", f"oci:{folder}:x"))
        shutil.rmtree(root)
        return taken

    def mount_mosb(self, tag):
        """From the registry to something that can start: pulled, verified, scanned, mounted."""
        root, target = self.make_root(), self.path("target")
        os.makedirs(target)
        # Of a process that Python starts the kernel counts Python's own memory as well, from before
        # its exec; time(1) is small.
        with tempfile.NamedTemporaryFile("r") as out:
            begin = time.monotonic()
            run("/usr/bin/time", "-f", "%M", "-o", out.name, os.path.join(BIN, "mosb"), "--root",
                root, "--progress", "none", "mount", f"docker://{self.registry}/bench:{tag}", target)
            taken = time.monotonic() - begin
            self.memory = max(self.memory, int(out.read()))
        self.mosb(root, "umount", target)
        os.rmdir(target)
        shutil.rmtree(root)
        return taken

    def timed(self, command):
        folder = self.path("pulled")
        os.makedirs(folder)
        begin = time.monotonic()
        command(folder)
        taken = time.monotonic() - begin
        shutil.rmtree(folder)
        return taken

    def curl(self, tag):
        blobs = [layer["digest"] for layer in self.layers(tag)]

        def command(folder):
            arguments = []
            for blob in blobs:
                arguments += ["-o", os.path.join(folder, blob),
                              f"http://{self.registry}/v2/bench/blobs/{blob}"]
            run("curl", "-s", "--parallel", "--parallel-max", "4", *arguments,
                stderr=subprocess.DEVNULL)
            run("sync", "-f", folder)
        return self.timed(command)

    def skopeo(self, tag):
        return self.timed(lambda folder: run(
            "skopeo", "copy", "-q", "--src-tls-verify=false",
            f"docker://{self.registry}/bench:{tag}", f"oci:{folder}:x"))

    def oras(self, tag):
        return self.timed(lambda folder: run(
            "oras", "copy", "--from-plain-http", "--to-oci-layout",
            f"{self.registry}/bench:{tag}", f"{folder}:x", stderr=subprocess.DEVNULL))

    def podman(self, tag):
        return self.timed(lambda folder: run(
            "podman", "--root", f"{folder}/root", "--runroot", f"{folder}/run", "pull", "-q",
            "--tls-verify=false", f"docker://{self.registry}/tar:{tag}",
            stderr=subprocess.DEVNULL))

    def bench(self):
        self.prepare()
        for tag in ("one", "eight"):
            size = sum(layer["size"] for layer in self.layers(tag))
            tools = {"mosb mount": self.mount_mosb, "mosb image copy": self.copy_mosb,
                     "curl": self.curl, "oras": self.oras, "skopeo": self.skopeo,
                     "podman": self.podman}
            times = {name: [] for name in tools}
            for i in range(ROUNDS):
                for name, tool in tools.items():
                    if name == "podman" and i >= PODMAN_ROUNDS:
                        continue
                    run("sync")
                    times[name].append(tool(tag))
            median = {name: statistics.median(values) for name, values in times.items()}
            print(f"pulling {size / 1e6:.0f} MB in {len(self.layers(tag))} layers from "
                  f"docker-registry on this host (median of {ROUNDS}, fastest in brackets)")
            for name, values in times.items():
                print(f"  {name:15} {milliseconds(median[name]):>10} "
                      f"[{milliseconds(min(values))}]")
            for peer, aim in (("curl", "at most 1.25, with sync -f"), ("oras", "below 1"),
                              ("skopeo", "at most 0.5")):
                print(f"  mosb image copy / {peer:6} {median['mosb image copy'] / median[peer]:.2f}"
                      f" (aim: {aim}); mosb mount {median['mosb mount'] / median[peer]:.2f}")
            print(f"  podman, tar.gz / mosb mount {median['podman'] / median['mosb mount']:.1f} "
                  "(aim: at least 20)")
        print(f"most memory of mosb {self.memory} KiB (aim: at most {24 << 10})")


if __name__ == "__main__":
    run_beside_registry(PullBench)
