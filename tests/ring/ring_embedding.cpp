// SPDX-License-Identifier: MIT
//
// A ring inside a foreign loop: poll(2), and epoll(7) level- and edge-triggered.
// The host dispatches the ring once per wake-up and sleeps without a timeout, so a
// wake-up that never comes is a test that never ends; a count of wake-ups shows a
// loop that spins.
// The failure of others: completions stay in the kernel as deferred task work, so the
// descriptor is readable for ever, the host spins, and nothing completes. Calls on an
// embedded ring are in tests/rpc/foreign_loop.cpp. The loop of GLib is not among the hosts.
#include <ringrpc/ring/ring.hpp>

#include <chrono>
#include <string>
#include <thread>

#include <ringrpc/ring/sleep.hpp>

#include <doctest/doctest.h>

#include "../coro/support.hpp"
#include "foreign_loop.hpp"
#include "support.hpp"

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {
template <class Body> void for_each_host(Body body) {
  for (const test::mode& how : test::modes) {
    for (const test::host_kind kind : test::host_kinds) {
      CAPTURE(std::string{how.name});
      CAPTURE(static_cast<int>(kind));
      ring guest{how.options()};
      test::host around{kind, guest};
      body(guest, around);
    }
  }
}

task<> talk_then(ring& on, int fd, int rounds, int& right, bool& done) {
  const int result = co_await test::talk(on, fd, rounds);
  right = result;
  done = true;
}
task<> nap_then(int times, duration span, int& slept, bool& done) {
  for (int i = 0; i < times; ++i) {
    const bool elapsed = co_await sleep_for(span);
    if (elapsed) ++slept;
  }
  done = true;
}
task<> count_to(int times, int& counted, int all, bool& done) {
  for (int i = 0; i < times; ++i) {
    const bool yielded = co_await sleep_for(duration::zero());
    static_cast<void>(yielded);
    if (++counted == all) done = true;
  }
}
}  // namespace

TEST_CASE("embedding: a task that talks to an echo in the same ring gets all answers") {
  for_each_host([](ring& guest, test::host& around) {
    const test::pair sockets;
    bool done = false;
    int right = 0;
    guest.spawn(test::echo(guest, sockets.far()));
    guest.spawn(talk_then(guest, sockets.near(), 300, right, done));
    around.run(done);
    CHECK(right == 300);
  });
}

TEST_CASE("embedding: a task that talks to another thread gets all answers") {
  for_each_host([](ring& guest, test::host& around) {
    const test::pair sockets;
    std::thread other{[fd = sockets.far()] {
      ring theirs;
      theirs.run(test::echo(theirs, fd));
    }};
    bool done = false;
    int right = 0;
    guest.spawn(talk_then(guest, sockets.near(), 300, right, done));
    around.run(done);
    CHECK(right == 300);
    ::shutdown(sockets.near(), SHUT_RDWR);
    other.join();
  });
}

TEST_CASE("embedding: timers alone wake the host, and it does not spin meanwhile") {
  for_each_host([](ring& guest, test::host& around) {
    bool done = false;
    int slept = 0;
    guest.spawn(nap_then(5, 1ms, slept, done));
    const int wakes = around.run(done);
    CHECK(slept == 5);
    CHECK(wakes <= 20);
  });
}

TEST_CASE("embedding: a post from another thread wakes the host, every time") {
  for_each_host([](ring& guest, test::host& around) {
    bool done = false;
    int posted = 0;
    const remote_handle remote = guest.remote();
    std::thread other{[remote, &posted, &done] {
      for (int i = 1; i <= 500; ++i) {
        const bool taken = remote.post([&posted, &done] { done = ++posted == 500; });
        CHECK(taken);
      }
    }};
    around.run(done);
    other.join();
    CHECK(posted == 500);
  });
}

TEST_CASE("embedding: more ready coroutines than one turn runs are finished by later turns") {
  for_each_host([](ring& guest, test::host& around) {
    bool done = false;
    int counted = 0;
    const int tasks = 1000;
    const int times = 20;
    for (int i = 0; i < tasks; ++i) guest.spawn(count_to(times, counted, tasks * times, done));
    around.run(done);
    CHECK(counted == tasks * times);
  });
}

TEST_CASE("embedding: a ring with nothing to do is not readable") {
  for_each_host([](ring& guest, test::host& around) {
    const test::pair sockets;
    bool done = false;
    int right = 0;
    guest.spawn(test::echo(guest, sockets.far()));
    guest.spawn(talk_then(guest, sockets.near(), 10, right, done));
    around.run(done);
    // What was still under way may wake it; then it is quiet, with a read waiting.
    for (int turn = 0; turn < 20 && around.wait(0); ++turn) guest.turn();
    CHECK_FALSE(around.wait(0));
    CHECK_FALSE(guest.turn());
    CHECK_FALSE(around.wait(0));
  });
}

TEST_CASE("embedding: turn says whether anything happened") {
  ring guest;
  CHECK_FALSE(guest.turn());
  bool done = false;
  int slept = 0;
  guest.spawn(nap_then(1, duration::zero(), slept, done));
  CHECK(guest.turn());
  CHECK(done);
  CHECK_FALSE(guest.turn());
}

TEST_CASE("embedding: a run after turns takes over what they spawned") {
  ring guest;
  bool done = false;
  int slept = 0;
  guest.spawn(nap_then(3, 24h, slept, done));
  guest.turn();
  struct nothing {
    static task<> at_all() { co_return; }
  };
  guest.run(nothing::at_all());  // and stops it
  CHECK(done);
  CHECK(slept == 0);
}
