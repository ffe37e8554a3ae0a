# SPDX-License-Identifier: MIT
"""count.py TESTLOG: how many tests passed and failed, from meson's testlog.json.

A program whose output ends in doctest's summary counts with its test cases; any other test of
meson's counts as one. A program that fails although no case did (it crashed, a sanitizer found
something, the time was up) is one failure more. So is a doctest program without any case, and a
test that was skipped: what the tests need is installed before they run. Prints a line for each test
that failed or was skipped, then, as the last line, the two numbers.
"""

import json
import re
import sys

SUMMARY = re.compile(
    r"\[doctest\] test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed\s*\|\s*(\d+) skipped")


def count(entry):
    """(passed, failed) of one test of meson's."""
    good = entry["result"] in ("OK", "EXPECTEDFAIL")
    summaries = SUMMARY.findall(entry.get("stdout") or "")
    if not summaries:
        return (1, 0) if good else (0, 1)
    ran, passed, failed, _ = map(int, summaries[-1])
    if good and ran == 0:
        return 0, 1
    return passed, failed if failed or good else 1


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        entries = [json.loads(line) for line in file if line.strip()]
    passed = failed = 0
    for entry in entries:
        more_passed, more_failed = count(entry)
        passed += more_passed
        failed += more_failed
        if more_failed:
            result = "SKIPPED" if entry["result"] == "SKIP" else entry["result"]
            print(f"{result}: {entry['name']}")
    print(passed, failed)


if __name__ == "__main__":
    main()
