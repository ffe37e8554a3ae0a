# SPDX-License-Identifier: MIT
"""grpcio's client: many calls at once, and servers that end."""

import os
import signal
import time

from grpc import StatusCode

from grpcio_support import Outcome, Requests, expect, expect_equal, fresh_name, request
from values import DRAINING, pattern

OK = StatusCode.OK


def expect_echoes(with_, requests):
    """Starts all calls before it waits for any."""
    calls = [with_.unary.future(one) for one in requests]
    for call, one in zip(calls, requests):
        expect(call.result().payload == one.payload, "the payload differs")


def parallel_200(with_):
    """All handlers run at the same time: each waits for the others."""
    name = fresh_name()
    expect_echoes(with_, [request(str(i).encode(), name=name, meet=200) for i in range(200)])


def parallel_1000(with_):
    """Wire rule 36: more than a server allows at a time; the rest is queued."""
    expect_echoes(with_, [request(str(i).encode()) for i in range(1000)])


def parallel_large(with_):
    expect_echoes(with_, [request(pattern(1_000_000 + i)) for i in range(16)])


def slow_reader(with_):
    """A stream that nobody reads from stops no other call."""
    call = with_.server_stream(request(replies=1000, reply_bytes=10_000))
    next(call)
    for _ in range(20):
        expect_echoes(with_, [request(pattern(64 * 1024))])
    got, outcome = with_.replies(call)
    outcome.expect(OK)
    expect_equal([len(reply.payload) for reply in got], [10_000] * 999, "the sizes")


def refused(with_):
    """Whether the server that was told to end refuses calls; False: it still took one."""
    outcome = with_.outcome(with_.unary, request(b"x"))
    if outcome.code is OK:
        return False
    outcome.expect(StatusCode.UNAVAILABLE)
    return True


def drain(with_):
    """Wire rule 33: calls that run when the server is told to end go on to their end; those after
    it are UNAVAILABLE."""
    requests = Requests(request(b"x", until_drain=True))
    both = with_.bidi(iter(requests))
    next(both)
    replies = with_.server_stream(request(b"x", until_drain=True, replies=1))
    next(replies)
    name = fresh_name()
    unary = with_.unary.future(request(b"x", until_drain=True, name=name))
    with_.started(name)

    os.kill(with_.server_pid, signal.SIGTERM)
    expect_equal(next(both).payload, DRAINING, "the payload")
    expect_equal(unary.result().payload, b"x", "the payload")
    got, outcome = with_.replies(replies)
    outcome.expect(OK)
    expect_equal([reply.payload for reply in got], [DRAINING], "the payloads")
    for _ in range(10):
        requests.put(request(b"x"))
        expect_equal(next(both).payload, b"x", "the payload")
    requests.done()
    got, outcome = with_.replies(both)
    outcome.expect(OK)
    expect_equal(got, [], "what comes after the last reply")

    limit = time.monotonic() + 10
    while not refused(with_):
        expect(time.monotonic() < limit,
               "the server still takes calls 10 s after it was told to end")


def server_killed(with_):
    """Wire rule 35; then the driver starts another one on the same path, which a call that waits
    for a connection reaches (rules 43, 44)."""
    requests = Requests(request(b"x", hang=True))
    both = with_.bidi(iter(requests))
    next(both)
    name = fresh_name()
    unary = with_.unary.future(request(b"x", hang=True, name=name))
    with_.started(name)

    os.kill(with_.server_pid, signal.SIGKILL)
    Outcome(unary).expect(StatusCode.UNAVAILABLE)
    Outcome(both).expect(StatusCode.UNAVAILABLE)
    requests.done()
    with_.outcome(with_.unary, request(b"back?"), wait_for_ready=True, timeout=30).expect(OK)


CASES = (parallel_200, parallel_1000, parallel_large, slow_reader, server_killed, drain)
