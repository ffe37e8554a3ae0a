// SPDX-License-Identifier: MIT
#include <ringrpc/http2/nghttp2_sender.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ringrpc/base/slice.hpp>

#include "bed.hpp"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;

namespace {
// A server that has answered stream 1, 3, ... with headers, and taken their frames.
std::vector<stream_ref> answering(bed& server, int streams) {
  std::vector<stream_ref> refs;
  for (int i = 0; i < streams; ++i) {
    refs.push_back(server.request(2 * i + 1, end_headers | end_stream));
    server.respond(refs.back());
  }
  server.sent_bytes();
  return refs;
}
// A slice of `size` bytes with an owner.
slice owned(memory_pool& pool, std::uint32_t size, char fill = 'x') {
  buffer& made = buffer::make(pool, size);
  std::fill_n(made.bytes().begin(), size, static_cast<std::byte>(fill));
  return {made.bytes().data(), size, &made};
}
// The peer takes all that comes, in frames of any size.
void start_wide(bed& sender) {
  sender.start({{settings_id::initial_window, 1 << 24}, {settings_id::frame_size, 1 << 20}});
  sender.feed(window_frame(0, 1 << 24));
}
}  // namespace

TEST_CASE("sender: open gives ids in order, HEADERS before DATA, and END_STREAM where asked") {
  bed client{role::client};
  client.start();
  CHECK(client.engine.next_id() == 1);
  const stream_ref first = client.open();
  const stream_ref second = client.open(true);
  CHECK(first.id == 1);
  CHECK(second.id == 3);
  CHECK(client.engine.next_id() == 5);
  CHECK(client.engine.open_streams() == 2);
  client.engine.data(first, slice_of("abc"), true);
  CHECK(client.sent() == "HEADERS 1 | HEADERS 3 end | DATA 1 3 end");
}

TEST_CASE("sender: 100 requests are allowed before the server's SETTINGS, then what it says") {
  bed client{role::client};
  for (int i = 0; i < 100; ++i) REQUIRE(client.open(true));
  CHECK(client.engine.open({}, true, nullptr).error() == open_refusal::no_slot);
  client.feed(settings_frame({{settings_id::concurrent_streams, 101}}));
  CHECK(client.open(true));
  CHECK(client.engine.open({}, true, nullptr).error() == open_refusal::no_slot);
  client.sent_bytes();
  client.feed(headers_frame(1, {{":status", "200"}}, end_headers | end_stream));
  CHECK(client.open(true));
}

TEST_CASE("sender: a peer that lowers its stream limit to 0 stops new requests only") {
  bed client{role::client};
  client.start();
  const stream_ref r = client.open();
  client.feed(settings_frame({{settings_id::concurrent_streams, 0}}));
  CHECK(client.engine.open({}, true, nullptr).error() == open_refusal::no_slot);
  client.engine.data(r, slice_of("x"), true);
  client.feed(settings_frame({{settings_id::concurrent_streams, 1}}));
  CHECK(client.sent() == "SETTINGS ack | SETTINGS ack | HEADERS 1 | DATA 1 1 end");
}

