// SPDX-License-Identifier: MIT
#include <ringrpc/ring/timer_heap.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include "../support/random.hpp"
#include "../support/seeds.hpp"

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {
/// A timer that notes when it ran.
struct noted : timer {
  explicit noted(std::vector<int>& to, int as)
      : timer([](run_node& self) noexcept {
          noted& due = static_cast<noted&>(self);
          due.log.push_back(due.number);
        }),
        log(to),
        number(as) {}
  std::vector<int>& log;
  int number;
};
constexpr time_point at(int milliseconds) {
  return time_point{} + std::chrono::milliseconds{milliseconds};
}
}  // namespace

TEST_CASE("timer_heap: an empty one has no next moment and fires nothing") {
  timer_heap heap;
  run_queue ready;
  CHECK(heap.next() == never);
  CHECK(heap.size() == 0);
  CHECK(heap.fire(at(1000), ready) == 0);
}

TEST_CASE("timer_heap: fires what is due, in order, and nothing else") {
  timer_heap heap;
  run_queue ready;
  std::vector<int> log;
  noted three{log, 3}, one{log, 1}, two{log, 2};
  heap.arm(three, at(30));
  heap.arm(one, at(10));
  heap.arm(two, at(20));
  CHECK(heap.next() == at(10));
  CHECK(heap.fire(at(9), ready) == 0);
  CHECK(heap.fire(at(20), ready) == 2);
  CHECK(log.empty());  // made ready only
  ready.run(10);
  CHECK(log == std::vector{1, 2});
  CHECK_FALSE(one.armed());
  CHECK(three.armed());
  CHECK(heap.next() == at(30));
}

TEST_CASE("timer_heap: arming again moves a timer, to an earlier or a later moment") {
  timer_heap heap;
  run_queue ready;
  std::vector<int> log;
  noted one{log, 1}, two{log, 2};
  heap.arm(one, at(10));
  heap.arm(two, at(20));
  heap.arm(one, at(30));
  CHECK(heap.next() == at(20));
  heap.arm(one, at(5));
  CHECK(heap.next() == at(5));
  CHECK(heap.size() == 2);
}

TEST_CASE("timer_heap: never calls a timer off") {
  timer_heap heap;
  std::vector<int> log;
  noted one{log, 1};
  heap.arm(one, never);
  CHECK_FALSE(one.armed());
  heap.arm(one, at(10));
  heap.arm(one, never);
  CHECK_FALSE(one.armed());
  CHECK(heap.next() == never);
}

TEST_CASE("timer_heap: a timer that is ready but has not run can be called off or armed again") {
  timer_heap heap;
  run_queue ready;
  std::vector<int> log;
  noted one{log, 1}, two{log, 2}, three{log, 3};
  heap.arm(one, at(10));
  heap.arm(two, at(10));
  heap.arm(three, at(10));
  CHECK(heap.fire(at(10), ready) == 3);
  heap.disarm(one);
  heap.arm(two, at(50));
  ready.run(10);
  CHECK(log == std::vector{3});
  CHECK(two.armed());
  heap.disarm(two);
  heap.disarm(two);  // again, without effect
  CHECK(heap.size() == 0);
}

TEST_CASE("timer_heap: a timer that dies leaves the heap or the queue") {
  timer_heap heap;
  run_queue ready;
  std::vector<int> log;
  {
    noted one{log, 1}, two{log, 2};
    heap.arm(one, at(10));
    heap.arm(two, at(20));
    heap.fire(at(10), ready);
  }
  CHECK(heap.next() == never);
  CHECK(ready.empty());
}

TEST_CASE("timer_heap: timers may outlive it") {
  std::vector<int> log;
  noted one{log, 1};
  {
    timer_heap heap;
    heap.arm(one, at(10));
  }
  CHECK_FALSE(one.armed());
}

TEST_CASE("timer_heap: agrees with a sorted list, whatever is armed, moved, called off and fired") {
  testing::for_each_seed(1, 300, [](std::uint64_t seed) {
    testing::seeded_random random{seed};
    timer_heap heap;
    run_queue ready;
    std::vector<int> log;
    std::vector<std::unique_ptr<noted>> timers;
    std::vector<std::optional<time_point>> model;
    const int count = static_cast<int>(random.between(1, 60));
    for (int i = 0; i < count; ++i) timers.push_back(std::make_unique<noted>(log, i));
    model.resize(timers.size());
    time_point now = at(0);
    for (int step = 0; step < 400; ++step) {
      const std::size_t which = random.below(timers.size());
      switch (random.below(4)) {
        case 0:
        case 1:
          model[which] = now + std::chrono::milliseconds{random.below(50)};
          heap.arm(*timers[which], *model[which]);
          break;
        case 2:
          model[which].reset();
          heap.disarm(*timers[which]);
          break;
        default: {
          now += std::chrono::milliseconds{random.below(10)};
          std::multimap<time_point, int> due;
          for (std::size_t i = 0; i < model.size(); ++i) {
            if (model[i] && *model[i] <= now) due.emplace(*model[i], static_cast<int>(i));
          }
          log.clear();
          CHECK(heap.fire(now, ready) == due.size());
          ready.run(timers.size());
          REQUIRE(log.size() == due.size());
          auto expected = due.begin();
          for (int fired : log) {
            const auto index = static_cast<std::size_t>(fired);
            REQUIRE(model[index].has_value());
            CHECK(*model[index] == expected++->first);
            model[index].reset();
          }
        }
      }
      bool agree = true;
      std::size_t armed = 0;
      time_point next = never;
      for (std::size_t i = 0; i < model.size(); ++i) {
        agree = agree && timers[i]->armed() == model[i].has_value();
        if (!model[i]) continue;
        ++armed;
        if (*model[i] < next) next = *model[i];
      }
      REQUIRE(agree);
      REQUIRE(heap.size() == armed);
      REQUIRE(heap.next() == next);
    }
  });
}
