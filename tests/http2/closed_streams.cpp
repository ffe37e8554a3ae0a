// SPDX-License-Identifier: MIT
#include <ringrpc/http2/closed_streams.hpp>

#include <doctest/doctest.h>

#include <cstdint>

using namespace ringrpc::http2;

TEST_CASE("closed_streams: remembers how each of the last 64 was closed") {
  closed_streams closed;
  CHECK(closed.find(1) == closed_by::unknown);
  closed.add(1, closed_by::both_ends);
  closed.add(3, closed_by::our_reset);
  closed.add(5, closed_by::peer_reset);
  CHECK(closed.find(1) == closed_by::both_ends);
  CHECK(closed.find(3) == closed_by::our_reset);
  CHECK(closed.find(5) == closed_by::peer_reset);
  for (std::int32_t id = 7; id < 7 + 2 * 61; id += 2) closed.add(id, closed_by::both_ends);
  CHECK(closed.find(1) == closed_by::both_ends);
  closed.add(201, closed_by::both_ends);
  CHECK(closed.find(1) == closed_by::unknown);
  CHECK(closed.find(3) == closed_by::our_reset);
}
