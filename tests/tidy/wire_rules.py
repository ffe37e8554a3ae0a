# SPDX-License-Identifier: MIT
"""wire_rules.py ROOT: every rule of tests/wire_rules.md has a test, and every test there exists.

A row is `| number | what the rule says | tests |`; a test is a file under tests/ in backquotes and,
behind it, names of its test cases in quotes.
"""
import re
import sys
from pathlib import Path

# Those that are implemented: 15 is never announced, 42 to 50 and 52 to 57 are no rules of the wire.
RULES = {*range(1, 42), 51, 58} - {15}
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| (.+) \|$", re.MULTILINE)
FILE = re.compile(r'`([^`]+)`((?: "[^"]+",?)*)')
CASE = re.compile(r'TEST_CASE(?:_FIXTURE)?\((?:\w+,\s*)?((?:\s*"(?:[^"\\]|\\.)*")+)')


def cases_of(text):
    return {"".join(re.findall(r'"((?:[^"\\]|\\.)*)"', found)) for found in CASE.findall(text)}


def problems(root):
    table = root / "tests" / "wire_rules.md"
    text = table.read_text(encoding="utf-8")
    seen = set()
    for number, _, tests in ROW.findall(text):
        rule = int(number)
        if rule in seen:
            yield f"tests/wire_rules.md: rule {rule} has two rows"
        seen.add(rule)
        files = FILE.findall(tests)
        if not any(names for _, names in files):
            yield f"tests/wire_rules.md: rule {rule} has no test"
        for name, quoted in files:
            path = root / name
            if not path.is_file():
                yield f"tests/wire_rules.md: rule {rule}: there is no {name}"
                continue
            cases = cases_of(path.read_text(encoding="utf-8"))
            for case in re.findall(r'"([^"]+)"', quoted):
                if case not in cases:
                    yield f'tests/wire_rules.md: rule {rule}: {name} has no test "{case}"'
    for rule in sorted(RULES - seen):
        yield f"tests/wire_rules.md: rule {rule} has no row"


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1])))
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(1 if found else 0)
