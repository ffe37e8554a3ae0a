// SPDX-License-Identifier: MIT
#include <ringrpc/http2/rate_limiter.hpp>

#include <doctest/doctest.h>

#include <chrono>

#include <ringrpc/base/time.hpp>

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace std::chrono_literals;

namespace {
int taken_at(rate_limiter& limiter, time_point now) {
  int count = 0;
  while (count < 1000 && limiter.take(now)) ++count;
  return count;
}
constexpr time_point start{1000s};
}  // namespace

TEST_CASE("rate_limiter: gives its burst at once, then what time brings") {
  rate_limiter limiter{{5, 10}};
  CHECK(taken_at(limiter, start) == 5);
  CHECK(taken_at(limiter, start + 99ms) == 0);
  CHECK(taken_at(limiter, start + 100ms) == 1);
  CHECK(taken_at(limiter, start + 300ms) == 2);
  CHECK(taken_at(limiter, start + 10s) == 5);
}

TEST_CASE("rate_limiter: parts of a token are not lost between calls") {
  rate_limiter limiter{{1, 10}};
  CHECK(limiter.take(start));
  for (int i = 1; i < 10; ++i) CHECK_FALSE(limiter.take(start + i * 10ms));
  CHECK(limiter.take(start + 100ms));
  CHECK_FALSE(limiter.take(start + 150ms));
  CHECK(limiter.take(start + 200ms));
}

TEST_CASE("rate_limiter: a steady peer at the rate is never refused") {
  rate_limiter limiter{{2, 1000}};
  for (int i = 0; i < 10'000; ++i) REQUIRE(limiter.take(start + i * 1ms));
}

TEST_CASE("rate_limiter: a burst of 0 is no limit, a rate of 0 never refills") {
  rate_limiter unlimited{{0, 0}};
  CHECK(taken_at(unlimited, start) == 1000);
  rate_limiter once{{3, 0}};
  CHECK(taken_at(once, start) == 3);
  CHECK(taken_at(once, start + 1000h) == 0);
}
