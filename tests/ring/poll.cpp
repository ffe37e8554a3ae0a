// SPDX-License-Identifier: MIT
#include <ringrpc/ring/poll.hpp>

#include <poll.h>

#include <cerrno>
#include <string>
#include <type_traits>

#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/sleep.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;

static_assert(frame_safe<poll_awaiter>);
static_assert(!std::is_move_constructible_v<poll_awaiter>);

namespace {
/// The events, or -errno.
task<int> poll_once(ring& on, int fd, short events) {
  const io_result<short> ready = co_await on.poll(fd, events);
  co_return ready ? *ready : -ready.error().value();
}
task<> note(ring& on, int fd, int& into) {
  const int events = co_await poll_once(on, fd, POLLIN);
  into = events;
}
/// Polls for input, and after some turns writes to `to`, or stops where there is none.
task<int> poll_and(ring& on, int fd, int turns, int to) {
  const environment& here = co_await this_environment();
  task_scope scope{here};
  int events = 0;
  scope.spawn(note(on, fd, events));
  for (int turn = 0; turn < turns; ++turn) {
    const bool yielded = co_await sleep_for(duration::zero());
    static_cast<void>(yielded);
  }
  if (to >= 0) test::put(to, "x");
  if (to < 0) scope.request_stop();
  co_await scope.join();
  co_return events;
}
}  // namespace

TEST_CASE("poll: gives the events that are ready") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    test::pair sockets;
    ring on{how.options()};
    CHECK(on.run(poll_once(on, sockets.near(), POLLOUT)) == POLLOUT);
    test::put(sockets.far(), "x");
    CHECK(on.run(poll_once(on, sockets.near(), POLLIN)) == POLLIN);
    CHECK(on.run(poll_once(on, sockets.near(), POLLIN | POLLOUT)) == (POLLIN | POLLOUT));
    sockets.close_far();
    CHECK((on.run(poll_once(on, sockets.near(), POLLIN)) & POLLHUP) != 0);
  }
}

TEST_CASE("poll: waits for an event") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    for (int turns = 0; turns < 3; ++turns) {
      test::pair sockets;
      ring on{how.options()};
      CHECK(on.run(poll_and(on, sockets.near(), turns, sockets.far())) == POLLIN);
    }
  }
}

TEST_CASE("poll: an error of the kernel is an error code") {
  ring on;
  CHECK(on.run(poll_once(on, -1, POLLIN)) == -EBADF);
}

TEST_CASE("poll: a stop ends it") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    test::pair sockets;
    ring on{how.options()};
    for (int turns = 0; turns < 4; ++turns) {
      CHECK(on.run(poll_and(on, sockets.near(), turns, -1)) == -ECANCELED);
    }
    CHECK(on.kernel().in_flight() == 0);
  }
}
