"""The measurements of tests/bench/machine.sh; see there."""
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(sys.argv[1])
MOSB = os.path.join(os.environ["MOSB_BIN"], "mosb")
AIM = 0.100
DEFINITIONS = {
    "UEFI, a disk, a NIC": "",
    "the same with a TPM": "\n  tpm: true",
}


def definition(name, more):
    return f"""name: {name}
type: kvm
config:
  cpus: 2
  memory: 512
  accel: tcg
  nics:
    - {{id: nic0, device: virtio-net, network: user}}
  disks:
    - {{file: root.qcow2, format: qcow2, attach: virtio, size: 1GiB}}{more}
"""


class Machine:
    def __init__(self, root, name, more):
        self.root, self.name = root, name
        file = os.path.join(root, name + ".yaml")
        with open(file, "w", encoding="utf-8") as out:
            out.write(definition(name, more))
        self.mosb("init", "-f", file)
        # Once for the files that the first start makes.
        self.mosb("start", name)
        info = json.loads(self.mosb("info", name, "-o", "json"))
        self.qmp = info["sockets"]["qmp"]
        with open(f"/proc/{info['pid']}/cmdline", encoding="utf-8") as line:
            self.argv = line.read().rstrip("\0").split("\0")
        self.tpm = []
        if info["tpm_pid"]:
            self.tpm = ["/usr/bin/swtpm", "socket", "--tpmstate", f"dir={info['folder']}/tpm,mode=0600",
                        "--ctrl", f"type=unixio,path={os.path.dirname(self.qmp)}/swtpm.sock",
                        "--terminate", "--tpm2"]
        self.mosb("stop", name, "--force")

    def mosb(self, *arguments):
        command = [MOSB, "--root", self.root, "-q", "machine", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def by_mosb(self):
        begin = time.monotonic()
        self.mosb("start", self.name)
        seconds = time.monotonic() - begin
        if any_mosb(self.root):
            sys.exit("a process of mosb stays while the machine runs")
        self.mosb("stop", self.name, "--force")
        return seconds

    def by_hand(self):
        run_dir = os.path.dirname(self.qmp)
        os.makedirs(run_dir, mode=0o700)
        begin = time.monotonic()
        processes = []
        if self.tpm:
            processes.append(subprocess.Popen(self.tpm, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            wait_for(run_dir + "/swtpm.sock")
        processes.append(subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL))
        connection = greeted(self.qmp)
        seconds = time.monotonic() - begin
        connection.sendall(b'{"execute":"quit"}\n')
        connection.close()
        for process in reversed(processes):
            process.terminate()
            process.wait()
        shutil.rmtree(run_dir)
        return seconds


def any_mosb(root):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                argv = line.read().split(b"\0")
        except OSError:
            continue
        if os.path.basename(argv[0]).startswith(b"mosb") and root.encode() in argv:
            return True
    return False


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.0005)


def greeted(path):
    """A connection over which qemu has greeted and answered."""
    while True:
        wait_for(path)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            time.sleep(0.0005)
            continue
        lines = connection.makefile("r")
        lines.readline()
        connection.sendall(b'{"execute":"qmp_capabilities"}\n{"execute":"query-status"}\n')
        lines.readline()
        lines.readline()
        return connection


def shown(values):
    return f"{1000 * statistics.median(values):6.0f} ms [{1000 * min(values):.0f}]"


def main():
    root = tempfile.mkdtemp(prefix="mosb-bench-", dir="/var/tmp")
    try:
        print(f"start of a machine, from exec to qemu's answer (median of {ROUNDS}, fastest in brackets)")
        for number, (what, more) in enumerate(DEFINITIONS.items()):
            machine = Machine(root, f"vm{number}", more)
            hand, mosb = [], []
            for _ in range(ROUNDS):
                hand.append(machine.by_hand())
                mosb.append(machine.by_mosb())
            over = statistics.median(m - h for m, h in zip(mosb, hand))
            print(f"{what}")
            print(f"  qemu by hand        {shown(hand)}")
            print(f"  mosb machine start  {shown(mosb)}")
            print(f"  more                {1000 * over:6.0f} ms (aim: at most {1000 * AIM:.0f}: "
                  f"{'yes' if over <= AIM else 'NO'})")
            machine.mosb("rm", machine.name)
        print("processes of mosb while a machine runs: none")
    finally:
        subprocess.run([MOSB, "--root", root, "-q", "down"], check=False, capture_output=True)
        shutil.rmtree(root, ignore_errors=True)


main()
