// SPDX-License-Identifier: MIT
#include <ringrpc/ring/read.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <tuple>
#include <type_traits>

#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/coro/when_all.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/sleep.hpp>

#include <doctest/doctest.h>

#include "../support/random.hpp"
#include "../support/seeds.hpp"
#include "support.hpp"

using namespace ringrpc;
using test::read_once;

static_assert(frame_safe<read_awaiter>);
static_assert(!std::is_move_constructible_v<read_awaiter>);

namespace {
std::string words(int error) { return std::strerror(error); }

task<> put_later(int fd, std::string text) {
  const bool yielded = co_await sleep_for(duration::zero());
  static_cast<void>(yielded);
  test::put(fd, text);
}
task<std::string> read_while_written(ring& on, int from, int to, std::string text) {
  std::tuple<std::string, std::monostate> both =
      co_await when_all(read_once(on, from), put_later(to, text));
  co_return std::get<0>(both);
}

/// Reads once in a scope of its own, and stops that scope after so many turns.
task<> note(ring& on, int fd, std::string& into) {
  std::string text = co_await read_once(on, fd);
  into = text;
}
task<std::string> read_and_stop(ring& on, int fd, int turns, int to, std::string text) {
  const environment& here = co_await this_environment();
  task_scope scope{here};
  std::string got = "nothing";
  scope.spawn(note(on, fd, got));
  for (int turn = 0; turn < turns; ++turn) {
    const bool yielded = co_await sleep_for(duration::zero());
    static_cast<void>(yielded);
  }
  if (!text.empty()) test::put(to, text);
  scope.request_stop();
  co_await scope.join();
  co_return got;
}
task<std::string> read_when_stopped(ring& on, int fd) {
  const environment& here = co_await this_environment();
  task_scope scope{here};
  scope.request_stop();
  std::string got = "nothing";
  scope.spawn(note(on, fd, got));
  co_await scope.join();
  co_return got;
}
task<std::size_t> read_nothing(ring& on, int fd) {
  const io_result<std::size_t> got = co_await on.read(fd, std::span<std::byte>{});
  co_return got ? *got : 99;
}
}  // namespace

TEST_CASE("read: gives what is there, up to the size of the buffer") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    test::pair sockets;
    ring on{how.options()};
    test::put(sockets.far(), "abcdef");
    CHECK(on.run(read_once(on, sockets.near(), 4)) == "abcd");
    CHECK(on.run(read_once(on, sockets.near())) == "ef");
  }
}

TEST_CASE("read: waits for what comes later") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    for (int flags : {0, int{SOCK_NONBLOCK}}) {
      test::pair sockets{flags};  // a blocking socket does not block the loop
      ring on{how.options()};
      CHECK(on.run(read_while_written(on, sockets.near(), sockets.far(), "later")) == "later");
    }
  }
}

TEST_CASE("read: gives 0 at the end of the stream, and for an empty buffer") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    test::pair sockets;
    ring on{how.options()};
    test::put(sockets.far(), "x");
    CHECK(on.run(read_nothing(on, sockets.near())) == 0);
    CHECK(on.run(read_once(on, sockets.near())) == "x");
    sockets.close_far();
    CHECK(on.run(read_once(on, sockets.near())).empty());
    CHECK(on.kernel().in_flight() == 0);
  }
}

TEST_CASE("read: an error of the kernel is an error code") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    ring on{how.options()};
    CHECK(on.run(read_once(on, -1)) == words(EBADF));
    test::pair sockets;
    test::put(sockets.near(), "never read");
    sockets.close_far();
    CHECK(on.run(read_once(on, sockets.near())) == words(ECONNRESET));
    file_descriptor unconnected = test::stream_socket();
    CHECK(on.run(read_once(on, unconnected.get())) == words(EINVAL));
  }
}

TEST_CASE("read: works on what is no socket: pipes, blocking or not, and files in order") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    ring on{how.options()};
    for (int flags : {0, O_NONBLOCK}) {
      test::pipe_ends ends{flags};
      test::put(ends.in(), "there");
      CHECK(on.run(read_once(on, ends.out())) == "there");
      CHECK(on.run(read_while_written(on, ends.out(), ends.in(), "later")) == "later");
      ends.close_in();
      CHECK(on.run(read_once(on, ends.out())).empty());
    }
    std::FILE* file = std::tmpfile();
    REQUIRE(file != nullptr);
    test::put(::fileno(file), "first second");
    std::rewind(file);
    CHECK(on.run(read_once(on, ::fileno(file), 6)) == "first ");
    CHECK(on.run(read_once(on, ::fileno(file), 6)) == "second");
    CHECK(on.run(read_once(on, ::fileno(file), 6)).empty());
    std::fclose(file);
  }
}

TEST_CASE("read: a stop ends a waiting read, and one that begins later") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    test::pair sockets;
    test::pipe_ends ends;
    ring on{how.options()};
    for (int turns = 0; turns < 4; ++turns) {
      CHECK(on.run(read_and_stop(on, sockets.near(), turns, -1, "")) == words(ECANCELED));
      CHECK(on.run(read_and_stop(on, ends.out(), turns, -1, "")) == words(ECANCELED));
    }
    CHECK(on.kernel().in_flight() == 0);
    test::put(sockets.far(), "kept");
    CHECK(on.run(read_when_stopped(on, sockets.near())) == words(ECANCELED));
    CHECK(test::drained(sockets.near()) == "kept");
  }
}

TEST_CASE("read: a stop that races with bytes loses none of them") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    test::pair sockets;
    ring on{how.options()};
    std::string sent;
    std::string received;
    testing::for_each_seed(1, 200, [&](std::uint64_t seed) {
      testing::seeded_random random{seed};
      const int turns = static_cast<int>(random.below(4));
      const std::string text(random.between(1, 20), static_cast<char>('a' + seed % 26));
      sent += text;
      const std::string got =
          on.run(read_and_stop(on, sockets.near(), turns, sockets.far(), text));
      if (got != words(ECANCELED)) received += got;
      if (random.chance(0.5)) received += test::drained(sockets.near());
    });
    received += test::drained(sockets.near());
    CHECK(received == sent);
  }
}
