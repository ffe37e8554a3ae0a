// SPDX-License-Identifier: MIT
#include <ringrpc/http2/nghttp2_core.hpp>

#include <doctest/doctest.h>

#include <new>
#include <string>

#include "bed.hpp"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;

TEST_CASE("core: what is announced first are our settings, then the connection's window") {
  settings ours = default_settings;
  ours.header_table_bytes = 1000;
  bed server{role::server, ours};
  const auto frames = frames_of(server.sent_bytes());
  REQUIRE(frames.size() == 2);
  const auto has = [&](std::uint16_t id, std::uint32_t value) {
    const std::string& payload = frames[0].payload;
    for (std::size_t at = 0; at < payload.size(); at += 6) {
      if (payload.substr(at, 6) == be32(id).substr(2) + be32(value)) return true;
    }
    return false;
  };
  CHECK(has(settings_id::header_table, 1000));
  CHECK(has(settings_id::concurrent_streams, 256));
  CHECK(has(settings_id::initial_window, 65'536));
  CHECK(has(settings_id::frame_size, 65'536));
  CHECK(has(settings_id::header_list, 16'384));
  CHECK(has(9, 1));  // SETTINGS_NO_RFC7540_PRIORITIES
  CHECK_FALSE(has(settings_id::enable_push, 0));
  CHECK(line_of(frames[1]) == "WINDOW_UPDATE 0 983041");

  bed client{role::client};
  const std::string sent = client.sent_bytes();
  CHECK(sent.find(be32(settings_id::enable_push).substr(2) + be32(0)) != std::string::npos);
  CHECK(sent.find(be32(settings_id::concurrent_streams).substr(2)) == std::string::npos);
}

TEST_CASE("core: every engine gives all its memory back, however it ends") {
  memory_pool pool;
  for (int way = 0; way < 4; ++way) {
    CAPTURE(way);
    recorder sink;
    engine_under_test server{role::server, default_settings, limits{}, pool, sink};
    const time_point now{};
    const std::string bytes =
        std::string{client_preface} + settings_frame() + headers_frame(1, request_fields()) +
        data_frame(1, "body") + headers_frame(3, block(request_fields()).substr(0, 20), 0);
    server.feed(ringrpc::as_bytes(bytes), now);
    const stream_ref r = sink.refs[1];
    server.headers(r, {}, false);
    server.data(r, slice_of("queued"), false);
    buffer& large = buffer::make(pool, 10'000);
    server.data(r, {large.bytes().data(), 10'000, &large}, false);
    large.drop_reference();
    server.trailers(r, {});
    server.goaway(0x7fff'ffff, error_code::no_error, "notice");
    if (way >= 1) {
      output out{pool};
      server.gather(out, 20, now);
    }
    if (way >= 2) server.feed(ringrpc::as_bytes(data_frame(0, "x")), now);
    if (way >= 3) server.fail(error_code::internal_error);
  }
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("core: closed and wants_write agree with what is left to do") {
  bed server{role::server};
  CHECK(server.engine.wants_write());
  CHECK_FALSE(server.engine.closed());
  server.start();
  CHECK_FALSE(server.engine.wants_write());
  CHECK_FALSE(server.engine.closed());
  server.feed(ping_frame());
  CHECK(server.engine.wants_write());
  server.feed(data_frame(0, ""));
  CHECK_FALSE(server.engine.closed());  // the GOAWAY has not been gathered
  CHECK(server.engine.wants_write());
  // What had been queued before is not lost.
  CHECK(server.sent().starts_with("GOAWAY"));
  CHECK(server.engine.closed());
  CHECK_FALSE(server.engine.wants_write());
}

TEST_CASE("core: an idle engine keeps little memory") {
  bed server{role::server};
  server.start();
  const std::size_t idle = server.pool.used_bytes();
  MESSAGE("idle engine: ", idle, " bytes");
  CHECK(idle < 48 * 1024);
  for (std::int32_t id = 1; id < 2 * 64; id += 2) {
    const stream_ref r = server.request(id, end_headers | end_stream);
    server.respond(r, true);
    server.sent_bytes();
    server.sink.take();
  }
  CHECK(server.pool.used_bytes() < idle + 8 * 1024);
}
