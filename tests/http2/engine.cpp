// SPDX-License-Identifier: MIT
#include <ringrpc/http2/engine.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <span>
#include <string_view>

#include <ringrpc/http2/nghttp2_engine.hpp>

#include "recorder.hpp"
#include "scripted_engine.hpp"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;

namespace {
// A sink that may throw is none: nghttp2's callbacks cannot bear it.
struct throwing_sink : recorder {
  void on_ping_ack(std::uint64_t) {}
};
// A sink with a member missing.
struct silent_sink {
  void on_settings(const settings&) noexcept {}
};
struct no_engine {
  no_engine(role, const settings&, const limits&, memory_pool&, recorder&) {}
  feed_status feed(std::span<const std::byte>, time_point) noexcept { return {}; }
};
}  // namespace

TEST_CASE("engine concept: both engines model it, with the same sink") {
  CHECK(engine<nghttp2_engine<recorder>, recorder>);
  CHECK(engine<scripted_engine<recorder>, recorder>);
}

TEST_CASE("engine concept: a class that lacks a member, and a sink that may throw, are refused") {
  CHECK(event_sink<recorder>);
  CHECK_FALSE(event_sink<throwing_sink>);
  CHECK_FALSE(event_sink<silent_sink>);
  CHECK_FALSE(engine<no_engine, recorder>);
}
