# SPDX-License-Identifier: MIT
"""proxy_client.py FOLDER --address unix:PATH --test_case NAME...: grpcio's client behind a proxy.

Interop_server is on the other side of it. Reports as interop_client does.
"""

import itertools
import sys

from grpc import StatusCode

import grpcio_client as cases
from grpcio_client import messages

MEBIBYTE = 1 << 20


def one_mebibyte_each_way(with_):
    request = messages.SimpleRequest(response_size=MEBIBYTE, payload=cases.payload(MEBIBYTE))
    cases.expect_payload(with_.unary("UnaryCall", request).result(), MEBIBYTE)


def stream_to(with_, path, requests):
    call = with_.channel.stream_unary(
        path, messages.StreamingInputCallRequest.SerializeToString,
        messages.StreamingInputCallResponse.FromString).future(requests)
    call.exception()
    return call


def error_before_any_request_is_read(with_):
    """Wire rule 27: the status comes while the client sends 16 MiB."""
    chunk = messages.StreamingInputCallRequest(payload=cases.payload(1 << 16))
    call = stream_to(with_, cases.suite.SERVICE + "UnimplementedCall", itertools.repeat(chunk, 256))
    cases.expect_end(call, StatusCode.UNIMPLEMENTED)
    cases.empty_unary(with_)


def error_after_the_first_request(with_):
    chunk = messages.StreamingInputCallRequest(payload=cases.payload(1 << 16),
                                               expect_compressed=cases.flag(True))
    call = stream_to(with_, cases.suite.SERVICE + "StreamingInputCall",
                     itertools.repeat(chunk, 256))
    cases.expect_end(call, StatusCode.INVALID_ARGUMENT)
    cases.empty_unary(with_)


def two_hundred_calls_one_by_one(with_):
    for _ in range(200):
        request = messages.SimpleRequest(response_size=1000, payload=cases.payload(1000))
        cases.expect_payload(with_.unary("UnaryCall", request).result(), 1000)


def trailers_only(with_):
    """An error without headers and messages before it."""
    cases.unimplemented_method(with_)
    cases.special_status_message(with_)


CASES = {case.__name__: case for case in (
    cases.empty_unary, cases.large_unary, cases.client_streaming, cases.server_streaming,
    cases.ping_pong, cases.half_duplex, cases.empty_stream, cases.custom_metadata,
    cases.status_code_and_message, cases.cancel_after_first_response,
    cases.timeout_on_sleeping_server, cases.client_compressed_unary, one_mebibyte_each_way,
    error_before_any_request_is_read, error_after_the_first_request, trailers_only,
    two_hundred_calls_one_by_one)}

if __name__ == "__main__":
    sys.exit(cases.run({name: CASES[name] for name in cases.given.test_case}))
