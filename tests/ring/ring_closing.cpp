// SPDX-License-Identifier: MIT
//
// The order in which a connection is closed (field reports of descriptors that
// were closed under an armed operation: the peer sees no end, and a reused number
// gets the old answer): shutdown, await what is in flight, close. Thousands of short
// connections are in tests/rpc/short_connections.cpp.
// Not covered here: idle timeouts, which the library does not have yet.
#include <ringrpc/ring/ring.hpp>

#include <string>
#include <tuple>

#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/coro/when_all.hpp>
#include <ringrpc/ring/sleep.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;

namespace {
task<> note(ring& on, int fd, std::string& into) {
  std::string text = co_await test::read_once(on, fd);
  into = text;
}
/// Closes a connection while a read of it waits. @return what the read gave.
task<std::string> close_in_order(ring& on, int fd, int turns) {
  const environment& here = co_await this_environment();
  task_scope scope{here};
  std::string got = "nothing";
  scope.spawn(note(on, fd, got));
  for (int turn = 0; turn < turns; ++turn) {
    const bool slept = co_await sleep_for(duration::zero());
    static_cast<void>(slept);
  }
  static_cast<void>(on.kernel().shutdown(fd));
  co_await scope.join();
  on.kernel().close(fd);
  co_return got;
}
/// The same by a stop instead of a shutdown.
task<std::string> stop_then_close(ring& on, int fd, int turns) {
  const environment& here = co_await this_environment();
  task_scope scope{here};
  std::string got = "nothing";
  scope.spawn(note(on, fd, got));
  for (int turn = 0; turn < turns; ++turn) {
    const bool slept = co_await sleep_for(duration::zero());
    static_cast<void>(slept);
  }
  scope.request_stop();
  co_await scope.join();
  on.kernel().close(fd);
  co_return got;
}
task<std::string> read_to_end(ring& on, int fd) {
  std::string all = co_await test::read_all(on, fd, 1000);
  co_return all;
}
task<std::tuple<std::string, std::string>> close_both_ways(ring& on, int near, int far, int turns) {
  auto both = co_await when_all(close_in_order(on, near, turns), read_to_end(on, far));
  co_return both;
}
}  // namespace

TEST_CASE("closing: a shutdown ends the waiting read with 0, and the peer reads the end") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    ring on{how.options()};
    for (int turns = 0; turns < 5; ++turns) {
      int fds[2];
      REQUIRE(on.kernel().socket_pair(fds) == 0);
      const file_descriptor far{fds[1]};
      const auto [near_read, far_read] =
          on.run(close_both_ways(on, fds[0], fds[1], turns));
      CHECK(near_read.empty());
      CHECK(far_read.empty());
      CHECK_FALSE(test::is_open(fds[0]));
      CHECK(on.kernel().in_flight() == 0);
    }
  }
}

TEST_CASE("closing: after a stop the peer sees the end as soon as the descriptor is closed") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    ring on{how.options()};
    for (int turns = 0; turns < 5; ++turns) {
      int fds[2];
      REQUIRE(on.kernel().socket_pair(fds) == 0);
      const file_descriptor far{fds[1]};
      on.run(stop_then_close(on, fds[0], turns));
      CHECK(test::at_end(fds[1]));
    }
  }
}

TEST_CASE("closing: a number that is used again never gets an old connection's bytes") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    ring on{how.options()};
    for (int cycle = 0; cycle < 300; ++cycle) {
      int fds[2];
      REQUIRE(on.kernel().socket_pair(fds) == 0);
      const file_descriptor far{fds[1]};
      const std::string name = "cycle " + std::to_string(cycle);
      if (cycle % 3 == 0) test::put(fds[1], name);
      const std::string got = cycle % 2 == 0 ? on.run(close_in_order(on, fds[0], cycle % 5))
                                             : on.run(stop_then_close(on, fds[0], cycle % 5));
      const bool nothing = got.empty() || got == "Operation canceled";
      CHECK((got == name || nothing));
    }
    CHECK(on.kernel().in_flight() == 0);
  }
}

TEST_CASE("closing: shutdown_write ends one direction only, and errors come as -errno") {
  ring on;
  const test::pair sockets;
  CHECK(on.kernel().shutdown_write(sockets.near()) == 0);
  CHECK(on.run(test::read_once(on, sockets.far())).empty());
  test::put(sockets.far(), "still");
  CHECK(on.run(test::read_once(on, sockets.near())) == "still");
  CHECK(on.kernel().shutdown(-1) == -EBADF);
  const test::pipe_ends no_sockets;
  CHECK(on.kernel().shutdown_write(no_sockets.in()) == -ENOTSOCK);
}
