"""The measurements of tests/bench/store.sh; see there."""
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from bench import BIN, milliseconds, run

ROUNDS = int(sys.argv[1])
IMAGES = 2000
# Seconds.
AIM = 0.05
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SIGNATURE = "application/vnd.cncf.notary.signature"


class StoreBench:
    def __init__(self, work):
        self.work = work
        self.root = self.path("root")
        self.store = self.path("root/var/lib/mosb/store")
        self.manifest = self.path("m.json")

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def mosb(self, *arguments):
        run(os.path.join(BIN, "mosb"), "--root", self.root, "--progress", "none", *arguments)

    def prepare(self):
        os.makedirs(self.path("rootfs/bin"))
        for folder in ("dev", "proc", "sys", "tmp", "run", "etc"):
            os.makedirs(self.path("rootfs", folder))
        shutil.copy("/bin/busybox", self.path("rootfs/bin/busybox"))
        keys, image = self.path("keys"), f"oci:{self.path('layout')}:one"
        self.mosb("keyset", "create", keys, "--name", "bench")
        self.mosb("image", "build", "--rootfs", self.path("rootfs"), "-t", image, "--entrypoint",
                  "/bin/busybox", "--cmd", "sleep", "--cmd", "100000")
        self.mosb("sign", image, "--key", f"{keys}/signing.key", "--cert",
                  f"{keys}/signing-chain.pem")
        os.makedirs(self.path("root/etc/mosb"))
        with open(self.path("root/etc/mosb/mosb.yaml"), "w", encoding="utf-8") as out:
            out.write(f"trust:\n  notation_config: {keys}/notation\n")
        with open(self.manifest, "w", encoding="utf-8") as out:
            json.dump({"version": 2, "product": "bench", "update_type": "complete",
                       "targets": [{"service_name": "one", "source": image, "version": "1"}]}, out)
        self.mosb("apply", self.manifest)
        self.fill()

    def put(self, content, media_type):
        digest = hashlib.sha256(content).hexdigest()
        with open(os.path.join(self.store, "blobs/sha256", digest), "wb") as out:
            out.write(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def put_json(self, value, media_type=MANIFEST):
        return self.put(json.dumps(value).encode(), media_type)

    def fill(self):
        """Images as a pull leaves them, five blobs each; their envelopes are of nobody."""
        path = os.path.join(self.store, "index.json")
        with open(path, encoding="utf-8") as source:
            index = json.load(source)
        for i in range(IMAGES):
            config = self.put_json({"architecture": "amd64", "os": "linux", "author": str(i)},
                                   "application/vnd.oci.image.config.v1+json")
            layer = self.put(f"layer {i}".encode() * 500,
                             "application/vnd.stacker.image.layer.squashfs+zstd")
            manifest = self.put_json({"schemaVersion": 2, "mediaType": MANIFEST, "config": config,
                                      "layers": [layer]})
            name = f"registry.example/team-{i % 40}/image-{i}"
            size = sum(part["size"] for part in (manifest, config, layer))
            index["manifests"].append({**manifest, "annotations": {
                "io.mosb.store.reference": f"docker://{name}:1.0",
                "io.mosb.store.scope": name, "io.mosb.store.size": str(size),
                "io.mosb.store.subject": "",
                "org.opencontainers.image.ref.name": f"{name}:1.0"}})
            envelope = self.put(f"envelope {i}".encode() * 200, "application/jose+json")
            annotations = {"io.cncf.notary.x509chain.thumbprint#S256":
                           json.dumps([hashlib.sha256(name.encode()).hexdigest()] * 2),
                           "org.opencontainers.image.created": "2026-11-22T00:00:00Z"}
            empty = self.put(b"{}", SIGNATURE)
            signature = self.put_json({"schemaVersion": 2, "mediaType": MANIFEST, "config": empty,
                                       "layers": [envelope], "subject": manifest,
                                       "annotations": annotations})
            index["manifests"].append({**signature, "annotations": {
                **annotations, "io.mosb.store.subject": manifest["digest"]}})
        with open(path, "w", encoding="utf-8") as out:
            json.dump(index, out, separators=(",", ":"))

    def timed(self, *argv):
        begin = time.monotonic()
        run(*argv)
        return time.monotonic() - begin

    def bench(self):
        self.prepare()
        mosb = [os.path.join(BIN, "mosb"), "--root", self.root, "--progress", "none"]
        blobs = os.path.join(self.store, "blobs/sha256")
        commands = {
            "mosb image ls": [*mosb, "image", "ls"],
            "mosb apply, nothing to do": [*mosb, "apply", self.manifest],
            "mosb image gc": [*mosb, "image", "gc"],
            "mosb image scrub": [*mosb, "image", "scrub"],
            "mosb version": [*mosb, "version"],
            "ls -f blobs | wc -l": ["sh", "-c", f"ls -f {blobs} | wc -l"],
        }
        times = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                times[name].append(self.timed(*command))
        count = len(os.listdir(blobs))
        print(f"a store of {count} blobs, {IMAGES + 1} images (median of {ROUNDS}, fastest in "
              "brackets)")
        for name, values in times.items():
            median = statistics.median(values)
            aim = ""
            if name in ("mosb image ls", "mosb apply, nothing to do"):
                aim = f"  (aim: at most {milliseconds(AIM)}: {'yes' if median <= AIM else 'NO'})"
            print(f"  {name:26} {milliseconds(median):>10} [{milliseconds(min(values))}]{aim}")


def main():
    with tempfile.TemporaryDirectory(prefix="mosb-bench-", dir="/var/tmp") as work:
        bench = StoreBench(work)
        try:
            bench.bench()
        finally:
            subprocess.run([os.path.join(BIN, "mosb"), "--root", bench.root, "down"], check=False)


if __name__ == "__main__":
    main()
