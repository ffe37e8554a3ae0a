// SPDX-License-Identifier: MIT
#include <ringrpc/ring/ring.hpp>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/when_all.hpp>
#include <ringrpc/ring/sleep.hpp>

#include <doctest/doctest.h>

#include "../coro/support.hpp"
#include "support.hpp"

using namespace ringrpc;

static_assert(!std::is_move_constructible_v<ring>);
static_assert(!std::is_copy_constructible_v<ring>);

namespace {
task<int> gives(int number) { co_return number; }
task<std::unique_ptr<int>> gives_pointer(int number) { co_return std::make_unique<int>(number); }
task<> does(int& into) {
  into = 7;
  co_return;
}
task<int> throws_at_once() {
  const int text = co_await gives(1);
  if (text == 1) throw std::runtime_error{"the root task"};
  co_return 0;
}
task<int> throws_later() {
  const bool slept = co_await sleep_for(duration::zero());
  if (slept) throw std::runtime_error{"the root task, later"};
  co_return 0;
}
task<> yields(int times) {
  for (int i = 0; i < times; ++i) {
    const bool slept = co_await sleep_for(duration::zero());
    static_cast<void>(slept);
  }
}
task<> sleeps_until_stopped(std::vector<std::string>& log, std::string name) {
  const bool slept = co_await sleep_until(never);
  if (!slept) log.push_back(name + " stopped");
}
task<> ignores_stop(std::vector<std::string>& log, int turns) {
  const bool slept = co_await sleep_until(never);
  static_cast<void>(slept);
  for (int turn = 0; turn < turns; ++turn) {
    const environment& here = co_await this_environment();
    event next;
    struct setter : timer {
      explicit setter(event& of)
          : timer([](run_node& self) noexcept {
              static_cast<setter&>(static_cast<timer&>(self)).it.set();
            }),
            it(of) {}
      event& it;
    } set{next};
    here.home->arm(set, here.home->now());
    const bool done = co_await next.wait_ignoring_stop();
    static_cast<void>(done);
  }
  log.push_back("ended by itself");
}
task<int> spawns_and_returns(ring& on, std::vector<std::string>& log) {
  const bool yielded = co_await sleep_for(duration::zero());
  static_cast<void>(yielded);
  on.spawn(sleeps_until_stopped(log, "first"));
  on.spawn(ignores_stop(log, 3));
  co_return 5;
}
/// Notes when it dies, as a parameter of the root task would.
class dying {
public:
  dying(std::vector<std::string>& log) : log_(&log) {}
  dying(dying&& other) noexcept : log_(std::exchange(other.log_, nullptr)) {}
  ~dying() {
    if (log_ != nullptr) log_->push_back("parameter died");
  }

private:
  std::vector<std::string>* log_;
};
task<> has_parameter(ring& on, std::vector<std::string>& log, dying) {
  on.spawn(sleeps_until_stopped(log, "task"));
  co_return;
}
task<> throws_spawned(int what) {
  const bool yielded = co_await sleep_for(duration::zero());
  static_cast<void>(yielded);
  if (what == 0) throw std::runtime_error{"out of cheese"};
  throw what;
}
task<> runs_again(ring& on) {
  on.run(gives(1));
  co_return;
}
task<> turns_inside(ring& on) {
  on.turn();
  co_return;
}

std::vector<std::string> logged;  // by `keep`
void keep(log_level level, std::string_view text) noexcept {
  logged.push_back(std::string{name_of(level)} + ": " + std::string{text});
}
}  // namespace

TEST_CASE("ring: run gives what the task returned") {
  ring on;
  CHECK(on.run(gives(3)) == 3);
  CHECK(*on.run(gives_pointer(4)) == 4);
  int done = 0;
  on.run(does(done));
  CHECK(done == 7);
}

TEST_CASE("ring: run throws what left the task, and can be called again") {
  ring on;
  CHECK_THROWS_WITH(on.run(throws_at_once()), "the root task");
  CHECK_THROWS_WITH(on.run(throws_later()), "the root task, later");
  CHECK(on.run(gives(3)) == 3);
}

TEST_CASE("ring: run stops what was spawned, waits for it, and then delivers") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    ring on{how.options()};
    for (int round = 0; round < 3; ++round) {  // each run has a fresh scope
      std::vector<std::string> log;
      CHECK(on.run(spawns_and_returns(on, log)) == 5);
      CHECK(log == std::vector<std::string>{"first stopped", "ended by itself"});
    }
  }
}

TEST_CASE("ring: the parameters of the root task die before what it left behind is awaited") {
  ring on;
  std::vector<std::string> log;
  on.run(has_parameter(on, log, dying{log}));
  CHECK(log == std::vector<std::string>{"parameter died", "task stopped"});
}

TEST_CASE("ring: what is spawned before the first run starts with it") {
  ring on;
  std::vector<std::string> log;
  on.spawn(sleeps_until_stopped(log, "early"));
  CHECK(log.empty());
  on.run(yields(1));
  CHECK(log == std::vector<std::string>{"early stopped"});
}

