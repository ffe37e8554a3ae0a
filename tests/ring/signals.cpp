// SPDX-License-Identifier: MIT
#include <ringrpc/ring/signals.hpp>

#include <pthread.h>

#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/sleep.hpp>

#include <doctest/doctest.h>

#include "../coro/support.hpp"
#include "support.hpp"

using namespace ringrpc;

static_assert(frame_safe<signal_set>);
static_assert(!std::is_copy_constructible_v<signal_set>);
static_assert(std::is_nothrow_move_constructible_v<signal_set>);

namespace {
bool blocked(int number) {
  ::sigset_t now{};
  ::pthread_sigmask(SIG_BLOCK, nullptr, &now);
  return sigismember(&now, number) == 1;
}
task<> raise_later(int number, int turns) {
  for (int turn = 0; turn < turns; ++turn) {
    const bool slept = co_await sleep_for(duration::zero());
    static_cast<void>(slept);
  }
  std::raise(number);
}
task<> note(signal_set& set, int& into) {
  const int number = co_await set.wait();
  into = number;
}
task<int> stopped(signal_set& set, int turns) {
  const environment& here = co_await this_environment();
  task_scope scope{here};
  int number = -1;
  scope.spawn(note(set, number));
  for (int turn = 0; turn < turns; ++turn) {
    const bool slept = co_await sleep_for(duration::zero());
    static_cast<void>(slept);
  }
  scope.request_stop();
  co_await scope.join();
  co_return number;
}
/// As the comment of `signal_set` has it.
task<int> first_of(signal_set given) {
  signal_set set{std::move(given)};
  const int number = co_await set.wait();
  co_return number;
}
/// A server whose drain is met by a second signal.
task<> drains_after(task<int> stop) {
  const int number = co_await std::move(stop);
  static_cast<void>(number);
  std::raise(SIGUSR2);
}
/// As a server that serves until something happens.
template <class Condition> task<int> serve_until(Condition condition) {
  const int number = co_await condition.wait();
  co_return number;
}
}  // namespace

TEST_CASE("signals: are blocked while the set lives, and only those that were not before") {
  ::sigset_t usr2{};
  sigemptyset(&usr2);
  sigaddset(&usr2, SIGUSR2);
  ::pthread_sigmask(SIG_BLOCK, &usr2, nullptr);
  {
    const signal_set set = signals(SIGUSR1, SIGUSR2);
    CHECK(blocked(SIGUSR1));
    CHECK(blocked(SIGUSR2));
    CHECK_FALSE(blocked(SIGTERM));
  }
  CHECK_FALSE(blocked(SIGUSR1));
  CHECK(blocked(SIGUSR2));
  ::pthread_sigmask(SIG_UNBLOCK, &usr2, nullptr);
}

TEST_CASE("signals: a signal that came before the wait, or comes during it, ends it") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    signal_set set = signals(SIGUSR1, SIGUSR2);
    ring on{how.options()};
    std::raise(SIGUSR1);
    CHECK(on.run(set.wait()) == SIGUSR1);
    for (int turns = 0; turns < 4; ++turns) {
      on.spawn(raise_later(SIGUSR2, turns));
      CHECK(on.run(set.wait()) == SIGUSR2);
    }
  }
}

TEST_CASE("signals: a signal of the process from another thread ends it") {
  signal_set set = signals(SIGUSR1);
  ring on;
  std::thread other{[] { ::kill(::getpid(), SIGUSR1); }};
  CHECK(on.run(set.wait()) == SIGUSR1);
  other.join();
}

TEST_CASE("signals: each of several is reported, and the set can be moved into a task") {
  ring on;
  signal_set set = signals(SIGUSR1, SIGUSR2);
  std::raise(SIGUSR1);
  std::raise(SIGUSR2);
  const int first = on.run(set.wait());
  const int second = on.run(serve_until(std::move(set)));
  CHECK(first + second == SIGUSR1 + SIGUSR2);
  CHECK(first != second);
  CHECK_FALSE(blocked(SIGUSR1));
  std::thread other;
  {
    signal_set again = signals(SIGUSR1);
    std::raise(SIGUSR1);
    CHECK(on.run(serve_until(std::move(again))) == SIGUSR1);
  }
}

TEST_CASE("signals: a second one is dropped, or has its usual effect where the set is gone") {
  const test::child_end kept = test::in_child([] {
    ring on;
    signal_set set = signals(SIGUSR1, SIGUSR2);
    std::raise(SIGUSR1);
    on.run(drains_after(set.wait()));
  });
  const test::child_end died = test::in_child([] {
    ring on;
    signal_set set = signals(SIGUSR1, SIGUSR2);
    std::raise(SIGUSR1);
    on.run(drains_after(first_of(std::move(set))));
  });
  CHECK(kept.signal == 0);
  CHECK(died.signal == SIGUSR2);
}

TEST_CASE("signals: a stop ends the wait with 0") {
  signal_set set = signals(SIGUSR1);
  ring on;
  for (int turns = 0; turns < 4; ++turns) CHECK(on.run(stopped(set, turns)) == 0);
}

TEST_CASE("signals: one that nobody waited for is dropped with the set") {
  {
    const signal_set set = signals(SIGUSR1);
    std::raise(SIGUSR1);  // would end this process
  }
  CHECK_FALSE(blocked(SIGUSR1));
}

TEST_CASE("signals: a number that is no signal is refused") {
  CHECK_THROWS_AS(static_cast<void>(signals(SIGUSR1, 1000)), std::system_error);
  CHECK_FALSE(blocked(SIGUSR1));
}

TEST_CASE("signals: waiting outside of a ring ends the process and says why") {
  CHECK(test::dies_saying("on no ring", [] {
    signal_set set = signals(SIGUSR1);
    test::run(set.wait());
  }));
}
