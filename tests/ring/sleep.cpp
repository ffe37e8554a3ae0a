// SPDX-License-Identifier: MIT
#include <ringrpc/ring/sleep.hpp>

#include <chrono>
#include <string>
#include <type_traits>
#include <vector>

#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/ring/ring.hpp>

#include <doctest/doctest.h>

#include "../coro/support.hpp"
#include "support.hpp"

using namespace ringrpc;
using namespace std::chrono_literals;

static_assert(frame_safe<sleep_awaiter>);
static_assert(!std::is_move_constructible_v<sleep_awaiter>);

namespace {
task<bool> nap(duration span) {
  const bool slept = co_await sleep_for(span);
  co_return slept;
}
task<bool> nap_until(time_point when) {
  const bool slept = co_await sleep_until(when);
  co_return slept;
}
task<> note(duration span, std::vector<int>& log, int number) {
  const bool slept = co_await sleep_for(span);
  log.push_back(slept ? number : -number);
}
task<> all(std::vector<int>& log) {
  const environment& here = co_await this_environment();
  task_scope scope{here};
  scope.spawn(note(3ms, log, 3));
  scope.spawn(note(1ms, log, 1));
  scope.spawn(note(2ms, log, 2));
  co_await scope.join();
}
task<> all_stopped(std::vector<int>& log, int turns) {
  const environment& here = co_await this_environment();
  task_scope scope{here};
  scope.spawn(note(24h, log, 1));
  scope.spawn(note(duration::max(), log, 2));
  for (int turn = 0; turn < turns; ++turn) {
    const bool yielded = co_await sleep_for(duration::zero());
    static_cast<void>(yielded);
  }
  scope.request_stop();
  scope.spawn(note(duration::zero(), log, 3));
  co_await scope.join();
}
task<bool> stopped_until_never() {
  const environment& here = co_await this_environment();
  task_scope scope{here};
  bool slept = true;
  struct other {
    static task<> wait(bool& into) {
      const bool result = co_await sleep_until(never);
      into = result;
    }
  };
  scope.spawn(other::wait(slept));
  scope.request_stop();
  co_await scope.join();
  co_return slept;
}
/// Is due in the same turn as the stop: the moment came first.
task<bool> due_and_stopped() {
  const environment& here = co_await this_environment();
  task_scope scope{here};
  std::vector<int> log;
  scope.spawn(note(-1ms, log, 1));
  struct stopper : timer {
    explicit stopper(task_scope& of)
        : timer([](run_node& self) noexcept {
            static_cast<stopper&>(static_cast<timer&>(self)).scope.request_stop();
          }),
          scope(of) {}
    task_scope& scope;
  } stop{scope};
  here.home->arm(stop, time_point{});  // fires first, both are in the queue then
  co_await scope.join();
  co_return log == std::vector{1};
}
}  // namespace

TEST_CASE("sleep: at least the span passes") {
  ring on;
  const auto begin = std::chrono::steady_clock::now();
  CHECK(on.run(nap(2ms)));
  CHECK(std::chrono::steady_clock::now() - begin >= 2ms);
  CHECK(on.run(nap_until(std::chrono::steady_clock::now() + 2ms)));
  CHECK(std::chrono::steady_clock::now() - begin >= 4ms);
}

TEST_CASE("sleep: sleepers wake in the order of their moments") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    ring on{how.options()};
    std::vector<int> log;
    on.run(all(log));
    CHECK(log == std::vector{1, 2, 3});
  }
}

TEST_CASE("sleep: nothing, less than nothing and a moment in the past are over in the next turn") {
  ring on;
  CHECK(on.run(nap(duration::zero())));
  CHECK(on.run(nap(-1h)));
  CHECK(on.run(nap(duration::min())));
  CHECK(on.run(nap_until(time_point{})));
}

TEST_CASE("sleep: a stop ends it, whatever the span, and one that begins later") {
  ring on;
  for (int turns = 0; turns < 3; ++turns) {
    std::vector<int> log;
    on.run(all_stopped(log, turns));
    CHECK(log == std::vector{-1, -2, -3});
  }
  CHECK_FALSE(on.run(stopped_until_never()));
}

TEST_CASE("sleep: what was due before the stop has slept") {
  ring on;
  CHECK(on.run(due_and_stopped()));
}

TEST_CASE("sleep: outside of a ring it ends the process and says why") {
  CHECK(test::dies_saying("on no ring", [] { test::run(nap(1ms)); }));
}
