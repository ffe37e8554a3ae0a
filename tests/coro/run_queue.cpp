// SPDX-License-Identifier: MIT
#include <ringrpc/coro/run_queue.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;

namespace {
/// Writes its number down when its turn comes.
struct scribe : run_node {
  scribe(std::vector<int>& to, int with)
      : run_node([](run_node& self) noexcept {
          scribe& one = static_cast<scribe&>(self);
          one.log.push_back(one.number);
        }),
        log(to),
        number(with) {}
  std::vector<int>& log;
  int number;
};

/// Queues itself again each time.
struct restless : run_node {
  explicit restless(run_queue& in)
      : run_node([](run_node& self) noexcept {
          restless& one = static_cast<restless&>(self);
          ++one.turns;
          one.queue.push(one);
        }),
        queue(in) {}
  run_queue& queue;
  int turns = 0;
};

/// Destroys what it holds when its turn comes.
struct destroyer : run_node {
  destroyer()
      : run_node([](run_node& self) noexcept { static_cast<destroyer&>(self).victim.reset(); }) {}
  std::optional<scribe> victim;
};
}  // namespace

TEST_CASE("run_queue: nodes run in the order in which they became ready") {
  std::vector<int> log;
  run_queue queue;
  scribe first{log, 1};
  scribe second{log, 2};
  scribe third{log, 3};
  queue.push(second);
  queue.push(third);
  queue.push(first);
  CHECK_FALSE(queue.empty());
  CHECK(queue.run(10) == 3);
  CHECK(queue.empty());
  CHECK(log == std::vector<int>{2, 3, 1});
}

TEST_CASE("run_queue: an empty queue runs nothing") {
  run_queue queue;
  CHECK(queue.empty());
  CHECK(queue.run(10) == 0);
}

TEST_CASE("run_queue: what goes beyond the bound waits for the next run") {
  std::vector<int> log;
  run_queue queue;
  scribe first{log, 1};
  scribe second{log, 2};
  queue.push(first);
  queue.push(second);
  CHECK(queue.run(0) == 0);
  CHECK(queue.run(1) == 1);
  CHECK(log == std::vector<int>{1});
  CHECK_FALSE(queue.empty());
  CHECK(queue.run(1) == 1);
  CHECK(log == std::vector<int>{1, 2});
}

TEST_CASE("run_queue: a node that queues itself again uses up the bound, not the process") {
  run_queue queue;
  restless node{queue};
  queue.push(node);
  CHECK(queue.run(100) == 100);
  CHECK(node.turns == 100);
  CHECK_FALSE(queue.empty());
}

TEST_CASE("run_queue: a node that dies while it is ready leaves the queue") {
  std::vector<int> log;
  run_queue queue;
  scribe first{log, 1};
  {
    scribe dies{log, 2};
    queue.push(dies);
    queue.push(first);
  }
  CHECK(queue.run(10) == 1);
  CHECK(log == std::vector<int>{1});
}

TEST_CASE("run_queue: a node may destroy the one that is next") {
  std::vector<int> log;
  run_queue queue;
  destroyer node;
  node.victim.emplace(log, 1);
  queue.push(node);
  queue.push(*node.victim);
  CHECK(queue.run(10) == 1);
  CHECK(queue.empty());
  CHECK(log.empty());
}

TEST_CASE("run_queue: a queue that dies lets go of what was ready") {
  std::vector<int> log;
  scribe node{log, 1};
  {
    run_queue queue;
    queue.push(node);
    CHECK(node.linked());
  }
  CHECK_FALSE(node.linked());
  CHECK(log.empty());
}

TEST_CASE("run_queue: push_all appends in order and empties its list") {
  std::vector<int> log;
  run_queue queue;
  scribe first{log, 1};
  scribe second{log, 2};
  scribe third{log, 3};
  intrusive_list<run_node> several;
  several.push_back(second);
  several.push_back(third);
  queue.push(first);
  queue.push_all(several);
  CHECK(several.empty());
  queue.push_all(several);
  CHECK(queue.run(10) == 3);
  CHECK(log == std::vector<int>{1, 2, 3});
}

TEST_CASE("run_queue: until it has a thread any one may push, later only that one") {
  std::vector<int> log;
  run_queue queue;
  scribe first{log, 1};
  std::thread{[&] { queue.push(first); }}.join();
  queue.adopt_thread();
  CHECK(queue.run(10) == 1);
  for (const bool several : {false, true}) {
    CAPTURE(several);
    CHECK(test::dies_saying("use ring.remote().post(...)", [&] {
      scribe second{log, 2};
      intrusive_list<run_node> list;
      std::thread{[&] {
        if (several) {
          list.push_back(second);
          queue.push_all(list);
        } else {
          queue.push(second);
        }
      }}.join();
    }));
  }
  std::thread{[&] {
    queue.adopt_thread();
    queue.push(first);
    queue.run(10);
  }}.join();
  CHECK(log == std::vector<int>{1, 1});
}

TEST_CASE("owner_thread: numbers of threads are never 0 and never used again") {
  std::set<std::uint64_t> numbers{detail::thread_number()};
  CHECK(detail::thread_number() == *numbers.begin());
  for (int i = 0; i < 20; ++i) {
    std::thread{[&numbers] { numbers.insert(detail::thread_number()); }}.join();
  }
  CHECK(numbers.size() == 21);
  CHECK(*numbers.begin() > 0);
}
