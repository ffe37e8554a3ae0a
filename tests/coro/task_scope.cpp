// SPDX-License-Identifier: MIT
#include <ringrpc/coro/task_scope.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <ringrpc/coro/event.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;
using test::census;
using test::started;
using test::tracked;

static_assert(!std::is_move_constructible_v<task_scope>);

namespace {
task<> counts(int& count) {
  ++count;
  co_return;
}
task<> waits(event& until, int& count) {
  const bool set = co_await until.wait();
  count += set ? 1 : 100;
}
task<> throws(std::string text) {
  throw std::runtime_error{text};
  co_return;
}
task<> throws_after(event& until, std::string text) {
  const bool set = co_await until.wait_ignoring_stop();
  if (set) throw std::runtime_error{text};
}
task<> keeps(event& until, tracked kept) {
  const bool set = co_await until.wait_ignoring_stop();
  if (set) static_cast<void>(kept.number());
}
/// Joins `scope` and says what came of it.
task<std::string> joins(task_scope& scope) {
  std::string text = "joined";
  try {
    co_await scope.join();
  } catch (const std::runtime_error& error) {
    text = error.what();
  }
  co_return text;
}
}  // namespace

TEST_CASE("task_scope: spawn starts the task at once") {
  test::loop here;
  task_scope scope{here.where};
  int count = 0;
  scope.spawn(counts(count));
  CHECK(count == 1);
  CHECK(scope.empty());
}

TEST_CASE("task_scope: a task that ends at once is gone when spawn returns") {
  census counted;
  test::loop here;
  event set;
  set.set();
  task_scope scope{here.where};
  scope.spawn(keeps(set, tracked{1}));
  CHECK(counted.balanced());
  CHECK(scope.empty());
}

TEST_CASE("task_scope: the frame of a task is destroyed by the loop, after its final suspension") {
  census counted;
  test::loop here;
  event until;
  task_scope scope{here.where};
  scope.spawn(keeps(until, tracked{1}));
  until.set();
  CHECK(here.queue.run(1) == 1);  // runs to the final suspension
  CHECK(counted.alive() == 1);
  CHECK_FALSE(scope.empty());
  CHECK(here.queue.run(1) == 1);  // the reaper
  CHECK(counted.balanced());
  CHECK(scope.empty());
}

TEST_CASE("task_scope: joining an empty scope does not suspend") {
  test::loop here;
  task_scope scope{here.where};
  started<std::string> joining{here, joins(scope)};
  REQUIRE(joining.ended());
  CHECK(joining.take() == "joined");
}

TEST_CASE("task_scope: join waits for the last task, whatever the order of their ends") {
  test::loop here;
  event first;
  event second;
  int count = 0;
  task_scope scope{here.where};
  scope.spawn(waits(first, count));
  scope.spawn(waits(second, count));
  started<std::string> joining{here, joins(scope)};
  second.set();
  here.drain();
  CHECK_FALSE(joining.ended());
  CHECK_FALSE(scope.empty());
  first.set();
  here.drain();
  REQUIRE(joining.ended());
  CHECK(joining.take() == "joined");
  CHECK(count == 2);
}

TEST_CASE("task_scope: join waits for what is spawned while it waits") {
  test::loop here;
  event first;
  event second;
  int count = 0;
  task_scope scope{here.where};
  scope.spawn(waits(first, count));
  started<std::string> joining{here, joins(scope)};
  scope.spawn(waits(second, count));
  first.set();
  here.drain();
  CHECK_FALSE(joining.ended());
  second.set();
  here.drain();
  CHECK(joining.ended());
  CHECK(count == 2);
}

TEST_CASE("task_scope: join waits for what is spawned after the last task ended, before it ran") {
  test::loop here;
  event first;
  event second;
  int count = 0;
  task_scope scope{here.where};
  scope.spawn(waits(first, count));
  started<std::string> joining{here, joins(scope)};
  first.set();
  CHECK(here.queue.run(2) == 2);  // the task, its reaper; join is ready now
  CHECK(scope.empty());
  scope.spawn(waits(second, count));
  here.drain();
  CHECK_FALSE(joining.ended());
  second.set();
  here.drain();
  CHECK(joining.ended());
}