TEST_CASE("ring: what is spawned between runs belongs to the next one") {
  ring on;
  on.run(yields(1));
  std::vector<std::string> log;
  on.spawn(sleeps_until_stopped(log, "between"));
  CHECK(log.empty());
  on.run(yields(1));
  CHECK(log == std::vector<std::string>{"between stopped"});
}

TEST_CASE("ring: the destructor stops and awaits what is left") {
  std::vector<std::string> log;
  {
    ring on;
    on.run(yields(1));
    on.spawn(sleeps_until_stopped(log, "left"));
    on.spawn(ignores_stop(log, 3));
  }
  CHECK(log == std::vector<std::string>{"left stopped", "ended by itself"});
  {
    ring never_run;
    never_run.spawn(sleeps_until_stopped(log, "never started"));
  }
  CHECK(log.size() == 2);
}

TEST_CASE("ring: the root token is fresh after each run, and copies of it stay usable") {
  ring on;
  const stop_token kept = on.where().stop;
  struct asks {
    static task<bool> it(stop_token token) { co_return token.stop_requested(); }
  };
  for (int round = 0; round < 3; ++round) {
    CHECK_FALSE(on.run(asks::it(kept)));
    CHECK_FALSE(kept.stop_requested());
  }
  CHECK(on.where().home == &on);
  CHECK(on.where().queue == &on.queue());
  CHECK(on.where().stop == kept);
}

TEST_CASE("ring: an exception that leaves a spawned task is logged") {
  logged.clear();
  ring_options options;
  options.log = &keep;
  ring on{std::move(options)};
  on.spawn(throws_spawned(0));
  on.spawn(throws_spawned(1));
  on.run(yields(3));
  CHECK(logged == std::vector<std::string>{"error: an exception left a spawned task: out of cheese",
                                           "error: an exception left a spawned task: "
                                           "not a std::exception"});
}

TEST_CASE("ring: run and turn inside a run end the process and say why") {
  CHECK(test::dies_saying("inside a run or turn of the same ring", [] {
    ring on;
    on.run(runs_again(on));
  }));
  CHECK(test::dies_saying("inside a run or turn of the same ring", [] {
    ring on;
    on.run(turns_inside(on));
  }));
  CHECK(test::dies_saying("inside a run or turn of the same ring", [] {
    ring on;
    on.spawn(runs_again(on));  // starts within the run
    on.run(gives(1));
  }));
}

TEST_CASE("ring: an operation that is in flight when a ring ends ends the process") {
  struct plain : operation {
    plain() : operation([](run_node&) noexcept {}) {}
  };
  CHECK(test::dies_saying("ended with operations in flight", [] {
    const test::pair sockets;
    plain* never_answered = new plain;
    ring on;
    on.kernel().arm_poll(*never_answered, sockets.near(), POLLIN);
    on.turn();
  }));
}

TEST_CASE("ring: echoes run in one ring, many at a time, in all modes") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    const std::size_t count = 40;
    std::vector<test::pair> sockets(count);
    ring on{how.options()};
    for (const test::pair& one : sockets) on.spawn(test::echo(on, one.far()));
    int right = 0;
    struct all {
      static task<int> talk(ring& on, const std::vector<test::pair>& sockets) {
        std::vector<task<int>> talks;
        for (const test::pair& one : sockets) talks.push_back(test::talk(on, one.near(), 25));
        const std::vector<int> results = co_await when_all(std::move(talks));
        int sum = 0;
        for (int result : results) sum += result;
        co_return sum;
      }
    };
    right = on.run(all::talk(on, sockets));
    CHECK(right == 25 * 40);
    CHECK(on.kernel().in_flight() == 0);
  }
}

TEST_CASE("ring: operations that are waited for end although others keep the loop busy") {
  // Armed operations are submitted, and answers are reaped, although it never sleeps.
  ring on;
  const test::pair sockets;
  struct busy {
    static task<> forever() {
      for (;;) {
        const bool slept = co_await sleep_for(duration::zero());
        if (!slept) co_return;
      }
    }
  };
  on.spawn(busy::forever());
  on.spawn(test::echo(on, sockets.far()));
  CHECK(on.run(test::talk(on, sockets.near(), 50)) == 50);
}

TEST_CASE("ring: random numbers differ, the pool and the switch are there") {
  ring one;
  ring two;
  CHECK(one.random() != one.random());
  CHECK(one.random() != two.random());
  CHECK_FALSE(one.always_arm());
  void* block = one.memory().allocate(100);
  CHECK(one.memory().used_bytes() >= 100);
  one.memory().release(block);
}

TEST_CASE("ring: plain receives of one ring share their bytes, those of two do not") {
  ring one;
  ring two;
  const auto first = one.receive_scratch();
  CHECK(first.size() == 256 * 1024);
  CHECK(one.receive_scratch().data() == first.data());
  CHECK(two.receive_scratch().data() != first.data());
}
