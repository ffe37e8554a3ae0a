// SPDX-License-Identifier: MIT
//
// What the tests of ring/ on the real kernel share: the ways to run a ring, pairs
// of sockets, addresses that nobody else uses, and small coroutines.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/file_descriptor.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/socket_address.hpp>
#include <ringrpc/ring/uring_backend.hpp>

namespace ringrpc::test {
/// A way to run a ring on the real kernel.
struct mode {
  const char* name;
  bool always_arm;
  bool defer_task_work;

  ring_options options() const { return options(uring_options{}); }
  ring_options options(uring_options kernel) const {
    kernel.defer_task_work = defer_task_work;
    ring_options chosen;
    chosen.always_arm = always_arm;
    chosen.kernel = std::make_unique<uring_backend>(kernel);
    return chosen;
  }
};
inline constexpr std::array modes{
    mode{"plain calls first, deferred task work", false, true},
    mode{"always armed, deferred task work", true, true},
    mode{"plain calls first, task work at once", false, false},
    mode{"always armed, task work at once", true, false},
};

inline void check(int result, const char* what) {
  if (result < 0) throw std::runtime_error{std::string{what} + ": " + std::strerror(errno)};
}

/// Two connected stream sockets.
class pair {
public:
  explicit pair(int flags = SOCK_NONBLOCK) {
    int fds[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, fds), "socketpair");
    near_.reset(fds[0]);
    far_.reset(fds[1]);
  }
  int near() const { return near_.get(); }
  int far() const { return far_.get(); }
  void close_far() { far_.reset(); }

private:
  file_descriptor near_;
  file_descriptor far_;
};

/// The two ends of a pipe.
class pipe_ends {
public:
  explicit pipe_ends(int flags = 0) {
    int fds[2];
    check(::pipe2(fds, O_CLOEXEC | flags), "pipe2");
    out_.reset(fds[0]);
    in_.reset(fds[1]);
  }
  int out() const { return out_.get(); }
  int in() const { return in_.get(); }
  void close_in() { in_.reset(); }

private:
  file_descriptor out_;
  file_descriptor in_;
};

/// An abstract Unix address that no other test, process or call has.
inline socket_address fresh_address() {
  static std::atomic<unsigned> made{0};
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name =
      "ringrpc-test-" + std::to_string(::getpid()) + "-" + std::to_string(++made);
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  return {&address, static_cast<::socklen_t>(offsetof(::sockaddr_un, sun_path) + 1 + name.size())};
}
inline file_descriptor stream_socket(int flags = SOCK_NONBLOCK, int family = AF_UNIX) {
  file_descriptor made{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)};
  check(made.get(), "socket");
  return made;
}
inline file_descriptor listener_at(const socket_address& address, int backlog = 16,
                                   int flags = SOCK_NONBLOCK) {
  file_descriptor made = stream_socket(flags, address.family());
  check(::bind(made.get(), address.data(), address.size()), "bind");
  check(::listen(made.get(), backlog), "listen");
  return made;
}

/// Writes all of `text` by plain calls; the reader must have room.
inline void put(int fd, std::string_view text) {
  if (::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw std::runtime_error{"a write was short"};
  }
}
/// What can be read at once, by plain calls.
inline std::string drained(int fd) {
  std::string all;
  char part[4096];
  for (;;) {
    const ssize_t bytes = ::recv(fd, part, sizeof part, MSG_DONTWAIT);
    if (bytes <= 0) return all;
    all.append(part, static_cast<std::size_t>(bytes));
  }
}
/// Whether reading would give the end of the stream now.
inline bool at_end(int fd) {
  char byte;
  return ::recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}
inline bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

/// Reads once; the errno in words where that fails.
inline task<std::string> read_once(ring& on, int fd, std::size_t bytes_max = 4096) {
  std::string into(bytes_max, '\0');
  const io_result<std::size_t> got =
      co_await on.read(fd, std::as_writable_bytes(std::span<char>{into}));
  if (!got) co_return got.error().message();
  into.resize(*got);
  co_return into;
}
/// Writes all of `text`. @return whether that worked.
inline task<bool> write_all(ring& on, int fd, std::string text) {
  std::span<const std::byte> rest = as_bytes(text);
  while (!rest.empty()) {
    const io_result<std::size_t> wrote = co_await on.write(fd, rest);
    if (!wrote) co_return false;
    rest = rest.subspan(*wrote);
  }
  co_return true;
}
/// Reads exactly `bytes`, or less up to the end or an error.
inline task<std::string> read_all(ring& on, int fd, std::size_t bytes) {
  std::string all(bytes, '\0');
  std::span<std::byte> rest = std::as_writable_bytes(std::span<char>{all});
  while (!rest.empty()) {
    const io_result<std::size_t> got = co_await on.read(fd, rest);
    if (!got || *got == 0) break;
    rest = rest.subspan(*got);
  }
  all.resize(bytes - rest.size());
  co_return all;
}
/// Sends back what comes, until the end, an error or a stop.
inline task<> echo(ring& on, int fd) {
  std::array<std::byte, 512> buffer;
  for (;;) {
    const io_result<std::size_t> got = co_await on.read(fd, buffer);
    if (!got || *got == 0) co_return;
    std::span<const std::byte> rest = std::span<const std::byte>{buffer}.first(*got);
    while (!rest.empty()) {
      const io_result<std::size_t> wrote = co_await on.write(fd, rest);
      if (!wrote) co_return;
      rest = rest.subspan(*wrote);
    }
  }
}
/// Sends `rounds` numbered texts to an echo and compares. @return how many came back right.
inline task<int> talk(ring& on, int fd, int rounds) {
  int right = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::string sent = "round " + std::to_string(round);
    const bool written = co_await write_all(on, fd, sent);
    if (!written) break;
    const std::string got = co_await read_all(on, fd, sent.size());
    if (got == sent) ++right;
  }
  co_return right;
}
}  // namespace ringrpc::test
