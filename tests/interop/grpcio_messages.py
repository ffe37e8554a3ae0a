# SPDX-License-Identifier: MIT
"""grpcio's client: messages and metadata arrive as they were sent."""

from grpc import Compression, StatusCode

from grpcio_support import Requests, expect, expect_equal, request
from values import LARGEST_PAYLOAD, difficult_metadata, pattern

OK = StatusCode.OK


def unary(with_):
    expect_equal(with_.unary(request(b"hello")).payload, b"hello", "the payload")


def server_stream(with_):
    got, outcome = with_.replies(with_.server_stream(request(b"again", replies=1000)))
    outcome.expect(OK)
    expect_equal([reply.payload for reply in got], [b"again"] * 1000, "the payloads")


def client_stream(with_):
    sent = request(pattern(100))
    reply = with_.client_stream(sent for _ in range(1000))
    expect_equal(reply.messages, 1000, "the number of messages")
    expect_equal(reply.bytes, 100_000, "the bytes of them")


def bidi(with_):
    requests = Requests()
    call = with_.bidi(iter(requests))
    for i in range(1000):
        requests.put(request(str(i).encode()))
        expect_equal(next(call).payload, str(i).encode(), "the payload")
    requests.done()
    got, outcome = with_.replies(call)
    outcome.expect(OK)
    expect_equal(got, [], "what comes after the last reply")


def bidi_both_ways(with_):
    """Neither side waits for the other before it goes on."""
    sent = [request(str(i).encode() + pattern(1000)) for i in range(1000)]
    got, outcome = with_.replies(with_.bidi(iter(sent)))
    outcome.expect(OK)
    expect_equal([reply.payload for reply in got], [one.payload for one in sent], "the payloads")


def empty_messages(with_):
    expect_equal(with_.unary(request()).payload, b"", "the payload")
    got, outcome = with_.replies(with_.server_stream(request(replies=3)))
    outcome.expect(OK)
    expect_equal([reply.payload for reply in got], [b""] * 3, "the payloads")
    reply = with_.client_stream(iter([request()] * 3))
    expect_equal(reply.messages, 3, "the number of messages")
    got, outcome = with_.replies(with_.bidi(iter([request()] * 3)))
    outcome.expect(OK)
    expect_equal([reply.payload for reply in got], [b""] * 3, "the payloads")


def no_messages(with_):
    got, outcome = with_.replies(with_.server_stream(request()))
    outcome.expect(OK)
    expect_equal(got, [], "the replies")
    expect_equal(with_.client_stream(iter(())).messages, 0, "the number of messages")
    got, outcome = with_.replies(with_.bidi(iter(())))
    outcome.expect(OK)
    expect_equal(got, [], "the replies")


def expect_echo(with_, size):
    sent = request(pattern(size))
    expect(with_.unary(sent).payload == sent.payload, "the payload differs")
    got, outcome = with_.replies(with_.bidi(iter([sent, sent])))
    outcome.expect(OK)
    expect_equal([reply.payload == sent.payload for reply in got], [True, True], "equality")


def bytes_1(with_):
    expect_echo(with_, 1)


def bytes_64k(with_):
    expect_echo(with_, 64 * 1024)


def bytes_1m(with_):
    expect_echo(with_, 1024 * 1024)


def bytes_4m(with_):
    expect_echo(with_, LARGEST_PAYLOAD)


def request_too_large(with_):
    sent = request(pattern(LARGEST_PAYLOAD + 1))
    with_.outcome(with_.unary, sent).expect(StatusCode.RESOURCE_EXHAUSTED)
    with_.expect_service()


def reply_too_large(with_):
    sent = request(reply_bytes=LARGEST_PAYLOAD + 1)
    with_.outcome(with_.unary, sent).expect(StatusCode.RESOURCE_EXHAUSTED)
    with_.expect_service()


