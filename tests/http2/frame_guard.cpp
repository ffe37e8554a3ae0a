// SPDX-License-Identifier: MIT
#include <ringrpc/http2/frame_guard.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace std::chrono_literals;

namespace {
constexpr time_point now{1000s};
frame_header header_of(frame_type type, std::uint8_t flags = 0, std::int32_t id = 1,
                       std::uint32_t length = 8) {
  return {.length = length,
          .type = static_cast<std::uint8_t>(type),
          .flags = flags,
          .stream_id = id};
}
frame_guard after_settings(const limits& bounds = {}) {
  frame_guard guard{bounds};
  CHECK_FALSE(guard.check(header_of(frame_type::settings, 0, 0), now));
  return guard;
}
}  // namespace

TEST_CASE("frame_guard: only SETTINGS, and no acknowledgement, may be first") {
  CHECK_FALSE(frame_guard{limits{}}.check(header_of(frame_type::settings), now));
  CHECK(frame_guard{limits{}}.check(header_of(frame_type::ping), now).code ==
        error_code::protocol_error);
  CHECK(frame_guard{limits{}}.check(header_of(frame_type::settings, frame_flag::ack), now));
}

TEST_CASE("frame_guard: a block is open between HEADERS and END_HEADERS") {
  frame_guard guard = after_settings();
  CHECK_FALSE(guard.block_open());
  CHECK_FALSE(guard.check(header_of(frame_type::headers), now));
  CHECK(guard.block_open());
  CHECK_FALSE(guard.check(header_of(frame_type::continuation), now));
  CHECK(guard.block_open());
  CHECK_FALSE(guard.check(header_of(frame_type::continuation, frame_flag::end_headers), now));
  CHECK_FALSE(guard.block_open());
  CHECK_FALSE(guard.check(header_of(frame_type::headers, frame_flag::end_headers), now));
  CHECK_FALSE(guard.block_open());
}

TEST_CASE("frame_guard: counts the CONTINUATION frames of each block") {
  limits bounds;
  bounds.continuations_max = 2;
  frame_guard guard = after_settings(bounds);
  for (int block = 0; block < 3; ++block) {
    CHECK_FALSE(guard.check(header_of(frame_type::headers), now));
    CHECK_FALSE(guard.check(header_of(frame_type::continuation), now));
    CHECK_FALSE(guard.check(header_of(frame_type::continuation, frame_flag::end_headers), now));
  }
  CHECK_FALSE(guard.check(header_of(frame_type::headers), now));
  CHECK_FALSE(guard.check(header_of(frame_type::continuation), now));
  CHECK_FALSE(guard.check(header_of(frame_type::continuation), now));
  CHECK(guard.check(header_of(frame_type::continuation), now).code ==
        error_code::enhance_your_calm);
}

TEST_CASE("frame_guard: each kind of frame counts against its own limit, or none") {
  limits bounds;
  bounds.pings = {1, 1};
  bounds.peer_resets = {1, 1};
  bounds.glitches = {1, 1};
  bounds.unknown_bytes_max = 8;
  const auto second_is_refused = [&](const frame_header& header) {
    frame_guard guard = after_settings(bounds);
    CHECK_FALSE(guard.check(header, now));
    const breach found = guard.check(header, now);
    if (found) CHECK(found.code == error_code::enhance_your_calm);
    return static_cast<bool>(found);
  };
  CHECK(second_is_refused(header_of(frame_type::ping, 0, 0)));
  CHECK_FALSE(second_is_refused(header_of(frame_type::ping, frame_flag::ack, 0)));
  CHECK(second_is_refused(header_of(frame_type::rst_stream)));
  CHECK(second_is_refused(header_of(frame_type::priority)));
  CHECK(second_is_refused(header_of(frame_type::data, 0, 1, 0)));
  CHECK_FALSE(second_is_refused(header_of(frame_type::data, frame_flag::end_stream, 1, 0)));
  CHECK_FALSE(second_is_refused(header_of(frame_type::data)));
  CHECK_FALSE(second_is_refused(header_of(frame_type::settings)));
  CHECK_FALSE(second_is_refused(header_of(frame_type::goaway)));
  CHECK_FALSE(second_is_refused(header_of(frame_type::window_update)));
  CHECK_FALSE(second_is_refused(header_of(frame_type::headers, frame_flag::end_headers)));

  // Unknown types: 8 bytes are free, then one glitch, then none.
  frame_guard guard = after_settings(bounds);
  const frame_header unknown{.length = 8, .type = 0xfa, .flags = 0, .stream_id = 0};
  CHECK_FALSE(guard.check(unknown, now));
  CHECK_FALSE(guard.check(unknown, now));
  CHECK(guard.check(unknown, now));
  CHECK_FALSE(guard.check(unknown, now + 1s));
}

TEST_CASE("frame_guard: PRIORITY on stream 0 is an error of the connection") {
  CHECK(after_settings().check(header_of(frame_type::priority, 0, 0), now).code ==
        error_code::protocol_error);
}

TEST_CASE("frame_guard: glitches and resets can be counted from outside") {
  limits bounds;
  bounds.peer_resets = {1, 1};
  bounds.glitches = {1, 1};
  frame_guard guard{bounds};
  CHECK_FALSE(guard.glitch(now));
  CHECK(guard.glitch(now));
  CHECK_FALSE(guard.reset(now));
  CHECK(guard.reset(now));
}
