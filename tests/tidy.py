#!/usr/bin/env python3
"""Runs clang-tidy over every source of the project and remembers which texts were clean.

    tests/tidy.py [--quick]

--quick leaves out the tests' own sources and the checks that take most of the time.

A file counts as the same while its preprocessed text, its flags, the checks and clang-tidy are the
same, so only what changed is looked at again. What is remembered lies in MOSB_CACHE_DIR/tidy.
"""
import concurrent.futures
import hashlib
import json
import os
import shlex
import subprocess
import sys

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(REPOSITORY, "build", "tidy")
CACHE = os.path.join(
    os.environ.get("MOSB_CACHE_DIR", os.path.join(REPOSITORY, "build", "cache")), "tidy"
)
# Half of the time together: the analyzer follows paths, the others look at every name of every header.
SLOW = [
    "bugprone-assert-side-effect",
    "bugprone-infinite-loop",
    "bugprone-multiple-statement-macro",
    "bugprone-reserved-identifier",
    "bugprone-stringview-nullptr",
    "bugprone-suspicious-semicolon",
    "bugprone-unused-raii",
    "bugprone-use-after-move",
    "clang-analyzer-*",
    "misc-unused-using-decls",
    "modernize-deprecated-ios-base-aliases",
    "modernize-redundant-void-arg",
    "modernize-replace-auto-ptr",
    "modernize-replace-random-shuffle",
    "modernize-use-nullptr",
    "modernize-use-transparent-functors",
    "modernize-use-using",
    "readability-identifier-naming",
]
QUICK = "--quick" in sys.argv[1:]
CHECKS = ["--checks=" + ",".join("-" + name for name in SLOW)] if QUICK else []


def key(entry, fixed):
    """A digest of all that clang-tidy's verdict on this file depends on."""
    argv = shlex.split(entry["command"])
    if os.path.basename(argv[0]) == "ccache":
        argv = argv[1:]
    output = argv.index("-o")
    del argv[output : output + 2]
    argv[argv.index("-c")] = "-E"
    text = subprocess.run(argv, cwd=entry["directory"], stdout=subprocess.PIPE, check=True).stdout
    with open(entry["file"], "rb") as source:  # comments: NOLINT stands in them
        text += source.read()
    return hashlib.sha256(fixed + " ".join(argv).encode() + text).hexdigest()


def check(entry, fixed):
    clean = os.path.join(CACHE, key(entry, fixed))
    if os.path.exists(clean):
        return entry["file"], True, ""
    result = subprocess.run(
        ["clang-tidy", "--quiet", *CHECKS, "-p", BUILD, entry["file"]],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    good = result.returncode == 0 and "warning:" not in result.stdout
    if good:
        with open(clean, "w", encoding="utf-8"):
            pass
    return entry["file"], good, result.stdout


def main():
    os.makedirs(CACHE, exist_ok=True)
    subprocess.run(
        ["cmake", "--preset", "tidy"], cwd=REPOSITORY, stdout=subprocess.DEVNULL, check=True
    )
    with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as source:
        entries = json.load(source)
    if QUICK:
        own = os.path.join(REPOSITORY, "tests") + os.sep
        entries = [entry for entry in entries if not entry["file"].startswith(own)]
    with open(os.path.join(REPOSITORY, ".clang-tidy"), "rb") as source:
        fixed = source.read() + "".join(CHECKS).encode()
    fixed += subprocess.run(["clang-tidy", "--version"], stdout=subprocess.PIPE, check=True).stdout
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, good, output in pool.map(lambda e: check(e, fixed), entries):
            if not good:
                bad += 1
                print(output.strip())
                print(f"not ok - {os.path.relpath(file, REPOSITORY)} is clean by clang-tidy")
    if bad == 0:
        print(f"ok - all {len(entries)} sources are clean by clang-tidy")
    return 1 if bad else 0


sys.exit(main())
