# SPDX-License-Identifier: MIT
"""The files of the repository, as the other checks of this folder want them."""

import os
import re
import sys

LAYERS = ("base", "coro", "ring", "transport", "http2", "grpc", "rpc", "services")

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def walk(root):
    """All files that belong to the repository, as paths relative to `root`, sorted."""
    found = []
    for folder, folders, files in os.walk(root):
        here = os.path.relpath(folder, root)
        if here == ".":
            folders[:] = [f for f in folders if f not in (".git", "build", ".cache")]
        if here == "subprojects":  # the rest is downloaded
            folders[:] = [f for f in folders if f == "protoc-gen-ringrpc"]
        folders[:] = [f for f in folders if f != "__pycache__"]
        for name in files:
            path = os.path.normpath(os.path.join(here, name))
            if os.path.isfile(os.path.join(root, path)) and not name.endswith(".pyc"):
                found.append(path)
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def headers(root):
    """The public headers, relative to include/: `ringrpc/base/result.hpp`, sorted."""
    prefix = "include" + os.sep
    return [p[len(prefix):] for p in walk(root) if p.startswith(prefix) and p.endswith(".hpp")]


def includes(text):
    """The #include lines of a source: a list of (line number, opening bracket, name)."""
    lines = enumerate(text.split("\n"), 1)
    return [(n, m[1], m[2]) for n, line in lines if (m := _INCLUDE.match(line))]


def layer_of(header):
    """`base` for `ringrpc/base/result.hpp`; "" for a header directly in ringrpc/."""
    parts = header.split("/")
    return parts[1] if len(parts) > 2 else ""


def reachable(graph, start):
    """Everything that `start` includes, directly or not, itself excluded."""
    seen, todo = set(), list(graph.get(start, ()))
    while todo:
        header = todo.pop()
        if header not in seen:
            seen.add(header)
            todo.extend(graph.get(header, ()))
    return seen


def include_graph(root):
    """For each public header the ringrpc headers that it includes."""
    graph = {}
    for header in headers(root):
        names = [name for _, _, name in includes(read(root, os.path.join("include", header)))]
        graph[header] = [name for name in names if name.startswith("ringrpc/")]
    return graph


def main(check):
    """Runs `check` on the tree that the command line names; prints the problems, exits 1 if any."""
    problems = check(sys.argv[1])
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems")
    sys.exit(1 if problems else 0)
