# SPDX-License-Identifier: MIT
"""run_hello.py SERVER CLIENT

Starts the hello server on a socket in a private directory and calls it with the hello client; then
calls it with an empty name, starts a second server on the same path, and ends the first one."""
import os
import signal
import subprocess
import sys
import tempfile

server_program, client_program = sys.argv[1:]


def client(*arguments):
    return subprocess.run([client_program, *arguments], capture_output=True, text=True, timeout=60)


def check(holds, what):
    print("ok:" if holds else "FAILED:", what)
    if not holds:
        sys.exit(1)


with tempfile.TemporaryDirectory() as private:  # mode 0700
    socket = private + "/hello.sock"
    absent = client(socket, "world")
    check(absent.returncode == 1 and socket in absent.stderr and "No such file" in absent.stderr,
          "without a server the client names the address and the reason: " + absent.stderr.strip())
    server = subprocess.Popen([server_program, socket])
    try:
        # The file appears with bind(2), before listen(2): a client that is too early is refused.
        while (greeting := client(socket, "world")).returncode != 0 and server.poll() is None:
            pass
        check(greeting.stdout == f"hello world, uid {os.getuid()}\n", greeting.stdout.strip())
        refused = client(socket, "")
        check(refused.returncode == 1 and "INVALID_ARGUMENT: name is empty" in refused.stderr,
              "a status of the handler arrives with its message")
        second = subprocess.run([server_program, socket], capture_output=True, text=True,
                                timeout=60)
        check(second.returncode == 1 and f"pid {server.pid}" in second.stderr,
              "a second server is refused: " + second.stderr.strip())
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait(60)
    check(code == 0 and not os.path.exists(socket),
          "SIGTERM drains, removes the socket and exits 0")
