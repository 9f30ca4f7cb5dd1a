#!/usr/bin/env python3
"""Types at a machine's console as a person at a terminal does, and says what came of it.

    type_at_console.py MOSB ROOT MACHINE
"""
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

mosb, root, machine = sys.argv[1:]
command = [mosb, "--root", root, "machine", "console", machine]


def read_until(fd, wanted, seconds=20):
    """What comes until `wanted` is in it."""
    text, end = b"", time.monotonic() + seconds
    while wanted not in text and time.monotonic() < end:
        if select.select([fd], [], [], 0.2)[0]:
            text += os.read(fd, 4096)
    if wanted not in text:
        sys.exit(f"{wanted!r} did not come: {text!r}")
    return text.decode(errors="replace")


def attach():
    """The console in a terminal: master side, process, how the terminal was set."""
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave)
    read_until(master, b"Ctrl-] detaches")
    end = time.monotonic() + 10
    while termios.tcgetattr(slave) == before and time.monotonic() < end:
        time.sleep(0.02)
    return master, slave, process, before


def restored(slave, before):
    return "terminal restored" if termios.tcgetattr(slave) == before else "terminal NOT restored"


master, slave, process, before = attach()
second = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
print("second refused:", second.returncode, second.stderr.strip())
os.write(master, b"ab")
text = read_until(master, b"<b>")
print("typed:", "<a><b>" if "<a><b>" in text else text)
os.write(master, b"\x1d")
print(f"detached: {process.wait(timeout=20)}, {restored(slave, before)}")

master, slave, process, before = attach()
process.send_signal(signal.SIGTERM)
process.wait(timeout=20)
print("after SIGTERM:", restored(slave, before))
