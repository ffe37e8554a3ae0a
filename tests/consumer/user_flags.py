# SPDX-License-Identifier: MIT
"""user_flags.py ROOT: no warning comes from our headers, however a user compiles.

A meson subproject and a plain -I are no system headers, so users get our warnings under their
flags. The unit includes all headers and uses them as the plain consumer does;
`-fkeep-inline-functions` makes g++ look at the functions that it does not use, too. Headers that
the library does not have yet are covered as soon as they exist.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tidy"))

import compilers  # noqa: E402
import sources  # noqa: E402

GCC = """-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast
-Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference -Wuseless-cast -Wduplicated-cond
-Wcast-align=strict -Wundef -Wmissing-declarations -Werror""".split()

# All but what forbids C++ itself, or is about layout.
CLANG = """-Weverything -Werror -Wno-unknown-warning-option -Wno-c++98-compat
-Wno-c++98-compat-pedantic -Wno-padded -Wno-weak-vtables -Wno-unsafe-buffer-usage
-Wno-switch-default -Wno-c++20-compat -Wno-pre-c++14-compat -Wno-pre-c++14-compat-pedantic
-Wno-pre-c++17-compat
-Wno-pre-c++17-compat-pedantic -Wno-pre-c++20-compat -Wno-pre-c++20-compat-pedantic
-Wno-pre-c++23-compat -Wno-pre-c++23-compat-pedantic""".split()

HARDENED = ("-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3", "-D_GLIBCXX_ASSERTIONS")

# One job for every standard, level and hardening of each compiler, not one for every combination.
JOBS = {
    "g++": (
        ("-O0", "-std=gnu++20", "-fkeep-inline-functions"),
        ("-O2", "-std=c++20", "-fkeep-inline-functions", *HARDENED),
        ("-O3", "-std=c++2b", "-D_GLIBCXX_DEBUG"),
    ),
    "clang++": (
        ("-O0", "-std=gnu++20"),
        ("-O2", "-std=c++20", *HARDENED),
        ("-O0", "-std=c++2b", "-D_GLIBCXX_DEBUG"),
    ),
}


def compile_unit(root, name, command, flags):
    warnings = GCC if name == "g++" else CLANG
    include = ["-I", os.path.join(root, "include"), *compilers.package_flags("--cflags")]
    consumer = os.path.join(root, "tests", "consumer", "plain", "main.cpp")
    headers = sources.headers(root)
    if "-O2" in flags:
        headers.reverse()  # the order must not matter
    text = "".join(f"#include <{header}>\n" for header in headers)
    text += f'#include "{consumer}"\n'
    return compilers.run(
        [command, *warnings, *flags, *include, "-c", "-x", "c++", "-", "-o", os.devnull], text)


def check(root):
    jobs = [(root, name, command, flags)
            for name, command in compilers.installed() for flags in JOBS[name]]
    problems, shown = [], set()
    for job, messages in zip(jobs, compilers.in_parallel(compile_unit, jobs)):
        if messages:
            # Most jobs say the same: a line is shown once, for the first.
            errors = [line for line in messages.split("\n") if "error: " in line] or [messages]
            new = [line for line in dict.fromkeys(errors) if line not in shown]
            shown.update(new)
            known = len(dict.fromkeys(errors)) - len(new)
            new += [f"and {known} of those above"] if known else []
            problems.append(f"{job[2]} {' '.join(job[3])}:\n" + "\n".join(new))
    return problems


if __name__ == "__main__":
    sources.main(check)
