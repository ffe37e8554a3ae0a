// SPDX-License-Identifier: MIT
#include <ringrpc/ring/write.hpp>

#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/coro/when_all.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/sleep.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;

static_assert(frame_safe<write_awaiter>);
static_assert(!std::is_move_constructible_v<write_awaiter>);

namespace {
std::string words(int error) { return std::strerror(error); }

/// What one write did: the count, or the errno in words.
std::string text_of(const io_result<std::size_t>& result) {
  return result ? std::to_string(*result) : result.error().message();
}
task<std::string> write_once(ring& on, int fd, std::string text) {
  const io_result<std::size_t> wrote = co_await on.write(fd, as_bytes(text));
  co_return text_of(wrote);
}
task<std::string> write_parts(ring& on, int fd, std::vector<std::string> texts) {
  std::vector<::iovec> parts;
  for (std::string& text : texts) parts.push_back({text.data(), text.size()});
  const io_result<std::size_t> wrote = co_await on.write_some(fd, parts);
  co_return text_of(wrote);
}
task<> note(ring& on, int fd, std::string text, std::string& into) {
  std::string result = co_await write_once(on, fd, std::move(text));
  into = result;
}
task<std::string> write_and_stop(ring& on, int fd, std::string text, int turns) {
  const environment& here = co_await this_environment();
  task_scope scope{here};
  std::string result = "nothing";
  scope.spawn(note(on, fd, std::move(text), result));
  for (int turn = 0; turn < turns; ++turn) {
    const bool yielded = co_await sleep_for(duration::zero());
    static_cast<void>(yielded);
  }
  scope.request_stop();
  co_await scope.join();
  co_return result;
}
/// Fills the socket's buffer.
std::size_t fill(int fd) {
  const std::string part(4096, 'f');
  std::size_t all = 0;
  for (;;) {
    const ssize_t sent = ::send(fd, part.data(), part.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return all;
    all += static_cast<std::size_t>(sent);
  }
}
}  // namespace

TEST_CASE("write: writes, and says how much") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    for (int flags : {0, int{SOCK_NONBLOCK}}) {
      test::pair sockets{flags};
      ring on{how.options()};
      CHECK(on.run(write_once(on, sockets.near(), "hello")) == "5");
      CHECK(on.run(write_once(on, sockets.near(), "")) == "0");
      CHECK(test::drained(sockets.far()) == "hello");
    }
  }
}

TEST_CASE("write: gathers parts in order, skips empty ones, and takes at most 64") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    test::pair sockets;
    ring on{how.options()};
    const std::vector<std::string> some{"", "a", "", "bc", "def"};
    CHECK(on.run(write_parts(on, sockets.near(), some)) == "6");
    CHECK(test::drained(sockets.far()) == "abcdef");
    CHECK(on.run(write_parts(on, sockets.near(), {"", ""})) == "0");
    CHECK(on.run(write_parts(on, sockets.near(), {})) == "0");
    const std::vector<std::string> many(70, "x");
    CHECK(on.run(write_parts(on, sockets.near(), many)) == "64");
    CHECK(test::drained(sockets.far()) == std::string(64, 'x'));
  }
}

TEST_CASE("write: waits for room where there is none, and all of a large text arrives in order") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    test::pair sockets;
    ring on{how.options()};
    std::string text;
    for (int i = 0; i < 200'000; ++i) text += std::to_string(i) + ' ';
    auto both = on.run(when_all(test::write_all(on, sockets.near(), text),
                                test::read_all(on, sockets.far(), text.size())));
    CHECK(std::get<0>(both));
    CHECK(std::get<1>(both) == text);
  }
}

TEST_CASE("write: full buffers in both directions at once do not deadlock") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    test::pair sockets;
    ring on{how.options()};
    const std::string there(1'000'000, 'a');
    const std::string back(1'000'000, 'b');
    auto all = on.run(when_all(test::write_all(on, sockets.near(), there),
                               test::write_all(on, sockets.far(), back),
                               test::read_all(on, sockets.near(), back.size()),
                               test::read_all(on, sockets.far(), there.size())));
    CHECK(std::get<0>(all));
    CHECK(std::get<1>(all));
    CHECK(std::get<2>(all) == back);
    CHECK(std::get<3>(all) == there);
  }
}

TEST_CASE("write: a peer that is gone is EPIPE and no signal") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    test::pair sockets;
    sockets.close_far();
    ring on{how.options()};
    CHECK(on.run(write_once(on, sockets.near(), "x")) == words(EPIPE));
    CHECK(on.run(write_parts(on, sockets.near(), {"x", "y"})) == words(EPIPE));
    CHECK(on.run(write_once(on, -1, "x")) == words(EBADF));
  }
}

TEST_CASE("write: works on what is no socket: pipes, blocking or not, and files in order") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    ring on{how.options()};
    for (int flags : {0, O_NONBLOCK}) {
      test::pipe_ends ends{flags};
      CHECK(on.run(write_once(on, ends.in(), "there")) == "5");
      CHECK(on.run(write_parts(on, ends.in(), {"", "one", "two"})) == "3");  // one part at a time
      const std::string large(300'000, 'p');
      auto both = on.run(when_all(test::write_all(on, ends.in(), large),
                                  test::read_all(on, ends.out(), large.size() + 8)));
      CHECK(std::get<0>(both));
      CHECK(std::get<1>(both) == "thereone" + large);
    }
    std::FILE* file = std::tmpfile();
    REQUIRE(file != nullptr);
    CHECK(on.run(write_once(on, ::fileno(file), "first ")) == "6");
    CHECK(on.run(write_once(on, ::fileno(file), "second")) == "6");
    std::rewind(file);
    CHECK(on.run(test::read_once(on, ::fileno(file))) == "first second");
    std::fclose(file);
  }
}

TEST_CASE("write: a stop ends a write that waits for room, and nothing is lost or sent twice") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    for (int turns = 0; turns < 3; ++turns) {
      test::pair sockets;
      ring on{how.options()};
      const std::size_t filled = fill(sockets.near());
      CHECK(on.run(write_and_stop(on, sockets.near(), "more", turns)) == words(ECANCELED));
      CHECK(on.kernel().in_flight() == 0);
      CHECK(test::drained(sockets.far()).size() == filled);
    }
  }
}

TEST_CASE("write: a stop in the middle reports the bytes that went out") {
  for (const test::mode& how : test::modes) {
    if (!how.always_arm) continue;  // a plain attempt returns a short count at once
    CAPTURE(std::string{how.name});
    test::pair sockets;
    ring on{how.options()};
    const std::string text(4'000'000, 'w');
    const std::string wrote = on.run(write_and_stop(on, sockets.near(), text, 2));
    CHECK(std::to_string(test::drained(sockets.far()).size()) == wrote);
    CHECK(wrote != "0");
    CHECK(wrote != "4000000");
  }
}
