// SPDX-License-Identifier: MIT
#include <ringrpc/ring/connect.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>

#include <cerrno>
#include <string>
#include <type_traits>
#include <vector>

#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/sleep.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;

static_assert(frame_safe<connect_awaiter>);
static_assert(!std::is_move_constructible_v<connect_awaiter>);

namespace {
/// 0, or -errno.
task<int> connect_once(ring& on, int fd, socket_address to) {
  const io_result<void> connected = co_await on.connect(fd, to);
  co_return connected ? 0 : -connected.error().value();
}
task<> note(ring& on, int fd, socket_address to, int& into) {
  const int connected = co_await connect_once(on, fd, to);
  into = connected;
}
/// Connects to a listener whose queue is full, and takes one connection out of the
/// queue after some turns.
task<int> connect_when_full(ring& on, int fd, socket_address to, int listener, int turns) {
  const environment& here = co_await this_environment();
  task_scope scope{here};
  int connected = 1;
  scope.spawn(note(on, fd, to, connected));
  for (int turn = 0; turn < turns; ++turn) {
    const bool yielded = co_await sleep_for(duration::zero());
    static_cast<void>(yielded);
  }
  if (connected != 1) co_return -999;  // the queue was not full
  if (listener < 0) {
    scope.request_stop();
  } else {
    const file_descriptor taken{::accept(listener, nullptr, nullptr)};
  }
  co_await scope.join();
  co_return connected;
}
task<int> connect_when_stopped(ring& on, int fd, socket_address to) {
  const environment& here = co_await this_environment();
  task_scope scope{here};
  scope.request_stop();
  int connected = 1;
  scope.spawn(note(on, fd, to, connected));
  co_await scope.join();
  co_return connected;
}
socket_address loopback(std::uint16_t port) {
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return {&address, sizeof address};
}
socket_address address_of(const file_descriptor& socket) {
  ::sockaddr_storage address{};
  ::socklen_t size = sizeof address;
  test::check(::getsockname(socket.get(), reinterpret_cast<::sockaddr*>(&address), &size),
              "getsockname");
  return {&address, size};
}
/// Connections that fill the queue of a listener.
std::vector<file_descriptor> fill(const socket_address& address) {
  std::vector<file_descriptor> clients;
  for (;;) {
    file_descriptor client = test::stream_socket();
    if (::connect(client.get(), address.data(), address.size()) != 0) return clients;
    clients.push_back(std::move(client));
  }
}
}  // namespace

TEST_CASE("connect: connects, and makes a blocking socket non-blocking") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    for (int flags : {0, int{SOCK_NONBLOCK}}) {
      const socket_address address = test::fresh_address();
      const file_descriptor listener = test::listener_at(address);
      const file_descriptor client = test::stream_socket(flags);
      ring on{how.options()};
      CHECK(on.run(connect_once(on, client.get(), address)) == 0);
      const file_descriptor accepted{::accept(listener.get(), nullptr, nullptr)};
      REQUIRE(accepted);
      test::put(client.get(), "hello");
      CHECK(test::drained(accepted.get()) == "hello");
      CHECK((::fcntl(client.get(), F_GETFL) & O_NONBLOCK) != 0);
    }
  }
}

TEST_CASE("connect: nobody there is ECONNREFUSED, and other errors come as they are") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    ring on{how.options()};
    const file_descriptor client = test::stream_socket();
    CHECK(on.run(connect_once(on, client.get(), test::fresh_address())) == -ECONNREFUSED);
    ::sockaddr_un missing{};
    missing.sun_family = AF_UNIX;
    std::strcpy(missing.sun_path, "/nonexistent/socket");
    const socket_address nowhere{&missing, sizeof missing};
    CHECK(on.run(connect_once(on, client.get(), nowhere)) == -ENOENT);
    CHECK(on.run(connect_once(on, -1, nowhere)) == -EBADF);
  }
}

TEST_CASE("connect: over TCP it waits until the connection is made or refused") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    ring on{how.options()};
    socket_address address;
    {
      const file_descriptor listener = test::listener_at(loopback(0));
      address = address_of(listener);
      const file_descriptor client = test::stream_socket(SOCK_NONBLOCK, AF_INET);
      CHECK(on.run(connect_once(on, client.get(), address)) == 0);
      const file_descriptor accepted{::accept(listener.get(), nullptr, nullptr)};
      REQUIRE(accepted);
      test::put(client.get(), "hello");
      CHECK(on.run(test::read_once(on, accepted.get())) == "hello");
    }
    const file_descriptor client = test::stream_socket(SOCK_NONBLOCK, AF_INET);
    CHECK(on.run(connect_once(on, client.get(), address)) == -ECONNREFUSED);
  }
}

TEST_CASE("connect: tries again while the listener's queue is full") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    const socket_address address = test::fresh_address();
    const file_descriptor listener = test::listener_at(address, 1);
    const std::vector<file_descriptor> others = fill(address);
    const file_descriptor client = test::stream_socket();
    ring on{how.options()};
    CHECK(on.run(connect_when_full(on, client.get(), address, listener.get(), 5)) == 0);
    CHECK(on.kernel().in_flight() == 0);
  }
}

TEST_CASE("connect: a stop ends the waiting for room in the queue, and one that begins later") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    const socket_address address = test::fresh_address();
    const file_descriptor listener = test::listener_at(address, 1);
    const std::vector<file_descriptor> others = fill(address);
    ring on{how.options()};
    for (int turns = 0; turns < 5; ++turns) {
      const file_descriptor client = test::stream_socket();
      CHECK(on.run(connect_when_full(on, client.get(), address, -1, turns)) == -ECANCELED);
    }
    const file_descriptor client = test::stream_socket();
    CHECK(on.run(connect_when_stopped(on, client.get(), address)) == -ECANCELED);
    CHECK(on.kernel().in_flight() == 0);
  }
}
