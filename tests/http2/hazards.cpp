// SPDX-License-Identifier: MIT
//
// What is known to go wrong with nghttp2 as it comes, and must not here.
#include <ringrpc/http2/nghttp2_engine.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>

#include "bed.hpp"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;

TEST_CASE("hazards: thousands of small calls whose bytes nobody credits do not stall a client") {
  pair_of_beds both;
  both.pump();
  for (int i = 0; i < 3000; ++i) {
    const stream_ref call = both.client.open();
    REQUIRE(call);
    both.client.engine.data(call, slice_of(std::string(500, 'x')), true);
    both.pump();
    both.server.respond(both.server.sink.refs[call.id], true);
    both.server.engine.credit_connection(
        static_cast<std::uint32_t>(std::exchange(both.server.sink.connection_flow_bytes, 0)));
    both.pump();
    REQUIRE(both.server.sink.bodies[call.id].size() == 500);
    REQUIRE(both.client.engine.open_streams() == 0);
    both.client.sink.take();
    both.server.sink.take();
  }
}

TEST_CASE("hazards: a client that cancels 5000 calls at once is not cut off") {
  bed server{role::server};
  server.start();
  std::string bytes;
  for (std::int32_t id = 1; id < 10'000; id += 2) {
    bytes += headers_frame(id, request_fields()) + reset_frame(id);
  }
  CHECK(server.feed(bytes).ok());
  CHECK(server.engine.open_streams() == 0);
}

TEST_CASE("hazards: a window that opens byte by byte sends byte by byte") {
  bed server{role::server};
  server.start({{settings_id::initial_window, 0}});
  const stream_ref r = server.request(1, end_headers | end_stream);
  server.respond(r);
  server.engine.data(r, slice_of("0123456789"), false);
  server.trailers(r);
  CHECK(server.sent() == "HEADERS 1");
  for (int i = 0; i < 9; ++i) {
    server.feed(window_frame(1, 1));
    CHECK(server.sent() == "DATA 1 1");
  }
  server.feed(window_frame(1, 1));
  CHECK(server.sent() == "DATA 1 1 | HEADERS 1 end");
}

TEST_CASE("hazards: after a fatal breach nothing is swallowed in silence") {
  bed server{role::server};
  server.start();
  CHECK(server.feed(data_frame(0, "x")).fatal());
  CHECK(server.feed(ping_frame()).fatal());
  CHECK(server.feed("").fatal());
  CHECK(server.sent().starts_with("GOAWAY"));
  CHECK(server.feed(ping_frame()).fatal());
  CHECK(server.sent() == "");
}

TEST_CASE("hazards: a response and a reset at once are both sent") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  server.respond(r, true);
  server.engine.reset(r, error_code::no_error);
  CHECK(server.sent() == "HEADERS 1 end | RST_STREAM 1 NO_ERROR");
}

TEST_CASE("hazards: SETTINGS with more than 32 entries are refused, with 32 taken") {
  settings_list entries;
  for (std::uint16_t i = 0; i < 32; ++i) {
    entries.emplace_back(static_cast<std::uint16_t>(100 + i), i);
  }
  bed server{role::server};
  server.start();
  CHECK(server.feed(settings_frame(entries)).ok());
  entries.emplace_back(std::uint16_t{200}, 1);
  CHECK(server.feed(settings_frame(entries)).code == error_code::enhance_your_calm);
}

TEST_CASE("hazards: a stream's data may be queued at any time without waking what is not asleep") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1, end_headers | end_stream);
  server.respond(r);
  server.engine.data(r, {}, false);
  server.engine.data(r, slice_of("a"), false);
  CHECK(server.sent() == "HEADERS 1 | DATA 1 1");
  server.engine.data(r, {}, false);
  CHECK(server.sent() == "");
  server.engine.data(r, slice_of("b"), false);
  server.engine.data(r, slice_of("c"), true);
  CHECK(server.sent() == "DATA 1 2 end");
}

