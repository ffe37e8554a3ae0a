# SPDX-License-Identifier: MIT
"""run_matrix.py FOLDER [PAIR...] [--test_case NAME...]: gRPC's interop cases, pair by pair
(wire rules 56 and 57).

FOLDER is that of the tests in the build. A PAIR is client:server, of ringrpc, grpcpp, grpcio and
grpcjs; without one, all pairs of ringrpc. Each server listens on a Unix socket in a fresh private
directory, and must end well on SIGTERM. The last lines are a table of cases and pairs. Exits 1 if a
case failed, 77, which means skipped, if none did but a library is not there.
"""

import argparse
import concurrent.futures
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import flag_tap
from processes import HERE, Process, WITHIN, kill_all, program, start  # it finds the next ones

import wire
from listening import Failure

PAIRS = ("ringrpc:grpcjs", "grpcjs:ringrpc", "ringrpc:grpcio", "grpcio:ringrpc", "ringrpc:grpcpp",
         "grpcpp:ringrpc", "ringrpc:ringrpc")  # those that take long first
CASES = (
    "empty_unary", "large_unary", "cacheable_unary", "client_streaming", "server_streaming",
    "ping_pong", "half_duplex", "empty_stream", "custom_metadata", "status_code_and_message",
    "special_status_message", "unimplemented_method", "unimplemented_service", "cancel_after_begin",
    "cancel_after_first_response", "timeout_on_sleeping_server", "rpc_soak", "channel_soak",
    "concurrent_large_unary", "client_compressed_unary", "server_compressed_unary",
    "client_compressed_streaming", "server_compressed_streaming")
# Who cannot tell what came compressed, and asks the tap.
BLIND = ("grpcio", "grpcjs")
LEFT_OUT = {
    ("grpcjs", "server_compressed_unary"): "its server compresses no responses",
    ("grpcjs", "server_compressed_streaming"): "its server compresses no responses",
}
SKIPPED = 77


def install_grpcjs(folder):
    """@grpc/grpc-js, in the versions and with the hashes of package-lock.json; why not, if not."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "node or npm is not there; on Debian 12: apt-get install nodejs npm"
    target = os.path.join(folder, "interop_suite", "node")
    wanted = os.path.join(HERE, "package-lock.json")
    have = os.path.join(target, "installed-package-lock.json")
    if os.path.exists(have) and read(have) == read(wanted):
        return None
    os.makedirs(target, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(HERE, name), target)
    ran = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
                          "--prefer-offline"], cwd=target, capture_output=True, text=True,
                         timeout=600, check=False)
    if ran.returncode != 0:
        return f"npm ci ended with {ran.returncode}: {ran.stderr.strip()}"
    shutil.copy(wanted, have)
    return None


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def missing(library, folder):
    """Why a library is not there, or None."""
    if library == "grpcpp" and not os.path.exists(program(folder, "grpcpp", "server")[0]):
        return ("it was not built; on Debian 12:"
                " apt-get install libgrpc++-dev protobuf-compiler-grpc")
    if library == "grpcio" and importlib.util.find_spec("grpc") is None:
        return "it is not installed; on Debian 12: apt-get install python3-grpcio"
    if library == "grpcjs":
        return install_grpcjs(folder)
    return None


def run_client(command, names, outcomes):
    """Runs the cases and fills `outcomes`: case to (outcome, why). Goes on after one that broke the
    client."""
    left = list(names)
    while left:
        arguments = [word for name in left for word in ("--test_case", name)]
        running = left[0]
        client = start([*command, *arguments], stdout=subprocess.PIPE, text=True, encoding="utf-8")
        try:
            # Its own time limit: a call that hangs ends with the process.
            said, _ = client.communicate(timeout=WITHIN)
            why = f"the client ended with {client.returncode}"
        except subprocess.TimeoutExpired:
            client.kill()
            said, _ = client.communicate()
            why = f"it took more than {WITHIN} s"
        for line in said.splitlines():
            outcome, running, text = (*line.split(" ", 2), "")[:3]
            if outcome != "run":
                outcomes[running] = outcome, text
        outcomes.setdefault(running, ("failed", why))
        left = [name for name in left if name not in outcomes]


def run_pair(folder, pair, names):
    """{case: (outcome, why)}; "end" is how the server ended."""
    client_name, server_name = pair
    outcomes = {name: ("left-out", LEFT_OUT[server_name, name])
                for name in names if (server_name, name) in LEFT_OUT}
    names = [name for name in names if name not in outcomes]
    client = program(folder, client_name, "client")
    with tempfile.TemporaryDirectory(prefix="interop-") as directory:
        path, relayed, requests, replies = (os.path.join(directory, name) for name in (
            "server", "relayed", "requests", "replies"))
        server_tap = ["--tap", requests] if server_name in BLIND else []
        client_tap = ["--tap", replies] if client_name in BLIND else []
        try:
            server = Process([*program(folder, server_name, "server"), "--address", "unix:" + path,
                              *server_tap], path)
        except Failure as broken:
            return {**outcomes, "end": ("failed", str(broken))}
        try:
            tapped = [name for name in names if (server_tap or client_tap) and "compressed" in name]
            run_client([*client, "--address", "unix:" + path],
                       [name for name in names if name not in tapped], outcomes)
            if tapped:
                wire.Relay(relayed, path, lambda: flag_tap.Tap(requests, replies))
                run_client([*client, "--address", "unix:" + relayed, *client_tap], tapped, outcomes)
            wrong = server.end()
        finally:
            server.kill()
    return {**outcomes, "end": ("failed", wrong) if wrong else ("ok", "")}


def print_table(results, names):
    """A line per case, a column per pair; then what failed, and why."""
    marks = {"ok": "ok", "left-out": "-", None: "?"}
    print("\n" + " ".join([f"{'client:server':28}", *results]))
    for name in [*names, "end"]:
        cells = [marks.get(outcomes.get(name, (None,))[0], "FAILED").ljust(len(pair))
                 for pair, outcomes in results.items()]
        print(" ".join([f"{name:28}", *cells]).rstrip())
    for pair, outcomes in results.items():
        for name, (outcome, why) in outcomes.items():
            if outcome != "ok":
                print(f"{pair} {outcome} {name}: {why}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder")
    parser.add_argument("pairs", nargs="*", default=PAIRS)
    parser.add_argument("--test_case", action="append", choices=CASES)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, kill_all)
    names = given.test_case or CASES
    libraries = dict.fromkeys(name for pair in given.pairs for name in pair.split(":"))
    absent = {name: why for name in libraries if (why := missing(name, given.folder))}
    pairs = [pair for pair in given.pairs if not absent.keys() & set(pair.split(":"))]

    def run_and_say(pair):
        began = time.monotonic()
        outcomes = run_pair(given.folder, pair.split(":"), names)
        print(f"{pair}: {time.monotonic() - began:.1f} s", flush=True)
        return outcomes

    # Two at a time: a pair is two processes, of which one waits for the other for the most part.
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        results = dict(zip(pairs, pool.map(run_and_say, pairs)))
    print_table(results, names)
    for name, why in absent.items():
        print(f"skipped {name}: {why}")
    if not all(outcomes.get(name, ("",))[0] in ("ok", "left-out")
               for outcomes in results.values() for name in [*names, "end"]):
        sys.exit(1)
    sys.exit(SKIPPED if absent else 0)


main()
