// SPDX-License-Identifier: MIT
//
// Which thread and which process may use a ring. The failure of others: a ring of one
// issuer that is made in one thread is refused with EEXIST in every other. Channels and
// servers are in tests/rpc/foreign_threads.cpp. Not covered here: several threads for one
// server and a channel that blocks, which the library does not have yet.
#include <ringrpc/ring/ring.hpp>

#include <sys/wait.h>

#include <chrono>
#include <coroutine>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/ring/sleep.hpp>

#include <doctest/doctest.h>

#include "../coro/support.hpp"
#include "support.hpp"

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {
constexpr const char* wrong_thread = "used outside of its thread";
constexpr const char* wrong_process = "used in a forked child";

task<int> gives(int number) {
  const bool yielded = co_await sleep_for(duration::zero());
  co_return yielded ? number : 0;
}
task<> waits_for(event& awaited) {
  const bool set = co_await awaited.wait();
  static_cast<void>(set);
}
/// Gives its coroutine away, as the awaiters of others do that resume it elsewhere.
struct given_away {
  std::coroutine_handle<>& to;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) const noexcept { to = caller; }
  void await_resume() const noexcept {}
};
task<> ends_where_resumed(std::coroutine_handle<>& given) {
  given_away to{given};
  co_await to;
}
template <class Body> void in_thread(Body body) { std::thread{body}.join(); }

int forked_exit_code(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
/// Forks within a coroutine while operations are armed, and goes on in the parent.
task<int> forks_and_talks(ring& on, int fd, int& exit_code) {
  const int before = co_await test::talk(on, fd, 20);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(9);
  exit_code = forked_exit_code(child);
  const int after = co_await test::talk(on, fd, 20);
  co_return before + after;
}
}  // namespace

TEST_CASE("threads: a ring that is made in one thread may run in another, for good") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    std::optional<ring> on{how.options()};
    const test::pair sockets;
    on->spawn(test::echo(*on, sockets.far()));  // set-up in the first thread
    in_thread([&] {
      CHECK(on->run(test::talk(*on, sockets.near(), 20)) == 20);
      CHECK(on->run(gives(3)) == 3);
      on.reset();
    });
  }
}

TEST_CASE("threads: set-up may link to a ring's stop in any thread, and run in another one") {
  std::optional<ring> on;
  on.emplace();
  std::optional<linked_stop_source> stopped;
  in_thread([&] { stopped.emplace(on->where().stop); });
  in_thread([&] {
    const linked_stop_source own{on->where().stop};
    CHECK(on->run(gives(3)) == 3);
    CHECK(own.stop_requested());
    on.reset();
  });
  CHECK(stopped->stop_requested());
}

TEST_CASE("threads: a ring that never ran may die in any thread") {
  auto on = std::make_unique<ring>();
  in_thread([&] { on.reset(); });
}

TEST_CASE("threads: a static ring works, and dies with the process") {
  const test::child_end child = test::in_child([] {
    static ring on;
    const int got = on.run(gives(3));
    std::exit(got);
  });
  CHECK(child.signal == 0);
  CHECK(child.code == 3);
}

TEST_CASE("threads: every use from another thread than the home ends the process and says why") {
  const auto dies_in_thread = [](auto use) {
    return test::dies_saying(wrong_thread, [use] {
      ring on;
      on.run(gives(1));
      in_thread([&] { use(on); });
    });
  };
  CHECK(dies_in_thread([](ring& on) { on.run(gives(1)); }));
  CHECK(dies_in_thread([](ring& on) { on.turn(); }));
  CHECK(dies_in_thread([](ring& on) { on.spawn(test::echo(on, 0)); }));
  CHECK(dies_in_thread([](ring& on) { static_cast<void>(on.pollable_fd()); }));
  CHECK(dies_in_thread([](ring& on) { static_cast<void>(on.read(0, {})); }));
  CHECK(dies_in_thread([](ring& on) { static_cast<void>(on.write(0, {})); }));
  CHECK(dies_in_thread([](ring& on) { static_cast<void>(on.write_some(0, {})); }));
  CHECK(dies_in_thread([](ring& on) { static_cast<void>(on.accept(0)); }));
  CHECK(dies_in_thread([](ring& on) { static_cast<void>(on.connect(0, {})); }));
  CHECK(dies_in_thread([](ring& on) { static_cast<void>(on.poll(0, 0)); }));
  CHECK(dies_in_thread([](ring& on) { static_cast<void>(on.kernel()); }));
  CHECK(dies_in_thread([](ring& on) { static_cast<void>(on.queue()); }));
  CHECK(dies_in_thread([](ring& on) { static_cast<void>(on.random()); }));
  CHECK(dies_in_thread([](ring& on) {
    timer one{[](run_node&) noexcept {}};
    on.arm(one, time_point{});
  }));
  CHECK(dies_in_thread([](ring& on) {
    timer one{[](run_node&) noexcept {}};
    on.disarm(one);
  }));
  CHECK(dies_in_thread([](ring& on) {
    flush_hook one{[](flush_hook&) noexcept {}};
    on.mark_dirty(one);
  }));
  CHECK(dies_in_thread([](ring& on) {
    receive_hook one{[](receive_hook&) noexcept { return false; }, [](receive_hook&) noexcept {}};
    on.watch(one);
  }));
}

