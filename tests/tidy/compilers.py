# SPDX-License-Identifier: MIT
"""The compilers of this machine, and many compile jobs at a time."""

import concurrent.futures
import os
import re
import shutil
import subprocess

OLDEST_CLANG = 16

# What our headers are promised to be clean under, with both compilers.
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wold-style-cast",
          "-Werror")

PACKAGES = ("liburing", "libnghttp2", "protobuf", "zlib")


def newest_clang():
    """The command of the newest clang++ that we support, or None where none is installed."""
    found = []
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            match = re.fullmatch(r"clang\+\+-(\d+)", name)
            if match and int(match[1]) >= OLDEST_CLANG:
                found.append((int(match[1]), name))
    if found:
        return max(found)[1]
    if shutil.which("clang++"):
        version = subprocess.run(["clang++", "-dumpversion"], capture_output=True, text=True)
        if int(version.stdout.split(".")[0] or 0) >= OLDEST_CLANG:
            return "clang++"
    return None


def installed():
    """(name, command) of each compiler that the checks use: g++, and the newest clang++ if any."""
    result = [("g++", "g++")] if shutil.which("g++") else []
    clang = newest_clang()
    return result + ([("clang++", clang)] if clang else [])


def identity(command):
    """Changes when the compiler does."""
    return subprocess.run([command, "--version"], capture_output=True, text=True).stdout


def package_flags(what):
    """Flags of the libraries, as an installed pkg-config knows them; what: --cflags or --libs."""
    present = [p for p in PACKAGES if not subprocess.run(["pkg-config", "--exists", p]).returncode]
    done = subprocess.run(["pkg-config", what, *present], capture_output=True, text=True)
    # The libraries' own headers are not ours to judge.
    return [re.sub(r"^-I", "-isystem", flag) for flag in done.stdout.split()]


def run(command, source=None):
    """Runs a compiler, `source` being its standard input; its messages, "" on success."""
    done = subprocess.run(command, input=source, capture_output=True, text=True)
    if done.returncode == 0:
        return ""
    return done.stderr.strip() or f"{command[0]} ended with {done.returncode}"


def in_parallel(function, jobs):
    """function(*job) for each job, on all processors; the results in the order of the jobs."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(lambda job: function(*job), jobs))


def excerpt(messages, lines=12):
    """The start of a compiler's messages, which is where the reason is."""
    all_lines = messages.split("\n")
    return "\n".join(all_lines[:lines] + (["..."] if len(all_lines) > lines else []))