TEST_CASE("task_scope: a task may spawn into its own scope, also as its last deed") {
  auto chain = [](task_scope& scope, event& until, int& count, int left, auto& self) -> task<> {
    const bool set = co_await until.wait();
    if (!set) co_return;
    ++count;
    if (left > 0) scope.spawn(self(scope, until, count, left - 1, self));
  };
  test::loop here;
  event until;
  int count = 0;
  task_scope scope{here.where};
  scope.spawn(chain(scope, until, count, 5, chain));
  started<std::string> joining{here, joins(scope)};
  CHECK(count == 0);
  until.set();
  here.drain();
  CHECK(joining.ended());
  CHECK(count == 6);
}

TEST_CASE("task_scope: a coroutine may own its scope, join it and return") {
  auto body = [](event& until, int& count) -> task<int> {
    const environment& here = co_await this_environment();
    task_scope scope{here};
    scope.spawn(waits(until, count));
    scope.spawn(counts(count));
    co_await scope.join();
    co_return count;
  };
  test::loop here;
  event until;
  int count = 0;
  started<int> running{here, body(until, count)};
  CHECK_FALSE(running.ended());
  until.set();
  CHECK(running.finish() == 2);
}

TEST_CASE("task_scope: join throws the first exception, after all tasks have ended") {
  test::loop here;
  event first;
  event second;
  task_scope scope{here.where};
  scope.spawn(throws_after(first, "first"));
  scope.spawn(throws_after(second, "second"));
  started<std::string> joining{here, joins(scope)};
  second.set();
  here.drain();
  CHECK_FALSE(joining.ended());
  first.set();
  here.drain();
  REQUIRE(joining.ended());
  CHECK(joining.take() == "second");
}

TEST_CASE("task_scope: an exception that leaves a task at once is kept for join, once") {
  test::loop here;
  task_scope scope{here.where};
  scope.spawn(throws("at once"));
  CHECK(scope.empty());
  started<std::string> joining{here, joins(scope)};
  CHECK(joining.finish() == "at once");
  started<std::string> again{here, joins(scope)};
  CHECK(again.finish() == "joined");
}

TEST_CASE("task_scope: a failed task does not stop the others") {
  test::loop here;
  event until;
  int count = 0;
  task_scope scope{here.where};
  scope.spawn(waits(until, count));
  scope.spawn(throws("broken"));
  CHECK_FALSE(scope.token().stop_requested());
  until.set();
  here.drain();
  CHECK(count == 1);
  started<std::string> joining{here, joins(scope)};
  CHECK(joining.finish() == "broken");
}

TEST_CASE("task_scope: its tasks have its stop token, and the queue of its parent") {
  auto body = [](task_scope& scope, run_queue& queue, bool& same) -> task<> {
    const environment& here = co_await this_environment();
    same = here.stop == scope.token() && here.queue == &queue && &here == &scope.where();
  };
  test::loop here;
  task_scope scope{here.where};
  CHECK_FALSE(scope.token() == here.stop.token());
  bool same = false;
  scope.spawn(body(scope, here.queue, same));
  CHECK(same);
}

TEST_CASE(
    "task_scope: request_stop stops its tasks and nothing above it, and runs nothing inline") {
  test::loop here;
  event never_set;
  int count = 0;
  task_scope scope{here.where};
  scope.spawn(waits(never_set, count));
  scope.request_stop();
  CHECK(count == 0);
  CHECK_FALSE(here.stop.stop_requested());
  here.drain();
  CHECK(count == 100);
  CHECK(scope.empty());
}

TEST_CASE("task_scope: a stop of the parent reaches the tasks") {
  test::loop here;
  event never_set;
  int count = 0;
  task_scope scope{here.where};
  scope.spawn(waits(never_set, count));
  here.stop.request_stop();
  here.drain();
  CHECK(count == 100);
  int late = 0;
  scope.spawn(waits(never_set, late));
  here.drain();
  CHECK(late == 100);
  CHECK(scope.empty());
}

TEST_CASE("task_scope: a stop of who joins stops the scope, and join goes on waiting") {
  test::loop owner;
  test::loop joiner;
  event until;
  event never_set;
  int count = 0;
  task_scope scope{owner.where};
  scope.spawn(waits(never_set, count));
  scope.spawn(throws_after(until, "slow"));
  started<std::string> joining{joiner, joins(scope)};
  joiner.stop.request_stop();
  CHECK(scope.token().stop_requested());
  owner.drain();
  joiner.drain();
  CHECK(count == 100);
  CHECK_FALSE(joining.ended());
  until.set();
  owner.drain();
  CHECK(joining.finish() == "slow");
}

