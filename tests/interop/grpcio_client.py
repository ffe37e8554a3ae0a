# SPDX-License-Identifier: MIT
"""grpcio_client.py FOLDER PATH ...: grpcio's client, with the flags and the output of runner.hpp.

FOLDER holds interop_pb2.py.
"""

import argparse
import subprocess
import sys

sys.path.insert(0, sys.argv[1])

import grpcio_endings
import grpcio_load
import grpcio_messages
from grpcio_support import Client, LeftOut, request

CASES = {case.__name__: case for module in (grpcio_messages, grpcio_endings, grpcio_load)
         for case in module.CASES}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("path")
    parser.add_argument("--server")
    parser.add_argument("--server-pid", type=int)
    parser.add_argument("--hang")
    parser.add_argument("cases", nargs="*")
    given = parser.parse_intermixed_args()

    def spawn_hanging(name):
        return subprocess.Popen([sys.executable, "-B", __file__, given.folder, given.path, "--hang",
                                 name])

    client = Client(given.path, given.server, given.server_pid, spawn_hanging)
    if given.hang:
        client.unary(request(name=given.hang, hang=True))
        return 0
    status = 0
    for name in given.cases:
        print("run", name, flush=True)
        try:
            CASES[name](client)
            print("ok", name, flush=True)
        except LeftOut as why:
            print("left-out", name, why, flush=True)
        except Exception as why:
            print("failed", name, repr(why).replace("\n", " "), flush=True)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