TEST_CASE("sender: ids run out at the limit, not at 2^31") {
  CHECK(limits{}.stream_id_max == 1'610'612'733);
  limits bounds;
  bounds.stream_id_max = 5;
  bed client{role::client, default_settings, bounds};
  client.start();
  CHECK(client.open(true).id == 1);
  CHECK(client.open(true).id == 3);
  CHECK(client.open(true).id == 5);
  CHECK(client.engine.open({}, true, nullptr).error() == open_refusal::ids_exhausted);
}

TEST_CASE("sender: a client at three quarters of all ids gives out the last one (wire rule 34)") {
  limits bounds;
  bounds.stream_id_first = bounds.stream_id_max - 2;
  bed client{role::client, default_settings, bounds};
  client.start();
  CHECK(client.engine.next_id() == 1'610'612'731);
  CHECK(client.open(true).id == 1'610'612'731);
  CHECK(client.open(true).id == 1'610'612'733);
  CHECK(client.engine.open({}, true, nullptr).error() == open_refusal::ids_exhausted);
  CHECK(client.sent() == "HEADERS 1610612731 end | HEADERS 1610612733 end");
  client.feed(headers_frame(1'610'612'733, response_fields) +
              headers_frame(1'610'612'733, status_ok, end_headers | end_stream));
  CHECK(client.sink.take() ==
        "response 1610612733 | trailers 1610612733 end | closed 1610612733");
}

TEST_CASE("sender: call_frames counts HEADERS and DATA that left, and nothing else") {
  bed server{role::server};
  server.start();
  const std::uint32_t before = server.engine.call_frames();
  server.feed(ping_frame() + settings_frame());
  server.engine.ping(1);
  server.sent();
  CHECK(server.engine.call_frames() == before);
  const stream_ref r = server.request(1);
  server.respond(r);
  server.engine.data(r, slice_of("abc"), false);
  CHECK(server.engine.call_frames() == before);
  CHECK(server.sent() == "HEADERS 1 | DATA 1 3");
  CHECK(server.engine.call_frames() == before + 2);
  server.trailers(r);
  server.sent();
  CHECK(server.engine.call_frames() == before + 3);
}

TEST_CASE("sender: a server opens nothing, a client after its GOAWAY neither") {
  bed server{role::server};
  CHECK(server.engine.open({}, true, nullptr).error() == open_refusal::going_away);
  bed client{role::client};
  client.engine.goaway(0, error_code::no_error, "");
  CHECK(client.engine.open({}, true, nullptr).error() == open_refusal::going_away);
  bed broken{role::client};
  broken.feed(ping_frame());
  CHECK(broken.engine.open({}, true, nullptr).error() == open_refusal::going_away);
}

TEST_CASE("sender: fields of template and extra come in order; marked ones enter no table") {
  pair_of_beds both;
  both.pump();
  const header_field fixed_fields[] = {{":method", "POST", false}, {":path", "/a/b", false},
                                       {":scheme", "http", false}, {"repeated", "v", false}};
  const header_template fixed{1, fixed_fields};
  const header_field extra[] = {{"grpc-timeout", "1S", true}, {"x-bin", "AAAA", false}};
  const auto block_bytes = [&](std::string_view timeout) {
    const header_field more[] = {{"grpc-timeout", timeout, true}, extra[1]};
    const open_result opened = both.client.engine.open(
        {&fixed, more}, true, recorder::user_of(both.client.engine.next_id()));
    REQUIRE(opened);
    const std::string sent = both.client.sent_bytes();
    both.server.feed(sent);
    return sent.size();
  };
  const std::size_t first = block_bytes("11111m");
  CHECK(both.server.sink.fields == ":method=POST, :path=/a/b, :scheme=http, repeated=v, "
                                   "grpc-timeout=11111m!, x-bin=AAAA");
  const std::size_t second = block_bytes("22222m");
  const std::size_t third = block_bytes("11111m");
  CHECK(second < first);
  CHECK(third == second);  // the first 11111m was not kept
}

TEST_CASE("sender: lists of more than 32 fields are sent whole") {
  pair_of_beds both;
  both.pump();
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("k" + std::to_string(i));
  std::vector<header_field> fields{{":method", "POST", false},
                                   {":path", "/", false},
                                   {":scheme", "http", false}};
  for (const std::string& name : names) fields.push_back({name, "v", false});
  REQUIRE(both.client.engine.open({nullptr, fields}, true, recorder::user_of(1)));
  both.pump();
  CHECK(both.server.sink.fields.ends_with("k98=v, k99=v"));
}

TEST_CASE("sender: what is queued in pieces leaves in one DATA frame") {
  bed server{role::server};
  server.start();
  const stream_ref r = answering(server, 1)[0];
  for (int i = 0; i < 100; ++i) server.engine.data(r, slice_of("0123456789"), false);
  CHECK(server.engine.queued(r) == 1000);
  CHECK(server.engine.queued() == 1000);
  CHECK(server.sent() == "DATA 1 1000");
  CHECK(server.engine.queued(r) == 0);
  CHECK(server.engine.queued() == 0);
  server.engine.data(r, {}, true);
  CHECK(server.sent() == "DATA 1 0 end");
}

TEST_CASE("sender: trailers wait for the DATA before them, and may come alone") {
  bed server{role::server};
  server.start({{settings_id::initial_window, 10}});
  const stream_ref r = answering(server, 1)[0];
  server.engine.data(r, slice_of("0123456789abcdef"), false);
  server.trailers(r);
  CHECK(server.sent() == "DATA 1 10");
  server.feed(window_frame(1, 3));
  CHECK(server.sent() == "DATA 1 3");
  server.feed(window_frame(1, 100));
  CHECK(server.sent() == "DATA 1 3 | HEADERS 1 end");

  const stream_ref alone = server.request(3, end_headers | end_stream);
  server.respond(alone);
  server.trailers(alone);
  CHECK(server.sent() == "HEADERS 3 | HEADERS 3 end");
}

TEST_CASE("sender: trailers after DATA that has left need no further DATA frame") {
  bed server{role::server};
  server.start();
  const stream_ref r = answering(server, 1)[0];
  server.engine.data(r, slice_of("x"), false);
  CHECK(server.sent() == "DATA 1 1");
  server.trailers(r);
  CHECK(server.sent() == "HEADERS 1 end");
  CHECK(server.sink.take() == "closed 1");
}

TEST_CASE("sender: large slices are sent by reference, and released when they left the output") {
  bed server{role::server};
  start_wide(server);
  const stream_ref r = answering(server, 1)[0];
  const std::size_t before = server.pool.used_bytes();
  slice big = owned(server.pool, 100'000);
  server.engine.data(r, big, false);
  big.owner->drop_reference();
  CHECK(server.pool.used_bytes() > before + 100'000);
  output out{server.pool};
  server.engine.gather(out, 1 << 20, server.now);
  CHECK(server.engine.queued() == 0);
  // Headers are copied, the payload is where it was.
  REQUIRE(out.parts().size() == 4);
  CHECK(out.parts()[0].iov_len == frame_header::bytes);
  CHECK(out.parts()[1].iov_base == big.data);
  CHECK(out.parts()[1].iov_len == 64 * 1024);
  CHECK(out.parts()[3].iov_base == big.data + 64 * 1024);
  CHECK(out.size() == 100'000 + 2 * frame_header::bytes);
  out.clear();
  // nghttp2 keeps its frame buffer as large as the largest frame was.
  CHECK(server.pool.used_bytes() < before + 70'000);
}

TEST_CASE("sender: frames are no larger than the peer takes, nor than our own limit") {
  bed small{role::server};
  small.start({{settings_id::initial_window, 1 << 24}});
  stream_ref r = answering(small, 1)[0];
  small.engine.data(r, slice_of(std::string(40'000, 'x')), false);
  CHECK(small.sent() == "DATA 1 16384 | DATA 1 16384 | DATA 1 7232");

  limits bounds;
  bounds.data_frame_bytes_max = 1000;
  bed limited{role::server, default_settings, bounds};
  start_wide(limited);
  r = answering(limited, 1)[0];
  limited.engine.data(r, slice_of(std::string(2500, 'x')), true);
  CHECK(limited.sent() == "DATA 1 1000 | DATA 1 1000 | DATA 1 500 end");
}

TEST_CASE("sender: streams send in turns of one large frame, whichever role") {
  limits bounds;
  bounds.data_frame_bytes_max = 1000;
  bed server{role::server, default_settings, bounds};
  start_wide(server);
  const std::vector<stream_ref> refs = answering(server, 3);
  for (const stream_ref& r : refs) server.engine.data(r, slice_of(std::string(2500, 'x')), false);
  const std::string turns = server.sent();
  CHECK(turns ==
        "DATA 1 1000 | DATA 3 1000 | DATA 5 1000 | DATA 1 1000 | DATA 3 1000 | DATA 5 1000 | "
        "DATA 1 500 | DATA 3 500 | DATA 5 500");

  bed client{role::client, default_settings, bounds};
  start_wide(client);
  const stream_ref a = client.open();
  const stream_ref b = client.open();
  client.sent_bytes();
  client.engine.data(a, slice_of(std::string(2000, 'x')), true);
  client.engine.data(b, slice_of(std::string(2000, 'x')), true);
  CHECK(client.sent() == "DATA 1 1000 | DATA 3 1000 | DATA 1 1000 end | DATA 3 1000 end");
}

TEST_CASE("sender: a small message does not wait for a large one of another stream") {
  bed server{role::server};
  start_wide(server);
  const std::vector<stream_ref> refs = answering(server, 2);
  server.engine.data(refs[0], slice_of(std::string(500'000, 'x')), false);
  server.engine.data(refs[1], slice_of("small"), true);
  const auto lines = lines_of(server.sent_bytes());
  const auto small = std::find(lines.begin(), lines.end(), "DATA 3 5 end");
  REQUIRE(small != lines.end());
  CHECK(small - lines.begin() <= 2);
}

TEST_CASE("sender: gather stops at about the bytes it was asked for, and goes on later") {
  bed server{role::server};
  start_wide(server);
  const stream_ref r = answering(server, 1)[0];
  const slice big = owned(server.pool, 1'000'000);
  server.engine.data(r, big, true);
  big.owner->drop_reference();
  output out{server.pool};
  CHECK(server.engine.gather(out, 0, server.now) == 0);
  const std::uint32_t first = server.engine.gather(out, 100'000, server.now);
  CHECK(first >= 100'000);
  CHECK(first <= 100'000 + 64 * 1024 + frame_header::bytes);
  CHECK(out.size() == first);
  CHECK(server.engine.wants_write());
  std::string rest = server.sent_bytes(100'000);
  CHECK(rest.size() + first >= 1'000'000);
  CHECK_FALSE(server.engine.wants_write());
}

TEST_CASE("sender: a full output stops gather, nothing is lost") {
  bed server{role::server};
  start_wide(server);
  const stream_ref r = answering(server, 1)[0];
  const std::string message(300'000, 'm');
  server.engine.data(r, slice_of(message), true);  // copies: the arena is the bound
  output out{server.pool};
  const std::uint32_t first = server.engine.gather(out, 1 << 20, server.now);
  CHECK(first > 16'384);
  CHECK(first < output::arena_bytes);
  CHECK(server.engine.gather(out, 1 << 20, server.now) == 0);
  out.clear();
  std::uint32_t sent = first;
  while (const std::uint32_t more = server.engine.gather(out, 1 << 20, server.now)) {
    sent += more;
    out.clear();
  }
  CHECK(sent > 300'000);
  CHECK(sent < 300'500);
}

TEST_CASE("sender: many references fill the parts of an output, nothing is lost") {
  pair_of_beds both;
  both.pump();
  const stream_ref call = both.client.open();
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const char fill = static_cast<char>('a' + i % 26);
    const slice piece = owned(both.client.pool, 5000, fill);
    both.client.engine.data(call, piece, i == 99);
    piece.owner->drop_reference();
    expected += std::string(5000, fill);
  }
  for (int i = 0; i < 20; ++i) {
    both.pump();
    auto& sink = both.server.sink;
    both.server.engine.credit_stream(sink.refs[1], std::exchange(sink.flow_bytes[1], 0));
    both.server.engine.credit_connection(
        static_cast<std::uint32_t>(std::exchange(sink.connection_flow_bytes, 0)));
  }
  const bool same = both.server.sink.bodies[1] == expected;
  CHECK(same);
  CHECK(both.server.sink.take().ends_with(" end"));
}

TEST_CASE("sender: on_writable comes when bytes left and the queue is below the low mark") {
  limits bounds;
  bounds.queue_low_bytes = 1000;
  bounds.data_frame_bytes_max = 2000;
  bed server{role::server, default_settings, bounds};
  start_wide(server);
  server.sink.note_writable = true;
  const stream_ref r = answering(server, 1)[0];
  server.engine.data(r, slice_of(std::string(5500, 'x')), false);
  output out{server.pool};
  server.engine.gather(out, 1, server.now);
  CHECK(server.engine.queued(r) == 3500);
  CHECK(server.sink.take() == "");
  server.engine.gather(out, 1, server.now);
  CHECK(server.sink.take() == "");
  server.engine.gather(out, 1, server.now);
  CHECK(server.engine.queued(r) == 0);
  CHECK(server.sink.take() == "writable 1");
  // Also where it was below before: a writer may wait for an empty queue.
  server.engine.data(r, slice_of("x"), false);
  server.engine.gather(out, 1, server.now);
  CHECK(server.sink.take() == "writable 1");
}

TEST_CASE("sender: reset drops what is queued and sends RST_STREAM alone") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  server.respond(r);
  server.engine.data(r, slice_of("never sent"), false);
  server.engine.reset(r, error_code::enhance_your_calm);
  CHECK(server.engine.queued() == 0);
  CHECK(server.engine.user(r) == recorder::user_of(1));  // until it is closed
  server.engine.data(r, slice_of("ignored"), true);
  server.trailers(r);
  CHECK(server.sent() == "RST_STREAM 1 ENHANCE_YOUR_CALM");
  CHECK(server.sink.take() == "closed 1");
}

TEST_CASE("sender: reset with NO_ERROR follows the end that is queued (wire rule 27)") {
  bed server{role::server};
  server.start({{settings_id::initial_window, 3}});
  const stream_ref r = server.request(1);  // the client has not ended
  server.respond(r);
  server.engine.data(r, slice_of("reply"), false);
  server.trailers(r);
  server.engine.reset(r, error_code::no_error);
  CHECK(server.sent() == "HEADERS 1 | DATA 1 3");
  server.feed(window_frame(1, 10));
  CHECK(server.sent() == "DATA 1 2 | HEADERS 1 end | RST_STREAM 1 NO_ERROR");
  CHECK(server.sink.take() == "closed 1");

  const stream_ref only = server.request(3);  // Trailers-Only
  server.respond(only, true);
  server.engine.reset(only, error_code::no_error);
  CHECK(server.sent() == "HEADERS 3 end | RST_STREAM 3 NO_ERROR");

  const stream_ref open = server.request(5);  // no end queued: at once
  server.engine.reset(open, error_code::no_error);
  CHECK(server.sent() == "RST_STREAM 5 NO_ERROR");
}

TEST_CASE("sender: no RST_STREAM follows where the peer has ended meanwhile") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  server.respond(r, true);
  server.engine.reset(r, error_code::no_error);
  server.feed(data_frame(1, "", end_stream));
  CHECK(server.sent() == "HEADERS 1 end");
  CHECK(server.sink.take() == "data 1 0 end | closed 1");
}

TEST_CASE("sender: any other reset overrides one that waits for the end") {
  bed server{role::server};
  server.start({{settings_id::initial_window, 0}});
  const stream_ref r = server.request(1);
  server.respond(r);
  server.engine.data(r, slice_of("reply"), true);
  server.engine.reset(r, error_code::no_error);
  CHECK(server.sent() == "HEADERS 1");
  server.engine.reset(r, error_code::cancel);
  CHECK(server.sent() == "RST_STREAM 1 CANCEL");
  CHECK(server.sink.take() == "closed 1");
}

TEST_CASE("sender: a request that is reset before it left never appears on the wire") {
  bed client{role::client};
  client.start();
  const stream_ref r = client.open();
  client.engine.data(r, slice_of("x"), true);
  client.engine.reset(r, error_code::cancel);
  const stream_ref next = client.open(true);
  CHECK(client.sent() == "HEADERS 3 end");
  CHECK(client.sink.take() == "closed 1");
  CHECK(client.engine.open_streams() == 1);
  CHECK(client.engine.user(next) == recorder::user_of(3));
}

TEST_CASE("sender: calls in a wrong order come back as reset(internal_error)") {
  bed server{role::server};
  server.start();
  const auto outcome = [&](std::int32_t id, auto&& misuse) {
    const stream_ref r = server.request(id);
    misuse(r);
    CHECK(server.sent().ends_with("RST_STREAM " + std::to_string(id) + " INTERNAL_ERROR"));
    CHECK(server.sink.take() == "reset " + std::to_string(id) + " INTERNAL_ERROR | closed " +
                                    std::to_string(id));
  };
  outcome(1, [&](const stream_ref& r) { server.engine.data(r, slice_of("x"), false); });
  outcome(3, [&](const stream_ref& r) { server.trailers(r); });
  outcome(5, [&](const stream_ref& r) {
    server.respond(r);
    server.respond(r);
  });
  outcome(7, [&](const stream_ref& r) {
    server.respond(r);
    server.trailers(r);
    server.engine.data(r, slice_of("x"), false);
  });
  outcome(9, [&](const stream_ref& r) {
    server.respond(r, true);
    server.trailers(r);
  });
}

TEST_CASE("sender: a header list too large to send comes back as reset(internal_error)") {
  pair_of_beds both;
  both.pump();
  both.client.sink.take();
  const std::string huge(70'000, 'v');
  const header_field fields[] = {{":method", "POST", false}, {":path", "/", false},
                                 {":scheme", "http", false}, {"x", huge, false}};
  REQUIRE(both.client.engine.open({nullptr, fields}, true, recorder::user_of(1)));
  both.pump();
  CHECK(both.client.sink.take() == "reset 1 INTERNAL_ERROR | closed 1");

  both.client.open(true);
  both.pump();
  both.server.sink.take();
  const stream_ref r = both.server.sink.refs[3];
  const header_field response[] = {{":status", "200", false}, {"x", huge, false}};
  both.server.engine.headers(r, {nullptr, response}, false);
  both.pump();
  CHECK(both.server.sink.take() == "reset 3 INTERNAL_ERROR | closed 3");
  CHECK(both.client.sink.take() == "reset 3 INTERNAL_ERROR | closed 3");
  CHECK(both.server.engine.reply_count() == 0);
}

TEST_CASE("sender: a header list of several frames is sent whole, DATA never in between") {
  settings wide_open = default_settings;
  wide_open.header_list_bytes_max = 1 << 20;
  limits bounds;
  bounds.header_list_bytes_max = 1 << 20;
  pair_of_beds both{wide_open, wide_open, bounds};
  both.pump();
  const stream_ref other = both.client.open();
  const std::string large(30'000, '\x7f');  // Huffman makes it no shorter
  const header_field fields[] = {{":method", "POST", false}, {":path", "/", false},
                                 {":scheme", "http", false}, {"x", large, false}};
  both.client.engine.data(other, slice_of("body"), true);
  REQUIRE(both.client.engine.open({nullptr, fields}, true, recorder::user_of(3)));
  both.client.sent_bytes(1);  // frame by frame: the notice must wait for END_HEADERS
  both.pump();
  CHECK(both.client.engine.open_streams() == 2);
}

TEST_CASE("sender: a window lowered below zero by SETTINGS is waited out, not overrun") {
  bed server{role::server};
  server.start({{settings_id::initial_window, 100}});
  const stream_ref r = answering(server, 1)[0];
  server.engine.data(r, slice_of(std::string(150, 'x')), true);
  CHECK(server.sent() == "DATA 1 100");
  server.feed(settings_frame({{settings_id::initial_window, 10}}));  // now -90
  CHECK(server.sent() == "SETTINGS ack");
  server.feed(window_frame(1, 90));  // now 0
  CHECK(server.sent() == "");
  server.feed(window_frame(1, 20));
  CHECK(server.sent() == "DATA 1 20");
  server.feed(settings_frame({{settings_id::initial_window, 40}}));
  CHECK(server.sent() == "SETTINGS ack | DATA 1 30 end");
}

TEST_CASE("sender: the connection's window stops all streams, WINDOW_UPDATE frees them") {
  bed server{role::server};
  server.start({{settings_id::initial_window, 1 << 20}});
  const std::vector<stream_ref> refs = answering(server, 2);
  for (const stream_ref& r : refs) server.engine.data(r, slice_of(std::string(50'000, 'x')), true);
  const auto bytes_in = [](const std::string& sent) {
    std::size_t bytes = 0;
    for (const wire_frame& one : frames_of(sent)) {
      if (one.is(frame_type::data)) bytes += one.payload.size();
    }
    return bytes;
  };
  CHECK(bytes_in(server.sent_bytes()) == 65'535);
  CHECK_FALSE(server.engine.wants_write());
  server.feed(window_frame(0, 1));
  CHECK(bytes_in(server.sent_bytes()) == 1);
  server.feed(window_frame(0, 1 << 20));
  CHECK(bytes_in(server.sent_bytes()) == 100'000 - 65'536);
  CHECK(server.engine.queued() == 0);
}

TEST_CASE("sender: control frames leave although no window is open") {
  bed server{role::server};
  server.start({{settings_id::initial_window, 0}});
  const stream_ref r = answering(server, 1)[0];
  server.engine.data(r, slice_of("x"), true);
  server.feed(ping_frame());
  CHECK(server.sent() == "PING ack");
}
