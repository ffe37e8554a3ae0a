// SPDX-License-Identifier: MIT
//
// Awaiting needs stack for what is nested in the source, never for how often it
// is done. Built without optimisation, where no compiler turns a call into a jump,
// and run on threads with a stack of 256 KiB.
#include <ringrpc/coro/task.hpp>

#include <pthread.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/coro/when_all.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

#ifdef __OPTIMIZE__
#error "compile this file with -O0: it is about calls that stay calls"
#endif

using namespace ringrpc;
using test::started;

namespace {
constexpr int million = 1'000'000;
constexpr std::size_t stack_bytes = 256 * 1024;

/// Runs `body` on a thread with a small stack.
void on_small_stack(std::function<void()> body) {
  pthread_attr_t attributes;
  REQUIRE(::pthread_attr_init(&attributes) == 0);
  REQUIRE(::pthread_attr_setstacksize(&attributes, stack_bytes) == 0);
  pthread_t thread;
  auto run = [](void* argument) -> void* {
    (*static_cast<std::function<void()>*>(argument))();
    return nullptr;
  };
  REQUIRE(::pthread_create(&thread, &attributes, run, &body) == 0);
  REQUIRE(::pthread_join(thread, nullptr) == 0);
  ::pthread_attr_destroy(&attributes);
}

/// Runs `make()` on a thread with a small stack to its end.
template <class Make> int result_of(Make make) {
  int result = 0;
  on_small_stack([&] { result = test::run(make()); });
  return result;
}

task<int> one() { co_return 1; }
task<int> one_level_up() {
  const int value = co_await one();
  co_return value;
}
task<> throws() {
  throw std::runtime_error{"thrown"};
  co_return;
}
task<int> waits(event& until) {
  const bool set = co_await until.wait();
  co_return set ? 1 : 0;
}
}  // namespace

TEST_CASE("small stack: a million tasks that end at once are awaited in a loop") {
  auto body = []() -> task<int> {
    int total = 0;
    for (int i = 0; i < million; ++i) {
      const int value = co_await one_level_up();
      total += value;
    }
    co_return total;
  };
  CHECK(result_of(body) == million);
}

TEST_CASE("small stack: a million waits for an event that is set") {
  auto body = []() -> task<int> {
    event set;
    set.set();
    int total = 0;
    for (int i = 0; i < million; ++i) {
      const bool was_set = co_await set.wait();
      total += was_set ? 1 : 0;
    }
    co_return total;
  };
  CHECK(result_of(body) == million);
}

TEST_CASE("small stack: two coroutines wake each other a million times") {
  auto side = [](event& mine, event& other, int& turns) -> task<int> {
    for (int i = 0; i < million; ++i) {
      const bool set = co_await mine.wait();
      mine.reset();
      turns += set ? 1 : 0;
      other.set();
    }
    co_return 1;
  };
  int turns = 0;
  on_small_stack([&] {
    test::loop here;
    event ping;
    event pong;
    started<int> first{here, side(ping, pong, turns)};
    started<int> second{here, side(pong, ping, turns)};
    ping.set();
    here.drain();
  });
  CHECK(turns == 2 * million);
}

TEST_CASE("small stack: a million children that suspend, and end when they are resumed") {
  // Each end goes on in the parent, which starts the next child from there.
  auto parent = [](event& next) -> task<int> {
    int total = 0;
    for (int i = 0; i < million; ++i) {
      const int value = co_await waits(next);
      next.reset();
      total += value;
    }
    co_return total;
  };
  int total = 0;
  on_small_stack([&] {
    test::loop here;
    event next;
    started<int> running{here, parent(next)};
    while (!running.ended()) {
      next.set();
      here.drain();
    }
    total = running.take();
  });
  CHECK(total == million);
}

TEST_CASE("small stack: children that suspend and children that do not, in turns") {
  auto parent = [](event& next) -> task<int> {
    int total = 0;
    for (int i = 0; i < million / 10; ++i) {
      const int waited = co_await waits(next);
      next.reset();
      total += waited;
      for (int j = 0; j < 9; ++j) {
        const int at_once = co_await one_level_up();
        total += at_once;
      }
    }
    co_return total;
  };
  int total = 0;
  on_small_stack([&] {
    test::loop here;
    event next;
    started<int> running{here, parent(next)};
    while (!running.ended()) {
      next.set();
      here.drain();
    }
    total = running.take();
  });
  CHECK(total == million);
}

TEST_CASE("small stack: a chain of a hundred thousand coroutines, each woken by the one before") {
  auto link = [](event& mine, event& next) -> task<int> {
    const bool set = co_await mine.wait();
    next.set();
    co_return set ? 1 : 0;
  };
  constexpr std::size_t length = 100'000;
  std::size_t ended = 0;
  on_small_stack([&] {
    test::loop here;
    std::vector<event> events(length + 1);
    std::vector<std::optional<started<int>>> links(length);
    for (std::size_t i = 0; i < length; ++i) {
      links[i].emplace(here, link(events[i], events[i + 1]));
    }
    events[0].set();
    here.drain();
    for (auto& one_link : links) ended += one_link->ended() ? 1 : 0;
  });
  CHECK(ended == length);
}

