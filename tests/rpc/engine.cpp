// SPDX-License-Identifier: MIT
#include <ringrpc/rpc/engine.hpp>

#include <doctest/doctest.h>

#include <ringrpc/http2/engine.hpp>
#include <ringrpc/rpc/detail/connection.hpp>

using namespace ringrpc;

static_assert(http2::event_sink<connection>);
static_assert(http2::engine<rpc::engine<connection>, connection>);

TEST_CASE("the engine behind connections is nghttp2's") {
  CHECK(std::is_same_v<rpc::engine<connection>, http2::nghttp2_engine<connection>>);
}
