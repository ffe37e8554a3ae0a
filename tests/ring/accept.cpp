// SPDX-License-Identifier: MIT
#include <ringrpc/ring/accept.hpp>

#include <fcntl.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <type_traits>

#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/sleep.hpp>

#include <doctest/doctest.h>

#include "../coro/support.hpp"
#include "support.hpp"

using namespace ringrpc;

static_assert(frame_safe<accept_awaiter>);
static_assert(!std::is_move_constructible_v<accept_awaiter>);

namespace {
/// The descriptor, or -errno.
task<int> accept_once(ring& on, int fd) {
  const io_result<int> accepted = co_await on.accept(fd);
  co_return accepted ? *accepted : -accepted.error().value();
}
task<> note(ring& on, int fd, int& into) {
  const int accepted = co_await accept_once(on, fd);
  into = accepted;
}
task<int> accept_and_stop(ring& on, int fd, int turns, int client, socket_address to) {
  const environment& here = co_await this_environment();
  task_scope scope{here};
  int accepted = 0;
  scope.spawn(note(on, fd, accepted));
  for (int turn = 0; turn < turns; ++turn) {
    const bool yielded = co_await sleep_for(duration::zero());
    static_cast<void>(yielded);
  }
  if (client >= 0) test::check(::connect(client, to.data(), to.size()), "connect");
  scope.request_stop();
  co_await scope.join();
  co_return accepted;
}
task<int> accept_while_connecting(ring& on, int fd, int client, socket_address to) {
  const environment& here = co_await this_environment();
  task_scope scope{here};
  int accepted = 0;
  scope.spawn(note(on, fd, accepted));
  const bool yielded = co_await sleep_for(duration::zero());
  static_cast<void>(yielded);
  test::check(::connect(client, to.data(), to.size()), "connect");
  co_await scope.join();
  co_return accepted;
}
void connect_now(const file_descriptor& client, const socket_address& to) {
  test::check(::connect(client.get(), to.data(), to.size()), "connect");
}
}  // namespace

TEST_CASE("accept: gives a connection that waits, non-blocking and close-on-exec") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    for (int flags : {0, int{SOCK_NONBLOCK}}) {
      const socket_address address = test::fresh_address();
      const file_descriptor listener = test::listener_at(address, 16, flags);
      const file_descriptor client = test::stream_socket();
      connect_now(client, address);
      ring on{how.options()};
      const file_descriptor accepted{on.run(accept_once(on, listener.get()))};
      REQUIRE(accepted);
      CHECK((::fcntl(accepted.get(), F_GETFL) & O_NONBLOCK) != 0);
      CHECK((::fcntl(accepted.get(), F_GETFD) & FD_CLOEXEC) != 0);
      test::put(client.get(), "hello");
      CHECK(test::drained(accepted.get()) == "hello");
    }
  }
}

TEST_CASE("accept: waits for a connection, on a blocking listener without blocking the loop") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    for (int flags : {0, int{SOCK_NONBLOCK}}) {
      const socket_address address = test::fresh_address();
      const file_descriptor listener = test::listener_at(address, 16, flags);
      const file_descriptor client = test::stream_socket();
      ring on{how.options()};
      const file_descriptor accepted{
          on.run(accept_while_connecting(on, listener.get(), client.get(), address))};
      CHECK(accepted);
    }
  }
}

TEST_CASE("accept: an error of the kernel is an error code") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    ring on{how.options()};
    const file_descriptor no_listener = test::stream_socket();
    CHECK(on.run(accept_once(on, no_listener.get())) == -EINVAL);
    CHECK(on.run(accept_once(on, -1)) == -EBADF);
    const test::pipe_ends ends;
    CHECK(on.run(accept_once(on, ends.out())) == -ENOTSOCK);
  }
}

TEST_CASE("accept: without a free descriptor it says EMFILE, and the connection is there later") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    const test::child_end child = test::in_child([&how] {
      const socket_address address = test::fresh_address();
      const file_descriptor listener = test::listener_at(address);
      const file_descriptor client = test::stream_socket();
      connect_now(client, address);
      ring on{how.options()};
      ::rlimit all{};
      test::check(::getrlimit(RLIMIT_NOFILE, &all), "getrlimit");
      const ::rlimit none{0, all.rlim_max};
      test::check(::setrlimit(RLIMIT_NOFILE, &none), "setrlimit");
      const int refused = on.run(accept_once(on, listener.get()));
      test::check(::setrlimit(RLIMIT_NOFILE, &all), "setrlimit");
      const file_descriptor accepted{on.run(accept_once(on, listener.get()))};
      if (refused != -EMFILE || !accepted) ::_exit(1);
    });
    CHECK(child.signal == 0);
    CHECK(child.code == 0);
  }
}

TEST_CASE("accept: a stop ends it, and one that begins later") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    const socket_address address = test::fresh_address();
    const file_descriptor listener = test::listener_at(address);
    ring on{how.options()};
    for (int turns = 0; turns < 4; ++turns) {
      CHECK(on.run(accept_and_stop(on, listener.get(), turns, -1, {})) == -ECANCELED);
    }
    CHECK(on.kernel().in_flight() == 0);
  }
}

TEST_CASE("accept: a stop that races with a connection loses none") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    const socket_address address = test::fresh_address();
    const file_descriptor listener = test::listener_at(address);
    ring on{how.options()};
    for (int round = 0; round < 60; ++round) {
      const file_descriptor client = test::stream_socket();
      const int first =
          on.run(accept_and_stop(on, listener.get(), round % 3, client.get(), address));
      file_descriptor accepted{first};
      if (first == -ECANCELED) accepted.reset(on.run(accept_once(on, listener.get())));
      REQUIRE(accepted);
      test::put(client.get(), std::to_string(round));
      CHECK(test::drained(accepted.get()) == std::to_string(round));
    }
  }
}

TEST_CASE("accept: a coroutine that dies after the kernel's answer leaves no descriptor open") {
  // Without a ring, so that the coroutine can die between the answer and its turn.
  const socket_address address = test::fresh_address();
  const file_descriptor listener = test::listener_at(address);
  const file_descriptor client = test::stream_socket();
  detail::ring_core core;
  core.kernel = std::make_unique<uring_backend>();
  stop_source stop;
  const environment where{&core.queue, stop.token(), nullptr};
  struct nothing : run_node {
    nothing() : run_node([](run_node&) noexcept {}) {}
  } done;
  struct once {
    static task<> accept(detail::ring_core& on, int fd) {
      accept_awaiter waiting{on, fd};
      const io_result<int> accepted = co_await waiting;
      CHECK_FALSE(accepted);  // never resumed
    }
  };
  running_task<void> waiting;
  REQUIRE_FALSE(waiting.start(once::accept(core, listener.get()), where, done));
  connect_now(client, address);
  operation_queue completed;
  while (completed.empty()) core.kernel->wait(completed, never);
  core.queue.push_all(completed);
  CHECK_FALSE(test::at_end(client.get()));
  waiting.reset();
  CHECK(core.queue.empty());
  CHECK(test::at_end(client.get()));
}
