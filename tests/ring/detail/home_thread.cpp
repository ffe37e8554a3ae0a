// SPDX-License-Identifier: MIT
#include <ringrpc/ring/detail/home_thread.hpp>

#include <thread>

#include <doctest/doctest.h>

#include "../../coro/support.hpp"

using namespace ringrpc;

TEST_CASE("home_thread: until it is bound any thread may check, later only the home") {
  detail::home_thread home;
  CHECK_FALSE(home.bound());
  home.check();
  std::thread{[&home] { home.check(); }}.join();
  home.bind();
  CHECK(home.bound());
  home.bind();
  home.check();
  CHECK(test::dies_saying("outside of its thread", [] {
    detail::home_thread own;
    own.bind();
    std::thread{[&own] { own.check(); }}.join();
  }));
}

TEST_CASE("home_thread: a forked child is found, bound or not, with a thread number or without") {
  for (bool bound : {false, true}) {
    for (bool numbered : {false, true}) {
      CAPTURE(bound);
      CAPTURE(numbered);
      std::thread{[bound, numbered] {
        if (numbered) static_cast<void>(detail::thread_number());
        detail::home_thread home;
        if (bound) home.bind();
        CHECK(test::dies_saying("in a forked child", [&home] { home.check(); }));
        home.check();
      }}.join();
    }
  }
}