TEST_CASE("threads: an event that is set, or a task that ends, elsewhere ends the process") {
  CHECK(test::dies_saying("use ring.remote().post(...)", [] {
    ring on;
    event awaited;
    on.spawn(waits_for(awaited));
    on.turn();
    in_thread([&] { awaited.set(); });
  }));
  CHECK(test::dies_saying("use ring.remote().post(...)", [] {
    ring on;
    std::coroutine_handle<> suspended;
    on.spawn(ends_where_resumed(suspended));
    on.turn();
    in_thread([&] { suspended.resume(); });
  }));
  ring on;
  event awaited;
  std::thread other{[&awaited, remote = on.remote()] {
    const bool taken = remote.post([&awaited] { awaited.set(); });
    static_cast<void>(taken);
  }};
  on.run(waits_for(awaited));
  other.join();
  CHECK(awaited.is_set());
}

TEST_CASE("threads: a ring that dies in another thread than its home ends the process") {
  CHECK(test::dies_saying(wrong_thread, [] {
    auto on = std::make_unique<ring>();
    on->run(gives(1));
    in_thread([&] { on.reset(); });
  }));
}

TEST_CASE("threads: a later thread is not taken for a home that has ended") {
  CHECK(test::dies_saying(wrong_thread, [] {
    auto on = std::make_unique<ring>();
    in_thread([&] { on->run(gives(1)); });
    in_thread([&] { on->run(gives(1)); });  // perhaps with the same id and stack
  }));
}

TEST_CASE("threads: a use within a turn of another thread ends the process") {
  CHECK(test::dies_saying(wrong_thread, [] {
    ring on;
    struct other {
      static task<> uses(ring& on) {
        in_thread([&] { on.turn(); });
        co_return;
      }
    };
    on.run(other::uses(on));
  }));
}

TEST_CASE("fork: the parent's ring goes on, with operations armed and with some not submitted") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    const test::pair sockets;
    const test::pair idle;
    ring on{how.options()};
    on.spawn(test::echo(on, sockets.far()));
    on.spawn(test::echo(on, idle.far()));
    int exit_code = 0;
    CHECK(on.run(forks_and_talks(on, sockets.near(), exit_code)) == 40);
    CHECK(exit_code == 9);
  }
}

TEST_CASE("fork: a child that uses or destroys the parent's ring ends and says why") {
  const auto dies_in_child = [](bool ran_before, auto use) {
    auto on = std::make_unique<ring>();
    if (ran_before) on->run(gives(1));
    const bool died = test::dies_saying(wrong_process, [&] { use(on); });
    CHECK(on->run(gives(3)) == 3);  // the parent's is unharmed
    return died;
  };
  for (bool ran_before : {false, true}) {
    CAPTURE(ran_before);
    CHECK(dies_in_child(ran_before, [](auto& on) { on->run(gives(1)); }));
    CHECK(dies_in_child(ran_before, [](auto& on) { on->turn(); }));
    CHECK(dies_in_child(ran_before, [](auto& on) { on->spawn(test::echo(*on, 0)); }));
    CHECK(dies_in_child(ran_before, [](auto& on) { static_cast<void>(on->kernel()); }));
    CHECK(dies_in_child(ran_before, [](auto& on) { on.reset(); }));
  }
}

TEST_CASE("fork: a child can make a ring of its own, and the parent's is not counted there") {
  const auto rings = [] { return detail::this_process().rings_with_home.load(); };
  ring on;
  on.run(gives(1));
  CHECK(rings() == 1);
  const test::child_end child = test::in_child([&rings] {
    ring own;
    const int got = own.run(gives(3));
    ::_exit(rings() == 1 ? got : 9);
  });
  CHECK(child.code == 3);
  CHECK(rings() == 1);
}

TEST_CASE("fork: what a child posts to a ring of its parent is refused and destroyed") {
  ring on;
  const remote_handle remote = on.remote();
  const test::child_end child = test::in_child([&remote] {
    const auto alive = std::make_shared<int>();
    const bool taken = remote.post([alive] {});
    const bool destroyed = alive.use_count() == 1;
    // To a ring of its own it can post, and its own children cannot.
    ring own;
    bool ran = false;
    const bool own_taken = own.remote().post([&ran] { ran = true; });
    own.run(gives(3));
    const pid_t grandchild = ::fork();
    if (grandchild == 0) ::_exit(own.remote().post([] {}) ? 1 : 0);
    const bool refused = forked_exit_code(grandchild) == 0;
    ::_exit(!taken && destroyed && own_taken && ran && refused ? 0 : 1);
  });
  CHECK(child.error == "");
  CHECK(child.code == 0);
  bool ran = false;
  CHECK(remote.post([&ran] { ran = true; }));
  on.run(gives(3));
  CHECK(ran);
}
