// SPDX-License-Identifier: MIT
//
// Signals that interrupt every system call, as profilers and debuggers send them
// (field reports of loops that ended by EINTR). Calls that are interrupted, by a stop of
// the process and a debugger, too, are tested in tests/rpc/interrupted_calls.cpp.
// Not covered here: a machine that is suspended.
#include <ringrpc/ring/ring.hpp>

#include <pthread.h>
#include <sys/time.h>

#include <atomic>
#include <csignal>
#include <optional>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;

namespace {
std::atomic<int> interruptions{0};

/// While it lives, SIGALRM comes every 100 us of real time, with a handler that does
/// nothing and without SA_RESTART.
class storm {
public:
  storm() {
    struct ::sigaction action {};
    action.sa_handler = [](int) { ++interruptions; };
    test::check(::sigaction(SIGALRM, &action, &before_), "sigaction");
    const ::itimerval often{{0, 100}, {0, 100}};
    test::check(::setitimer(ITIMER_REAL, &often, nullptr), "setitimer");
  }
  ~storm() {
    const ::itimerval none{};
    ::setitimer(ITIMER_REAL, &none, nullptr);
    ::sigaction(SIGALRM, &before_, nullptr);
  }

private:
  struct ::sigaction before_ {};
};

/// Talks until so many signals came.
task<bool> talks_through(ring& on, int fd, int signals) {
  const int end = interruptions + signals;
  bool right = true;
  while (interruptions < end && right) {
    const int rounds = co_await test::talk(on, fd, 10);
    right = rounds == 10;
  }
  co_return right;
}
}  // namespace

TEST_CASE("interruptions: a storm of signals neither ends a loop nor loses a byte") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    const test::pair sockets;
    std::optional<ring> theirs{how.options()};
    std::thread other{[&] {
      theirs->run(test::echo(*theirs, sockets.far()));
      theirs.reset();
    }};
    {
      ring ours{how.options()};
      const storm signals;
      CHECK(ours.run(talks_through(ours, sockets.near(), 300)));
      CHECK(ours.kernel().in_flight() == 0);
    }
    ::shutdown(sockets.near(), SHUT_RDWR);
    other.join();
  }
}

TEST_CASE("interruptions: a host that is interrupted in poll gets all answers from its ring") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    const test::pair sockets;
    ring guest{how.options()};
    bool done = false;
    bool right = false;
    struct work {
      static task<> talk(ring& on, int fd, bool& right, bool& done) {
        const bool result = co_await talks_through(on, fd, 200);
        right = result;
        done = true;
      }
    };
    guest.spawn(test::echo(guest, sockets.far()));
    guest.spawn(work::talk(guest, sockets.near(), right, done));
    const storm signals;
    guest.turn();
    while (!done) {
      ::pollfd readable{guest.pollable_fd(), POLLIN, 0};
      static_cast<void>(::poll(&readable, 1, -1));
      guest.turn();
    }
    CHECK(right);
  }
}
