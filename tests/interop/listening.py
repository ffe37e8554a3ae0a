# SPDX-License-Identifier: MIT
"""Waiting for a process that is to listen on a Unix socket."""

import os
import select
import socket
import time


class Failure(Exception):
    """What broke, in words."""


def connects(path):
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
        return True


def wait_until_it_listens(process, path, within, name="the server"):
    """Returns when one can connect to `path`.

    Raises Failure if the process ends first, and, when it has killed it, after `within` seconds.
    """
    end = os.pidfd_open(process.pid)
    try:
        until = time.monotonic() + within
        # The file appears with bind(2), before listen(2): only a connection tells.
        while not connects(path):
            if select.select([end], [], [], 0.01)[0]:
                raise Failure(f"{name} ended with {process.wait()} instead of listening")
            if time.monotonic() > until:
                process.kill()
                process.wait()
                raise Failure(f"{name} did not listen within {within} s")
    finally:
        os.close(end)
