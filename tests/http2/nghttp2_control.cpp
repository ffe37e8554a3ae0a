// SPDX-License-Identifier: MIT
#include <ringrpc/http2/nghttp2_control.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "bed.hpp"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;

namespace {
constexpr std::uint32_t window = 64 * 1024;

// The WINDOW_UPDATE increments in `sent` for stream `id`.
std::uint32_t credit_in(const std::string& sent, std::int32_t id) {
  std::uint32_t sum = 0;
  for (const wire_frame& one : frames_of(sent)) {
    if (one.is(frame_type::window_update) && one.header.stream_id == id) sum += one.number();
  }
  return sum;
}
std::string data_of(std::int32_t id, std::size_t bytes, std::uint8_t flags = 0) {
  return data_frame(id, std::string(bytes, 'd'), flags);
}
}  // namespace

TEST_CASE("control: a stream's credit is held back while the peer has half its window left") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  server.feed(data_of(1, window / 2));
  server.engine.credit_stream(r, window / 2);
  CHECK(server.sent() == "");
  server.feed(data_of(1, 1));
  CHECK(server.sent() == "WINDOW_UPDATE 1 " + std::to_string(window / 2));
}

TEST_CASE("control: small credit is sent at once when the peer has less than half left") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  server.feed(data_of(1, 40'000));
  CHECK(server.sent() == "");
  server.engine.credit_stream(r, 5);
  CHECK(server.sent() == "WINDOW_UPDATE 1 5");
}

TEST_CASE("control: credit that was held back is sent when DATA makes the window low") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  server.feed(data_of(1, 20'000));
  server.engine.credit_stream(r, 20'000);
  CHECK(server.sent() == "");
  CHECK(server.engine.receive_window(r) == window);
  // The layer above knows that a message of 60,000 fits, so the peer must be told.
  server.feed(data_of(1, 13'000));
  CHECK(server.sent() == "WINDOW_UPDATE 1 20000");
  CHECK(server.engine.receive_window(r) == window - 13'000);
}

TEST_CASE("control: no credit is sent for a stream whose END_STREAM has come") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  server.feed(data_of(1, 40'000));
  server.engine.credit_stream(r, 40'000);  // queued, not sent yet
  server.feed(data_of(1, 1000, end_stream));
  server.engine.credit_stream(r, 1000);
  server.engine.raise_window(r, 1000);
  CHECK(server.engine.receive_window(r) == 0);
  CHECK(server.sent() == "");
}

TEST_CASE("control: the connection's credit is sent at half its window, also for dead streams") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  const std::uint32_t half = limits{}.connection_window_bytes / 2;
  server.engine.raise_window(r, 2 * half);
  server.sent_bytes();
  std::uint32_t fed = 0;
  for (; fed < half; fed += 16'384) server.feed(data_of(1, 16'384));
  server.feed(reset_frame(1));
  CHECK(server.sent() == "");
  server.engine.credit_connection(fed - 1);
  CHECK(server.sent() == "");
  server.engine.credit_connection(1);
  CHECK(server.sent() == "WINDOW_UPDATE 0 " + std::to_string(fed));
}

TEST_CASE("control: the connection's window is a limit, and at least the 65,535 of the RFC") {
  limits bounds;
  bounds.connection_window_bytes = 0;
  bed server{role::server, default_settings, bounds};
  CHECK(server.sent() == "SETTINGS");
  bounds.connection_window_bytes = 65'536;
  bed larger{role::server, default_settings, bounds};
  CHECK(larger.sent() == "SETTINGS | WINDOW_UPDATE 0 1");
}

TEST_CASE("control: a peer that overruns a window is reset or cut off") {
  bed server{role::server};
  server.start();
  server.request(1);
  for (int i = 0; i < 4; ++i) CHECK(server.feed(data_of(1, 16'384)).ok());
  CHECK(server.feed(data_of(1, 1)).ok());
  CHECK(server.sent() == "RST_STREAM 1 FLOW_CONTROL_ERROR");
  CHECK(server.sink.take().ends_with("reset 1 FLOW_CONTROL_ERROR | closed 1"));

  limits bounds;
  bounds.connection_window_bytes = 65'535;
  bed small{role::server, default_settings, bounds};
  small.start();
  small.request(1);
  for (int i = 0; i < 3; ++i) CHECK(small.feed(data_of(1, 16'384)).ok());
  CHECK(small.feed(data_of(1, 16'384)).code == error_code::flow_control_error);
}

TEST_CASE("control: DATA that no sink sees is credited by the engine") {
  bed server{role::server};
  server.start();
  const std::uint32_t half = limits{}.connection_window_bytes / 2;
  // Of a refused request, of one that we reset, of one that is malformed in mid-body.
  const stream_ref gone = server.request(1);
  server.engine.reset(gone, error_code::cancel);
  std::uint32_t fed = 0;
  for (; fed < half / 3; fed += 16'384) server.feed(data_of(1, 16'384));
  server.sent_bytes();
  for (; fed < half * 2 / 3; fed += 16'384) server.feed(data_of(1, 16'384));
  server.feed(headers_frame(3, field_list{{"te", "gzip"}}));
  CHECK(credit_in(server.sent_bytes(), 0) == 0);
  for (; fed < half; fed += 16'384) server.feed(data_of(3, 16'384));
  CHECK(server.sink.connection_flow_bytes == 0);
  CHECK(credit_in(server.sent_bytes(), 0) == fed);
}

TEST_CASE("control: the rest of a DATA frame whose stream was reset in between is credited") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  const std::string frame_bytes = data_of(1, 16'384);
  server.feed(frame_bytes.substr(0, 1009));
  CHECK(server.sink.take() == "data 1 1000");
  server.engine.reset(r, error_code::cancel);
  server.feed(frame_bytes.substr(1009));
  CHECK(server.sink.take() == "");
  CHECK(server.sink.connection_flow_bytes == 1000);
  // All but what the sink was given is back: the next credit tells.
  const std::uint32_t half = limits{}.connection_window_bytes / 2;
  server.engine.credit_connection(half - 15'384 - 1);
  CHECK(credit_in(server.sent_bytes(), 0) == 0);
}

TEST_CASE("control: padding is credited, whatever is made of it") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  // 255 bytes of padding in front of five: gRPC's data_frame_padding case.
  std::uint32_t credited = 0;
  for (int i = 0; i < 2000; ++i) {
    server.feed(padded_data_frame(1, "12345", 255));
    server.engine.credit_stream(r, std::exchange(server.sink.flow_bytes[1], 0));
    server.engine.credit_connection(
        static_cast<std::uint32_t>(std::exchange(server.sink.connection_flow_bytes, 0)));
    credited += credit_in(server.sent_bytes(), 1);
    server.sink.take();
  }
  const std::uint32_t sent = 2000 * 261;
  CHECK(server.engine.receive_window(r) == window);
  CHECK(credited <= sent);
  CHECK(sent - credited <= window / 2);
}

TEST_CASE("control: DATA of nothing but padding is credited too") {
  bed server{role::server};
  server.start();
  server.request(1);
  for (int i = 0; i < 150; ++i) {
    for (int j = 0; j < 60; ++j) REQUIRE(server.feed(padded_data_frame(1, "", 255)).ok());
    server.now += std::chrono::seconds{2};
    server.sent_bytes();
  }
  CHECK(server.sink.take() == "");
}

TEST_CASE("control: raise_window opens the window at once by exactly that much") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  server.engine.raise_window(r, 1'000'000);
  CHECK(server.sent() == "WINDOW_UPDATE 1 1000000");
  CHECK(server.engine.receive_window(r) == window + 1'000'000);
  server.feed(data_of(1, 16'384));
  server.engine.credit_stream(r, 384);
  server.engine.raise_window(r, 100);  // takes the credit along
  CHECK(server.sent() == "WINDOW_UPDATE 1 484");
}

TEST_CASE("control: after a raise that was used up, later credit comes as before") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  // Three messages of 1 MiB: each raises the window by its rest, and gives the
  // raise back by crediting so much less.
  constexpr std::uint32_t message = 1 << 20;
  std::uint32_t left = window;  // what the peer may still send
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    std::uint32_t received = 0;
    std::uint32_t raised = 0;
    while (received < message) {
      if (left == 0) {
        REQUIRE(raised == 0);
        raised = message - received;
        server.engine.raise_window(r, raised);
        left += credit_in(server.sent_bytes(), 1);
        REQUIRE(left == raised);
      }
      const std::uint32_t count = std::min({std::uint32_t{16'384}, left, message - received});
      REQUIRE(server.feed(data_of(1, count)).ok());
      server.engine.credit_connection(count);
      received += count;
      left -= count;
      left += credit_in(server.sent_bytes(), 1);
    }
    server.engine.credit_stream(r, message - raised);
    left += credit_in(server.sent_bytes(), 1);
    CHECK(server.engine.receive_window(r) == window);
    CHECK(left == window);
  }
}

TEST_CASE("control: at the end of many calls all credit of the connection is back") {
  pair_of_beds both;
  both.pump();
  const std::string message(10'000, 'm');
  for (int i = 0; i < 500; ++i) {
    const stream_ref call = both.client.open();
    REQUIRE(call);
    both.client.engine.data(call, slice_of(message), i % 3 != 0);
    both.pump();
    const stream_ref r = both.server.sink.refs[call.id];
    // Answered, reset by the server, reset by the client; the stream's own credit is
    // never given back.
    if (i % 3 == 1) {
      both.server.respond(r, true);
    } else if (i % 3 == 2) {
      both.server.engine.reset(r, error_code::cancel);
    } else {
      both.client.engine.reset(call, error_code::cancel);
    }
    both.pump();
    both.server.engine.credit_connection(
        static_cast<std::uint32_t>(std::exchange(both.server.sink.connection_flow_bytes, 0)));
    both.pump();
    REQUIRE(both.client.engine.open_streams() == 0);
    REQUIRE(both.server.engine.open_streams() == 0);
  }
  CHECK(both.client.sink.users_right);
  CHECK(both.server_status.ok());
}

TEST_CASE("control: goaway gives the notice of a drain first, then the real last id") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  server.engine.goaway(0x7fff'ffff, error_code::no_error, "max_age");
  server.engine.ping(1);
  CHECK(server.sent() == "GOAWAY 2147483647 NO_ERROR max_age | PING");
  server.feed(headers_frame(3, request_fields()));  // was on its way
  CHECK(server.sink.take() == "request 3");
  CHECK(server.engine.last_processed_id() == 3);
  server.engine.goaway(server.engine.last_processed_id(), error_code::no_error, "");
  server.feed(headers_frame(5, request_fields()));
  CHECK(server.sink.take() == "");
  CHECK(server.sent() == "GOAWAY 3 NO_ERROR | RST_STREAM 5 REFUSED_STREAM");
  server.feed(headers_frame(7, request_fields()));  // ignored: the GOAWAY says so
  CHECK(server.sink.take() == "");
  CHECK(server.sent() == "");
  // The streams that are left end, then the connection.
  server.respond(r, true);
  server.respond(server.sink.refs[3], true);
  CHECK_FALSE(server.engine.closed());
  CHECK(server.feed(data_frame(1, "", end_stream) + data_frame(3, "", end_stream)).ok());
  CHECK(server.sent() == "HEADERS 1 end | HEADERS 3 end");
  CHECK(server.engine.closed());
  CHECK(server.feed(ping_frame()).now == feed_status::state::closing);
}

TEST_CASE("control: a later goaway only lowers the last id, a wrong one is ignored") {
  bed server{role::server};
  server.start();
  server.request(1);
  server.request(3);
  server.engine.goaway(3, error_code::no_error, "");
  server.sent_bytes();
  server.engine.goaway(5, error_code::no_error, "");
  CHECK(server.sent() == "GOAWAY 3 NO_ERROR");
  server.engine.goaway(1, error_code::enhance_your_calm, "calm");
  CHECK(server.sent() == "GOAWAY 1 ENHANCE_YOUR_CALM calm");
  CHECK(server.sink.take() == "reset 3 REFUSED_STREAM | closed 3");
  server.engine.goaway(-1, error_code::no_error, "");
  CHECK(server.sent() == "");
}

TEST_CASE("control: the notice never comes before our SETTINGS, its text is cut at 1 KiB") {
  bed server{role::server};
  server.engine.goaway(0x7fff'ffff, error_code::no_error, std::string(5000, 't'));
  const auto frames = frames_of(server.sent_bytes());
  REQUIRE(frames.size() == 3);
  CHECK(frames[0].is(frame_type::settings));
  CHECK(frames[2].is(frame_type::goaway));
  CHECK(frames[2].payload.size() == 8 + 1024);
}

TEST_CASE("control: update_settings sends what differs, and nothing where nothing does") {
  bed server{role::server};
  server.start();
  server.engine.update_settings(default_settings);
  CHECK(server.sent() == "");
  settings other = default_settings;
  other.concurrent_streams_max = 1;
  other.initial_window_bytes = 100'000;
  server.engine.update_settings(other);
  const auto frames = frames_of(server.sent_bytes());
  REQUIRE(frames.size() == 1);
  CHECK(frames[0].payload == be32(settings_id::concurrent_streams).substr(2) + be32(1) +
                                 be32(settings_id::initial_window).substr(2) + be32(100'000));
  server.feed(headers_frame(1, request_fields()) + settings_frame({}, ack));
  CHECK(server.sink.take() == "request 1 | settings_ack");
  CHECK(server.engine.receive_window(server.sink.refs[1]) == 100'000);
  server.feed(headers_frame(3, request_fields()));
  CHECK(server.sent() == "RST_STREAM 3 REFUSED_STREAM");
}

TEST_CASE("control: a lowered initial window that the peer has overdrawn is waited out") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  server.feed(data_of(1, 30'000));
  settings lower = default_settings;
  lower.initial_window_bytes = 10'000;
  server.engine.update_settings(lower);
  server.sent_bytes();
  CHECK(server.engine.receive_window(r) == -20'000);  // as it will be, before it is acknowledged
  server.feed(settings_frame({}, ack));
  CHECK(server.engine.receive_window(r) == -20'000);
  server.engine.credit_stream(r, 30'000);
  CHECK(server.engine.receive_window(r) == 10'000);
}
