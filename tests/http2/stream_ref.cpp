// SPDX-License-Identifier: MIT
#include <ringrpc/http2/stream_ref.hpp>

#include <doctest/doctest.h>

using namespace ringrpc::http2;

TEST_CASE("stream_ref: a default one names no stream") {
  CHECK_FALSE(stream_ref{});
  CHECK(stream_ref{0, 1, 1});
}

TEST_CASE("stream_ref: two are equal if slot, generation and id are") {
  constexpr stream_ref one{1, 2, 3};
  CHECK(one == stream_ref{1, 2, 3});
  CHECK_FALSE(one == stream_ref{0, 2, 3});
  CHECK_FALSE(one == stream_ref{1, 1, 3});
  CHECK_FALSE(one == stream_ref{1, 2, 5});
}
