// SPDX-License-Identifier: MIT
#include <ringrpc/coro/when_all.hpp>

#include <concepts>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <ringrpc/coro/event.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;
using test::census;
using test::started;
using test::tracked;

namespace {
task<int> value(int number) { co_return number; }
task<> nothing() { co_return; }
task<std::unique_ptr<int>> owned(int number) { co_return std::make_unique<int>(number); }
task<int> waits(event& until, int number) {
  const bool set = co_await until.wait();
  co_return set ? number : -number;
}
task<int> throws(std::string text) {
  throw std::runtime_error{text};
  co_return 0;
}
task<int> throws_after(event& until, std::string text) {
  const bool set = co_await until.wait_ignoring_stop();
  if (set) throw std::runtime_error{text};
  co_return 0;
}
/// Awaits and says what was thrown; empty if nothing.
template <class Several> task<std::string> failure_of(Several several) {
  std::string text;
  try {
    auto results = co_await std::move(several);
    static_cast<void>(results);
  } catch (const std::runtime_error& error) {
    text = error.what();
  }
  co_return text;
}
}  // namespace

static_assert(std::same_as<decltype(when_all(value(1), nothing(), owned(1))),
                           task<std::tuple<int, std::monostate, std::unique_ptr<int>>>>);
static_assert(std::same_as<decltype(when_all(std::vector<task<int>>{})), task<std::vector<int>>>);
static_assert(
    std::same_as<decltype(when_all(std::vector<task<>>{})), task<std::vector<std::monostate>>>);

TEST_CASE("when_all: returns all results in order") {
  auto results = test::run(when_all(value(1), nothing(), owned(3)));
  CHECK(std::get<0>(results) == 1);
  CHECK(*std::get<2>(results) == 3);
}

TEST_CASE("when_all: of nothing ends at once") {
  CHECK(test::run(when_all()) == std::tuple<>{});
  CHECK(test::run(when_all(std::vector<task<int>>{})).empty());
}

TEST_CASE("when_all: of a vector returns a vector in order") {
  std::vector<task<int>> several;
  for (int i = 0; i < 5; ++i) several.push_back(value(i));
  CHECK(test::run(when_all(std::move(several))) == std::vector<int>{0, 1, 2, 3, 4});
  std::vector<task<>> voids;
  voids.push_back(nothing());
  voids.push_back(nothing());
  CHECK(test::run(when_all(std::move(voids))).size() == 2);
  std::vector<task<bool>> flags;
  auto flag = [](bool of) -> task<bool> { co_return of; };
  flags.push_back(flag(true));
  flags.push_back(flag(false));
  CHECK(test::run(when_all(std::move(flags))) == std::vector<bool>{true, false});
}

TEST_CASE("when_all: nothing is started before it is awaited") {
  bool ran = false;
  auto body = [](bool& flag) -> task<> {
    flag = true;
    co_return;
  };
  auto lazy = when_all(body(ran), body(ran));
  CHECK_FALSE(ran);
  auto results = test::run(std::move(lazy));
  CHECK(ran);
  static_cast<void>(results);
}

TEST_CASE("when_all: all run at once, and it ends with the last") {
  test::loop here;
  event first;
  event second;
  auto sum = [](event& one, event& two) -> task<int> {
    auto results = co_await when_all(waits(one, 10), waits(two, 1), value(100));
    co_return std::get<0>(results) + std::get<1>(results) + std::get<2>(results);
  };
  started<int> running{here, sum(first, second)};
  second.set();
  here.drain();
  CHECK_FALSE(running.ended());
  first.set();
  CHECK(running.finish() == 111);
}

TEST_CASE("when_all: of a vector runs all at once, and ends with the last") {
  test::loop here;
  event events[3];
  std::vector<task<int>> several;
  for (int i = 0; i < 3; ++i) several.push_back(waits(events[i], i));
  started<std::vector<int>> running{here, when_all(std::move(several))};
  events[2].set();
  events[0].set();
  here.drain();
  CHECK_FALSE(running.ended());
  events[1].set();
  CHECK(running.finish() == std::vector<int>{0, 1, 2});
}

