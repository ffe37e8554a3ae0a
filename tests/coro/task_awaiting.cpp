// SPDX-License-Identifier: MIT
//
// What a task may await: any awaiter, anything with an operator co_await, in
// place, whether or not it can be moved.
#include <ringrpc/coro/task.hpp>

#include <coroutine>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;
using test::census;
using test::started;
using test::tracked;

namespace {
/// Resumes itself by the loop. Counts through `tracked` and knows its address.
class yields {
public:
  yields(run_queue& queue, int number) : queue_(queue), payload_(number) {}
  bool await_ready() {
    seen_ = this;
    return false;
  }
  void await_suspend(std::coroutine_handle<> caller) {
    moved_ = seen_ != this;
    node_.set_caller(caller);
    queue_.push(node_);
  }
  int await_resume() { return moved_ || seen_ != this ? -1 : payload_.number(); }

private:
  run_queue& queue_;
  tracked payload_;
  resume_node node_;  // so that it cannot be moved
  const void* seen_ = nullptr;
  bool moved_ = false;
};
static_assert(!std::is_move_constructible_v<yields>);

/// Ready at once; movable and copyable.
class ready {
public:
  explicit ready(int number) : payload_(number) {}
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  int await_resume() const { return payload_.number(); }

private:
  tracked payload_;
};

/// Says whether it was awaited as an lvalue, and refuses to suspend.
struct refuses {
  refuses() {}
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<>) const noexcept { return false; }
  int await_resume() const noexcept { return 3; }
};

/// Hands over to a coroutine of its choice: to who awaits.
struct hands_back {
  hands_back() {}
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) const noexcept {
    return caller;
  }
  int await_resume() const noexcept { return 4; }
};

