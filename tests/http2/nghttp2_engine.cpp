// SPDX-License-Identifier: MIT
#include <ringrpc/http2/nghttp2_engine.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "bed.hpp"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;
using namespace std::chrono_literals;

static_assert(engine<nghttp2_engine<recorder>, recorder>);

TEST_CASE("engine: a unary call gives both sinks its events in order, and leaves nothing") {
  pair_of_beds both;
  both.pump();
  CHECK(both.client.sink.take() == "settings | settings_ack");
  CHECK(both.server.sink.take() == "settings | settings_ack");

  const stream_ref call = both.client.open();
  both.client.engine.data(call, slice_of("question"), true);
  both.pump();
  CHECK(both.server.sink.take() == "request 1 | data 1 8 end");
  CHECK(both.server.sink.fields ==
        ":method=POST, :scheme=http, :path=/s/m, :authority=localhost, te=trailers");

  const stream_ref answer = both.server.sink.refs[1];
  both.server.respond(answer);
  both.server.engine.data(answer, slice_of("reply"), false);
  both.server.trailers(answer);
  both.pump();
  CHECK(both.client.sink.take() == "response 1 | data 1 5 | trailers 1 end | closed 1");
  CHECK(both.client.sink.fields == "grpc-status=0");
  CHECK(both.client.sink.bodies[1] == "reply");
  CHECK(both.server.sink.take() == "closed 1");
  CHECK(both.client.sink.users_right);
  CHECK(both.server.sink.users_right);
  CHECK(both.client.engine.open_streams() == 0);
  CHECK(both.server.engine.open_streams() == 0);
}

TEST_CASE("engine: Trailers-Only, and a request that ends with its headers") {
  pair_of_beds both;
  both.pump();
  both.client.open(true);
  both.pump();
  both.server.sink.events.erase(both.server.sink.events.begin(),
                                both.server.sink.events.begin() + 2);
  CHECK(both.server.sink.take() == "request 1 end");
  both.client.sink.take();
  both.server.respond(both.server.sink.refs[1], true);
  both.pump();
  CHECK(both.client.sink.take() == "response 1 end | closed 1");
  CHECK(both.server.sink.take() == "closed 1");
}

TEST_CASE("engine: informational responses come before the response, and may be several") {
  bed client{role::client};
  client.start();
  client.open(true);
  client.sent_bytes();
  client.feed(headers_frame(1, {{":status", "100"}}) + headers_frame(1, {{":status", "103"}}) +
              headers_frame(1, response_fields) + data_frame(1, "x") +
              headers_frame(1, status_ok, end_headers | end_stream));
  CHECK(client.sink.take() ==
        "informational 1 | informational 1 | response 1 | data 1 1 | trailers 1 end | closed 1");
}

TEST_CASE("engine: what is wrong with a response resets the stream at the client") {
  const std::pair<const char*, std::string> rows[] = {
      {"1xx with END_STREAM", headers_frame(1, {{":status", "100"}}, end_headers | end_stream)},
      {"no :status", headers_frame(1, {{"content-type", "x"}})},
      {":status of two digits", headers_frame(1, {{":status", "20"}})},
      {"a request's field", headers_frame(1, {{":status", "200"}, {":path", "/"}})},
      {"DATA before the response", headers_frame(1, {{":status", "100"}}) + data_frame(1, "x")},
      {"upper case", headers_frame(1, {{":status", "200"}, {"X", "y"}})},
  };
  for (const auto& [what, bytes] : rows) {
    CAPTURE(what);
    bed client{role::client};
    client.start();
    client.open(true);
    client.sent_bytes();
    CHECK(client.feed(bytes).ok());
    client.sent_bytes();
    CHECK(client.sink.take().ends_with("reset 1 PROTOCOL_ERROR | closed 1"));
  }
  // Wire rule 26: after the response only trailers may come.
  bed client{role::client};
  client.start();
  client.open(true);
  client.sent_bytes();
  client.feed(headers_frame(1, response_fields) + headers_frame(1, {{"x", "y"}}));
  CHECK(client.sent() == "RST_STREAM 1 PROTOCOL_ERROR");
  CHECK(client.sink.take() == "response 1 | reset 1 PROTOCOL_ERROR | closed 1");
}

