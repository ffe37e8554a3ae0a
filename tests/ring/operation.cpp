// SPDX-License-Identifier: MIT
#include <ringrpc/ring/operation.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <type_traits>

#include <doctest/doctest.h>

#include "../coro/support.hpp"

using namespace ringrpc;

static_assert(!std::is_move_constructible_v<operation>);

namespace {
struct counted : operation {
  counted()
      : operation([](run_node& self) noexcept { ++static_cast<counted&>(self).completions; }) {}
  int completions = 0;
};
}  // namespace

TEST_CASE("operation: is in flight from begin to end, and then has its result") {
  counted one;
  CHECK_FALSE(one.in_flight());
  one.begin();
  CHECK(one.in_flight());
  one.end(-ECANCELED);
  CHECK_FALSE(one.in_flight());
  CHECK(one.result() == -ECANCELED);
  CHECK(one.completions == 0);
  one.run();
  CHECK(one.completions == 1);
}

TEST_CASE("operation: begin forgets the buffer of the time before") {
  std::array<std::byte, 4> memory;
  counted one;
  one.begin();
  one.set_received(buffer_id{3}, memory);
  one.end(4);
  CHECK(one.buffer().valid());
  CHECK(one.received().size() == 4);
  one.begin();
  CHECK_FALSE(one.buffer().valid());
  CHECK(one.received().empty());
  one.end(0);
}

TEST_CASE("operation: one that is destroyed in flight ends the process and says why") {
  CHECK(test::dies_saying("destroyed before its final completion", [] {
    counted one;
    one.begin();
  }));
}
