# SPDX-License-Identifier: MIT
"""What the cases of grpcio's client use."""

import itertools
import os
import queue

import grpc

import interop_pb2 as messages

ENDED, STARTED = messages.ENDED, messages.STARTED


class LeftOut(Exception):
    """This client cannot try the case, which is no failure."""


class Wrong(Exception):
    """What was got is not what is right."""


def expect(right, what):
    if not right:
        raise Wrong(what)


def shortened(value):
    text = repr(value)
    return text if len(text) <= 100 else text[:100] + "..."


def expect_equal(got, right, what):
    expect(got == right, f"{what} is {shortened(got)}, not {shortened(right)}")


def request(payload=b"", **orders):
    return messages.Request(payload=payload,
                            orders=messages.Orders(**orders) if orders else None)


_numbers = itertools.count(1)


def fresh_name():
    """A name that no other call on this machine has."""
    return f"{os.getpid()}-{next(_numbers)}"


class Outcome:
    """How a call ended: `call` is what grpcio gives for it."""

    def __init__(self, call, reply=None):
        self.code, self.details, self.reply = call.code(), call.details(), reply
        self.headers, self.trailers = call.initial_metadata(), call.trailing_metadata()

    def expect(self, code, details=None):
        expect(self.code is code, f"the status is {self.code} ({self.details}), not {code}")
        if details is not None:
            expect_equal(self.details, details, "the message")
        return self


class Requests:
    """An iterator of requests that gives what was put, until `done`."""

    def __init__(self, *first):
        self._queue = queue.SimpleQueue()
        for one in first:
            self.put(one)

    def put(self, one):
        self._queue.put(one)

    def done(self):
        self._queue.put(None)

    def __iter__(self):
        return iter(self._queue.get, None)


class Client:
    def __init__(self, path, server, server_pid, spawn_hanging):
        self.path, self.server, self.server_pid = path, server, server_pid
        self.spawn_hanging = spawn_hanging  # a copy of this program, to be killed
        self.channel = grpc.insecure_channel("unix:" + path)
        self.unary = self._method(self.channel.unary_unary, "Unary")
        self.server_stream = self._method(self.channel.unary_stream, "ServerStream")
        self.client_stream = self._method(self.channel.stream_unary, "ClientStream")
        self.bidi = self._method(self.channel.stream_stream, "Bidi")
        self._await = self._method(self.channel.unary_unary, "Await", messages.Answer)

    @staticmethod
    def _method(make, name, reply=messages.Reply):
        return make("/ringrpc_interop.Peer/" + name,
                    request_serializer=lambda message: message.SerializeToString(),
                    response_deserializer=reply.FromString)

    @staticmethod
    def outcome(method, *arguments, **options):
        """Of a call with one reply, when it has ended."""
        try:
            reply, call = method.with_call(*arguments, **options)
            return Outcome(call, reply)
        except grpc.RpcError as error:
            return Outcome(error)

    @staticmethod
    def replies(call):
        """(replies, outcome) of a call with a stream of them."""
        got = []
        try:
            for reply in call:
                got.append(reply)
        except grpc.RpcError:
            pass  # the outcome says so
        return got, Outcome(call)

    def expect_service(self):
        """That the connection still serves calls."""
        reply = self.unary(request(b"still there?"))
        expect_equal(reply.payload, b"still there?", "the payload")

    def started(self, name):
        """Waits until the server says that the call's handler runs."""
        self._await(messages.Question(name=name, phase=STARTED))

    def expect_cancelled(self, name):
        """Waits until the server says that the call's handler has ended."""
        answer = self._await(messages.Question(name=name, phase=ENDED))
        expect(answer.cancelled, "the handler saw no cancellation")