struct throws_on_suspend {
  throws_on_suspend() {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const { throw std::runtime_error{"suspend"}; }
  void await_resume() const noexcept {}
};
struct throws_on_ready {
  throws_on_ready() {}
  bool await_ready() const { throw std::runtime_error{"ready"}; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  void await_resume() const noexcept {}
};
struct throws_on_resume {
  throws_on_resume() {}
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  void await_resume() const { throw std::runtime_error{"resume"}; }
};

/// Resumes at once, from inside of await_suspend.
struct resumes_inline {
  resumes_inline() {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) const { caller.resume(); }
  int await_resume() const noexcept { return 6; }
};

/// Wants to know who awaits.
struct asks_promise {
  asks_promise() {}
  bool await_ready() const noexcept { return false; }
  template <class Promise> bool await_suspend(std::coroutine_handle<Promise>) noexcept {
    knows = has_environment<Promise>;
    return false;
  }
  bool await_resume() const noexcept { return knows; }
  bool knows = false;
};

/// Returns a reference.
struct refers {
  explicit refers(tracked& to) : payload(to) {}
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  tracked& await_resume() const noexcept { return payload; }
  tracked& payload;
};
}  // namespace

namespace by_member {
// Has the members of an awaiter too, which the operator takes precedence over.
class awaitable {
public:
  awaitable(run_queue& queue, int number) : queue_(queue), payload_(number) {}
  yields operator co_await() & { return yields{queue_, payload_.number()}; }
  yields operator co_await() && { return yields{queue_, payload_.number() + 100}; }
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  int await_resume() const noexcept { return -2; }

private:
  run_queue& queue_;
  tracked payload_;
};
}  // namespace by_member

namespace by_function {
class awaitable {
public:
  awaitable(run_queue& queue, int number) : queue_(queue), payload_(number) {}

private:
  friend yields operator co_await(awaitable& awaited) {
    return yields{awaited.queue_, awaited.payload_.number()};
  }
  friend yields operator co_await(awaitable&& awaited) {
    return yields{awaited.queue_, awaited.payload_.number() + 100};
  }
  run_queue& queue_;
  tracked payload_;
};
}  // namespace by_function

namespace by_reference {
/// Its operators return a reference to an awaiter that must not be moved.
class member {
public:
  member(run_queue& queue, int number) : awaiter_(queue, number) {}
  yields& operator co_await() { return awaiter_; }

private:
  yields awaiter_;
};
class function {
public:
  function(run_queue& queue, int number) : awaiter_(queue, number) {}

private:
  friend yields&& operator co_await(function&& awaited) { return std::move(awaited.awaiter_); }
  yields awaiter_;
};
}  // namespace by_reference

namespace {
/// The awaited thing is written in the expression.
template <class Awaitable> task<int> await_temporary(run_queue& queue, int number) {
  const int value = co_await Awaitable(queue, number);
  co_return value;
}
/// It has a name.
template <class Awaitable> task<int> await_named(run_queue& queue, int number) {
  Awaitable named(queue, number);
  const int value = co_await named;
  co_return value;
}
template <class Awaitable> task<int> await_default() {
  const int value = co_await Awaitable();
  co_return value;
}
template <class Awaitable> task<std::string> await_throwing() {
  std::string text;
  try {
    co_await Awaitable();
  } catch (const std::runtime_error& error) {
    text = error.what();
  }
  co_return text;
}

std::size_t alive_during(int) { return census::alive(); }

/// Runs `make(queue)` and checks that nothing was moved, copied or lost.
template <class Make> int run_counting(Make make) {
  census counted;
  int result = 0;
  {
    test::loop here;
    started<int> running{here, make(here.queue)};
    result = running.finish();
  }
  CHECK(tracked::copies == 0);
  CHECK(tracked::moves == 0);
  CHECK(counted.balanced());
  return result;
}
}  // namespace

TEST_CASE("task: awaits an immovable awaiter in place, by prvalue and by name") {
  CHECK(run_counting([](run_queue& queue) { return await_temporary<yields>(queue, 1); }) == 1);
  CHECK(run_counting([](run_queue& queue) { return await_named<yields>(queue, 1); }) == 1);
}

TEST_CASE("task: awaits a movable awaiter without moving or copying it") {
  CHECK(run_counting([](run_queue&) {
          auto body = []() -> task<int> {
            const int value = co_await ready(5);
            co_return value;
          };
          return body();
        }) == 5);
  CHECK(run_counting([](run_queue&) {
          auto body = []() -> task<int> {
            ready named(6);
            const ready& constant = named;
            const int first = co_await named;
            const int second = co_await std::move(named);
            const int third = co_await constant;
            co_return first + second + third;
          };
          return body();
        }) == 18);
}

TEST_CASE("task: awaits by a member operator co_await, which respects lvalues and rvalues") {
  using by_member::awaitable;
  CHECK(run_counting([](run_queue& queue) { return await_temporary<awaitable>(queue, 1); }) == 101);
  CHECK(run_counting([](run_queue& queue) { return await_named<awaitable>(queue, 1); }) == 1);
}

TEST_CASE("task: awaits by a free operator co_await, which respects lvalues and rvalues") {
  using by_function::awaitable;
  CHECK(run_counting([](run_queue& queue) { return await_temporary<awaitable>(queue, 1); }) == 101);
  CHECK(run_counting([](run_queue& queue) { return await_named<awaitable>(queue, 1); }) == 1);
}

TEST_CASE("task: awaits in place what an operator co_await returns by reference") {
  using by_reference::function;
  using by_reference::member;
  CHECK(run_counting([](run_queue& queue) { return await_temporary<member>(queue, 1); }) == 1);
  CHECK(run_counting([](run_queue& queue) { return await_named<member>(queue, 2); }) == 2);
  CHECK(run_counting([](run_queue& queue) { return await_temporary<function>(queue, 3); }) == 3);
}

TEST_CASE("task: a temporary awaitable and its awaiter live until the end of the expression") {
  census counted;
  {
    test::loop here;
    auto body = [](run_queue& on) -> task<std::size_t> {
      const std::size_t during = alive_during(co_await by_member::awaitable(on, 1));
      co_return during * 10 + census::alive();
    };
    started<std::size_t> running{here, body(here.queue)};
    CHECK(running.finish() == 20);
  }
  CHECK(counted.balanced());
}

TEST_CASE("task: all three kinds of await_suspend work") {
  CHECK(test::run(await_default<refuses>()) == 3);
  CHECK(test::run(await_default<hands_back>()) == 4);
  CHECK(run_counting([](run_queue& queue) { return await_temporary<yields>(queue, 5); }) == 5);
}

TEST_CASE("task: an awaiter may resume from inside of await_suspend") {
  CHECK(test::run(await_default<resumes_inline>()) == 6);
  auto later = [](run_queue& queue) -> task<int> {
    const int first = co_await await_temporary<yields>(queue, 1);
    const int second = co_await await_default<resumes_inline>();
    co_return first * 10 + second;
  };
  CHECK(run_counting([&](run_queue& queue) { return later(queue); }) == 16);
}

TEST_CASE("task: an awaiter with a template await_suspend sees a promise with an environment") {
  auto body = []() -> task<bool> {
    const bool knows = co_await asks_promise();
    co_return knows;
  };
  CHECK(test::run(body()));
}

TEST_CASE("task: an exception of each member of an awaiter is thrown where it was awaited") {
  CHECK(test::run(await_throwing<throws_on_ready>()) == "ready");
  CHECK(test::run(await_throwing<throws_on_suspend>()) == "suspend");
  CHECK(test::run(await_throwing<throws_on_resume>()) == "resume");
}

TEST_CASE("task: a reference that an awaiter returns is passed through") {
  census counted;
  {
    tracked payload{1};
    auto body = [](tracked& to) -> task<bool> {
      tracked& got = co_await refers(to);
      co_return &got == &to;
    };
    CHECK(test::run(body(payload)));
  }
  CHECK(tracked::copies == 0);
  CHECK(counted.balanced());
}

TEST_CASE("task: destroyed while it awaits, it destroys awaiter and awaitable once, in the queue") {
  census counted;
  {
    test::loop here;
    auto body = [](run_queue& on) -> task<int> {
      const int value = co_await by_function::awaitable(on, 1);
      co_return value;
    };
    started<int> running{here, body(here.queue)};
    CHECK(counted.alive() == 2);
    CHECK_FALSE(here.queue.empty());
    running.destroy();
    CHECK(counted.alive() == 0);
    CHECK(here.queue.empty());
  }
  CHECK(counted.balanced());
}

TEST_CASE("task: std::suspend_never and std::suspend_always are awaiters like any other") {
  auto body = [](bool& resumed) -> task<> {
    co_await std::suspend_never();
    co_await std::suspend_always();
    resumed = true;
  };
  test::loop here;
  bool resumed = false;
  started<> running{here, body(resumed)};
  CHECK_FALSE(running.ended());
  running.destroy();
  CHECK_FALSE(resumed);
}
