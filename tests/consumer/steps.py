# SPDX-License-Identifier: MIT
"""What the consumer tests have in common: run a step, or end with what it said."""

import subprocess
import sys


def run(*command, **options):
    """Runs a command, shows it and ends the test if it fails; its standard output."""
    command = [str(part) for part in command]
    print("+", " ".join(command), flush=True)
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}{done.stderr}ended with {done.returncode}: {command[0]}")
    return done.stdout


def expect(condition, text):
    if not condition:
        sys.exit(f"FAILED: {text}")


def expect_version(program, version):
    said = run(program)
    expect(said == f"ringrpc {version}\n", f"the program said {said!r}, not version {version}")