TEST_CASE("engine: DATA before any response header ends the connection, PUSH_PROMISE too") {
  bed client{role::client};
  client.start();
  client.open(true);
  client.sent_bytes();
  CHECK(client.feed(data_frame(1, "x")).code == error_code::protocol_error);
  CHECK(client.sent() == "GOAWAY 0 PROTOCOL_ERROR DATA: stream not opened");

  bed pushed{role::client};
  pushed.start();
  pushed.open(true);
  pushed.sent_bytes();
  CHECK(pushed.feed(frame(frame_type::push_promise, end_headers, 1, be32(2))).code ==
        error_code::protocol_error);
}

TEST_CASE("engine: a reset of the peer is told once, with its code, whatever it is") {
  for (const error_code code : {error_code::no_error, error_code::cancel,
                                error_code::enhance_your_calm, static_cast<error_code>(0x1234)}) {
    bed server{role::server};
    server.start();
    const stream_ref r = server.request(1);
    server.engine.headers(r, {}, false);
    server.feed(reset_frame(1, code));
    CHECK(server.sink.take() == "reset 1 " + std::string{name_of(code)} + " | closed 1");
    CHECK(server.sent() == "");
  }
}

TEST_CASE("engine: more streams than announced are refused unseen, and a closed one makes room") {
  settings ours = default_settings;
  ours.concurrent_streams_max = 2;
  bed server{role::server, ours};
  server.start();
  server.feed(headers_frame(1, request_fields()) + headers_frame(3, request_fields()) +
              headers_frame(5, request_fields()) + data_frame(5, "x", end_stream));
  CHECK(server.sink.take() == "request 1 | request 3");
  CHECK(server.sent() == "RST_STREAM 5 REFUSED_STREAM");
  CHECK(server.engine.open_streams() == 2);
  CHECK(server.engine.last_processed_id() == 3);
  server.feed(reset_frame(1) + headers_frame(7, request_fields()));
  CHECK(server.sink.take() == "reset 1 CANCEL | closed 1 | request 7");
}

TEST_CASE("engine: the announced stream limit is the true one, on the wire") {
  settings ours = default_settings;
  ours.concurrent_streams_max = 77;
  bed server{role::server, ours};
  const auto frames = frames_of(server.sent_bytes());
  REQUIRE(frames.size() == 2);
  std::string limit = be32(settings_id::concurrent_streams).substr(2) + be32(77);
  CHECK(frames[0].payload.find(limit) != std::string::npos);
  bed client{role::client};
  CHECK(client.sent_bytes().starts_with(client_preface));
}

TEST_CASE("engine: a client that announces 0 streams is served (field report B13)") {
  bed server{role::server};
  server.start({{settings_id::enable_push, 0}, {settings_id::concurrent_streams, 0}});
  CHECK(server.engine.peer_settings().concurrent_streams_max == 0);
  const stream_ref r = server.request(1, end_headers | end_stream);
  server.respond(r);
  server.engine.data(r, slice_of("reply"), false);
  server.trailers(r);
  CHECK(server.sent() == "HEADERS 1 | DATA 1 5 | HEADERS 1 end");
}

TEST_CASE("engine: a header list beyond the limits is delivered in part and marked") {
  limits bounds;
  bounds.header_list_bytes_max = 1000;
  bed server{role::server, default_settings, bounds};
  server.start();
  server.feed(headers_frame(1, request_fields({{"big", std::string(1000, 'v')}, {"small", "v"}})) +
              data_frame(1, "x", end_stream));
  CHECK(server.sink.take() == "request 1 too_large | data 1 1 end");
  CHECK(server.sink.fields.ends_with("te=trailers"));
  CHECK(server.sent() == "");

  bounds.header_list_bytes_max = 1 << 20;
  bounds.header_fields_max = 7;
  bed counted{role::server, default_settings, bounds};
  counted.start();
  counted.feed(headers_frame(1, request_fields({{"seventh", "v"}})) +
               headers_frame(3, request_fields({{"seventh", "v"}, {"eighth", "v"}})));
  CHECK(counted.sink.take() == "request 1 | request 3 too_large");
}

