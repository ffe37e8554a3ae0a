# SPDX-License-Identifier: MIT
"""grpcio's client: calls end as they should, and both sides learn of it."""

import itertools

from grpc import StatusCode

from grpcio_support import (LeftOut, Outcome, Requests, expect, expect_equal, fresh_name, messages,
                            request)
from values import DIFFICULT_MESSAGES, STATUS_CODES, STATUS_DETAILS, pattern

OK = StatusCode.OK


def status_codes(with_):
    for number, code in STATUS_CODES.items():
        if code is not OK:
            text = f"code {number}"
            order = request(end=True, code=number, message=text)
            with_.outcome(with_.unary, order).expect(code, text)
    with_.expect_service()


def status_messages(with_):
    for text in DIFFICULT_MESSAGES:
        order = request(end=True, code=10, message=text, replies=1)
        with_.outcome(with_.unary, order).expect(StatusCode.ABORTED, text)
        _, outcome = with_.replies(with_.server_stream(order))
        outcome.expect(StatusCode.ABORTED, text)


def status_details(with_):
    order = request(end=True, code=9, message="no", details=STATUS_DETAILS, replies=1)
    _, streamed = with_.replies(with_.server_stream(order))
    for outcome in (with_.outcome(with_.unary, order), streamed):
        outcome.expect(StatusCode.FAILED_PRECONDITION, "no")
        expect_equal(dict(outcome.trailers)["grpc-status-details-bin"], STATUS_DETAILS,
                     "the details")


def error_after_replies(with_):
    order = request(b"x", replies=3, end=True, code=15, message="no more")
    got, outcome = with_.replies(with_.server_stream(order))
    outcome.expect(StatusCode.DATA_LOSS, "no more")
    expect_equal(len(got), 3, "the number of replies")


def call_with(with_, path, requests):
    """How a call of any method ends, with that many requests."""
    method = with_.channel.stream_unary(
        path, request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=messages.Reply.FromString)
    return with_.outcome(method, itertools.repeat(request(b"x"), requests))


def unimplemented(with_):
    for path in ("/ringrpc_interop.Peer/Missing", "/ringrpc_interop.Absent/Unary"):
        for requests in (0, 1, 2):
            call_with(with_, path, requests).expect(StatusCode.UNIMPLEMENTED)
    with_.expect_service()


def wrong_number_of_replies(_):
    raise LeftOut("what grpcio does with them is its own matter")


def wrong_number_of_requests(with_):
    if with_.server != "ringrpc":
        raise LeftOut("what others do with them differs")
    for requests in (0, 2):
        for method in ("Unary", "ServerStream"):
            outcome = call_with(with_, "/ringrpc_interop.Peer/" + method, requests)
            outcome.expect(StatusCode.UNIMPLEMENTED)
            with_.expect_service()


def deadline_unary(with_):
    name = fresh_name()
    outcome = with_.outcome(with_.unary, request(name=name, hang=True), timeout=0.1)
    outcome.expect(StatusCode.DEADLINE_EXCEEDED)
    with_.expect_cancelled(name)


def deadline_streams(with_):
    name = fresh_name()
    order = request(name=name, hang=True, replies=2)
    got, outcome = with_.replies(with_.server_stream(order, timeout=0.2))
    outcome.expect(StatusCode.DEADLINE_EXCEEDED)
    expect_equal(len(got), 2, "the number of replies")
    with_.expect_cancelled(name)

    name = fresh_name()
    order = request(name=name, hang=True)
    outcome = with_.outcome(with_.client_stream, iter([order]), timeout=0.2)
    outcome.expect(StatusCode.DEADLINE_EXCEEDED)
    with_.expect_cancelled(name)

    name = fresh_name()
    requests = Requests(request(name=name, hang=True))
    got, outcome = with_.replies(with_.bidi(iter(requests), timeout=0.2))
    requests.done()
    outcome.expect(StatusCode.DEADLINE_EXCEEDED)
    expect_equal(len(got), 1, "the number of replies")
    with_.expect_cancelled(name)


