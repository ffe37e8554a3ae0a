// SPDX-License-Identifier: MIT
#include <ringrpc/coro/event.hpp>

#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <ringrpc/coro/task.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;
using test::started;

static_assert(!std::is_move_constructible_v<event>);
static_assert(!std::is_move_constructible_v<event::waiter>);

namespace {
task<bool> waits(event& until) {
  const bool set = co_await until.wait();
  co_return set;
}
task<bool> waits_ignoring_stop(event& until) {
  const bool set = co_await until.wait_ignoring_stop();
  co_return set;
}
task<> logs(event& until, std::vector<int>& log, int number) {
  const bool set = co_await until.wait();
  log.push_back(set ? number : -number);
}
}  // namespace

TEST_CASE("event: is not set at first, then set, then reset") {
  event one;
  CHECK_FALSE(one.is_set());
  one.set();
  CHECK(one.is_set());
  one.set();
  CHECK(one.is_set());
  one.reset();
  CHECK_FALSE(one.is_set());
}

TEST_CASE("event: waiting for one that is set ends at once") {
  test::loop here;
  event one;
  one.set();
  started<bool> heeding{here, waits(one)};
  started<bool> ignoring{here, waits_ignoring_stop(one)};
  CHECK(heeding.ended());
  CHECK(ignoring.ended());
  CHECK(heeding.take());
  CHECK(ignoring.take());
}

TEST_CASE("event: set makes all waiters ready, in order, and runs none inline") {
  test::loop here;
  event one;
  std::vector<int> log;
  started<> first{here, logs(one, log, 1)};
  started<> second{here, logs(one, log, 2)};
  started<> third{here, logs(one, log, 3)};
  CHECK(here.queue.empty());
  one.set();
  CHECK(log.empty());
  here.drain();
  CHECK(log == std::vector<int>{1, 2, 3});
  CHECK(first.ended());
}

TEST_CASE("event: a waiter that was made ready sees true although the event was reset since") {
  test::loop here;
  event one;
  started<bool> before{here, waits(one)};
  one.set();
  one.reset();
  started<bool> after{here, waits(one)};
  here.drain();
  REQUIRE(before.ended());
  CHECK(before.take());
  CHECK_FALSE(after.ended());
  one.set();
  CHECK(after.finish());
}

TEST_CASE("event: it may die when its waiters have been made ready") {
  test::loop here;
  std::optional<event> one;
  one.emplace();
  started<bool> heeding{here, waits(*one)};
  started<bool> ignoring{here, waits_ignoring_stop(*one)};
  one->set();
  one.reset();
  CHECK(heeding.finish());
  CHECK(ignoring.finish());
}

TEST_CASE("event: stopped first, set and reset before the waiter runs, the wait gives false") {
  test::loop here;
  event one;
  started<bool> running{here, waits(one)};
  here.stop.request_stop();
  one.set();
  one.reset();
  CHECK_FALSE(running.finish());
}

TEST_CASE("event: a stop ends the wait with false, by the queue") {
  test::loop here;
  event one;
  started<bool> running{here, waits(one)};
  here.stop.request_stop();
  CHECK_FALSE(running.ended());
  CHECK_FALSE(here.queue.empty());
  CHECK_FALSE(running.finish());
  one.set();
  CHECK(here.queue.empty());
}

TEST_CASE("event: under a stop, a wait is over when the others had their turn") {
  test::loop here;
  event one;
  here.stop.request_stop();
  started<bool> running{here, waits(one)};
  CHECK_FALSE(running.ended());  // a loop that ignores the stop lets others run
  CHECK_FALSE(running.finish());
}

TEST_CASE("event: under a stop, an event that is set is still seen") {
  test::loop here;
  event one;
  here.stop.request_stop();
  one.set();
  started<bool> running{here, waits(one)};
  REQUIRE(running.ended());
  CHECK(running.take());
}

TEST_CASE("event: set first and stopped then, the wait ends once, with true") {
  test::loop here;
  event one;
  started<bool> running{here, waits(one)};
  one.set();
  here.stop.request_stop();
  CHECK(here.queue.run(1) == 1);
  CHECK(running.finish());
}

TEST_CASE("event: a stop does not send a waiter that is ready to the end of the queue") {
  test::loop here;
  event one;
  event other;
  std::vector<int> log;
  stop_source second_stop;
  const environment second_where{&here.queue, second_stop.token(), nullptr};
  started<> first{here, logs(one, log, 1)};
  started<> second{here, logs(other, log, 2), second_where};
  one.set();
  other.set();
  here.stop.request_stop();
  here.drain();
  CHECK(log == std::vector<int>{1, 2});
}

TEST_CASE("event: stopped first and set before the waiter runs, the wait ends once, with true") {
  test::loop here;
  event one;
  started<bool> running{here, waits(one)};
  here.stop.request_stop();
  one.set();
  CHECK(running.finish());
  CHECK(here.queue.empty());
}

TEST_CASE("event: wait_ignoring_stop goes on under a stop until the event is set") {
  test::loop here;
  event one;
  started<bool> running{here, waits_ignoring_stop(one)};
  here.stop.request_stop();
  CHECK(here.queue.empty());
  started<bool> late{here, waits_ignoring_stop(one)};
  CHECK_FALSE(late.ended());
  one.set();
  CHECK(running.finish());
  CHECK(late.finish());
}

TEST_CASE("event: a waiter that dies leaves the event, the stop and the queue") {
  test::loop here;
  event one;
  std::vector<int> log;
  std::optional<started<>> dies_waiting;
  dies_waiting.emplace(here, logs(one, log, 1));
  std::optional<started<>> dies_ready;
  dies_ready.emplace(here, logs(one, log, 2));
  started<> lives{here, logs(one, log, 3)};
  dies_waiting.reset();
  one.set();
  dies_ready.reset();
  here.stop.request_stop();
  CHECK(here.drain() == 2);  // the one that lives, and its completion
  CHECK(log == std::vector<int>{3});
}

TEST_CASE("event: a waiter that dies after a stop made it ready leaves the queue") {
  test::loop here;
  event one;
  std::vector<int> log;
  {
    started<> dies{here, logs(one, log, 1)};
    here.stop.request_stop();
    CHECK_FALSE(here.queue.empty());
  }
  CHECK(here.queue.empty());
  one.set();
  CHECK(here.queue.empty());
}

TEST_CASE("event: one coroutine may wait again and again") {
  auto body = [](event& one, int& turns) -> task<> {
    for (int i = 0; i < 3; ++i) {
      const bool set = co_await one.wait();
      if (!set) co_return;
      ++turns;
      one.reset();
    }
  };
  test::loop here;
  event one;
  int turns = 0;
  started<> running{here, body(one, turns)};
  for (int i = 1; i <= 3; ++i) {
    one.set();
    here.drain();
    CHECK(turns == i);
  }
  CHECK(running.ended());
}

TEST_CASE("event: waiters of several loops go back to their own") {
  test::loop here;
  test::loop there;
  event one;
  started<bool> first{here, waits(one)};
  started<bool> second{there, waits(one)};
  one.set();
  here.drain();
  CHECK(first.ended());
  CHECK_FALSE(second.ended());
  CHECK(second.finish());
  CHECK(first.take());
}
