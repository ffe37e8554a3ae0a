# SPDX-License-Identifier: MIT
"""run_wire.py FOLDER PAIR... [CASE...]: like run.py, but a relay between the processes reads along.

Fails where ringrpc sends what wire_rules.py does not allow. Processes that are killed are left out:
they break rules.
"""

import collections
import os
import sys
import tempfile

import run
import wire
import wire_rules
from cases import CASES

KILLING = ("client_killed", "server_killed")


class Relayed:
    """A server as run.run_client wants it, behind the relay."""

    def __init__(self, server, path):
        self.process, self.path = server.process, path

    def restart_if_killed(self):
        pass


def run_pair(folder, pair, names):
    """The problems of one pair."""
    with tempfile.TemporaryDirectory(prefix="interop-") as directory:
        server = run.Server(run.program(folder, pair[1], "server"),
                            os.path.join(directory, "server"))
        outcomes = {}
        try:
            relay = wire.Relay(os.path.join(directory, "relay"), server.path)
            run.run_cases(folder, pair, Relayed(server, os.path.join(directory, "relay")), names,
                          outcomes)
            status = server.end(told=run.was_told(outcomes))
        finally:
            server.kill()
    problems = [f"{name}: {why}" for name, (outcome, why) in outcomes.items()
                if outcome not in ("ok", "left-out")]
    if status != 0:
        problems.append(f"the server ended with {status}")
    if not relay.join(10):
        problems.append("a connection did not end with its processes")
    for side, library in zip(("client", "server"), pair):
        if library == "ringrpc":
            problems += judge_all(relay.connections, side)
    return problems


def judge_all(connections, side):
    problems, frames = [], collections.Counter()
    for index, connection in enumerate(connections):
        found = wire_rules.judge(connection, side)
        problems += [f"connection {index}: {side}: {text}" for text in found.found[:20]]
        frames += found.frames
    counted = ", ".join(f"{count} {name}" for name, count in sorted(frames.items()))
    print(f"{side} sent on {len(connections)} connections: {counted}", flush=True)
    return problems


def main():
    folder, pairs, names = run.arguments(__doc__)
    names = names or [name for name in CASES if name not in KILLING]
    try:
        wire.Inflater()
    except wire.InflateError as error:
        print(f"skipped: HPACK is decoded by the shared library of nghttp2: {error}")
        sys.exit(run.SKIPPED)
    failed = False
    for pair in pairs:
        for problem in run_pair(folder, pair, names):
            print(f"{pair[0]} to {pair[1]}: {problem}", flush=True)
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
