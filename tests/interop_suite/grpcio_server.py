# SPDX-License-Identifier: MIT
"""grpcio_server.py FOLDER --address unix:PATH [--tap FILE]: the standard test service on grpcio.

SIGTERM drains it.
"""

import concurrent.futures
import signal
import sys
import threading
import time

import grpc

import suite

given = suite.flags()
sys.path.insert(0, given.folder)
import interop_suite_pb2 as messages  # pylint: disable=wrong-import-position


def echo_metadata(context):
    got = dict(context.invocation_metadata())
    for (key, _), send in ((suite.INITIAL, context.send_initial_metadata),
                           (suite.TRAILING, context.set_trailing_metadata)):
        if key in got:
            send(((key, got[key]),))


def check_compression(request, index, context):
    if (request.HasField("expect_compressed")
            and request.expect_compressed.value != suite.came_compressed(given.tap, index)):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a request is not compressed as it says")


def end_as_ordered(request, context):
    ordered = request.response_status
    if ordered.code:
        code = next(code for code in grpc.StatusCode if code.value[0] == ordered.code)
        context.abort(code, ordered.message)


def payload(size):
    return messages.Payload(body=bytes(size))


def respond(request, context):
    for ordered in request.response_parameters:
        time.sleep(ordered.interval_us / 1e6)
        if not ordered.compressed.value:
            context.disable_next_message_compression()
        yield messages.StreamingOutputCallResponse(payload=payload(ordered.size))


def compress_if_ordered(request, context):
    if any(ordered.compressed.value for ordered in request.response_parameters):
        context.set_compression(grpc.Compression.Gzip)


def empty_call(_request, _context):
    return messages.Empty()


def unary_call(request, context):
    if request.response_compressed.value:
        context.set_compression(grpc.Compression.Gzip)
    echo_metadata(context)
    check_compression(request, 0, context)
    end_as_ordered(request, context)
    return messages.SimpleResponse(payload=payload(request.response_size))


def streaming_output_call(request, context):
    compress_if_ordered(request, context)
    yield from respond(request, context)
    end_as_ordered(request, context)


def streaming_input_call(requests, context):
    total = 0
    for index, request in enumerate(requests):
        check_compression(request, index, context)
        total += len(request.payload.body)
    return messages.StreamingInputCallResponse(aggregated_payload_size=total)


def full_duplex_call(requests, context):
    echo_metadata(context)
    for request in requests:
        end_as_ordered(request, context)
        yield from respond(request, context)


def half_duplex_call(requests, context):
    for request in list(requests):
        yield from respond(request, context)


def handler(make, behaviour, request, response):
    return make(behaviour, request_deserializer=request.FromString,
                response_serializer=response.SerializeToString)


def main():
    streamed = messages.StreamingOutputCallRequest, messages.StreamingOutputCallResponse
    unary, simple = grpc.unary_unary_rpc_method_handler, (messages.SimpleRequest,
                                                          messages.SimpleResponse)
    handlers = {
        "EmptyCall": handler(unary, empty_call, messages.Empty, messages.Empty),
        "UnaryCall": handler(unary, unary_call, *simple),
        "CacheableUnaryCall": handler(unary, unary_call, *simple),
        "StreamingOutputCall": handler(grpc.unary_stream_rpc_method_handler, streaming_output_call,
                                       *streamed),
        "StreamingInputCall": handler(grpc.stream_unary_rpc_method_handler, streaming_input_call,
                                      messages.StreamingInputCallRequest,
                                      messages.StreamingInputCallResponse),
        "FullDuplexCall": handler(grpc.stream_stream_rpc_method_handler, full_duplex_call,
                                  *streamed),
        "HalfDuplexCall": handler(grpc.stream_stream_rpc_method_handler, half_duplex_call,
                                  *streamed),
    }
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with concurrent.futures.ThreadPoolExecutor(max_workers=16) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("grpc.testing.TestService", handlers),))
        server.add_insecure_port(given.address)
        server.start()
        stop.wait()
        server.stop(30).wait()


main()