def deadline_told(with_):
    order = request(tell_deadline=True)
    expect_equal(with_.unary(order).left_ms, -1, "the time left without a deadline")
    left_ms = with_.unary(order, timeout=60).left_ms
    # C-core rounds what it sends.
    expect(30_000 < left_ms <= 61_000, f"of 60 s the server sees {left_ms} ms")


def cancel_unary(with_):
    name = fresh_name()
    call = with_.unary.future(request(name=name, hang=True))
    with_.started(name)
    call.cancel()
    Outcome(call).expect(StatusCode.CANCELLED)
    with_.expect_cancelled(name)


def cancel_server_stream(with_):
    name = fresh_name()
    call = with_.server_stream(request(name=name, hang=True, replies=1))
    next(call)
    call.cancel()
    Outcome(call).expect(StatusCode.CANCELLED)
    with_.expect_cancelled(name)


def cancel_client_stream(with_):
    """Its handler is in a read."""
    name = fresh_name()
    requests = Requests(request(name=name))
    call = with_.client_stream.future(iter(requests))
    with_.started(name)
    call.cancel()
    requests.done()
    Outcome(call).expect(StatusCode.CANCELLED)
    with_.expect_cancelled(name)


def cancel_bidi(with_):
    name = fresh_name()
    requests = Requests(request(name=name))
    call = with_.bidi(iter(requests))
    next(call)
    call.cancel()
    requests.done()
    got, outcome = with_.replies(call)
    outcome.expect(StatusCode.CANCELLED)
    expect_equal(got, [], "what comes after the cancellation")
    with_.expect_cancelled(name)


def cancel_blocked_writer(with_):
    """A handler that writes more than the client takes is in a write."""
    name = fresh_name()
    call = with_.server_stream(request(name=name, replies=1000, reply_bytes=100_000))
    next(call)
    call.cancel()
    Outcome(call).expect(StatusCode.CANCELLED)
    with_.expect_cancelled(name)


def client_killed(with_):
    name = fresh_name()
    copy = with_.spawn_hanging(name)
    try:
        with_.started(name)
    finally:
        copy.kill()
        copy.wait()
    with_.expect_cancelled(name)


class Chunks:
    """The order, then 8 MiB; counts what was taken."""

    def __init__(self, order):
        self.taken, self._order, self._chunk = 0, order, request(pattern(64 * 1024))

    def __iter__(self):
        yield self._order
        for _ in range(128):
            yield self._chunk
            self.taken += 1

    def expect_stopped(self):
        expect(self.taken < 128, "all was taken, though the server had ended the call")


def expect_early(with_, code, details):
    chunks = Chunks(request(b"x", end=True, code=code.value[0], message=details))
    outcome = with_.outcome(with_.client_stream, iter(chunks)).expect(code, details)
    chunks.expect_stopped()
    if code is OK:
        expect_equal(outcome.reply.messages, 1, "the number of messages")
    chunks = Chunks(request(b"x", end=True, code=code.value[0], message=details))
    got, outcome = with_.replies(with_.bidi(iter(chunks)))
    outcome.expect(code, details)
    chunks.expect_stopped()
    expect_equal([reply.payload for reply in got], [b"x"], "the payloads")
    with_.expect_service()


def early_error(with_):
    expect_early(with_, StatusCode.FAILED_PRECONDITION, "enough")


def early_ok(with_):
    expect_early(with_, OK, "")


CASES = (status_codes, status_messages, status_details, error_after_replies, unimplemented,
         wrong_number_of_replies, wrong_number_of_requests, deadline_unary, deadline_streams,
         deadline_told, cancel_unary, cancel_server_stream, cancel_client_stream, cancel_bidi,
         cancel_blocked_writer, client_killed, early_error, early_ok)
