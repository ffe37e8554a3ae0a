# SPDX-License-Identifier: MIT
"""installed.py ROOT VERSION MESON BUILD COMPILER...: what `meson install` gives is enough.

The headers lie in another place than include/ of the repository, and pkg-config knows where.
"""

import glob
import os
import sys
import tempfile

from steps import expect, expect_version, run

root, version, meson, build, *compiler = sys.argv[1:]

with tempfile.TemporaryDirectory(prefix="ringrpc consumer ") as folder:
    run(meson, "install", "-C", build, "--destdir", folder, "--no-rebuild")
    found = glob.glob(f"{folder}/**/share/pkgconfig/ringrpc.pc", recursive=True)
    expect(len(found) == 1, f"one ringrpc.pc below share/pkgconfig, not {found}")

    # The prefix was made for the final place; here it lies below DESTDIR. Spaces in it would be
    # pkg-config's problem, so it is reached by a name without any.
    plain = os.path.join(tempfile.mkdtemp(prefix="ringrpc-"), "prefix")
    os.symlink(os.path.dirname(os.path.dirname(os.path.dirname(found[0]))), plain)
    try:
        environment = {**os.environ, "PKG_CONFIG_PATH": os.path.join(plain, "share", "pkgconfig")}
        package = ("pkg-config", f"--define-variable=prefix={plain}")
        expect(run(*package, "--modversion", "ringrpc", env=environment).strip() == version,
               "the version of ringrpc.pc")
        flags = run(*package, "--cflags", "--libs", "ringrpc", env=environment).split()
        expect(f"-I{plain}/include" in flags, f"the installed headers among {flags}")

        source = os.path.join(root, "tests", "consumer", "plain", "main.cpp")
        program = os.path.join(folder, "consumer")
        run(*compiler, "-std=c++20", source, *flags, "-o", program)
        expect_version(program, version)
    finally:
        os.remove(plain)
        os.rmdir(os.path.dirname(plain))