TEST_CASE("hazards: frames for a stream in the moment of its end find nothing to break") {
  // The reset is queued, not sent: nghttp2 still has the stream, the sink has done with it.
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  server.engine.reset(r, error_code::cancel);
  server.feed(data_frame(1, "x") + headers_frame(1, {{"x", "y"}}, end_headers | end_stream) +
              window_frame(1, 5) + reset_frame(1) + data_frame(1, "y"));
  const std::string sent = server.sent();
  CHECK(server.sink.take() == "closed 1");
  CHECK(sent.find("GOAWAY") == std::string::npos);
}

TEST_CASE("hazards: PRIORITY frames create no idle streams that hold memory") {
  bed server{role::server};
  server.start();
  const std::size_t before = server.pool.used_bytes();
  std::string bytes;
  for (std::int32_t id = 1; id < 2 * 150; id += 2) bytes += priority_frame(id, id + 2);
  CHECK(server.feed(bytes).ok());
  CHECK(server.pool.used_bytes() == before);
}

TEST_CASE("hazards: the steady state of unary calls takes no memory from the C library") {
  // The pool asks malloc(3) only when it has no free block; blocks that it hands out and
  // keeps are then more in sum. nghttp2 and the engine have no other source.
  struct quiet_sink {
    stream_ref last{};
    int ended = 0;
    void on_headers(stream_ref r, void*&, const header_block&, block_kind, bool end) noexcept {
      last = r;
      if (end) ++ended;
    }
    void on_data(stream_ref, void*, std::span<const std::byte>, std::uint32_t, bool) noexcept {}
    void on_reset(stream_ref, void*, error_code) noexcept {}
    void on_closed(stream_ref, void*) noexcept {}
    void on_writable(stream_ref, void*) noexcept {}
    void on_settings(const settings&) noexcept {}
    void on_settings_ack() noexcept {}
    void on_goaway(std::int32_t, error_code, std::string_view) noexcept {}
    void on_ping() noexcept {}
    void on_ping_ack(std::uint64_t) noexcept {}
  };
  memory_pool pool;
  {
    quiet_sink of_client;
    quiet_sink of_server;
    nghttp2_engine<quiet_sink> client{role::client, default_settings, limits{}, pool, of_client};
    nghttp2_engine<quiet_sink> server{role::server, default_settings, limits{}, pool, of_server};
    const time_point now{};
    const auto move = [&](auto& from, auto& to) {
      output out{pool};
      from.gather(out, 1 << 20, now);
      for (const ::iovec& part : out.parts()) {
        REQUIRE(to.feed({static_cast<const std::byte*>(part.iov_base), part.iov_len}, now).ok());
      }
    };
    const header_field request[] = {{":method", "POST", false}, {":scheme", "http", false},
                                    {":path", "/s/m", false}, {"te", "trailers", false}};
    const header_template asked{1, request};
    const header_field response[] = {{":status", "200", false}};
    const header_template answered{2, response};
    const header_field ok[] = {{"grpc-status", "0", false}};
    const header_template ended{3, ok};
    const std::string message(37, 'm');
    std::size_t taken = 0;
    for (int i = 0; i < 2000; ++i) {
      const header_field timeout[] = {{"grpc-timeout", i % 2 == 0 ? "1234m" : "77m", true}};
      const open_result call = client.open({&asked, timeout}, false, nullptr);
      REQUIRE(call);
      client.data(*call, slice_of(message), true);
      move(client, server);
      server.headers(of_server.last, {&answered, {}}, false);
      server.data(of_server.last, slice_of(message), false);
      server.trailers(of_server.last, {&ended, {}});
      server.credit_connection(37);
      move(server, client);
      client.credit_connection(37);
      const std::size_t held = pool.used_bytes() + pool.retained_bytes();
      if (i == 1000) taken = held;
      if (i > 1000) REQUIRE(held == taken);
    }
    CHECK(of_client.ended == 2000);
    client.fail(error_code::no_error);
    server.fail(error_code::no_error);
  }
  CHECK(pool.used_bytes() == 0);
}
