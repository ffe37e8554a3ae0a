// SPDX-License-Identifier: MIT
#include <ringrpc/http2/results.hpp>

#include <doctest/doctest.h>

using namespace ringrpc;
using namespace ringrpc::http2;

TEST_CASE("feed_status: ok by default, closing is neither ok nor fatal") {
  CHECK(feed_status{}.ok());
  CHECK_FALSE(feed_status{}.fatal());
  const feed_status closing{feed_status::state::closing, error_code::no_error, {}};
  CHECK_FALSE(closing.ok());
  CHECK_FALSE(closing.fatal());
  const feed_status fatal{feed_status::state::fatal, error_code::protocol_error, "text"};
  CHECK_FALSE(fatal.ok());
  CHECK(fatal.fatal());
}

TEST_CASE("open_result: a stream, or why there is none") {
  const open_result opened{stream_ref{1, 1, 1}};
  REQUIRE(opened);
  CHECK(opened->id == 1);
  const open_result refused{failure{open_refusal::no_slot}};
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == open_refusal::no_slot);
}
