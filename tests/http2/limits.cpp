// SPDX-License-Identifier: MIT
#include <ringrpc/http2/limits.hpp>

#include <doctest/doctest.h>

using namespace ringrpc::http2;

TEST_CASE("limits: the defaults are those of the documentation") {
  constexpr limits bounds;
  CHECK(bounds.header_list_bytes_max == 16 * 1024);
  CHECK(bounds.header_fields_max == 256);
  CHECK(bounds.continuations_max == 8);
  CHECK(bounds.connection_window_bytes == 1024 * 1024);
  CHECK(bounds.reply_bytes_max == 64 * 1024);
  CHECK(bounds.reply_count_max == 1000);
  CHECK(bounds.peer_resets.burst == 10'000);
  CHECK(bounds.peer_resets.per_second == 2'000);
  CHECK(bounds.glitches.burst == 200);
  CHECK(bounds.glitches.per_second == 50);
  CHECK(bounds.pings.burst == 5'000);
  CHECK(bounds.pings.per_second == 2'000);
  CHECK(bounds.unknown_bytes_max == 1024 * 1024);
  CHECK(bounds.stream_id_first == 1);
  // Three quarters of the ids, an odd one: the last that a client gives out.
  CHECK(bounds.stream_id_max % 2 == 1);
  CHECK(bounds.stream_id_max > 1'600'000'000);
}