TEST_CASE("when_all: throws what the first in order threw, after all have ended") {
  test::loop here;
  event first;
  event second;
  event third;
  started<std::string> running{here,
                               failure_of(when_all(waits(first, 1), throws_after(second, "second"),
                                                   throws_after(third, "third")))};
  third.set();
  here.drain();
  CHECK_FALSE(running.ended());
  second.set();
  here.drain();
  CHECK_FALSE(running.ended());
  first.set();
  CHECK(running.finish() == "second");
}

TEST_CASE("when_all: of a vector throws what the first in order threw, after all have ended") {
  test::loop here;
  event until;
  std::vector<task<int>> several;
  several.push_back(waits(until, 1));
  several.push_back(throws("second"));
  several.push_back(throws("third"));
  started<std::string> running{here, failure_of(when_all(std::move(several)))};
  CHECK_FALSE(running.ended());
  until.set();
  CHECK(running.finish() == "second");
}

TEST_CASE("when_all: destroys each task when it has ended, and copies no result") {
  census counted;
  {
    test::loop here;
    event until;
    auto keeps = [](event& awaited, tracked kept) -> task<tracked> {
      const bool set = co_await awaited.wait();
      co_return tracked{set ? kept.number() : -1};
    };
    event never_set;
    auto body = [](auto& make, event& one, event& two) -> task<int> {
      auto results = co_await when_all(make(one, tracked{1}), make(two, tracked{2}));
      co_return std::get<0>(results).number() * 10 + std::get<1>(results).number();
    };
    started<int> running{here, body(keeps, until, never_set)};
    const std::size_t waiting = census::alive();
    until.set();
    here.drain();
    // The first task's parameters are gone, and its result is there.
    CHECK(census::alive() == waiting);
    never_set.set();
    CHECK(running.finish() == 12);
  }
  CHECK(tracked::copies == 0);
  CHECK(counted.balanced());
}

TEST_CASE("when_all: the tasks have the stop token of who awaits") {
  test::loop here;
  event first;
  event second;
  auto sum = [](event& one, event& two) -> task<int> {
    auto results = co_await when_all(waits(one, 10), waits(two, 1));
    co_return std::get<0>(results) + std::get<1>(results);
  };
  started<int> running{here, sum(first, second)};
  first.set();
  here.drain();
  here.stop.request_stop();
  CHECK(running.finish() == 9);
}

TEST_CASE("when_all: under a stop it still starts all and waits for all") {
  test::loop here;
  here.stop.request_stop();
  event until;
  auto patient = [](event& awaited) -> task<int> {
    const bool set = co_await awaited.wait_ignoring_stop();
    co_return set ? 5 : 0;
  };
  auto body = [](auto& make, event& awaited) -> task<int> {
    auto results = co_await when_all(make(awaited), value(1));
    co_return std::get<0>(results) + std::get<1>(results);
  };
  started<int> running{here, body(patient, until)};
  CHECK_FALSE(running.ended());
  until.set();
  CHECK(running.finish() == 6);
}

TEST_CASE("when_all: destroyed while it waits, it destroys all its tasks, ended or not") {
  census counted;
  test::loop here;
  event first;
  event second;
  {
    auto keeps = [](event& awaited, tracked kept) -> task<tracked> {
      const bool set = co_await awaited.wait();
      co_return tracked{set ? kept.number() : -1};
    };
    auto body = [](auto& make, event& one, event& two) -> task<> {
      auto results = co_await when_all(make(one, tracked{1}), make(two, tracked{2}));
      static_cast<void>(results);
    };
    started<> running{here, body(keeps, first, second)};
    first.set();
    here.drain();
    CHECK_FALSE(running.ended());
    CHECK(census::alive() > 0);
  }
  CHECK(counted.balanced());
  second.set();
  CHECK(here.queue.empty());
}

TEST_CASE("when_all: one that was never awaited destroys its tasks") {
  census counted;
  auto keeps = [](tracked kept) -> task<int> { co_return kept.number(); };
  { auto lazy = when_all(keeps(tracked{1}), keeps(tracked{2})); }
  CHECK(tracked::made > 0);
  CHECK(counted.balanced());
}
