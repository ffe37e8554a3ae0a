# SPDX-License-Identifier: MIT
"""grpcio_client.py FOLDER --address unix:PATH [--tap FILE] --test_case NAME...

grpcio's client of the standard test service; reports as interop_client does.
"""

import queue
import sys

import grpc
from grpc import StatusCode

import suite

given = suite.flags()
sys.path.insert(0, given.folder)
import interop_suite_pb2 as messages  # pylint: disable=wrong-import-position

UNARY = {"EmptyCall": messages.Empty, "UnimplementedCall": messages.Empty,
         "UnaryCall": messages.SimpleResponse, "CacheableUnaryCall": messages.SimpleResponse}


def expect_equal(got, right, what):
    if got != right:
        raise AssertionError(f"{what}: {str(got)[:80]!r}, not {str(right)[:80]!r}")


def expect_end(call, code, message=None):
    """How a call ended, of which all responses have been read."""
    expect_equal(call.code(), code, "the status")
    if message is not None:
        expect_equal(call.details(), message, "the message of the status")


class Requests:
    """What a call sends, message by message, as long as it lasts."""

    def __init__(self):
        self._queue = queue.SimpleQueue()
        self.put, self.done = self._queue.put, lambda: self._queue.put(None)

    def __iter__(self):
        return iter(self._queue.get, None)


class Client:
    def __init__(self, compression=None):
        # A pool of its own: channels with equal arguments would share a connection.
        self.channel = grpc.insecure_channel(
            given.address, (("grpc.use_local_subchannel_pool", 1),), compression)

    def unary(self, name, request, service=suite.SERVICE, **how):
        """The call; its result() is the response or raises, and cannot fail twice."""
        make = self.channel.unary_unary(service + name, type(request).SerializeToString,
                                        UNARY[name].FromString)
        return make.future(request, **how)

    def streaming_output(self, request, **how):
        return self.channel.unary_stream(
            suite.SERVICE + "StreamingOutputCall", type(request).SerializeToString,
            messages.StreamingOutputCallResponse.FromString)(request, **how)

    def streaming_input(self, requests, **how):
        return self.channel.stream_unary(
            suite.SERVICE + "StreamingInputCall",
            messages.StreamingInputCallRequest.SerializeToString,
            messages.StreamingInputCallResponse.FromString).future(requests, **how)

    def duplex(self, requests, name="FullDuplexCall", **how):
        return self.channel.stream_stream(
            suite.SERVICE + name, messages.StreamingOutputCallRequest.SerializeToString,
            messages.StreamingOutputCallResponse.FromString)(iter(requests), **how)

    def large_unary(self, name="UnaryCall", request=None, **how):
        call = self.unary(name, request or large_request(), **how)
        expect_payload(call.result(), suite.LARGE_RESPONSE)
        return call


def large_request(**more):
    return messages.SimpleRequest(response_size=suite.LARGE_RESPONSE, payload=payload(
        suite.LARGE_REQUEST), **more)


def payload(size):
    return messages.Payload(body=bytes(size))


def flag(value):
    return messages.BoolValue(value=value)


def expect_payload(response, size):
    if response.payload.body != bytes(size):
        raise AssertionError(f"the payload has {len(response.payload.body)} bytes, or not zeros")


def expect_sizes(responses, sizes):
    count = 0
    for response, size in zip(responses, sizes):
        expect_payload(response, size)
        count += 1
    expect_equal(count, len(sizes), "the number of responses")


def expect_no_more(call):
    expect_equal(sum(1 for _ in call), 0, "the number of further responses")


def ordering(response_size, request_size=0):
    ordered = messages.ResponseParameters(size=response_size)
    return messages.StreamingOutputCallRequest(response_parameters=[ordered],
                                               payload=payload(request_size))


def ends_by_error(call):
    """Reads on to the end, which is an error."""
    try:
        for _ in call:
            pass
    except grpc.RpcError:
        pass
    return call


def empty_unary(with_):
    expect_equal(with_.unary("EmptyCall", messages.Empty()).result(), messages.Empty(), "reply")


def large_unary(with_):
    with_.large_unary()


def cacheable_unary(with_):
    for _ in range(2):
        with_.large_unary("CacheableUnaryCall", metadata=(("x-user-ip", "1.2.3.4"),))


def client_compressed_unary(with_):
    compressed = large_request(expect_compressed=flag(True))
    probe = with_.unary("UnaryCall", compressed)
    probe.exception()
    expect_end(probe, StatusCode.INVALID_ARGUMENT)
    with_.large_unary(request=compressed, compression=grpc.Compression.Gzip)
    with_.large_unary(request=large_request(expect_compressed=flag(False)))


def server_compressed_unary(with_):
    for compressed in (True, False):
        with_.large_unary(request=large_request(response_compressed=flag(compressed)))
        expect_equal(suite.came_compressed(given.tap, 0), compressed, "compressed")


def client_streaming(with_):
    call = with_.streaming_input(messages.StreamingInputCallRequest(payload=payload(size))
                                 for size in suite.REQUEST_SIZES)
    expect_equal(call.result().aggregated_payload_size, sum(suite.REQUEST_SIZES), "the sum")


def client_compressed_streaming(with_):
    """grpcio can compress the messages of a stream only if the whole channel says so: a call with
    compressed ones, and one with plain ones, instead of one with both."""
    compressed, plain = (messages.StreamingInputCallRequest(
        payload=payload(size), expect_compressed=flag(index == 0))
                         for index, size in enumerate(suite.COMPRESSED_REQUEST_SIZES))
    probe = with_.streaming_input(iter([compressed]))
    probe.exception()
    expect_end(probe, StatusCode.INVALID_ARGUMENT)
    other = Client(grpc.Compression.Gzip)
    for client, request in ((other, compressed), (with_, plain)):
        reply = client.streaming_input(iter([request, request])).result()
        expect_equal(reply.aggregated_payload_size, 2 * len(request.payload.body), "the sum")
    other.channel.close()


