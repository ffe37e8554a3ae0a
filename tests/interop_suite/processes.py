# SPDX-License-Identifier: MIT
"""The processes of run_matrix.py and run_proxies.py."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "interop"))

from listening import wait_until_it_listens  # pylint: disable=wrong-import-position

WITHIN = 180  # seconds; nothing takes that long unless it is broken


_started = []


def start(command, **how):
    """A subprocess that `kill_all` knows."""
    _started.append(subprocess.Popen(command, **how))
    return _started[-1]


def kill_all(*_signal):
    """Ends this process, and first all that it has started; for the one who sends SIGTERM."""
    for process in _started:
        process.kill()
    os._exit(1)  # pylint: disable=protected-access


def program(folder, library, role):
    """The command of a library's server or client; `folder` is that of the tests in the build."""
    return {
        "ringrpc": [os.path.join(folder, "interop_" + role)],
        "grpcpp": [os.path.join(folder, "interop_suite", "grpcpp_suite_" + role)],
        "grpcio": [sys.executable, "-B", os.path.join(HERE, f"grpcio_{role}.py"), folder],
        "grpcjs": ["node", os.path.join(HERE, f"grpcjs_{role}.js"), folder],
    }[library]


class Process:
    """A process that listens on the Unix socket `path`."""

    def __init__(self, command, path, **how):
        self._process = start(command, **how)
        wait_until_it_listens(self._process, path, WITHIN, os.path.basename(command[0]))

    def end(self):
        """Nothing, or what is wrong with how it ended."""
        self._process.terminate()
        try:
            status = self._process.wait(WITHIN)
        except subprocess.TimeoutExpired:
            return f"it still runs {WITHIN} s after SIGTERM"
        return f"it ended with {status}" if status else None

    def kill(self):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
