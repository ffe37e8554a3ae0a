# SPDX-License-Identifier: MIT
"""switches.py INCLUDE DEFINITION USE CXX...: units with different feature switches do not link.

They would disagree on the layout of what they share. The inline namespace is part of every mangled
name, so the linker finds no definition; with equal switches it does.
"""

import os
import subprocess
import sys
import tempfile

SWITCH = "RINGRPC_WITH_ZLIB"


def compile_unit(command, include, source, value, out):
    subprocess.run([*command, "-std=c++20", "-I", include, f"-D{SWITCH}={value}", "-c", source,
                    "-o", out], check=True)


def check(include, sources, command, folder):
    objects = {}
    for unit, source in sources.items():
        for value in (0, 1):
            out = os.path.join(folder, f"{unit}{value}.o")
            compile_unit(command, include, source, value, out)
            objects[unit, value] = out
    problems = []
    for defined in (0, 1):
        for used in (0, 1):
            program = os.path.join(folder, "program")
            done = subprocess.run([*command, objects["definition", defined], objects["use", used],
                                   "-lz", "-o", program], capture_output=True, text=True)
            how = f"{SWITCH}={defined} with {SWITCH}={used}"
            if (done.returncode == 0) != (defined == used):
                problems.append(f"{how}: {done.stderr or 'links'}")
            elif done.returncode == 0 and subprocess.run([program]).returncode != 0:
                problems.append(f"{how}: the program fails")
            elif done.returncode != 0 and f"abi_z{used}" not in done.stderr:
                problems.append(f"{how}: does not link, but for another reason: {done.stderr}")
    return problems


def main():
    include, definition, use, *command = sys.argv[1:]
    sources = {"definition": definition, "use": use}
    with tempfile.TemporaryDirectory() as folder:
        problems = check(include, sources, command, folder)
    print("\n".join(problems) or "units link if and only if their switches are equal")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
