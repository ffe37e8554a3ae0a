// SPDX-License-Identifier: MIT
//
// Coroutines of a scripted call are destroyed at every step of it: while they
// wait, while they are ready and already in the queue, after a stop, and between
// their end and its completion. Nothing of a victim may run, leak, die twice or
// stay in the queue.
#include <ringrpc/coro/task.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/coro/when_all.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;
using test::census;
using test::started;
using test::tracked;

namespace {
enum actor : std::size_t { handler, reader, joiner, actors, spawned = actors };
enum moment : std::size_t { request, more, room, taken, answered, moments };

/// What the script acts on. The coroutines refer to it.
struct world {
  test::loop here;
  stop_source call_stop;
  const environment of_call{&here.queue, call_stop.token(), nullptr};
  std::array<event, moments> at;
  std::array<int, actors + 1> touches{};  // how often a coroutine of the actor went on
  task_scope scope{here.where};
};

task<int> receive(world& in, actor who, moment when) {
  tracked local{1};
  const bool set = co_await in.at[when].wait();
  ++in.touches[who];
  co_return set ? local.number() : 0;
}

task<> transmit(world& in, actor who, tracked message) {
  const bool set = co_await in.at[taken].wait_ignoring_stop();
  ++in.touches[who];
  if (set) static_cast<void>(message.number());
}

task<> send(world& in, actor who, tracked message) {
  const bool set = co_await in.at[room].wait();
  ++in.touches[who];
  if (set) co_await transmit(in, who, std::move(message));
}

/// Runs a child under a stop of its own, which it requests when room comes.
task<int> limited(world& in, actor who) {
  const environment& parent = co_await this_environment();
  linked_stop_source stop{parent.stop};
  const environment inner{parent.queue, stop.token(), parent.home};
  event ended;
  struct sets_event : run_node {
    explicit sets_event(event& of)
        : run_node([](run_node& self) noexcept { static_cast<sets_event&>(self).ended.set(); }),
          ended(of) {}
    event& ended;
  };
  sets_event done{ended};
  running_task<int> child;
  if (!child.start(receive(in, who, more), inner, done)) {
    const bool set = co_await in.at[room].wait();
    ++in.touches[who];
    if (set) stop.request_stop();
    const bool child_ended = co_await ended.wait_ignoring_stop();
    ++in.touches[who];
    static_cast<void>(child_ended);
  }
  const int received = child.take();
  co_return received;
}

task<int> handle(world& in) {
  tracked local{1};
  const int first = co_await receive(in, handler, request);
  auto both = co_await when_all(receive(in, handler, more), limited(in, handler),
                                receive(in, handler, room));
  ++in.touches[handler];
  tracked message{std::get<1>(both)};
  co_await send(in, handler, std::move(message));
  in.at[answered].set();
  co_return first + local.number();
}

task<int> read(world& in) {
  int total = 0;
  for (moment when : {request, more, taken}) {
    const int got = co_await receive(in, reader, when);
    total += got;
    in.scope.spawn(transmit(in, spawned, tracked{got}));
  }
  co_return total;
}

task<int> join(world& in) {
  const int got = co_await receive(in, joiner, answered);
  co_await in.scope.join();
  ++in.touches[joiner];
  co_return got;
}

/// The world, its coroutines and what happens to them from outside.
class script {
public:
  /// @param mode  bit n: in the n-th choice, something happens before what is
  ///              ready may run.
  explicit script(std::uint64_t mode) : mode_(mode) {
    running_[handler].emplace(in_.here, handle(in_), in_.of_call);
    running_[reader].emplace(in_.here, read(in_), in_.of_call);
    running_[joiner].emplace(in_.here, join(in_), in_.here.where);
  }

  /// One node runs, or one thing happens. @return false when all is over.
  bool step() {
    const bool ready = !in_.here.queue.empty();
    const bool happens = next_ < things;
    if (!ready && !happens) return false;
    if (happens && (!ready || (mode_ >> (choices_++ % 64) & 1) != 0)) {
      happen(next_++);
    } else {
      in_.here.queue.run(1);
    }
    return true;
  }
  void finish() {
    while (step()) {
    }
  }

  void destroy(actor victim) {
    running_[victim].reset();
    touches_then_ = in_.touches[victim];
  }
  /// Lets a node of the queue destroy the victim when its turn comes.
  void destroy_from_queue(actor victim) {
    destroyer_.victim = victim;
    in_.here.queue.push(destroyer_);
  }
  /// Lets the tasks of the scope end, which nobody may destroy by force.
  void drain_scope() {
    in_.at[taken].set();
    in_.here.drain();
  }

  world& in() { return in_; }
  bool ended(actor one) const { return running_[one].has_value() && running_[one]->ended(); }
  bool gone(actor one) const { return !running_[one].has_value(); }
  int touches_then() const { return touches_then_; }

private:
  struct destroyer : run_node {
    explicit destroyer(script& of)
        : run_node([](run_node& self) noexcept {
            destroyer& one = static_cast<destroyer&>(self);
            one.owner.destroy(one.victim);
          }),
          owner(of) {}
    script& owner;
    actor victim = handler;
  };

