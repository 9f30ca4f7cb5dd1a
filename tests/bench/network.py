"""The measurements of tests/bench/network.sh; see there."""
import ctypes
import glob
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from bench import BIN, QUIET, REST, Bench, milliseconds, run

ROUNDS = int(sys.argv[1])
# Seconds of traffic per round, and clients that connect at once.
SECONDS, CLIENTS = 1, 4
FORWARDS = 1000
SERVICES = 50
STOP_ROUNDS = min(ROUNDS, 5)
HERE = os.path.dirname(os.path.abspath(__file__))
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def reached(yes):
    return "yes" if yes else "NO"


def print_times(values):
    return f"{milliseconds(statistics.median(values))} [{milliseconds(min(values))}]"


class Namespace:
    """A network namespace that lives as long as this process holds it; `with` enters it."""

    def __init__(self, pid=None):
        self.outer = []
        if pid:
            self.file = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
            return
        own = self.current()
        if LIBC.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        self.file = self.current()
        self.enter(own)
        os.close(own)
        self.sh("ip link set lo up")

    @staticmethod
    def current():
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY)

    @staticmethod
    def enter(file):
        if LIBC.setns(file, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    @property
    def path(self):
        """As `ip` takes it in place of a name."""
        return f"/proc/{os.getpid()}/fd/{self.file}"

    def __enter__(self):
        self.outer.append(self.current())
        self.enter(self.file)

    def __exit__(self, *_):
        outer = self.outer.pop()
        self.enter(outer)
        os.close(outer)

    def sh(self, script):
        with self:
            run("sh", "-ec", script)


    def show_in_sys(self, work):
        """The devices of this one where programs look for them."""
        folder = os.path.join(work, "sys")
        os.makedirs(folder)
        self.sh(f"""mount -t sysfs none {folder}
            for part in class/net devices/virtual/net; do
                mount --bind {folder}/$part /sys/$part
            done
            umount {folder}""")


class Lab:
    """A host between a client and a service with servers at two ports."""

    def __init__(self, traffic):
        self.traffic = traffic
        self.server = None
        self.client, self.host = Namespace(), Namespace()
        self.host.sh(f"""ip link add uplink type veth peer name eth0 netns {self.client.path}
            ip addr add 192.0.2.1/24 dev uplink; ip link set uplink up""")
        self.client.sh("""ip addr add 192.0.2.2/24 dev eth0; ip link set eth0 up
            ip route add 10.0.3.0/24 via 192.0.2.1""")
        self.address, self.port = "192.0.2.1", 80

    def plain_service(self):
        service = Namespace()
        self.host.sh(f"""ip link add br0 type bridge; ip addr add 10.0.3.1/24 dev br0
            ip link set br0 up; ip link add port type veth peer name eth0 netns {service.path}
            ip link set port master br0 up; sysctl -qw net.ipv4.ip_forward=1""")
        service.sh("""ip addr add 10.0.3.99/24 dev eth0; ip link set eth0 up
            ip route add default via 10.0.3.1""")
        return service

    def serve(self, service):
        """The same program everywhere, so that only the ways to it differ."""
        with service:
            self.server = subprocess.Popen([self.traffic, "serve", "5000"], **QUIET)

    def measure(self, *argv):
        with self.client:
            out = run("timeout", "30", self.traffic, *argv, stdout=subprocess.PIPE)
        return float(out.stdout)

    def bytes_per_second(self):
        return self.measure("send", self.address, str(self.port + 1), str(SECONDS))

    def connections_per_second(self):
        return self.measure("connect", self.address, str(self.port), str(SECONDS), str(CLIENTS))

    def close(self):
        if self.server:
            self.server.kill()
            self.server.wait()


class RoutedLab(Lab):
    def start(self):
        self.serve(self.plain_service())
        self.address, self.port = "10.0.3.99", 5000


class IptablesLab(Lab):
    """As for a container of lxc-net with its ports forwarded by hand."""

    def start(self):
        self.serve(self.plain_service())
        self.host.sh("""iptables -t nat -A POSTROUTING -s 10.0.3.0/24 ! -d 10.0.3.0/24 -j MASQUERADE
            for n in 0 1; do
                iptables -t nat -A PREROUTING -p tcp -m addrtype --dst-type LOCAL --dport 8$n \
                    -j DNAT --to-destination 10.0.3.99:500$n
            done""")


class MosbLab(Lab):
    """An instance of mosb with one service, of which the first two forwards are used."""

    def __init__(self, traffic, bench, name, forwards):
        super().__init__(traffic)
        self.root = os.path.join(bench.work, name)
        run_folder = os.path.join(self.root, "run")
        os.makedirs(run_folder)
        run("mount", "-t", "tmpfs", "mosb-bench", run_folder)
        shutil.copytree(os.path.join(bench.work, "root/etc"), os.path.join(self.root, "etc"))
        self.image = f"oci:{bench.layout}:small"
        self.services = [self.service("served", "10.0.3.99", 80, 5000, forwards)]
        self.manifest = self.write_manifest("m.json", self.services)

    def start(self):
        self.mosb("apply", self.manifest)
        self.serve(Namespace(self.mosb_json("ps")[0]["pid"]))

    def service(self, name, address, host, container, forwards):
        return {"service_name": name, "source": self.image, "version": "1",
                "entrypoint": ["/bin/sleep"], "args": ["100000"],
                "network": {"type": "simple", "ipv4": address, "ports": [
                    {"host": host + i, "container": container + i} for i in range(forwards)]}}

    def write_manifest(self, name, services):
        path = os.path.join(self.root, name)
        with open(path, "w", encoding="utf-8") as out:
            # As people write it: a line for each port.
            json.dump({"version": 2, "product": "bench", "update_type": "complete",
                       "targets": services}, out, indent=1)
        return path

    def mosb(self, *arguments, **options):
        with self.host:
            return run(os.path.join(BIN, "mosb"), "--root", self.root, *arguments, **options)

    def mosb_json(self, *arguments):
        return json.loads(self.mosb(*arguments, "-o", "json", stdout=subprocess.PIPE).stdout)

    def timed(self, *arguments):
        begin = time.monotonic()
        self.mosb(*arguments)
        return time.monotonic() - begin

    def rules(self):
        """A transaction that replaces both tables, as mosb does it."""
        text = ""
        with self.host:
            out = run("nft", "list", "tables", stdout=subprocess.PIPE, text=True).stdout
            for table in out.splitlines():
                text += f"{table}\ndelete {table}\n"
                text += run("nft", "list", *table.split(), stdout=subprocess.PIPE, text=True).stdout
        return text

    def close(self):
        super().close()
        with self.host:
            subprocess.run([os.path.join(BIN, "mosb"), "--root", self.root, "down", "--volumes"],
                           check=False, **QUIET)
        run("umount", os.path.join(self.root, "run"))


class Nft:
    """libnftables as mosb calls it."""

    def __init__(self):
        self.lib = ctypes.CDLL("libnftables.so.1")
        self.lib.nft_ctx_new.restype = ctypes.c_void_p

    def timed(self, commands):
        text = commands.encode()
        begin = time.monotonic()
        context = ctypes.c_void_p(self.lib.nft_ctx_new(0))
        status = self.lib.nft_run_cmd_from_buffer(context, text)
        self.lib.nft_ctx_free(context)
        taken = time.monotonic() - begin
        if status != 0:
            raise RuntimeError("nft refuses the rules")
        return taken


class StartBench(Bench):
    """Starts as tests/bench/run.sh measures them, at a bridge that is there already."""

    network = {"type": "simple", "ipv4": "10.0.3.99/24", "ports": [{"host": 80, "container": 5000}]}
    lxc_network = [
        "lxc.net.0.type = veth", "lxc.net.0.link = lxcbr0", "lxc.net.0.flags = up",
        "lxc.net.0.ipv4.address = 10.0.3.98/24", "lxc.net.0.ipv4.gateway = 10.0.3.1"]
    address = "10.0.3.1"

    def bench_start(self):
        self.mosb("apply", self.manifest)
        self.listener.first_byte()
        self.prepare_lxc()
        times = {"mosb": [], "lxc": []}
        for _ in range(ROUNDS):
            times["mosb"].append(self.start_mosb())
            times["lxc"].append(self.start_lxc())
            self.stop_lxc()
        print(f"start at a bridge, from exec to the service's first byte (median of {ROUNDS}, "
              "fastest in brackets)")
        for name, values in times.items():
            print(f"  {name:10} {print_times(values):>22}")
        ratio = statistics.median(times["mosb"]) / statistics.median(times["lxc"])
        print(f"  mosb / lxc-start {ratio:.2f} (aim: at most 2: {reached(ratio <= 2)})")

    def prepare_many(self):
        with open(self.manifest, encoding="utf-8") as source:
            one = json.load(source)
        services = [{**one["targets"][0], "service_name": f"many-{i}", "network": {
            "type": "simple", "ports": [{"host": 1000 + i, "container": 5000}]},
            "entrypoint": ["/bin/sleep"], "args": ["100000"]} for i in range(SERVICES)]
        path = os.path.join(self.work, "many.json")
        with open(path, "w", encoding="utf-8") as out:
            json.dump({**one, "targets": services}, out)
        with open(os.path.join(self.lxcpath, "bench/config"), encoding="utf-8") as source:
            config = source.read()
        for i in range(SERVICES):
            folder = os.path.join(self.lxcpath, f"bench-{i}")
            os.makedirs(folder)
            with open(os.path.join(folder, "config"), "w", encoding="utf-8") as out:
                out.write(config.replace("10.0.3.98", f"10.0.3.{100 + i}"))
        return path

    def lxc_all(self, *command):
        """All containers at once."""
        started = [subprocess.Popen(
            [command[0], "-P", self.lxcpath, "-n", f"bench-{i}", *command[1:]], **QUIET)
            for i in range(SERVICES)]
        if any([process.wait() != 0 for process in started]):
            raise RuntimeError(f"{command[0]} failed")

    def timed(self, function, *arguments):
        time.sleep(REST)
        begin = time.monotonic()
        function(*arguments)
        return time.monotonic() - begin

    def bench_stop(self):
        manifest = self.prepare_many()
        times = {"mosb": [], "lxc": []}
        for _ in range(STOP_ROUNDS):
            self.mosb("apply", manifest)
            times["mosb"].append(self.timed(self.mosb, "down"))
            self.lxc_all("lxc-start", "-d", "--", "/bin/sleep", "100000")
            times["lxc"].append(self.timed(self.lxc_all, "lxc-stop", "-k"))
        print(f"{SERVICES} services at a bridge stopped (median of {STOP_ROUNDS}, fastest in "
              "brackets)")
        print(f"  mosb down              {print_times(times['mosb']):>24}")
        print(f"  lxc-stop -k, all at once {print_times(times['lxc']):>22}")
        ratio = statistics.median(times["mosb"]) / statistics.median(times["lxc"])
        print(f"  mosb / lxc-stop {ratio:.2f} (aim: at most 1.3: {reached(ratio <= 1.3)})")

    def clean_up(self):
        for folder in glob.glob(os.path.join(self.lxcpath, "bench-*")):
            subprocess.run(["lxc-stop", "-P", self.lxcpath, "-n", os.path.basename(folder), "-k"],
                           check=False, **QUIET, stderr=subprocess.DEVNULL)
        super().clean_up()


def bench_traffic(labs):
    rates = {(kind, name): [] for kind in ("bytes", "connections") for name in labs}
    names = list(labs)
    for i in range(ROUNDS):
        # Each one has each place in a round.
        for name in names[i % len(names):] + names[:i % len(names)]:
            rates["bytes", name].append(labs[name].bytes_per_second())
            rates["connections", name].append(labs[name].connections_per_second())

    def ratio(kind, name, other):
        return statistics.median(a / b for a, b in zip(rates[kind, name], rates[kind, other]))

    print(f"from a client through the host to a service (median of {ROUNDS} rounds of {SECONDS} s, "
          "most in brackets)")
    for name in names:
        streams, connections = rates["bytes", name], rates["connections", name]
        print(f"  {name:22} one stream {statistics.median(streams) / 1e6:6.0f} MB/s "
              f"[{max(streams) / 1e6:.0f}], {statistics.median(connections):6.0f} connections/s "
              f"[{max(connections):.0f}]")
    print("ratios (median of the rounds' ratios)")
    for kind, name, other, aim in (
            ("bytes", "mosb", "routed", 0.90), ("connections", "mosb", "routed", 0.80),
            ("bytes", "mosb", "iptables", 0.98), ("connections", "mosb", "iptables", 0.98),
            ("bytes", f"mosb, {FORWARDS} forwards", "mosb", None),
            ("connections", f"mosb, {FORWARDS} forwards", "mosb", 0.98),
            ("bytes", "iptables", "routed", None), ("connections", "iptables", "routed", None)):
        value = ratio(kind, name, other)
        aimed = f" (aim: at least {aim:.2f}: {reached(value >= aim)})" if aim else ""
        print(f"  {kind:11} {name} / {other} {value:.2f}{aimed}")


def bench_rules(one, many):
    nft, scratch = Nft(), Namespace()
    times = {"1": [], str(FORWARDS): []}
    rules = {"1": one.rules(), str(FORWARDS): many.rules()}
    with scratch:
        for text in [*rules.values()] * ROUNDS:
            nft.timed(text)
        for _ in range(ROUNDS):
            for name, text in rules.items():
                times[name].append(nft.timed(text))
    print(f"forwards of a host (median of {ROUNDS}, fastest in brackets)")
    for name, values in times.items():
        aim = ""
        if name == str(FORWARDS):
            aim = f" (aim: at most 30 ms: {reached(statistics.median(values) <= 0.030)})"
        print(f"  replacing the rules of {name:>4}        {print_times(values):>22}{aim}")
    added = {"1": one.service("more", "10.0.3.100", 10000, 10000, 1),
             str(FORWARDS): one.service("more", "10.0.3.100", 10000, 10000, FORWARDS)}
    adding = {name: [] for name in added}
    plans = {"1": [], str(FORWARDS): []}
    for _ in range(ROUNDS):
        for name, service in added.items():
            manifest = one.write_manifest("more.json", [*one.services, service])
            adding[name].append(one.timed("apply", manifest))
            plans[name].append(one.timed("plan", manifest))
            one.mosb("apply", one.manifest)
    for name, values in adding.items():
        print(f"  apply of a service with {name:>4} more  {print_times(values):>22}")
    for name, values in plans.items():
        print(f"  plan with {name:>4} more               {print_times(values):>22}")


def close_all(closers):
    for close in reversed(closers):
        try:
            close()
        except (OSError, subprocess.SubprocessError) as error:
            print(f"not cleaned up: {error}", file=sys.stderr)


def main():
    closers = []
    with tempfile.TemporaryDirectory(prefix="mosb-bench-", dir="/var/tmp") as work:
        traffic = os.path.join(work, "traffic")
        run("cc", "-O2", "-o", traffic, os.path.join(HERE, "traffic.c"))
        host = Namespace()
        host.sh("""ip link add lxcbr0 type bridge
            ip addr add 10.0.3.1/24 dev lxcbr0; ip link set lxcbr0 up""")
        host.show_in_sys(work)
        try:
            with host:
                bench = StartBench(work)
                closers.append(bench.clean_up)
                bench.bench_start()
                bench.bench_stop()
                closers.pop()()
            labs = {"routed": RoutedLab(traffic), "iptables": IptablesLab(traffic)}
            for name, forwards in (("mosb", 2), (f"mosb, {FORWARDS} forwards", FORWARDS)):
                labs[name] = MosbLab(traffic, bench, f"root-{forwards}", forwards)
            for lab in labs.values():
                closers.append(lab.close)
                lab.start()
            bench_traffic(labs)
            bench_rules(labs["mosb"], labs[f"mosb, {FORWARDS} forwards"])
        finally:
            close_all(closers)


if __name__ == "__main__":
    main()
