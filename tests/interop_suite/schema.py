# SPDX-License-Identifier: MIT
"""schema.py FOLDER OUTPUT: the standard test service as one .proto file.

FOLDER is grpc/testing of Debian's package grpc-proto. Services that test load balancing, and
their messages, are left out.
"""

import pathlib
import re
import sys

SERVICES = ("TestService", "UnimplementedService")
# Of messages, by how their names begin.
LEFT_OUT = ("Reconnect", "LoadBalancer", "ClientConfigure")
BLOCK = re.compile(r"^(service|message|enum) (\w+) \{(?:\}$|.*?^\}$)", re.MULTILINE | re.DOTALL)


def main():
    folder, output = map(pathlib.Path, sys.argv[1:])
    made = ['syntax = "proto3";', "package grpc.testing;"]
    for name in ("empty", "messages", "test"):
        for block in BLOCK.finditer((folder / f"{name}.proto").read_text(encoding="utf-8")):
            kind, of = block.groups()
            if of in SERVICES if kind == "service" else not of.startswith(LEFT_OUT):
                made.append(block.group())
    output.write_text("\n\n".join(made) + "\n", encoding="utf-8")


main()
