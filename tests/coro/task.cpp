// SPDX-License-Identifier: MIT
//
// What may be awaited besides tasks is tested in task_awaiting.cpp.
#include <ringrpc/coro/task.hpp>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <ringrpc/base/result.hpp>
#include <ringrpc/coro/event.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;
using test::census;
using test::started;
using test::tracked;

static_assert(!std::copyable<task<>>);
static_assert(std::movable<task<>> && std::movable<task<std::unique_ptr<int>>>);
static_assert(std::is_nothrow_move_constructible_v<task<int>>);
static_assert(std::is_nothrow_move_assignable_v<task<int>>);
static_assert(!std::is_default_constructible_v<task<int>>);
static_assert(!std::is_move_constructible_v<running_task<int>>);
static_assert(std::same_as<task<std::string>::value_type, std::string>);

namespace {
struct aggregate {
  int number;
  std::string text;
};

task<int> forty_two() { co_return 42; }
task<> nothing() { co_return; }
task<std::unique_ptr<int>> move_only(int value) { co_return std::make_unique<int>(value); }
task<std::unique_ptr<int>> move_only_local(int value) {
  auto local = std::make_unique<int>(value);
  co_return local;
}
task<aggregate> braced() { co_return {7, "seven"}; }
task<std::string> converted() { co_return "text"; }
task<basic_result<int, std::string>> failing() { co_return failure{std::string{"wrong"}}; }
task<basic_result<int, std::string>> succeeding() { co_return 5; }
task<int> throwing(bool thrown) {
  if (thrown) throw std::runtime_error{"thrown"};
  co_return 1;
}
task<int> sum(int left, int right) {
  const int most = co_await forty_two();
  co_return most + left + right;
}
task<int> waits(event& until, int value) {
  const bool set = co_await until.wait();
  co_return set ? value : -1;
}
task<int> waits_twice(event& first, event& second) {
  const int one = co_await waits(first, 10);
  const int two = co_await waits(second, 1);
  co_return one + two;
}
}  // namespace

TEST_CASE("task: does not start before it is awaited or started") {
  bool ran = false;
  auto body = [](bool& flag) -> task<> {
    flag = true;
    co_return;
  };
  test::loop here;
  task<> lazy = body(ran);
  CHECK_FALSE(ran);
  started<> running{here, std::move(lazy)};
  CHECK(ran);
  CHECK(running.ended());
  running.take();
}

TEST_CASE("task: returns values, nothing, move-only values and braced aggregates") {
  CHECK(test::run(forty_two()) == 42);
  test::run(nothing());
  CHECK(*test::run(move_only(3)) == 3);
  CHECK(*test::run(move_only_local(4)) == 4);
  aggregate made = test::run(braced());
  CHECK(made.number == 7);
  CHECK(made.text == "seven");
  CHECK(test::run(converted()) == "text");
}

TEST_CASE("task: returns both kinds of a result") {
  auto failed = test::run(failing());
  REQUIRE_FALSE(failed);
  CHECK(failed.error() == "wrong");
  auto succeeded = test::run(succeeding());
  REQUIRE(succeeded);
  CHECK(*succeeded == 5);
}

TEST_CASE("task: a result is moved from the coroutine to who awaits, never copied") {
  census counted;
  {
    auto inner = []() -> task<tracked> { co_return tracked{5}; };
    auto outer = [](auto& make) -> task<int> {
      tracked got = co_await make();
      co_return got.number();
    };
    CHECK(test::run(outer(inner)) == 5);
  }
  CHECK(tracked::copies == 0);
  CHECK(tracked::moves == 2);  // into the promise, out of it
  CHECK(counted.balanced());
}

TEST_CASE("task: children nest, and parameters are kept") { CHECK(test::run(sum(3, 4)) == 49); }

