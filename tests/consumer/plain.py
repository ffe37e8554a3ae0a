# SPDX-License-Identifier: MIT
"""plain.py ROOT VERSION COMPILER...: no build system, only include/ and the libraries' flags."""

import os
import sys
import tempfile

from steps import expect_version, run

root, version, *compiler = sys.argv[1:]
packages = ("liburing", "libnghttp2", "protobuf")

with tempfile.TemporaryDirectory(prefix="ringrpc consumer ") as folder:
    flags = run("pkg-config", "--cflags", "--libs", *packages).split()
    source = os.path.join(root, "tests", "consumer", "plain", "main.cpp")
    program = os.path.join(folder, "consumer")
    include = os.path.join(root, "include")
    run(*compiler, "-std=c++20", "-I", include, source, *flags, "-o", program)
    expect_version(program, version)