  static constexpr std::size_t things = 5;
  void happen(std::size_t what) {
    // The stop comes at one of five places, by the mode.
    if (what == mode_ % things) in_.call_stop.request_stop();
    constexpr std::array order{request, more, room, taken, answered};
    in_.at[order[what]].set();
  }

  world in_;
  std::array<std::optional<started<int>>, actors> running_;
  destroyer destroyer_{*this};
  std::uint64_t mode_;
  std::size_t choices_ = 0;
  std::size_t next_ = 0;
  int touches_then_ = 0;
};

/// Ways in which the loop and the outside world take turns: each first, and some
/// mixtures.
std::vector<std::uint64_t> modes() {
  std::vector<std::uint64_t> all;
  for (std::uint64_t stop = 0; stop < 5; ++stop) {
    all.push_back(stop);
    all.push_back(~std::uint64_t{15} + stop);
  }
  std::uint64_t state = 1;
  for (int i = 0; i < 40; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;  // Knuth's MMIX
    all.push_back(state >> 8);
  }
  return all;
}

std::size_t steps_of(std::uint64_t mode) {
  script whole{mode};
  std::size_t steps = 0;
  while (whole.step()) ++steps;
  CHECK(whole.ended(handler));
  CHECK(whole.ended(reader));
  CHECK(whole.ended(joiner));
  return steps;
}
}  // namespace

TEST_CASE("destruction: the script ends, in every mode, with nothing left") {
  for (std::uint64_t mode : modes()) {
    CAPTURE(mode);
    census counted;
    CHECK(steps_of(mode) > 10);
    CHECK(counted.balanced());
  }
}

TEST_CASE("destruction: a coroutine destroyed at any step is gone at once, and the others go on") {
  int was_alone_in_queue = 0;
  for (std::uint64_t mode : modes()) {
    const std::size_t steps = steps_of(mode);
    for (std::size_t k = 0; k <= steps; ++k) {
      for (actor victim : {handler, reader, joiner}) {
        CAPTURE(mode);
        CAPTURE(k);
        CAPTURE(victim);
        census counted;
        {
          script some{mode};
          for (std::size_t i = 0; i < k; ++i) some.step();
          const bool was_ready = !some.in().here.queue.empty();
          some.destroy(victim);
          if (was_ready && some.in().here.queue.empty()) ++was_alone_in_queue;
          some.finish();
          CHECK(some.in().touches[victim] == some.touches_then());
          for (actor other : {handler, reader, joiner}) {
            if (other != victim) CHECK(some.ended(other));
          }
          CHECK(some.in().here.queue.empty());
        }
        CHECK(counted.balanced());
      }
    }
  }
  CHECK(was_alone_in_queue > 100);  // or the steps do not hit what they are for
}

TEST_CASE("destruction: a coroutine may be destroyed by what runs from the queue, at any step") {
  for (std::uint64_t mode : modes()) {
    const std::size_t steps = steps_of(mode);
    for (std::size_t k = 0; k <= steps; ++k) {
      for (actor victim : {handler, reader, joiner}) {
        CAPTURE(mode);
        CAPTURE(k);
        CAPTURE(victim);
        census counted;
        {
          script some{mode};
          for (std::size_t i = 0; i < k; ++i) some.step();
          some.destroy_from_queue(victim);
          some.finish();
          CHECK(some.gone(victim));
          CHECK(some.in().touches[victim] == some.touches_then());
          for (actor other : {handler, reader, joiner}) {
            if (other != victim) CHECK(some.ended(other));
          }
        }
        CHECK(counted.balanced());
      }
    }
  }
}

TEST_CASE("destruction: all coroutines destroyed at any step, in any order, leave an empty queue") {
  constexpr actor orders[][3] = {{handler, reader, joiner}, {handler, joiner, reader},
                                 {reader, handler, joiner}, {reader, joiner, handler},
                                 {joiner, handler, reader}, {joiner, reader, handler}};
  for (std::uint64_t mode : modes()) {
    const std::size_t steps = steps_of(mode);
    for (std::size_t k = 0; k <= steps; ++k) {
      for (const auto& order : orders) {
        CAPTURE(mode);
        CAPTURE(k);
        census counted;
        {
          script some{mode};
          for (std::size_t i = 0; i < k; ++i) some.step();
          for (actor victim : order) some.destroy(victim);
          // What is left are the tasks of the scope, which is the world's.
          if (some.in().scope.empty()) CHECK(some.in().here.queue.empty());
          some.drain_scope();
          CHECK(some.in().scope.empty());
          CHECK(some.in().here.queue.empty());
        }
        CHECK(counted.balanced());
      }
    }
  }
}