TEST_CASE("small stack: a hundred thousand exceptions of tasks that end at once") {
  auto body = []() -> task<int> {
    int caught = 0;
    for (int i = 0; i < million / 10; ++i) {
      try {
        co_await throws();
      } catch (const std::runtime_error&) {
        ++caught;
      }
    }
    co_return caught;
  };
  CHECK(result_of(body) == million / 10);
}

TEST_CASE("small stack: a million tasks are awaited by when_all, two at a time") {
  auto body = []() -> task<int> {
    int total = 0;
    for (int i = 0; i < million / 2; ++i) {
      auto both = co_await when_all(one(), one());
      total += std::get<0>(both) + std::get<1>(both);
    }
    co_return total;
  };
  CHECK(result_of(body) == million);
}

TEST_CASE("small stack: a million tasks are awaited by one when_all") {
  auto body = []() -> task<int> {
    std::vector<task<int>> several;
    several.reserve(million);
    for (int i = 0; i < million; ++i) several.push_back(one());
    std::vector<int> results = co_await when_all(std::move(several));
    int total = 0;
    for (int value : results) total += value;
    co_return total;
  };
  CHECK(result_of(body) == million);
}

TEST_CASE("small stack: a hundred thousand tasks that wait are awaited by one when_all") {
  auto body = [](event& until) -> task<int> {
    std::vector<task<int>> several;
    several.reserve(million / 10);
    for (int i = 0; i < million / 10; ++i) several.push_back(waits(until));
    std::vector<int> results = co_await when_all(std::move(several));
    int total = 0;
    for (int value : results) total += value;
    co_return total;
  };
  int total = 0;
  on_small_stack([&] {
    test::loop here;
    event until;
    started<int> running{here, body(until)};
    until.set();
    total = running.finish();
  });
  CHECK(total == million / 10);
}

namespace {
/// Two more tasks at each level: one that ends or waits, and the rest.
task<int> deep_when_all(event& until, int levels) {
  int total = co_await waits(until);
  if (levels > 0) {
    auto both = co_await when_all(waits(until), deep_when_all(until, levels - 1));
    total = std::get<0>(both) + std::get<1>(both);
  }
  co_return total;
}
}  // namespace

TEST_CASE("small stack: when_all nests 50 levels, whether its tasks end at once or wait") {
  CHECK(result_of([] {
          auto body = []() -> task<int> {
            event set;
            set.set();
            const int total = co_await deep_when_all(set, 50);
            co_return total;
          };
          return body();
        }) == 51);
  int total = 0;
  on_small_stack([&] {
    test::loop here;
    event until;
    started<int> running{here, deep_when_all(until, 50)};
    until.set();
    total = running.finish();
  });
  CHECK(total == 51);
}

TEST_CASE("small stack: a million tasks that end at once are spawned, and joined") {
  auto body = []() -> task<int> {
    const environment& here = co_await this_environment();
    int count = 0;
    auto counts = [](int& counted) -> task<> {
      ++counted;
      co_return;
    };
    task_scope scope{here};
    for (int i = 0; i < million; ++i) scope.spawn(counts(count));
    co_await scope.join();
    co_return count;
  };
  CHECK(result_of(body) == million);
}

TEST_CASE("small stack: a hundred thousand spawned tasks wait, end together and are joined") {
  auto body = [](event& until) -> task<int> {
    const environment& here = co_await this_environment();
    int count = 0;
    auto counts = [](event& awaited, int& counted) -> task<> {
      const bool set = co_await awaited.wait();
      counted += set ? 1 : 0;
    };
    task_scope scope{here};
    for (int i = 0; i < million / 10; ++i) scope.spawn(counts(until, count));
    co_await scope.join();
    co_return count;
  };
  int total = 0;
  on_small_stack([&] {
    test::loop here;
    event until;
    started<int> running{here, body(until)};
    until.set();
    total = running.finish();
  });
  CHECK(total == million / 10);
}

namespace {
task<int> recursive(event& until, int levels) {
  int below = 0;
  if (levels > 0) {
    const int value = co_await recursive(until, levels - 1);
    below = value;
  } else {
    const int value = co_await waits(until);
    below = value;
  }
  co_return below + 1;
}
}  // namespace

TEST_CASE("small stack: tasks nest 100 levels and end, at once or later, or are destroyed there") {
  int at_once = 0;
  int later = 0;
  on_small_stack([&] {
    test::loop here;
    event until;
    started<int> waiting{here, recursive(until, 100)};
    { started<int> destroyed{here, recursive(until, 100)}; }
    until.set();
    later = waiting.finish();
    started<int> ready{here, recursive(until, 100)};
    at_once = ready.take();
  });
  CHECK(at_once == 102);
  CHECK(later == 102);
}
