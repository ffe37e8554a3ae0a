# SPDX-License-Identifier: MIT
"""readme.py ROOT: a code block of README.md that is marked with a file's name, as in
<!-- examples/hello/hello_client.cpp -->, is a region of that file, line by line."""
import re
import sys
from pathlib import Path

MARKED = re.compile(r"<!-- (\S+) -->\n```\w*\n(.*?)\n```", re.DOTALL)


def problems(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    blocks = MARKED.findall(text)
    if not blocks:
        yield "README.md: no code block is marked with a file"
    for name, block in blocks:
        line = text[:text.index(block)].count("\n") + 1
        path = root / name
        if not path.is_file():
            yield f"README.md:{line}: there is no {name}"
        elif f"\n{block}\n" not in "\n" + path.read_text(encoding="utf-8"):
            yield f"README.md:{line}: this is not a region of {name}"


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1])))
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(1 if found else 0)