def server_streaming(with_):
    request = messages.StreamingOutputCallRequest(response_parameters=[
        messages.ResponseParameters(size=size) for size in suite.RESPONSE_SIZES])
    call = with_.streaming_output(request)
    expect_sizes(call, suite.RESPONSE_SIZES)
    expect_no_more(call)


def server_compressed_streaming(with_):
    request = messages.StreamingOutputCallRequest(response_parameters=[
        messages.ResponseParameters(size=size, compressed=flag(index == 0))
        for index, size in enumerate(suite.COMPRESSED_RESPONSE_SIZES)])
    call = with_.streaming_output(request)
    expect_sizes(call, suite.COMPRESSED_RESPONSE_SIZES)
    expect_no_more(call)
    expect_equal([suite.came_compressed(given.tap, index) for index in range(2)], [True, False],
                 "compressed")


def ping_pong(with_):
    requests = Requests()
    call = with_.duplex(requests)
    for response_size, request_size in zip(suite.RESPONSE_SIZES, suite.REQUEST_SIZES):
        requests.put(ordering(response_size, request_size))
        expect_payload(next(call), response_size)
    requests.done()
    expect_no_more(call)


def half_duplex(with_):
    call = with_.duplex([ordering(size) for size in suite.RESPONSE_SIZES], "HalfDuplexCall")
    expect_sizes(call, suite.RESPONSE_SIZES)
    expect_no_more(call)


def empty_stream(with_):
    expect_no_more(with_.duplex([]))


def custom_metadata(with_):
    sent = (suite.INITIAL, suite.TRAILING)
    unary = with_.large_unary(metadata=sent)
    stream = with_.duplex([ordering(suite.LARGE_RESPONSE, suite.LARGE_REQUEST)], metadata=sent)
    expect_payload(next(stream), suite.LARGE_RESPONSE)
    expect_no_more(stream)
    for call in (unary, stream):
        for (key, value), got in ((suite.INITIAL, call.initial_metadata()),
                                  (suite.TRAILING, call.trailing_metadata())):
            expect_equal(dict(got).get(key), value, key)


def status_code_and_message(with_):
    ordered = messages.EchoStatus(code=2, message=suite.PLAIN_MESSAGE)
    unary = with_.unary("UnaryCall", messages.SimpleRequest(response_status=ordered))
    unary.exception()
    stream = with_.duplex([messages.StreamingOutputCallRequest(response_status=ordered)])
    for call in (unary, ends_by_error(stream)):
        expect_end(call, StatusCode.UNKNOWN, suite.PLAIN_MESSAGE)


def special_status_message(with_):
    ordered = messages.EchoStatus(code=2, message=suite.SPECIAL_MESSAGE)
    call = with_.unary("UnaryCall", messages.SimpleRequest(response_status=ordered))
    call.exception()
    expect_end(call, StatusCode.UNKNOWN, suite.SPECIAL_MESSAGE)


def unimplemented_method(with_, service=suite.SERVICE):
    call = with_.unary("UnimplementedCall", messages.Empty(), service)
    call.exception()
    expect_end(call, StatusCode.UNIMPLEMENTED)


def unimplemented_service(with_):
    unimplemented_method(with_, "/grpc.testing.UnimplementedService/")


def cancel_after_begin(with_):
    requests = Requests()
    call = with_.streaming_input(iter(requests))
    call.cancel()
    requests.done()
    expect_end(call, StatusCode.CANCELLED)


def cancel_after_first_response(with_):
    requests = Requests()
    call = with_.duplex(requests)
    requests.put(ordering(suite.RESPONSE_SIZES[0], suite.REQUEST_SIZES[0]))
    expect_payload(next(call), suite.RESPONSE_SIZES[0])
    call.cancel()
    requests.done()
    expect_end(ends_by_error(call), StatusCode.CANCELLED)


def timeout_on_sleeping_server(with_):
    requests = Requests()
    call = with_.duplex(requests, timeout=0.001)
    requests.put(messages.StreamingOutputCallRequest(payload=payload(suite.REQUEST_SIZES[0])))
    expect_end(ends_by_error(call), StatusCode.DEADLINE_EXCEEDED)
    requests.done()


def rpc_soak(with_):
    for _ in range(suite.SOAK_CALLS):
        with_.large_unary()


def channel_soak(_):
    for _ in range(suite.SOAK_CHANNELS):
        fresh = Client()
        fresh.large_unary()
        fresh.channel.close()


def concurrent_large_unary(with_):
    request = large_request()
    calls = [with_.unary("UnaryCall", request) for _ in range(suite.CONCURRENT_CALLS)]
    for call in calls:
        expect_payload(call.result(), suite.LARGE_RESPONSE)


def run(cases):
    """Runs functions by name, prints how it went, and gives the exit status."""
    with_, status = Client(), 0
    for name, case in cases.items():
        print("run", name, flush=True)
        try:
            case(with_)
            print("ok", name, flush=True)
        except Exception as why:  # pylint: disable=broad-exception-caught
            print("failed", name, repr(why).replace("\n", " "), flush=True)
            status = 1
    with_.channel.close()
    return status


if __name__ == "__main__":
    sys.exit(run({name: globals()[name] for name in given.test_case}))