TEST_CASE("task_scope: joining under a stop stops the scope and still waits") {
  test::loop here;
  event until;
  int count = 0;
  task_scope scope{here.where};
  auto ignores_stop = [](event& awaited, int& counted) -> task<> {
    const bool set = co_await awaited.wait_ignoring_stop();
    counted += set ? 1 : 100;
  };
  scope.spawn(ignores_stop(until, count));
  here.stop.request_stop();
  started<std::string> joining{here, joins(scope)};
  here.drain();
  CHECK_FALSE(joining.ended());
  until.set();
  CHECK(joining.finish() == "joined");
  CHECK(count == 1);
}

TEST_CASE("task_scope: a join that is destroyed leaves the scope as it was") {
  test::loop here;
  event until;
  int count = 0;
  task_scope scope{here.where};
  scope.spawn(waits(until, count));
  { started<std::string> joining{here, joins(scope)}; }
  until.set();
  here.drain();
  CHECK(count == 1);
  {
    started<std::string> joining{here, joins(scope)};
    CHECK(joining.ended());
  }
  CHECK(scope.empty());
}

TEST_CASE("task_scope: two may join at once") {
  test::loop here;
  event until;
  int count = 0;
  task_scope scope{here.where};
  scope.spawn(waits(until, count));
  started<std::string> first{here, joins(scope)};
  started<std::string> second{here, joins(scope)};
  until.set();
  here.drain();
  CHECK(first.ended());
  CHECK(second.ended());
}

TEST_CASE("task_scope: can be used again after a join") {
  test::loop here;
  int count = 0;
  task_scope scope{here.where};
  scope.spawn(counts(count));
  started<std::string> first{here, joins(scope)};
  CHECK(first.finish() == "joined");
  event until;
  scope.spawn(waits(until, count));
  started<std::string> second{here, joins(scope)};
  CHECK_FALSE(second.ended());
  until.set();
  CHECK(second.finish() == "joined");
  CHECK(count == 2);
}

namespace {
/// Spawns into the scope when it dies.
class spawns_in_death {
public:
  spawns_in_death(task_scope& scope, event& until, int& count)
      : scope_(&scope), until_(until), count_(count) {}
  spawns_in_death(spawns_in_death&& other) noexcept
      : scope_(std::exchange(other.scope_, nullptr)), until_(other.until_), count_(other.count_) {}
  spawns_in_death& operator=(spawns_in_death&&) = delete;
  ~spawns_in_death() {
    if (scope_ != nullptr) scope_->spawn(waits(until_, count_));
  }

private:
  task_scope* scope_;
  event& until_;
  int& count_;
};
task<> holds(event& until, spawns_in_death) {
  const bool set = co_await until.wait();
  static_cast<void>(set);
}
}  // namespace

TEST_CASE("task_scope: what the death of a frame spawns is joined too") {
  test::loop here;
  event first;
  event second;
  int count = 0;
  task_scope scope{here.where};
  scope.spawn(holds(first, spawns_in_death{scope, second, count}));
  started<std::string> joining{here, joins(scope)};
  first.set();
  here.drain();
  CHECK_FALSE(joining.ended());
  second.set();
  CHECK(joining.finish() == "joined");
  CHECK(count == 1);
}

TEST_CASE("task_scope: one that dies with a task in it ends the process and names the remedy") {
  CHECK(test::dies_saying("co_await join() first", [] {
    test::loop here;
    event until;
    int count = 0;
    task_scope scope{here.where};
    scope.spawn(waits(until, count));
  }));
}

TEST_CASE("task_scope: one whose last task has ended but was not reaped yet ends the process too") {
  CHECK(test::dies_saying("co_await join() first", [] {
    test::loop here;
    event until;
    int count = 0;
    task_scope scope{here.where};
    scope.spawn(waits(until, count));
    until.set();
    here.queue.run(1);
  }));
}

TEST_CASE("task_scope: an empty one may die without a join") {
  test::loop here;
  int count = 0;
  std::optional<task_scope> scope;
  scope.emplace(here.where);
  scope->spawn(counts(count));
  scope.reset();
  CHECK(count == 1);
}

TEST_CASE("task_scope: spawning a task that was moved from ends the process and says so") {
  CHECK(test::dies_saying("moved from", [] {
    test::loop here;
    int count = 0;
    task_scope scope{here.where};
    task<> named = counts(count);
    task<> other = std::move(named);
    scope.spawn(std::move(named));
  }));
}
