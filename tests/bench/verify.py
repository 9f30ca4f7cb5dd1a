"""The measurements of tests/bench/verify.sh; see there."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from bench import BIN, QUIET, Registry, milliseconds, run, run_beside_registry

ROUNDS = int(sys.argv[1])
# The most signatures that a verification looks at.
MANY = 100
# Seconds that one signature may take.
AIMS = {"rsa-2048": 0.001, "rsa-4096": None, "ec-256": None, "ec-384": 0.002}


def wall_time(argv, environment, wanted=0):
    begin = time.monotonic()
    done = subprocess.run(argv, env=environment, **QUIET, stderr=subprocess.DEVNULL, check=False)
    if done.returncode != wanted:
        raise RuntimeError(f"{argv} ended with {done.returncode}")
    return time.monotonic() - begin


def most_memory(argv, environment):
    """In KiB. Of a process that Python starts the kernel counts Python's own memory as well, from
    before its exec; time(1) is small."""
    with tempfile.NamedTemporaryFile("r") as out:
        subprocess.run(["/usr/bin/time", "-f", "%M", "-o", out.name, *argv], env=environment,
                       **QUIET, stderr=subprocess.DEVNULL, check=True)
        return int(out.read())


class VerifyBench:
    def __init__(self, work):
        self.work = work
        self.server = Registry(work)
        self.registry = self.server.host

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def mosb(self, *arguments):
        run(os.path.join(BIN, "mosb"), "--root", self.path("root"), *arguments)

    def environment(self, algorithm):
        return {**os.environ, "XDG_CONFIG_HOME": self.path(algorithm)}

    def keys(self, algorithm):
        return ["--key", self.path(algorithm, "signing.key"), "--cert",
                self.path(algorithm, "signing-chain.pem")]

    def prepare(self):
        os.makedirs(self.path("rootfs/bin"))
        shutil.copy("/bin/busybox", self.path("rootfs/bin/busybox"))
        self.mosb("keyset", "create", self.path("stranger"), "--name", "stranger")
        for algorithm in AIMS:
            self.mosb("keyset", "create", self.path(algorithm), "--name", "bench", "--algorithm",
                      algorithm)
            with open(self.path(algorithm, "notation/config.json"), "w", encoding="utf-8") as out:
                json.dump({"insecureRegistries": [self.registry]}, out)
            for layout, number in (("one", 1), ("many", MANY)):
                image = f"oci:{self.path(f'{layout}-{algorithm}')}:x"
                self.mosb("image", "build", "--rootfs", self.path("rootfs"), "-t", image,
                          "--entrypoint", "/bin/busybox")
                for _ in range(number):
                    self.mosb("sign", image, *self.keys(algorithm))
            remote = f"{self.registry}/{algorithm}:x"
            run("skopeo", "copy", "-q", "--dest-tls-verify=false",
                f"oci:{self.path(f'one-{algorithm}')}:x", f"docker://{remote}")
            self.mosb("sign", remote, "--insecure-registry", *self.keys(algorithm))

    def beside_notation(self, algorithm):
        remote = f"{self.registry}/{algorithm}:x"
        commands = {
            "mosb": [os.path.join(BIN, "mosb"), "--root", self.path("root"), "verify", remote],
            "notation": ["notation", "verify", remote],
        }
        results = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                results[name].append((wall_time(command, self.environment(algorithm)),
                                      most_memory(command, self.environment(algorithm))))
        median, most = {}, {}
        for name, values in results.items():
            times = [value[0] for value in values]
            median[name] = statistics.median(times)
            most[name] = max(value[1] for value in values)
            print(f"  {name:9} {milliseconds(median[name]):>10} [{milliseconds(min(times))}], "
                  f"{most[name]} KiB")
        print(f"  mosb / notation: time {median['mosb'] / median['notation']:.2f} "
              f"(aim: at most 0.7), memory {most['mosb'] / most['notation']:.2f} "
              "(aim: at most 0.5)")

    def one_more(self, algorithm):
        """By a configuration that trusts somebody else: each signature is judged until its chain
        turns out to end in nobody who is trusted."""
        times = {}
        for layout in ("one", "many"):
            command = [os.path.join(BIN, "mosb"), "--root", self.path("root"), "verify",
                       f"oci:{self.path(f'{layout}-{algorithm}')}:x", "--max-signatures", str(MANY)]
            times[layout] = [wall_time(command, self.environment("stranger"), 12)
                             for _ in range(ROUNDS)]
        each = (statistics.median(times["many"]) - statistics.median(times["one"])) / (MANY - 1)
        aim = AIMS[algorithm]
        print(f"  one signature more, in a layout: {each * 1000:.2f} ms" +
              (f" (aim: at most {aim * 1000:.0f} ms)" if aim else ""))

    def bench(self):
        self.prepare()
        print(f"verifying an image in docker-registry on this host (median of {ROUNDS}, fastest in "
              "brackets, most memory)")
        for algorithm in AIMS:
            print(f" {algorithm}")
            self.beside_notation(algorithm)
            self.one_more(algorithm)


if __name__ == "__main__":
    run_beside_registry(VerifyBench)
