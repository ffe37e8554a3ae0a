// SPDX-License-Identifier: MIT
//
// Client and server on a ring that is embedded in a foreign loop, whose only timers are
// the ring's: with both ends on one ring, and with either end in another thread.
// The failure of others: calls that are answered and never wake their loop, deadlines
// that nobody tells the loop of, and loops that spin.
// Not covered here: the loops of GLib and systemd.
#include <ringrpc/rpc/channel.hpp>
#include <ringrpc/rpc/server.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "../ring/foreign_loop.hpp"
#include "../transport/private_directory.hpp"
#include "far_server.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
/// Sets `done` when `work` has ended.
template <class T>
task<> then_done(task<T> work, T& into, bool& done) {
  T got = co_await std::move(work);
  into = std::move(got);
  done = true;
}
task<> then_done(task<> work, bool& done) {
  co_await std::move(work);
  done = true;
}
task<status> call_silent(channel& to, duration timeout) {
  const std::string request = "x";
  const result<std::string> reply = co_await to.call<silent>(request, {.timeout = timeout});
  co_return reply.status();
}

/// A ring in a foreign loop, and a socket that nobody else has.
struct embedded {
  embedded(const test::mode& how, test::host_kind kind)
      : mode(how), guest(how.options()), around(kind, guest) {}

  /// Runs `work` by the foreign loop, to its end. @return how often that woke up.
  template <class T>
  int finish(task<T> work, T& into) {
    bool done = false;
    guest.spawn(then_done(std::move(work), into, done));
    return around.run(done);
  }
  template <class T>
  T finish(task<T> work) {
    T got{};
    static_cast<void>(finish(std::move(work), got));
    return got;
  }
  void finish(task<> work) {
    bool done = false;
    guest.spawn(then_done(std::move(work), done));
    around.run(done);
  }

  const test::mode& mode;
  private_directory place;
  std::string path = place / "s";
  ring guest;
  test::host around;
};
template <class Body>
void for_each_foreign_loop(Body body) {
  for (const test::mode& how : test::modes) {
    for (const test::host_kind kind : test::host_kinds) {
      CAPTURE(std::string{how.name});
      CAPTURE(static_cast<int>(kind));
      embedded here{how, kind};
      body(here);
      static_cast<void>(here.guest.turn());
    }
  }
}
/// Both ends on the embedded ring.
struct both_ends {
  explicit both_ends(embedded& on) : serving(on.guest), to(on.guest, "unix:" + on.path) {
    serve_calls(serving);
    serving.listen(unix_socket{on.path});
  }
  task<> close() {
    co_await to.close();
    co_await serving.close();
    CHECK(serving.connections() == 0);
  }
  server serving;
  channel to;
};
}  // namespace

TEST_CASE("foreign loop: calls of all kinds between two ends on the embedded ring") {
  for_each_foreign_loop([](embedded& here) {
    both_ends ends{here};
    CHECK(here.finish(call_all_kinds(ends.to, 30)) == calls_of(30));
    here.finish(ends.close());
  });
}

TEST_CASE("foreign loop: the embedded ring calls a server in another thread") {
  for_each_foreign_loop([](embedded& here) {
    const far_server serving{here.path, here.mode};
    channel to{here.guest, "unix:" + here.path};
    CHECK(here.finish(call_all_kinds(to, 50)) == calls_of(50));
    here.finish(to.close());
  });
}

TEST_CASE("foreign loop: the embedded ring serves a client in another thread") {
  for_each_foreign_loop([](embedded& here) {
    server serving{here.guest};
    serve_calls(serving);
    serving.listen(unix_socket{here.path});
    bool done = false;
    int right = 0;
    std::thread client{[&, remote = here.guest.remote()] {
      ring own{here.mode.options()};
      channel to{own, "unix:" + here.path};
      const int got = own.run(call_all_kinds(to, 50));
      const bool posted = remote.post([&right, &done, got] {
        right = got;
        done = true;
      });
      CHECK(posted);
    }};
    here.around.run(done);
    client.join();
    CHECK(right == calls_of(50));
    here.finish(serving.close());
  });
}

TEST_CASE("foreign loop: a deadline wakes the sleeping loop, which does not spin meanwhile") {
  for_each_foreign_loop([](embedded& here) {
    both_ends ends{here};
    REQUIRE(here.finish(call_numbered(ends.to, 1)));  // connects
    for (const duration timeout : {1ms, 7ms}) {
      status end;
      const int wakes = here.finish(call_silent(ends.to, timeout), end);
      CHECK(end.code() == status_code::deadline_exceeded);
      CHECK(wakes <= 30);
    }
    CHECK(here.finish(call_numbered(ends.to, 2)));  // the connection is as good as before
    here.finish(ends.close());
  });
}

TEST_CASE("foreign loop: a deadline wakes it when the other end never answers") {
  for_each_foreign_loop([](embedded& here) {
    // A listener that nobody accepts from: the channel connects and hears nothing.
    const socket_address address = unix_socket_address(here.path);
    const file_descriptor listening = test::listener_at(address);
    channel to{here.guest, "unix:" + here.path};
    status end;
    const int wakes = here.finish(call_silent(to, 5ms), end);
    CHECK(end.code() == status_code::deadline_exceeded);
    CHECK(wakes <= 20);
  });
}

TEST_CASE("foreign loop: calls that other threads post wake it, every time") {
  for_each_foreign_loop([](embedded& here) {
    both_ends ends{here};
    constexpr int calls = 60;
    std::atomic<int> ended{0};
    int right = 0;
    bool done = false;
    const auto one_call = [&](int number) -> task<> {
      const bool one = co_await call_numbered(ends.to, static_cast<std::size_t>(number));
      if (one) ++right;
      done = ++ended == calls;
      ended.notify_one();
    };
    std::thread poster{[&, remote = here.guest.remote()] {
      for (int i = 0; i < calls; ++i) {
        const bool posted = remote.post([&, i] { here.guest.spawn(one_call(i)); });
        CHECK(posted);
        // After every third one the loop falls asleep.
        for (int seen = ended; i % 3 == 0 && seen <= i; seen = ended) ended.wait(seen);
      }
    }};
    here.around.run(done);
    poster.join();
    CHECK(right == calls);
    here.finish(ends.close());
  });
}

TEST_CASE("foreign loop: with an idle connection the ring's descriptor is not readable") {
  for_each_foreign_loop([](embedded& here) {
    both_ends ends{here};
    REQUIRE(here.finish(call_all_kinds(ends.to, 10)) == calls_of(10));
    for (int turn = 0; turn < 20 && here.around.wait(0); ++turn) here.guest.turn();
    CHECK_FALSE(here.around.wait(0));
    CHECK_FALSE(here.guest.turn());
    CHECK_FALSE(here.around.wait(0));
    CHECK(here.finish(call_numbered(ends.to, 1)));
    here.finish(ends.close());
  });
}
}  // namespace ringrpc::testing
