// SPDX-License-Identifier: MIT
#include <ringrpc/rpc/backoff.hpp>

#include <limits>

#include <doctest/doctest.h>

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {
constexpr std::uint64_t lowest = 0;
constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t middle = std::uint64_t{1} << 63;
}  // namespace

TEST_CASE("wire rule 44: waits grow by 1.6 from 1 s up to 120 s") {
  backoff waits{backoff_options{}};
  CHECK(waits.next(middle) == 1s);
  CHECK(waits.next(middle) == 1600ms);
  CHECK(waits.next(middle) == 2560ms);
  for (int i = 0; i < 20; ++i) static_cast<void>(waits.next(middle));
  CHECK(waits.next(middle) == 120s);
}

TEST_CASE("wire rule 44: each wait differs by up to a fifth") {
  backoff low{backoff_options{}};
  CHECK(low.next(lowest) == 800ms);
  backoff high{backoff_options{}};
  const duration longest = high.next(highest);
  CHECK(longest > 1199ms);
  CHECK(longest <= 1200ms);
}

TEST_CASE("after a connection the first wait is the first one again") {
  backoff waits{backoff_options{}};
  static_cast<void>(waits.next(middle));
  static_cast<void>(waits.next(middle));
  waits.reset();
  CHECK(waits.next(middle) == 1s);
}

TEST_CASE("wire rule 44: numbers beyond measure give the longest wait, and never less than none") {
  backoff huge{backoff_options{.multiplier = 1e300, .longest = duration::max()}};
  CHECK(huge.next(middle) == 1s);
  CHECK(huge.next(highest) == duration::max());
  CHECK(huge.next(middle) == duration::max());
  backoff negative{backoff_options{.multiplier = -1, .jitter = 5}};
  CHECK(negative.next(lowest) == duration::zero());
  CHECK(negative.next(middle) == duration::zero());
}

TEST_CASE("the numbers can be chosen") {
  backoff waits{backoff_options{.initial = 10ms, .multiplier = 2, .jitter = 0, .longest = 30ms}};
  CHECK(waits.next(highest) == 10ms);
  CHECK(waits.next(lowest) == 20ms);
  CHECK(waits.next(lowest) == 30ms);
}
