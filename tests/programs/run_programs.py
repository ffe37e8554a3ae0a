# SPDX-License-Identifier: MIT
"""run_programs.py ECHO_SERVER ECHO_CLIENT TWO_CALLS: the load programs as processes.

Each test has a server on a socket in a fresh private directory. Nothing here judges how fast
anything was; every wait has a deadline, and only processes that were started here are ended.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

echo_server, echo_client, two_calls = sys.argv[1:]

WITHIN = 60  # seconds; nothing takes that long unless it is broken
GOAWAY, HEADERS, DATA, SETTINGS = 7, 1, 0, 4
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def finished(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False)


def frame(kind, flags, stream, payload=b""):
    head = bytes([kind, flags]) + stream.to_bytes(4, "big")
    return len(payload).to_bytes(3, "big") + head + payload


def header_block(*fields):
    """HPACK without its tables: each field a literal that is not indexed."""
    return b"".join(b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) +
                    value.encode() for name, value in fields)


class Wire:
    """An HTTP/2 client that sends what it is told, frame by frame."""

    def __init__(self, stream):
        self.stream, self.rest = stream, b""
        stream.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0))

    def receive(self):
        """(type, flags, payload) of the next frame, or None at the end of the stream."""
        while len(self.rest) < 9 or len(self.rest) < 9 + int.from_bytes(self.rest[:3], "big"):
            more = self.stream.recv(65536)
            if not more:
                return None
            self.rest += more
        end = 9 + int.from_bytes(self.rest[:3], "big")
        got, self.rest = self.rest[:end], self.rest[end:]
        return got[3], got[4], got[9:]

    def until(self, *kinds):
        """Takes frames up to one of a type in `kinds`."""
        while (got := self.receive()) is not None:
            if got[0] == SETTINGS and not got[1] & ACK:
                self.stream.sendall(frame(SETTINGS, ACK, 0))
            if got[0] in kinds:
                return got
        return None


class Programs(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="ringrpc-programs-")  # mode 0700
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "echo.sock")

    def connect(self):
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(WITHIN)
        try:
            stream.connect(self.path)
        except OSError:
            stream.close()
            raise
        return stream

    def serve(self, *arguments):
        """A server that listens on self.path, ended with the test."""
        server = subprocess.Popen([echo_server, *arguments])
        self.addCleanup(self.end, server)
        end = os.pidfd_open(server.pid)
        self.addCleanup(os.close, end)
        until = time.monotonic() + WITHIN
        while True:
            try:
                self.connect().close()
                return server
            except OSError as error:
                self.assertLess(time.monotonic(), until, f"does not listen: {error}")
            # The file appears with bind(2), before listen(2): only a connection says that it is up.
            ended = select.select([end], [], [], 0.01)[0]
            self.assertFalse(ended, "the server ended instead of listening")

    @staticmethod
    def end(server):
        if server.poll() is None:
            server.kill()
        server.wait(WITHIN)

    def drained(self, server):
        """SIGTERM, then the ends that are promised."""
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(WITHIN), 0)
        self.assertFalse(os.path.exists(self.path), "the socket file is still there")

    def load(self, *arguments):
        """What the client says about calls in a short window, a longer one on a slow machine."""
        for seconds in ("0.2", "2", "20"):
            ran = finished(echo_client, *arguments, "--seconds", seconds, "--warmup", "0")
            self.assertEqual(ran.returncode, 0, ran.stderr)
            self.assertEqual(ran.stdout.count("\n"), 1, ran.stdout)
            said = json.loads(ran.stdout)
            self.assertEqual(said["errors"], 0, said)
            self.assertEqual(said["seconds"], float(seconds))
            if said["samples"] > 0:
                break
        self.assertGreater(said["samples"], 0)
        self.assertGreater(said["rps"], 0)
        return said

    def test_each_kind_of_call_succeeds_under_load(self):
        server = self.serve("--address", "unix:" + self.path, "--threads", "1", "--backend",
                            "uring", "--busy-poll-us", "0")
        for scenario in ("unary", "server_stream", "client_stream", "bidi", "connect"):
            with self.subTest(scenario=scenario):
                said = self.load("--address", "unix:" + self.path, "--scenario", scenario,
                                 "--concurrency", "3", "--connections", "2", "--payload", "100",
                                 "--stream-count", "5", "--server-pid", str(server.pid))
                self.assertEqual(said["scenario"], scenario)
                self.assertEqual((said["concurrency"], said["connections"], said["payload"]),
                                 (3, 2, 100))
                self.assertAlmostEqual(said["bytes_per_s"] / said["rps"], 100, places=0)
                self.assertGreater(said["server_rss_kb"], 0)
        self.assertIsNone(server.poll())
        self.drained(server)

    def test_a_path_is_all_that_a_server_needs_to_be_told(self):
        for address in (self.path, "unix:" + self.path):
            with self.subTest(address=address):
                server = self.serve(address)
                said = self.load(address)
                self.assertEqual((said["scenario"], said["payload"]), ("unary", 32))
                self.assertIsNone(said["server_rss_kb"])
                self.drained(server)

    def test_a_call_that_runs_at_sigterm_gets_its_answer(self):
        server = self.serve(self.path)
        with self.connect() as stream:
            wire = Wire(stream)
            stream.sendall(frame(HEADERS, END_HEADERS, 1, header_block(
                (":method", "POST"), (":scheme", "http"), (":path", "/bench.Echo/Bidi"),
                (":authority", "localhost"), ("te", "trailers"),
                ("content-type", "application/grpc"))))
            # The empty message, and its echo: the handler runs.
            stream.sendall(frame(DATA, 0, 1, bytes(5)))
            self.assertEqual(wire.until(DATA, GOAWAY), (DATA, 0, bytes(5)))
            server.send_signal(signal.SIGTERM)
            kind, _, payload = wire.until(GOAWAY, DATA)
            self.assertEqual(kind, GOAWAY)
            self.assertEqual(int.from_bytes(payload[4:8], "big"), 0, "no error is the reason")
            self.assertIsNone(server.poll(), "the server waits for the call")
            stream.sendall(frame(DATA, END_STREAM, 1, bytes(5)))
            self.assertEqual(wire.until(DATA), (DATA, 0, bytes(5)))
            trailers = wire.until(HEADERS)
            self.assertTrue(trailers and trailers[1] & END_STREAM, trailers)
            self.assertIsNone(wire.until(), "the connection ends")
        self.assertEqual(server.wait(WITHIN), 0)
        self.assertFalse(os.path.exists(self.path), "the socket file is still there")

    def test_a_second_server_on_the_path_is_refused(self):
        first = self.serve(self.path)
        second = finished(echo_server, self.path)
        self.assertEqual(second.returncode, 1)
        self.assertIn(self.path, second.stderr)
        self.drained(first)

    def test_what_is_not_supported_is_refused_in_words(self):
        for program in (echo_server, echo_client):
            for flag, value, why in (("--backend", "epoll", "only uring is supported"),
                                     ("--threads", "2", "only 1 is supported"),
                                     ("--threads", "many", "a number is expected"),
                                     ("--concurrency", "0", "at least 1 is expected"),
                                     ("--connections", "0", "at least 1 is expected"),
                                     ("--colour", "red", "no such flag")):
                with self.subTest(program=program, flag=flag, value=value):
                    ran = finished(program, self.path, flag, value)
                    self.assertEqual((ran.returncode, ran.stdout, ran.stderr),
                                     (2, "", f"{flag}: {why}\n"))
            ran = finished(program, self.path, "--threads")
            self.assertEqual((ran.returncode, ran.stderr), (2, "--threads: a value is expected\n"))
        ran = finished(echo_client, self.path, "--scenario", "guess")
        self.assertEqual((ran.returncode, ran.stderr), (2, "--scenario: no such scenario\n"))
        self.assertEqual(os.listdir(os.path.dirname(self.path)), [])

    def test_two_calls_says_how_each_ended(self):
        server = self.serve(self.path)
        ran = finished(two_calls, self.path)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        hello = b"hello".hex()
        self.assertRegex(ran.stdout, rf"\ACALL 1 0 \d+ {hello}\nCALL 2 0 \d+ {hello}\n\Z")
        self.drained(server)

    def test_two_calls_without_a_server_fails_at_once_and_then_waits_for_one(self):
        ran = finished(two_calls, self.path)
        self.assertEqual(ran.returncode, 0)
        # UNAVAILABLE, then DEADLINE_EXCEEDED.
        self.assertRegex(ran.stdout, r"\ACALL 1 14 \d+ -\nCALL 2 4 \d+ -\n\Z")
        self.assertIn(self.path, ran.stderr)

    def test_two_calls_takes_one_argument(self):
        for arguments in ((), (self.path, self.path)):
            ran = finished(two_calls, *arguments)
            self.assertEqual((ran.returncode, ran.stdout, ran.stderr),
                             (2, "", "usage: two_calls PATH\n"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
