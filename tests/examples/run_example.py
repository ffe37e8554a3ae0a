# SPDX-License-Identifier: MIT
"""run_example.py PROGRAM [ARGUMENT ...] -- LINE ...

Runs an example as a process of its own. It must exit with 0 within a minute and print the lines, in
their order, others between them allowed. {dir} in an argument is a fresh private directory."""
import subprocess
import sys
import tempfile

split = sys.argv.index("--")
command, wanted = sys.argv[1:split], sys.argv[split + 1:]
with tempfile.TemporaryDirectory() as private:  # mode 0700
    command = [word.replace("{dir}", private) for word in command]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60)
print(ran.stdout, end="")
printed = iter(ran.stdout.splitlines())
missing = [line for line in wanted if not any(line == got for got in printed)]
if missing:
    print("not printed, or not in this order:", *missing, sep="\n  ")
sys.exit(1 if missing or ran.returncode else 0)
