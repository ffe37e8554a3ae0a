// SPDX-License-Identifier: MIT
#include <ringrpc/transport/listener.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <string>

#include <ringrpc/ring/ring.hpp>
#include <ringrpc/transport/memory_stream.hpp>

using namespace ringrpc;

namespace {
struct own_listener {
  using accepted_type = int;
  using stream_type = memory_stream;
  task<io_result<int>> accept() { co_return 0; }
  task<io_result<memory_stream>> establish(int) { co_return io_failure(ECONNABORTED); }
  void stop() noexcept {}
  std::string text() const { return "own"; }
};
struct throwing_stop : own_listener {
  void stop() {}
};
struct no_stream : own_listener {
  using stream_type = int;
  task<io_result<int>> establish(int) { co_return 0; }
};
struct other_establish : own_listener {
  task<io_result<int>> establish(int) { co_return 0; }
};
struct own_address {
  own_listener open(ring&) const { return {}; }
};
}  // namespace

TEST_CASE("listener: a user's own type is one") { CHECK(listener<own_listener>); }

TEST_CASE("listener: a type that lacks a promise is none") {
  CHECK_FALSE(listener<throwing_stop>);
  CHECK_FALSE(listener<no_stream>);
  CHECK_FALSE(listener<other_establish>);
  CHECK_FALSE(listener<int>);
}

TEST_CASE("listener: what opens one is an address, and the listener itself is none") {
  CHECK(listen_address<own_address>);
  CHECK_FALSE(listen_address<own_listener>);
}
