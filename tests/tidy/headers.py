# SPDX-License-Identifier: MIT
"""headers.py ROOT [CACHE]: what only a compiler can tell of the headers.

alone  Each header compiles with nothing before it, with g++ and, if it is installed, with clang++
       (there without RTTI), under the warnings of compilers.STRICT.
link   Two translation units include all headers, in opposite orders, and link into one program: a
       function without `inline` is defined twice.

What succeeded is tried again only if a header that takes part, the compiler or a flag has changed.
CACHE is the file that knows.
"""

import hashlib
import json
import os
import sys
import tempfile

import compilers
import sources

BASE_FLAGS = ("-std=c++20", *compilers.STRICT)
ALONE_FLAGS = {"g++": (), "clang++": ("-fno-rtti",)}
SWITCHES = ("-DRINGRPC_WITH_ZLIB=1",)
LINK_FLAGS = {"with RTTI": (), "without RTTI, all switches on": ("-fno-rtti", *SWITCHES)}


def include_flags(root):
    return ["-I", os.path.join(root, "include"), *compilers.package_flags("--cflags")]


def unit(names):
    return "".join(f"#include <{name}>\n" for name in names)


def compile_alone(root, name, command, header):
    flags = [*BASE_FLAGS, *ALONE_FLAGS[name], *include_flags(root)]
    # Twice: the guard is tested as well.
    source = unit([header, header])
    return compilers.run([command, *flags, "-fsyntax-only", "-x", "c++", "-"], source)


class Cache:
    """The fingerprints of what compiled before."""

    def __init__(self, path):
        self.path, self.known, self.used = path, set(), set()
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.known = set(json.load(file))

    def save(self):
        if self.path:
            with open(self.path, "w", encoding="utf-8") as file:
                json.dump(sorted(self.used), file)


def fingerprint(root, headers, *rest):
    digest = hashlib.sha256(repr(rest).encode())
    for name in sorted(headers):
        path = os.path.join("include", name)
        if os.path.exists(os.path.join(root, path)):
            digest.update(f"{name}\n{sources.read(root, path)}".encode())
    return digest.hexdigest()


def run_new(cache, function, jobs, prints):
    """(job, messages) of each job that is not known to succeed, and failed."""
    new = [(job, print_) for job, print_ in zip(jobs, prints) if print_ not in cache.known]
    cache.used.update(print_ for print_ in prints if print_ in cache.known)
    results = compilers.in_parallel(function, [job for job, _ in new])
    cache.used.update(print_ for (_, print_), messages in zip(new, results) if not messages)
    return [(job, messages) for (job, _), messages in zip(new, results) if messages]


def check_alone(root, cache):
    graph = sources.include_graph(root)
    jobs, prints = [], []
    for name, command in compilers.installed():
        identity = compilers.identity(command)
        for header in graph:
            jobs.append((root, name, command, header))
            takes_part = {header} | sources.reachable(graph, header)
            prints.append(fingerprint(root, takes_part, header, identity, BASE_FLAGS,
                                      ALONE_FLAGS[name]))
    problems, shown = [], set()
    for (_, _, command, header), messages in run_new(cache, compile_alone, jobs, prints):
        # One mistake breaks all headers that include it: its messages are shown once.
        reason = next((line for line in messages.split("\n") if "error: " in line), messages)
        text = reason if reason in shown else compilers.excerpt(messages)
        shown.add(reason)
        problems.append(f"include/{header}: does not compile alone with {command}:\n{text}")
    return problems


def link_units(root, command, what, folder):
    """The messages of a compiler, "" if the two units make a program."""
    flags = [*BASE_FLAGS, *LINK_FLAGS[what], *include_flags(root)]
    names = sources.headers(root)
    texts = (unit(names) + "int second();\nint main() { return second(); }\n",
             unit(reversed(names)) + "int second();\nint second() { return 0; }\n")
    stem = os.path.join(folder, f"{os.path.basename(command)} {what}".replace(" ", "_"))
    objects = []
    for number, text in enumerate(texts):
        objects.append(f"{stem}_{number}.o")
        compile_ = [command, *flags, "-O0", "-c", "-x", "c++", "-", "-o", objects[-1]]
        messages = compilers.run(compile_, text)
        if messages:
            return messages
    return compilers.run([command, *objects, *compilers.package_flags("--libs"), "-o", stem])


def check_link(root, cache):
    jobs, prints = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _, command in compilers.installed():
            for what, flags in LINK_FLAGS.items():
                jobs.append((root, command, what, folder))
                prints.append(fingerprint(root, sources.headers(root), "link",
                                          compilers.identity(command), BASE_FLAGS, flags))
        return [
            f"two units with all headers, {command} {what}:\n{compilers.excerpt(messages)}"
            for (_, command, what, _), messages in run_new(cache, link_units, jobs, prints)
        ]


def check(root, cache_path=None):
    cache = Cache(cache_path)
    problems = check_alone(root, cache) + check_link(root, cache)
    cache.save()
    return problems


if __name__ == "__main__":
    names = ", ".join(command for _, command in compilers.installed())
    print(f"{len(sources.headers(sys.argv[1]))} headers, compilers: {names}")
    sources.main(lambda root: check(root, sys.argv[2] if len(sys.argv) > 2 else None))