TEST_CASE("engine: a header bomb costs no memory, and the table stays in step (CVE-2016-6581)") {
  bed server{role::server};
  server.start();
  const std::size_t before = server.pool.used_bytes();
  const std::string entry = literal("x-bomb", std::string(4000, 'v'), 0x40);
  server.feed(headers_frame(1, block(request_fields()) + entry + std::string(12'000, '\xbe')));
  CHECK(server.sink.take() == "request 1 too_large");
  CHECK(server.pool.used_bytes() < before + 64 * 1024);
  server.feed(headers_frame(3, block(request_fields()) + '\xbe'));
  CHECK(server.sink.take() == "request 3");
  CHECK(server.sink.fields.size() > 4000);
}

TEST_CASE("engine: fields keep their order, their bytes and the mark of what must not be indexed") {
  bed server{role::server};
  server.start();
  server.feed(headers_frame(1, block(request_fields()) + literal("a-bin", "\x80\xff ") +
                                   literal("secret", "s", 0x10) + literal("a-bin", "") +
                                   literal("!#$%&'*+^`|~", "\t v ")));
  CHECK(server.sink.take() == "request 1");
  CHECK(server.sink.fields.ends_with(
      "te=trailers, a-bin=\x80\xff , secret=s!, a-bin=, !#$%&'*+^`|~=\t v "));
}

TEST_CASE("engine: GOAWAY resets the client's streams above its last id, and stops new ones") {
  bed client{role::client};
  client.start();
  client.open();
  client.open();
  client.sent_bytes();
  CHECK(client.feed(goaway_frame(1, error_code::no_error, "max_age")).ok());
  CHECK(client.sink.take() ==
        "goaway 1 NO_ERROR max_age | reset 3 REFUSED_STREAM | closed 3");
  const open_result refused = client.engine.open({}, true, nullptr);
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == open_refusal::going_away);
  // The stream that is left ends; then so does the connection.
  const feed_status status =
      client.feed(headers_frame(1, {{":status", "200"}}, end_headers | end_stream) +
                  reset_frame(1, error_code::no_error));
  CHECK(client.sink.take() == "response 1 end | reset 1 NO_ERROR | closed 1");
  CHECK(status.now == feed_status::state::closing);
  CHECK(client.engine.closed());
}

TEST_CASE("engine: GOAWAY resets requests that have not left yet") {
  bed client{role::client};
  client.start();
  const stream_ref r = client.open();
  client.engine.data(r, slice_of("x"), true);
  client.feed(goaway_frame(0));
  CHECK(client.sink.take() == "goaway 0 NO_ERROR");
  CHECK(client.sent() == "");
  CHECK(client.sink.take() == "reset 1 REFUSED_STREAM | closed 1");
  CHECK(client.engine.queued() == 0);
}

TEST_CASE("engine: a notice of the server leaves all streams alone") {
  bed client{role::client};
  client.start();
  client.open(true);
  client.sent_bytes();
  client.feed(goaway_frame(0x7fff'ffff));
  CHECK(client.sink.take() == "goaway 2147483647 NO_ERROR");
  CHECK(client.engine.open({}, true, nullptr).error() == open_refusal::going_away);
  client.feed(headers_frame(1, {{":status", "200"}}, end_headers | end_stream));
  CHECK(client.sink.take() == "response 1 end | closed 1");
}

TEST_CASE("engine: stale and wrong references are ignored everywhere") {
  bed server{role::server};
  server.start();
  const stream_ref old = server.request(1);
  server.feed(reset_frame(1));
  const stream_ref fresh = server.request(3);
  server.sink.take();
  CHECK(old.slot == fresh.slot);
  stream_ref wrong_slot = fresh;
  wrong_slot.slot = 4711;
  stream_ref wrong_id = fresh;
  wrong_id.id = 5;
  for (const stream_ref& r : {old, stream_ref{}, wrong_slot, wrong_id}) {
    server.respond(r);
    server.engine.data(r, slice_of("x"), true);
    server.trailers(r);
    server.engine.credit_stream(r, 100'000);
    server.engine.raise_window(r, 100'000);
    server.engine.reset(r, error_code::cancel);
    server.engine.set_user(r, &server);
    CHECK(server.engine.user(r) == nullptr);
    CHECK(server.engine.queued(r) == 0);
    CHECK(server.engine.receive_window(r) == 0);
  }
  CHECK(server.sent() == "");
  CHECK(server.engine.user(fresh) == recorder::user_of(3));
}

TEST_CASE("engine: the user pointer is the sink's to change") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  CHECK(server.engine.user(r) == recorder::user_of(1));
  int other = 0;
  server.engine.set_user(r, &other);
  CHECK(server.engine.user(r) == &other);
  server.engine.set_user(r, recorder::user_of(1));
}

TEST_CASE("engine: fail closes each stream once, tells no reset, and ends everything") {
  bed server{role::server};
  server.start();
  const stream_ref first = server.request(1);
  server.request(3);
  server.feed(headers_frame(5, field_list{{"te", "gzip"}}));  // never told
  server.respond(first);
  server.engine.data(first, slice_of("queued"), false);
  server.engine.fail(error_code::internal_error);
  CHECK(server.sink.take() == "closed 1 | closed 3");
  server.engine.fail(error_code::internal_error);
  CHECK(server.sink.take() == "");
  CHECK(server.engine.closed());
  CHECK_FALSE(server.engine.wants_write());
  CHECK(server.sent() == "");
  CHECK(server.engine.queued() == 0);
  CHECK(server.engine.reply_count() == 0);
  CHECK(server.feed(headers_frame(7, request_fields())).now == feed_status::state::closing);
  server.engine.ping(1);
  server.engine.goaway(0, error_code::no_error, "");
  server.engine.update_settings(settings{});
  server.engine.credit_connection(1);
  CHECK(server.sink.take() == "");
  CHECK(server.sent() == "");
}

TEST_CASE("engine: fail after a fatal breach closes what was open") {
  bed server{role::server};
  server.start();
  server.request(1);
  CHECK(server.feed(data_frame(0, "x")).fatal());
  CHECK(server.sent().starts_with("GOAWAY"));
  CHECK(server.sink.take() == "");
  server.engine.fail(error_code::protocol_error);
  CHECK(server.sink.take() == "closed 1");
}

TEST_CASE("engine: floods end the connection with ENHANCE_YOUR_CALM, time refills the limits") {
  limits bounds;
  bounds.peer_resets = {5, 1};
  bounds.pings = {5, 1};
  bounds.glitches = {5, 1};
  bounds.unknown_bytes_max = 100;
  struct flood {
    const char* what;
    std::string first;
    std::string again;
    int spared;  // repetitions that are borne
  };
  const flood floods[] = {
      {"PING", "", ping_frame(), 5},
      {"PRIORITY", "", priority_frame(1), 5},
      {"empty DATA", headers_frame(1, request_fields()), data_frame(1, ""), 5},
      {"unknown frames", "", frame(0xfa, 0, 0, std::string(50, 'x')), 7},
      {"RST_STREAM of closed streams", headers_frame(1, request_fields()), reset_frame(1), 5},
  };
  for (const flood& one : floods) {
    CAPTURE(one.what);
    bed server{role::server, default_settings, bounds};
    server.start();
    server.feed(one.first);
    for (int i = 0; i < one.spared; ++i) REQUIRE(server.feed(one.again).ok());
    server.now += 2s;  // two more
    CHECK(server.feed(one.again + one.again).ok());
    const feed_status status = server.feed(one.again);
    CHECK(status.fatal());
    CHECK(status.code == error_code::enhance_your_calm);
    CHECK(server.sent().ends_with(std::string{"ENHANCE_YOUR_CALM "} + std::string{status.text}));
  }
}

TEST_CASE("engine: resets that the peer makes us send are limited (CVE-2025-8671)") {
  limits bounds;
  bounds.glitches = {10, 1};
  const auto zero_update = [](std::int32_t id) { return window_frame(id, 0); };
  const auto late_data = [](std::int32_t id) { return data_frame(id, "x"); };
  for (const auto& make : {+zero_update, +late_data}) {
    bed server{role::server, default_settings, bounds};
    server.start();
    std::int32_t id = 1;
    while (server
               .feed(headers_frame(id, request_fields(), end_headers | end_stream) + make(id))
               .ok()) {
      id += 2;
      REQUIRE(id < 100);
    }
    CHECK(id == 21);
    CHECK(server.sent().ends_with("frames that break rules or serve no call"));
  }
}

TEST_CASE("engine: rapid reset and refused streams count against one limit (CVE-2023-44487)") {
  limits bounds;
  bounds.peer_resets = {10, 1};
  settings ours = default_settings;
  ours.concurrent_streams_max = 1;
  bed server{role::server, ours, bounds};
  server.start();
  std::int32_t id = 1;
  for (int i = 0; i < 5; ++i, id += 2) {
    CHECK(server.feed(headers_frame(id, request_fields()) + reset_frame(id)).ok());
  }
  server.request(id);
  for (int i = 0; i < 5; ++i) {
    id += 2;
    CHECK(server.feed(headers_frame(id, request_fields())).ok());
  }
  CHECK(server.feed(headers_frame(id + 2, request_fields())).code ==
        error_code::enhance_your_calm);
}

TEST_CASE("engine: an honest canceller is not cut off: 2000 cancels and pings in a second") {
  bed server{role::server};
  server.start();
  std::int32_t id = 1;
  for (int i = 0; i < 20'000; ++i, id += 2) {
    server.now += 500us;
    REQUIRE(server
                .feed(headers_frame(id, request_fields()) + reset_frame(id) + ping_frame())
                .ok());
    server.sent_bytes();
    server.sink.take();
  }
  CHECK(server.pool.used_bytes() < 256 * 1024);
}

TEST_CASE("engine: one CONTINUATION more than allowed ends the connection (CVE-2024-28182)") {
  const std::string fields = block(request_fields());
  for (const int extra : {0, 1}) {
    bed server{role::server};
    server.start();
    std::string bytes = headers_frame(1, fields.substr(0, 1), 0);
    for (int i = 1; i < 8 + extra; ++i) {
      bytes += continuation_frame(1, fields.substr(static_cast<std::size_t>(i), 1));
    }
    bytes += continuation_frame(1, fields.substr(static_cast<std::size_t>(8 + extra)), end_headers);
    const feed_status status = server.feed(bytes);
    CHECK(status.ok() == (extra == 0));
    CHECK(server.sink.take() == (extra == 0 ? "request 1" : ""));
    if (extra == 1) CHECK(status.code == error_code::enhance_your_calm);
  }
}

TEST_CASE("engine: replies that the peer does not take are counted until they left") {
  bed server{role::server};
  server.start();
  CHECK(server.engine.reply_count() == 0);
  CHECK(server.engine.reply_bytes() == 0);
  std::string flood;
  for (int i = 0; i < 100; ++i) flood += ping_frame() + settings_frame();
  server.feed(flood);
  CHECK(server.engine.reply_count() == 200);
  CHECK(server.engine.reply_bytes() >= 100 * 17 + 100 * 9);
  // What we send on our own is none: a response, a PING, a GOAWAY, SETTINGS.
  const stream_ref r = server.request(1, end_headers | end_stream);
  server.respond(r);
  server.trailers(r);
  server.engine.ping(1);
  settings other = default_settings;
  other.initial_window_bytes = 1000;
  server.engine.update_settings(other);
  server.engine.goaway(1, error_code::no_error, "");
  CHECK(server.engine.reply_count() == 200);
  server.sent_bytes();
  CHECK(server.engine.reply_count() == 0);
  CHECK(server.engine.reply_bytes() == 0);
}

TEST_CASE("engine: a flood that nobody gathers ends at nghttp2's own bound, with a reason") {
  limits bounds;
  bounds.pings = {0, 0};
  bed server{role::server, default_settings, bounds};
  server.start();
  feed_status status;
  int count = 0;
  while ((status = server.feed(ping_frame())).ok()) REQUIRE(++count < 20'000);
  CHECK(count == 10'000);
  CHECK(status.code == error_code::enhance_your_calm);
  CHECK(server.sent().ends_with(
      "GOAWAY 0 ENHANCE_YOUR_CALM too many PING or SETTINGS frames await our answer"));
}

TEST_CASE("engine: PING and SETTINGS acknowledgements are told in order") {
  bed client{role::client};
  client.start();
  client.engine.ping(0x0102030405060708);
  const auto frames = frames_of(client.sent_bytes());
  REQUIRE(frames.size() == 1);
  CHECK(frames[0].payload == "\1\2\3\4\5\6\7\10");
  client.feed(ping_frame(frames[0].payload, ack));
  CHECK(client.sink.take() == "ping_ack 72623859790382856");
}

TEST_CASE("engine: a PING of the peer is told and answered, an acknowledgement is no PING") {
  for (const role side : {role::client, role::server}) {
    bed one{side};
    one.start();
    one.feed(ping_frame("12345678") + ping_frame("abcdefgh") + ping_frame("pingpong", ack));
    CHECK(one.sink.pings == 2);
    CHECK(one.sent() == "PING ack | PING ack");
  }
}

TEST_CASE("engine: peer_settings are those of the RFC first, then the peer's") {
  bed client{role::client};
  CHECK(client.engine.peer_settings() == settings{});
  client.feed(settings_frame({{settings_id::header_table, 1},
                              {settings_id::concurrent_streams, 2},
                              {settings_id::initial_window, 3},
                              {settings_id::frame_size, 20'000},
                              {settings_id::header_list, 5}}));
  const settings expected{.header_table_bytes = 1,
                          .concurrent_streams_max = 2,
                          .initial_window_bytes = 3,
                          .frame_bytes_max = 20'000,
                          .header_list_bytes_max = 5};
  CHECK(client.engine.peer_settings() == expected);
  CHECK(client.sink.peer == expected);
}
