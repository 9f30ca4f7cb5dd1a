#!/usr/bin/env python3
"""Counts the single cases in a JUnit report of ctest.

Prints for each test program `counted: PASSED FAILED` as Catch2 or the program itself says it, for
tests without cases of their own `ok - NAME` or `not ok - NAME`, every SKIP line, and for labels
that name something real `real: WHAT CASES`.
"""
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

REAL_LABELS = {"kernel": "kernel", "network": "registry"}
ALL_PASSED = re.compile(r"^All tests passed \(.* in (\d+) test cases?\)", re.M)
SOME_FAILED = re.compile(r"^test cases: *(\d+) \|(.*)$", re.M)
NO_TESTS = re.compile(r"^No tests ran", re.M)


def catch_counts(output):
    """(passed, failed) or None where the output is not Catch2's."""
    found = ALL_PASSED.search(output)
    if found:
        return int(found.group(1)), 0
    found = SOME_FAILED.search(output)
    if found:
        numbers = dict(
            (word, int(number)) for number, word in re.findall(r"(\d+) (\w+)", found.group(2))
        )
        return numbers.get("passed", 0), numbers.get("failed", 0)
    return None


def main():
    broken = False
    for case in ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        output = case.findtext("system-out") or ""
        for line in output.splitlines():
            if line.startswith("SKIP "):
                print(line)
        counts = catch_counts(output)
        good = status == "run"
        if status == "notrun":
            print(f"SKIP {name}: {case.find('skipped').get('message', 'no reason')}")
            continue
        if counts and (good or counts[1] > 0):
            print(f"counted: {counts[0]} {counts[1]}  {name}")
            if counts[1]:
                print(f"# not ok: {name}")
        else:
            print(("ok - " if good else "not ok - ") + name)
        broken = broken or not good
    return 1 if broken else 0


sys.exit(main())
