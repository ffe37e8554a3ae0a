# SPDX-License-Identifier: MIT
"""subproject.py ROOT VERSION MESON COMPILER...: a user's project with ringrpc in its subprojects/.

The project has a .proto of its own, and its program calls the service generated from it.
The repository is linked in, not copied: what is tested is the tree as it is. The build folder lies
elsewhere and has a space in its name.
"""

import json
import os
import shlex
import shutil
import sys
import tempfile

from steps import expect, expect_version, run

root, version, meson, *compiler = sys.argv[1:]

with tempfile.TemporaryDirectory(prefix="ringrpc-consumer-") as folder:
    project, build = os.path.join(folder, "project"), os.path.join(folder, "build folder")
    shutil.copytree(os.path.join(root, "tests", "consumer", "meson"), project)
    os.mkdir(os.path.join(project, "subprojects"))
    os.symlink(root, os.path.join(project, "subprojects", "ringrpc"))

    environment = {**os.environ, "CXX": shlex.join(compiler)}
    # nodownload, not nofallback: the subproject that is there already is the fallback.
    run(meson, "setup", build, project, "--wrap-mode=nodownload", "-Dwerror=true", env=environment)
    run(meson, "compile", "-C", build)
    expect_version(os.path.join(build, "consumer"), version)

    # None of ringrpc's own settings came over, and nothing that only ringrpc itself needs is built.
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = [c["command"] for c in json.load(file) if c["file"].endswith("src/main.cpp")]
    ours = [c for c in commands if "consumer.p" in c]
    expect(len(ours) == 1, f"one command for the user's source among {commands}")
    for flag in ("-Wshadow", "-Wconversion", "-Wold-style-cast", "-DNDEBUG"):
        expect(flag not in ours[0].split(), f"{flag} came over: {ours[0]}")
    tests = json.loads(run(meson, "introspect", "--tests", build))
    expect(tests == [], f"tests of ringrpc are built: {tests}")
    targets = [t["name"] for t in json.loads(run(meson, "introspect", "--targets", build))]
    expect(set(targets) <= {"consumer", "protoc-gen-ringrpc"}, f"more is built: {targets}")
    expect(os.listdir(os.path.join(project, "subprojects")) == ["ringrpc"],
           "meson wrote into the user's subprojects/")