def compressed_request(with_):
    sent = request(pattern(100_000))
    for algorithm in (Compression.Gzip, Compression.Deflate):
        outcome = with_.outcome(with_.unary, sent, compression=algorithm).expect(OK)
        expect(outcome.reply.payload == sent.payload, "the payload differs")
    with_.expect_service()


def compressed_reply(with_):
    reply = with_.unary(request(compress=True, reply_bytes=100_000))
    expect(reply.payload == pattern(100_000), "the payload differs")


def expect_metadata(sent, got):
    """That all fields that were sent are there: all values of a key, in their order."""
    for key in {key for key, _ in sent}:
        expect_equal([value for got_key, value in got if got_key == key],
                     [value for sent_key, value in sent if sent_key == key], f"the values of {key}")


DIFFICULT = difficult_metadata("h-") + difficult_metadata("t-")


def expect_difficult(outcome):
    outcome.expect(OK)
    expect_metadata(difficult_metadata("h-"), outcome.headers)
    expect_metadata(difficult_metadata("t-"), outcome.trailers)


def metadata_unary(with_):
    expect_difficult(with_.outcome(with_.unary, request(b"hello"), metadata=DIFFICULT))


def metadata_streams(with_):
    _, outcome = with_.replies(with_.server_stream(request(replies=1), metadata=DIFFICULT))
    expect_difficult(outcome)
    expect_difficult(with_.outcome(with_.client_stream, iter([request()]), metadata=DIFFICULT))
    requests = Requests(request(b"hello"))
    call = with_.bidi(iter(requests), metadata=DIFFICULT)
    expect_metadata(difficult_metadata("h-"), call.initial_metadata())
    requests.done()
    _, outcome = with_.replies(call)
    expect_difficult(outcome)


def metadata_of_error(with_):
    """Wire rule 23: an error without a message before it has one block, which is both."""
    for headers_first in (False, True):
        outcome = with_.outcome(with_.unary, request(end=True, code=9, headers_first=headers_first),
                                metadata=difficult_metadata("t-"))
        outcome.expect(StatusCode.FAILED_PRECONDITION)
        expect_metadata(difficult_metadata("t-"), outcome.trailers)


def metadata_large(with_):
    headers, trailers = [("h-large-bin", pattern(4000))], [("t-text", "after it")]
    outcome = with_.outcome(with_.unary, request(b"hello"), metadata=headers + trailers)
    outcome.expect(OK)
    expect_metadata(headers, outcome.headers)
    expect_metadata(trailers, outcome.trailers)


def metadata_too_large(with_):
    """Another call of the connection must survive."""
    requests = Requests(request(b"before"))
    both = with_.bidi(iter(requests))
    next(both)
    # The server takes 16 KiB if it is ringrpc, so it can be made to answer more than the 8 KiB of
    # this client.
    replied = [("h-large", 9_000), ("t-large", 9_000)] if with_.server == "ringrpc" else []
    for key, size in [("x-large", 20_000), *replied]:
        outcome = with_.outcome(with_.unary, request(b"hello"), metadata=[(key, "x" * size)])
        outcome.expect(StatusCode.RESOURCE_EXHAUSTED)
    requests.put(request(b"after"))
    next(both)
    requests.done()
    _, outcome = with_.replies(both)
    outcome.expect(OK)


def headers_first(with_):
    """The handler goes on only when it is cancelled, so nothing else can bring them."""
    call = with_.server_stream(request(headers_first=True, hang=True),
                               metadata=difficult_metadata("h-"))
    expect_metadata(difficult_metadata("h-"), call.initial_metadata())
    call.cancel()
    expect_equal(call.code(), StatusCode.CANCELLED, "the status")


CASES = (unary, server_stream, client_stream, bidi, bidi_both_ways, empty_messages, no_messages,
         bytes_1, bytes_64k, bytes_1m, bytes_4m, request_too_large, reply_too_large,
         compressed_request, compressed_reply, metadata_unary, metadata_streams, metadata_of_error,
         metadata_large, metadata_too_large, headers_first)
