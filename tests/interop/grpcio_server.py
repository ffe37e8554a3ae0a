# SPDX-License-Identifier: MIT
"""grpcio_server.py FOLDER PATH: the Peer service of interop.proto on grpcio. SIGTERM drains it.

FOLDER holds interop_pb2.py.
"""

import collections
import concurrent.futures
import contextlib
import signal
import sys
import threading

sys.path.insert(0, sys.argv[1])

import grpc

import interop_pb2 as messages
import values

THREADS = 256  # a handler has one to itself


class Record:
    started = ended = cancelled = False
    present = 0


class Book:
    """What all handlers know, under one lock."""

    def __init__(self):
        self.changed = threading.Condition()
        self.records = collections.defaultdict(Record)
        self.draining = False

    def _notify(self):
        with self.changed:
            self.changed.notify_all()

    def wait(self, context, condition, seconds=None):
        """Waits for it, or for the end of the call, or so long; whether it has come."""
        context.add_callback(self._notify)
        with self.changed:
            self.changed.wait_for(lambda: condition() or not context.is_active(), seconds)
            return condition()


class Attendance:
    """One call, from its orders to the end of its handler."""

    def __init__(self, context, book, orders):
        self.context, self.book, self.orders = context, book, orders
        self.record = book.records[orders.name] if orders.name else Record()

    def begin(self):
        got = self.context.invocation_metadata()
        headers = [(key, value) for key, value in got if key.startswith("h-")]
        if headers or self.orders.headers_first:
            self.context.send_initial_metadata(headers)
        self.context.set_trailing_metadata(
            [(key, value) for key, value in got if key.startswith("t-")] + self.details())
        with self.book.changed:
            self.record.started = True
            self.record.present += 1
            self.book.changed.notify_all()
        self.wait(lambda: self.record.present >= self.orders.meet)

    def details(self):
        """As grpcio's package for rich status does it."""
        given = self.orders.details
        return [("grpc-status-details-bin", given)] if given else []

    def wait(self, condition):
        return self.book.wait(self.context, condition)

    def wait_for_drain(self):
        if self.orders.until_drain:
            self.wait(lambda: self.book.draining)

    def hang(self):
        if self.orders.hang:
            self.wait(lambda: False)

    def after_requests(self):
        """A read that the cancellation ended looks like the last one until grpcio has learnt why.

        Only calls whose end somebody awaits have a name.
        """
        if self.orders.name:
            self.book.wait(self.context, lambda: False, 2)

    def reply(self, to):
        size = self.orders.reply_bytes
        made = messages.Reply(payload=values.pattern(size) if size else to.payload)
        if self.orders.tell_deadline:
            left = self.context.time_remaining()  # None or centuries: there is none
            made.left_ms = -1 if left is None or left > 1e9 else int(left * 1000)
        return made

    def fail(self):
        """Ends the call with the status that was ordered; returns where that is OK."""
        if self.orders.code:
            self.context.abort(values.STATUS_CODES[self.orders.code], self.orders.message)


@contextlib.contextmanager
def attendance(context, book, orders):
    here = Attendance(context, book, orders)
    # That it is over can only come from outside as long as the handler runs.
    cancelled = False
    try:
        here.begin()
        yield here
        cancelled = not context.is_active()
    except grpc.RpcError:  # of a read: the call is over
        cancelled = True
    except GeneratorExit:  # of a handler that is in a write
        cancelled = True
        raise
    finally:
        with book.changed:
            here.record.cancelled = cancelled
            here.record.ended = True
            book.changed.notify_all()


class Peer:
    def __init__(self, book):
        self.book = book

    def unary(self, request, context):
        with attendance(context, self.book, request.orders) as here:
            here.wait_for_drain()
            here.hang()
            here.fail()
            return here.reply(request)

    def server_stream(self, request, context):
        with attendance(context, self.book, request.orders) as here:
            reply = here.reply(request)
            for _ in range(request.orders.replies):
                yield reply
            if request.orders.until_drain:
                here.wait_for_drain()
                yield messages.Reply(payload=values.DRAINING)
            here.hang()
            here.fail()

    def client_stream(self, requests, context):
        sum_ = messages.Reply()
        request = next(requests, None)
        orders = request.orders if request else messages.Orders()
        with attendance(context, self.book, orders) as here:
            here.hang()
            if orders.end:
                here.fail()
            while request is not None:
                sum_.messages += 1
                sum_.bytes += len(request.payload)
                request = None if orders.end else next(requests, None)
            here.after_requests()
        return sum_

    def bidi(self, requests, context):
        request = next(requests, None)
        orders = request.orders if request else messages.Orders()
        with attendance(context, self.book, orders) as here:
            first = True
            while request is not None:
                yield here.reply(request)
                if first:
                    if orders.until_drain:
                        here.wait_for_drain()
                        yield messages.Reply(payload=values.DRAINING)
                    here.hang()
                    if orders.end:
                        here.fail()
                        return
                first = False
                request = next(requests, None)
            here.after_requests()

    def await_(self, question, context):
        with self.book.changed:
            record = self.book.records[question.name]
        ended = question.phase == messages.ENDED
        self.book.wait(context, lambda: record.ended if ended else record.started)
        return messages.Answer(cancelled=record.cancelled)

    def handlers(self):
        def made(make, handler, request):
            return make(handler, request_deserializer=request.FromString,
                        response_serializer=lambda message: message.SerializeToString())

        return grpc.method_handlers_generic_handler("ringrpc_interop.Peer", {
            "Unary": made(grpc.unary_unary_rpc_method_handler, self.unary, messages.Request),
            "ServerStream": made(grpc.unary_stream_rpc_method_handler, self.server_stream,
                                 messages.Request),
            "ClientStream": made(grpc.stream_unary_rpc_method_handler, self.client_stream,
                                 messages.Request),
            "Bidi": made(grpc.stream_stream_rpc_method_handler, self.bidi, messages.Request),
            "Await": made(grpc.unary_unary_rpc_method_handler, self.await_, messages.Question),
        })


def main():
    # Before any thread, so that all block it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    book = Book()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(THREADS),
                         handlers=[Peer(book).handlers()])
    server.add_insecure_port("unix:" + sys.argv[2])
    server.start()
    signal.sigwait({signal.SIGTERM})
    with book.changed:
        book.draining = True
        book.changed.notify_all()
    server.stop(30).wait()


if __name__ == "__main__":
    main()
