// SPDX-License-Identifier: MIT
#include <ringrpc/base/time.hpp>

#include <doctest/doctest.h>

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {
constexpr time_point at(duration since_start) { return time_point{since_start}; }
}  // namespace

static_assert(saturating_add(at(5s), 2s) == at(7s));
static_assert(saturating_add(at(5s), -2s) == at(3s));
static_assert(saturating_add(at(5s), 0s) == at(5s));

TEST_CASE("time: a sum beyond the clock's range is never") {
  CHECK(saturating_add(at(1ns), duration::max()) == never);
  CHECK(saturating_add(at(5s), duration::max()) == never);
  CHECK(saturating_add(never, 1ns) == never);
  CHECK(saturating_add(never, duration::max()) == never);
  CHECK(saturating_add(never - 1ns, 1ns) == never);
  CHECK(saturating_add(never - 2ns, 1ns) == never - 1ns);
  CHECK(saturating_add(at(0ns), duration::max()) == never);
}

TEST_CASE("time: a sum before the clock's start is its start") {
  CHECK(saturating_add(at(1s), -2s) == at(0s));
  CHECK(saturating_add(at(1s), -1s) == at(0s));
  CHECK(saturating_add(at(0s), -1ns) == at(0s));
  CHECK(saturating_add(at(1s), duration::min()) == at(0s));
  CHECK(saturating_add(at(0s), duration::min()) == at(0s));
  CHECK(saturating_add(never, duration::min()) == at(0s));
  CHECK(saturating_add(time_point::min(), -1ns) == at(0s));
}

TEST_CASE("time: going back from never is possible") {
  CHECK(saturating_add(never, -1s) == never - 1s);
}