TEST_CASE("task: an exception reaches who awaits") {
  auto body = []() -> task<std::string> {
    std::string caught;
    try {
      const int value = co_await throwing(true);
      caught = std::to_string(value);
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    co_return caught;
  };
  CHECK(test::run(body()) == "thrown");
}

TEST_CASE("task: an exception that nobody catches reaches who started it") {
  auto body = []() -> task<int> {
    const int value = co_await throwing(true);
    co_return value;
  };
  test::loop here;
  started<int> running{here, body()};
  REQUIRE(running.ended());
  CHECK_THROWS_WITH_AS(running.take(), "thrown", std::runtime_error);
  CHECK(test::run(throwing(false)) == 1);
}

TEST_CASE("task: an exception after a suspension goes the same way and destroys the locals") {
  census counted;
  auto inner = [](event& until) -> task<> {
    tracked local{1};
    const bool set = co_await until.wait();
    if (set) throw std::runtime_error{"late"};
  };
  auto outer = [](auto& child, event& until) -> task<int> {
    tracked local{2};
    int alive_when_caught = 0;
    try {
      co_await child(until);
    } catch (const std::runtime_error&) {
      alive_when_caught = static_cast<int>(census::alive());
    }
    co_return alive_when_caught;
  };
  test::loop here;
  event until;
  started<int> running{here, outer(inner, until)};
  CHECK_FALSE(running.ended());
  until.set();
  CHECK(running.finish() == 1);
  CHECK(counted.balanced());
}

namespace {
struct throws_when_moved {
  throws_when_moved() {}
  throws_when_moved(throws_when_moved&&) { throw std::runtime_error{"moved"}; }
};
}  // namespace

TEST_CASE("task: what the move of its result throws reaches who awaits") {
  auto body = []() -> task<throws_when_moved> { co_return throws_when_moved(); };
  test::loop here;
  started<throws_when_moved> running{here, body()};
  CHECK_THROWS_WITH_AS(static_cast<void>(running.take()), "moved", std::runtime_error);
}

TEST_CASE("task: one that suspends goes on when it is resumed, and so does who awaits it") {
  test::loop here;
  event first;
  event second;
  started<int> running{here, waits_twice(first, second)};
  CHECK_FALSE(running.ended());
  CHECK(here.drain() == 0);
  first.set();
  CHECK_FALSE(running.ended());
  CHECK(here.drain() == 1);
  CHECK_FALSE(running.ended());
  second.set();
  CHECK(running.finish() == 11);
}

TEST_CASE("task: a moved-from task is empty and the other one runs") {
  task<int> from = forty_two();
  CHECK(static_cast<bool>(from));
  task<int> to = std::move(from);
  CHECK_FALSE(static_cast<bool>(from));
  CHECK(static_cast<bool>(to));
  CHECK(test::run(std::move(to)) == 42);
}

TEST_CASE("task: assigning to a task destroys the coroutine that it held") {
  census counted;
  auto body = [](tracked kept) -> task<int> { co_return kept.number(); };
  task<int> one = body(tracked{1});
  CHECK(counted.alive() == 1);
  one = body(tracked{2});
  CHECK(counted.alive() == 1);
  task<int>& same = one;
  one = std::move(same);
  REQUIRE(static_cast<bool>(one));
  CHECK(test::run(std::move(one)) == 2);
  CHECK(counted.balanced());
}

TEST_CASE("task: destroying one that has not started destroys its parameters only") {
  census counted;
  bool ran = false;
  auto body = [](tracked kept, bool& flag) -> task<int> {
    flag = true;
    tracked local{2};
    co_return kept.number() + local.number();
  };
  {
    task<int> lazy = body(tracked{1}, ran);
    CHECK(counted.alive() == 1);
  }
  CHECK_FALSE(ran);
  CHECK(counted.balanced());
}

TEST_CASE("task: destroying a suspended one destroys what it awaits, innermost first") {
  std::vector<int> log;
  struct logs_death {
    logs_death(std::vector<int>& to, int with) : log(to), number(with) {}
    logs_death(const logs_death&) = delete;
    logs_death& operator=(const logs_death&) = delete;
    ~logs_death() { log.push_back(number); }
    std::vector<int>& log;
    int number;
  };
  auto inner = [](std::vector<int>& to, event& until) -> task<> {
    logs_death local{to, 3};
    const bool set = co_await until.wait();
    static_cast<void>(set);
  };
  auto middle = [](std::vector<int>& to, event& until, auto& child) -> task<> {
    logs_death local{to, 2};
    co_await child(to, until);
  };
  auto outer = [](std::vector<int>& to, event& until, auto& child, auto& grandchild) -> task<> {
    logs_death local{to, 1};
    co_await child(to, until, grandchild);
  };
  test::loop here;
  event until;
  started<> running{here, outer(log, until, middle, inner)};
  CHECK(log.empty());
  running.destroy();
  CHECK(log == std::vector<int>{3, 2, 1});
  until.set();
  CHECK(here.queue.empty());
}

TEST_CASE("task: destroying one that has ended but was not asked drops its result") {
  census counted;
  {
    test::loop here;
    auto body = []() -> task<tracked> { co_return tracked{1}; };
    started<tracked> running{here, body()};
    CHECK(running.ended());
    CHECK(counted.alive() == 1);
  }
  CHECK(counted.balanced());
}

TEST_CASE("task: destroying one that ended with an exception drops the exception") {
  test::loop here;
  started<int> running{here, throwing(true)};
  CHECK(running.ended());
  running.destroy();
}

TEST_CASE("task: a prvalue's frame dies with the expression that awaits it") {
  census counted;
  auto inner = [](tracked kept) -> task<int> { co_return kept.number(); };
  auto outer = [](auto& child) -> task<std::size_t> {
    const int number = co_await child(tracked{1});
    co_return census::alive() + static_cast<std::size_t>(number);
  };
  CHECK(test::run(outer(inner)) == 1);
  CHECK(counted.balanced());
}

TEST_CASE("task: a named one is awaited by std::move and keeps its frame") {
  census counted;
  auto inner = [](tracked kept) -> task<int> { co_return kept.number(); };
  auto outer = [](auto& child) -> task<std::size_t> {
    task<int> named = child(tracked{1});
    const int number = co_await std::move(named);
    co_return census::alive() + static_cast<std::size_t>(number) * 10;
  };
  CHECK(test::run(outer(inner)) == 11);
  CHECK(counted.balanced());
}

TEST_CASE("task: the tasks of a container are awaited one by one") {
  auto body = []() -> task<int> {
    std::vector<task<int>> several;
    for (int i = 1; i <= 4; ++i) several.push_back(sum(i, 0));
    int total = 0;
    for (task<int>& one : several) {
      const int value = co_await std::move(one);
      total += value;
    }
    co_return total;
  };
  CHECK(test::run(body()) == 4 * 42 + 10);
}

TEST_CASE("task: awaiting one twice ends the process and says so") {
  CHECK(test::dies_saying("awaited twice", [] {
    auto body = []() -> task<int> {
      task<int> named = forty_two();
      const int first = co_await std::move(named);
      const int second = co_await std::move(named);
      co_return first + second;
    };
    test::run(body());
  }));
}

TEST_CASE("task: awaiting one that was moved from ends the process and says so") {
  CHECK(test::dies_saying("moved from", [] {
    auto body = []() -> task<int> {
      task<int> named = forty_two();
      task<int> other = std::move(named);
      const int value = co_await std::move(named);
      co_return value;
    };
    test::run(body());
  }));
}

TEST_CASE("running_task: holds nothing before the start and after the result was taken") {
  test::loop here;
  run_node done{[](run_node&) noexcept {}};
  running_task<int> running;
  CHECK_FALSE(static_cast<bool>(running));
  CHECK(running.start(forty_two(), here.where, done));
  CHECK(static_cast<bool>(running));
  CHECK(running.take() == 42);
  CHECK_FALSE(static_cast<bool>(running));
  CHECK_FALSE(done.linked());
  CHECK(running.start(forty_two(), here.where, done));
  CHECK(running.take() == 42);
}

TEST_CASE("running_task: a task that ends later makes its completion ready, and runs nothing") {
  test::loop here;
  event until;
  started<int> running{here, waits(until, 8)};
  CHECK_FALSE(running.ended());
  until.set();
  CHECK(here.queue.run(1) == 1);  // the coroutine goes on to its end
  CHECK_FALSE(running.ended());
  CHECK(here.queue.run(1) == 1);  // the completion
  CHECK(running.ended());
  CHECK(running.take() == 8);
}

TEST_CASE("running_task: destroying it after the end, before the completion ran, is safe") {
  census counted;
  test::loop here;
  event until;
  auto body = [](event& awaited) -> task<tracked> {
    const bool set = co_await awaited.wait();
    co_return tracked{set ? 1 : 0};
  };
  {
    started<tracked> running{here, body(until)};
    until.set();
    CHECK(here.queue.run(1) == 1);
    CHECK_FALSE(here.queue.empty());
  }
  CHECK(here.queue.empty());
  CHECK(counted.balanced());
}

TEST_CASE("running_task: taking the result destroys the frame first") {
  census counted;
  test::loop here;
  auto body = [](tracked kept) -> task<int> { co_return kept.number(); };
  started<int> running{here, body(tracked{6})};
  CHECK(counted.alive() == 1);
  CHECK(running.take() == 6);
  CHECK(counted.alive() == 0);
  CHECK(counted.balanced());
}

TEST_CASE("running_task: starting a task that was moved from ends the process and says so") {
  CHECK(test::dies_saying("moved from", [] {
    task<int> named = forty_two();
    task<int> other = std::move(named);
    test::run(std::move(named));
  }));
}

// A coroutine of somebody else's, which knows nothing of environments.
namespace {
struct foreign {
  struct promise_type {
    foreign get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

struct resumed_by_hand {
  std::coroutine_handle<>& handle;
  explicit resumed_by_hand(std::coroutine_handle<>& into) : handle(into) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) noexcept { handle = caller; }
  void await_resume() const noexcept {}
};

task<int> by_hand(std::coroutine_handle<>& handle) {
  co_await resumed_by_hand{handle};
  co_return 9;
}
task<int> by_hand_in_child(std::coroutine_handle<>& handle) {
  const int value = co_await by_hand(handle);
  co_return value + 1;
}
}  // namespace

TEST_CASE("task: can be awaited by a foreign coroutine, also when it suspends and nests") {
  int result = 0;
  std::coroutine_handle<> suspended;
  auto body = [](int& into, std::coroutine_handle<>& handle) -> foreign {
    const int at_once = co_await forty_two();
    const int later = co_await by_hand_in_child(handle);
    into = at_once + later;
  };
  body(result, suspended);
  CHECK(result == 0);
  suspended.resume();
  CHECK(result == 52);
}

TEST_CASE("task: one that needs a ring ends the process under a coroutine that has none") {
  CHECK(test::dies_saying("outside of any ring", [] {
    event until;
    auto body = [](event& awaited) -> foreign {
      const int value = co_await waits(awaited, 1);
      static_cast<void>(value);
    };
    body(until);
  }));
}
