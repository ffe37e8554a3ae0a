# SPDX-License-Identifier: MIT
"""run.py FOLDER PAIR... [CASE...]: runs the cases of interop.proto between real processes.

FOLDER holds the programs that were built; a PAIR is client:server, of the libraries ringrpc,
grpcpp and grpcio. For each pair a server is started on a Unix socket in a fresh private directory,
a client runs all cases against it, then the server is ended by SIGTERM, and must end well. The last
lines are a table of pairs and cases. Exits 1 if a case failed; 77, which means skipped, if a
library is not there (`--missing`).
"""

import argparse
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from cases import CASES
from listening import Failure, wait_until_it_listens

SKIPPED = 77
PACKAGES = {"grpcpp": "libgrpc++-dev protobuf-compiler-grpc", "grpcio": "python3-grpcio"}
HERE = os.path.dirname(os.path.abspath(__file__))
# Seconds. Nothing waits that long unless it is broken.
TO_LISTEN = 60
FOR_A_CASE = 90
TO_END = 60


def program(folder, library, role):
    """The command of a library's server or client."""
    name = f"{library}_{role}"
    if library == "grpcio":
        return [sys.executable, "-B", os.path.join(HERE, name + ".py"), folder]
    return [os.path.join(folder, name)]


class Server:
    """A server process that listens, and is started again when somebody kills it."""

    def __init__(self, command, path):
        self.command, self.path = command, path
        self.start()

    def start(self):
        self.process = subprocess.Popen([*self.command, self.path])
        wait_until_it_listens(self.process, self.path, TO_LISTEN)

    def restart_if_killed(self):
        if self.process.poll() == -signal.SIGKILL:
            self.start()

    def end(self, told):
        """The exit status after SIGTERM, which is sent unless the server was told to end."""
        if not told:
            self.process.terminate()
        try:
            return self.process.wait(TO_END)
        except subprocess.TimeoutExpired:
            return f"nothing: it still ran {TO_END} s after SIGTERM"

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def run_client(command, server, server_name, cases):
    """Yields (case, outcome, why) until all were run or the client broke."""
    client = subprocess.Popen([*command, server.path, "--server", server_name, "--server-pid",
                               str(server.process.pid), *cases],
                              stdout=subprocess.PIPE, text=True, encoding="utf-8")
    lines = queue.Queue()

    def read_lines():
        for line in client.stdout:
            lines.put(line)
        lines.put(None)

    reader = threading.Thread(target=read_lines, daemon=True)
    reader.start()
    running, until = None, time.monotonic() + FOR_A_CASE
    try:
        while time.monotonic() < until:
            server.restart_if_killed()
            try:
                line = lines.get(timeout=0.05)
            except queue.Empty:
                continue
            if line is None:
                break
            outcome, name, why = (*line.rstrip("\n").split(" ", 2), "")[:3]
            until = time.monotonic() + FOR_A_CASE
            if outcome == "run":
                running = name
            else:
                yield name, outcome, why
                running = None
        else:
            client.kill()
            yield running, "failed", f"it took more than {FOR_A_CASE} s"
            return
        status = client.wait(TO_END)
        if running is not None:
            yield running, "failed", f"the client ended with {status}"
    finally:
        client.kill()
        client.wait()
        reader.join()
        client.stdout.close()


def run_cases(folder, pair, server, names, outcomes):
    """Fills `outcomes` for the cases of those names; goes on after a case broke the client."""
    client_name, server_name = pair
    left = list(names)
    while left:
        command = program(folder, client_name, "client")
        before = len(left)
        for name, outcome, why in run_client(command, server, server_name, left):
            if name in left:
                left.remove(name)
                outcomes[name] = outcome, why
                print(f"{client_name} to {server_name}: {outcome} {name} {why}", flush=True)
        if len(left) == before:
            raise Failure(f"the client said nothing about {', '.join(left)}")


def was_told(outcomes):
    """Whether a case has sent SIGTERM to the server."""
    return outcomes.get("drain", (None,))[0] == "ok"


def run_pair(folder, pair, names):
    """{case: (outcome, why)} of one pair; "end" is how the server ended."""
    outcomes = {}
    directory = tempfile.mkdtemp(prefix="interop-")
    server = None
    try:
        server = Server(program(folder, pair[1], "server"), os.path.join(directory, "socket"))
        # A client gets the server's process id, which is another one after a case has killed it.
        first = [name for name in names if name != "drain"]
        run_cases(folder, pair, server, first, outcomes)
        run_cases(folder, pair, server, [name for name in names if name == "drain"], outcomes)
        status = server.end(told=was_told(outcomes))
        right = status == 0
        outcomes["end"] = "ok" if right else "failed", f"the server ended with {status}"
    except Failure as broken:
        outcomes["end"] = "failed", str(broken)
    finally:
        if server is not None:
            server.kill()
        shutil.rmtree(directory, ignore_errors=True)
    if outcomes["end"][0] != "ok":
        print(f"{pair[0]} to {pair[1]}: {outcomes['end'][1]}", flush=True)
    return outcomes


def print_table(results, names):
    """A line per case, a column per pair."""
    marks = {"ok": "ok", "left-out": "-", None: "?"}
    heads = [f"{client}:{server}" for client, server in results]
    print("\n" + " ".join([f"{'client:server':26}", *heads]))
    for name in [*names, "end"]:
        cells = [marks.get(outcomes.get(name, (None,))[0], "FAILED").ljust(len(head))
                 for head, outcomes in zip(heads, results.values())]
        print(" ".join([f"{name:26}", *cells]).rstrip())
    for (client, server), outcomes in results.items():
        for name, (outcome, why) in outcomes.items():
            if outcome != "ok":
                print(f"{client}:{server} {outcome} {name}: {why}")


def arguments(text):
    """(folder, pairs, cases) of the command line; ends the program where it says --missing."""
    parser = argparse.ArgumentParser(description=text.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("words", nargs="+", metavar="PAIR or CASE")
    parser.add_argument("--missing", choices=PACKAGES, action="append")
    given = parser.parse_args()
    if given.missing:
        packages = " ".join(PACKAGES[name] for name in given.missing)
        print(f"skipped: {' and '.join(given.missing)} is not installed; on Debian 12:"
              f" apt-get install {packages}")
        sys.exit(SKIPPED)
    # The one who ends this by SIGTERM expects that no process is left.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    pairs = [tuple(word.split(":")) for word in given.words if ":" in word]
    return given.folder, pairs, [word for word in given.words if ":" not in word]


def main():
    folder, pairs, names = arguments(__doc__)
    names = names or list(CASES)
    results = {pair: run_pair(folder, pair, names) for pair in pairs}
    print_table(results, names)
    right = all(outcomes.get(name, ("",))[0] in ("ok", "left-out")
                for outcomes in results.values() for name in [*names, "end"])
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
