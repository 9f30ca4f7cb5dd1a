#!/usr/bin/env python3
"""Counts the single cases in a JUnit report of ctest; the second argument is what
`ctest --show-only=json-v1` says, which has the labels.

Prints for each test program `counted: PASSED FAILED` as Catch2 or the program itself says it, for
tests without cases of their own `ok - NAME` or `not ok - NAME`, every SKIP line, and for labels
that name something real `real: WHAT CASES`.
"""
import json
import re
import sys
import xml.etree.ElementTree as ElementTree

# What the cases of a test program run against, by its label or name.
REAL_LABELS = {"kernel": "kernel"}
REAL_NAMES = {"notation": "notation", "registry_real": "registry"}
ALL_PASSED = re.compile(r"^All tests passed \(.* in (\d+) test cases?\)", re.M)
SOME_FAILED = re.compile(r"^test cases: *(\d+) \|(.*)$", re.M)


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


def labels_of(file):
    """Labels by test name."""
    with open(file, encoding="utf-8") as source:
        tests = json.load(source)["tests"]
    return {
        test["name"]: label["value"]
        for test in tests
        for label in test.get("properties", [])
        if label["name"] == "LABELS"
    }


def real_things(name, labels):
    """What this test program is no imitation of."""
    things = {REAL_LABELS[label] for label in labels if label in REAL_LABELS}
    return things | {what for word, what in REAL_NAMES.items() if word in name}


def main():
    broken = False
    labels = labels_of(sys.argv[2])
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
            for what in sorted(real_things(name, labels.get(name, []))):
                print(f"real: {what} {counts[0]}")
        else:
            print(("ok - " if good else "not ok - ") + name)
        broken = broken or not good
    return 1 if broken else 0


sys.exit(main())
