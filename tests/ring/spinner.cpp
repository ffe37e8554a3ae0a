// SPDX-License-Identifier: MIT
#include <ringrpc/ring/spinner.hpp>

#include <chrono>
#include <initializer_list>

#include <doctest/doctest.h>

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {
/// How many sleeps go by without polling before the next one with.
unsigned skipped(spinner& one) {
  unsigned count = 0;
  while (!one.begin()) ++count;
  return count;
}
}  // namespace

TEST_CASE("spinner: polls before every sleep as long as that finds something") {
  spinner one;
  for (int i = 0; i < 100; ++i) {
    CHECK(one.begin());
    one.hit();
  }
}

TEST_CASE("spinner: skips 1, 3, 7, 15, then always 31 sleeps after failures") {
  spinner one;
  CHECK(one.begin());
  for (unsigned expected : {1u, 3u, 7u, 15u, 31u, 31u, 31u}) {
    one.miss();
    one.woke(60us);
    CHECK(skipped(one) == expected);
  }
}

TEST_CASE("spinner: forgets failures at the first success") {
  spinner one;
  for (int i = 0; i < 5; ++i) {
    one.miss();
    one.woke(60us);
    CHECK(skipped(one) > 0);
  }
  one.hit();
  CHECK(one.begin());
  one.miss();
  CHECK(skipped(one) == 1);
}

TEST_CASE("spinner: skips up to 1023 sleeps where sleeps after failures end at once") {
  spinner one;
  unsigned most = 0;
  for (int i = 0; i < 12; ++i) {
    CHECK(one.begin());
    one.miss();
    CHECK(one.missed());
    one.woke(10us);
    CHECK_FALSE(one.missed());
    most = skipped(one);
    CHECK(one.begin());
  }
  CHECK(most == 1023);
}

TEST_CASE("spinner: skips up to 1023 sleeps where polling that failed was interrupted") {
  spinner one;
  const auto fails = [&one](std::initializer_list<duration> steps) {
    CHECK(one.begin());
    for (const duration took : steps) one.step(took);
    one.miss();
    one.woke(60us);
    return skipped(one);
  };
  for (int i = 0; i < 6; ++i) static_cast<void>(fails({1us, 1us, 1us}));
  CHECK(fails({1us, 1us, 3us, 1us}) == 31);  // 2 us more are none
  CHECK(fails({50us, 1us, 1us}) == 31);      // the first step is longer
  CHECK(fails({1us, 3001ns, 1us}) == 63);
  CHECK(fails({50us, 1us, 40us}) == 127);
  CHECK(fails({4us, 5us, 5us}) == 31);  // slow, but steady
  for (int i = 0; i < 8; ++i) static_cast<void>(fails({1us, 10us}));
  CHECK(fails({1us, 10us}) == 1023);
  CHECK(one.begin());
  one.hit();
  CHECK(fails({1us, 10us}) == 1);
}

TEST_CASE("spinner: long sleeps outvote the short ones, and so does a success") {
  spinner one;
  const auto grow = [&one](duration slept) {
    unsigned last = 0;
    for (int i = 0; i < 12; ++i) {
      one.miss();
      one.woke(slept);
      last = skipped(one);
    }
    return last;
  };
  CHECK(grow(10us) == 1023);
  CHECK(grow(60us) == 31);
  CHECK(grow(10us) == 1023);
  one.hit();
  one.miss();
  one.woke(60us);
  CHECK(skipped(one) == 1);
  CHECK(grow(60us) == 31);
}
