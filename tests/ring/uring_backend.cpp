// SPDX-License-Identifier: MIT
#include <ringrpc/ring/uring_backend.hpp>

#include <poll.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/ring/sleep.hpp>

#include <doctest/doctest.h>

#include "../coro/support.hpp"
#include "support.hpp"

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {
/// An operation that counts its completions.
struct probe : operation {
  probe() : operation([](run_node& self) noexcept { ++static_cast<probe&>(self).completions; }) {}
  int completions = 0;
};

/// Runs what has completed. @return how many.
std::size_t run(operation_queue& done) {
  std::size_t ran = 0;
  for (; run_node* one = done.pop_front(); ++ran) one->run();
  return ran;
}
/// Waits until `one` has completed, and gives its result.
int result_of(uring_backend& on, probe& one) {
  operation_queue done;
  while (one.in_flight() || one.linked()) {
    on.wait(done, never);
    run(done);
  }
  return one.result();
}
std::size_t reap(uring_backend& on) {
  on.submit(never);
  operation_queue done;
  const std::size_t completed = on.reap(done);
  CHECK(run(done) == completed);
  return completed;
}
std::span<std::byte> bytes_of(std::string& text) {
  return std::as_writable_bytes(std::span<char>{text});
}
/// How many threads this process has.
int threads() {
  char text[64] = "";
  std::FILE* status = std::fopen("/proc/self/status", "re");
  REQUIRE(status != nullptr);
  int count = 0;
  while (std::fgets(text, sizeof text, status) != nullptr) {
    if (std::sscanf(text, "Threads: %d", &count) == 1) break;
  }
  std::fclose(status);
  return count;
}
struct kernel_mode {
  const char* name;
  bool defer;
};
constexpr std::array kernel_modes{kernel_mode{"deferred task work", true},
                                  kernel_mode{"task work at once", false}};
template <class Body> void in_both_modes(uring_options options, Body body) {
  for (const kernel_mode& mode : kernel_modes) {
    CAPTURE(std::string{mode.name});
    options.defer_task_work = mode.defer;
    uring_backend on{options};
    body(on);
    CHECK(on.in_flight() == 0);
  }
}
template <class Body> void in_both_modes(Body body) { in_both_modes(uring_options{}, body); }

/// How reads ended.
struct read_ends {
  std::size_t bytes = 0, stopped = 0, otherwise = 0;
};
task<> read_byte(ring& on, int fd, read_ends& ends) {
  std::array<std::byte, 8> into;
  const io_result<std::size_t> got = co_await on.read(fd, into);
  if (got) {
    ends.bytes += *got;
  } else if (got.error() == std::errc::operation_canceled) {
    ++ends.stopped;
  } else {
    ++ends.otherwise;
  }
}
/// Lets a byte come for each of many readers that wait, and stops them in the same turn:
/// their frames are destroyed as soon as each has ended.
task<> stops_readers_that_have_data(ring& on, std::vector<test::pair>& sockets, read_ends& ends) {
  const environment& here = co_await this_environment();
  {
    task_scope readers{here};
    for (const test::pair& one : sockets) readers.spawn(read_byte(on, one.near(), ends));
    const bool submitted = co_await sleep_for(1ms);
    static_cast<void>(submitted);
    for (const test::pair& one : sockets) test::put(one.far(), "x");
    readers.request_stop();
    co_await readers.join();
  }
  const bool answered = co_await sleep_for(1ms);  // what would still come for them
  static_cast<void>(answered);
}
}  // namespace

TEST_CASE("uring: knows its kind, and its clock and random source move") {
  uring_backend on;
  CHECK(on.kind() == backend_kind::io_uring);
  const time_point before = on.now();
  CHECK(on.now() >= before);
  CHECK(on.random() != on.random());
  on.pause(0);
  on.pause(10);
}

TEST_CASE("uring: plain attempts give a count, 0 at the end, or -errno, and never block") {
  uring_backend on;
  for (int flags : {0, int{SOCK_NONBLOCK}}) {
    test::pair sockets{flags};
    std::string into(10, '\0');
    CHECK(on.try_recv(sockets.near(), bytes_of(into)) == -EAGAIN);
    std::string one = "one";
    std::string two = "two";
    const std::array parts{::iovec{one.data(), 3}, ::iovec{two.data(), 3}};
    CHECK(on.try_send(sockets.far(), std::span{parts}.first(1)) == 3);
    CHECK(on.try_send(sockets.far(), parts) == 6);
    CHECK(on.try_recv(sockets.near(), bytes_of(into)) == 9);
    CHECK(into.substr(0, 9) == "oneonetwo");
    const std::string much(100'000, 'x');
    const ::iovec large{const_cast<char*>(much.data()), much.size()};
    int sent = 0;
    int all = 0;
    while ((sent = on.try_send(sockets.far(), {&large, 1})) > 0) all += sent;
    CHECK(sent == -EAGAIN);
    CHECK(test::drained(sockets.near()).size() == static_cast<std::size_t>(all));
    sockets.close_far();
    CHECK(on.try_recv(sockets.near(), bytes_of(into)) == 0);
    CHECK(on.try_send(sockets.near(), parts) == -EPIPE);
  }
  const test::pipe_ends ends;
  std::string into(10, '\0');
  CHECK(on.try_recv(ends.out(), bytes_of(into)) == -ENOTSOCK);
}

TEST_CASE("uring: a plain accept gives the peer's address, and -EAGAIN where it would block") {
  uring_backend on;
  const socket_address address = test::fresh_address();
  const socket_address from = test::fresh_address();
  const file_descriptor listener = test::listener_at(address);
  CHECK(on.try_accept(listener.get(), nullptr) == -EAGAIN);
  const file_descriptor client = test::stream_socket();
  test::check(::bind(client.get(), from.data(), from.size()), "bind");
  CHECK(on.try_connect(client.get(), address) == 0);
  socket_address peer;
  const file_descriptor accepted{on.try_accept(listener.get(), &peer)};
  REQUIRE(accepted);
  CHECK(peer.size() == from.size());
  CHECK(std::memcmp(peer.data(), from.data(), from.size()) == 0);
  const file_descriptor blocking = test::listener_at(test::fresh_address(), 1, 0);
  CHECK(on.try_accept(blocking.get(), nullptr) == -EAGAIN);
  CHECK(on.try_accept(-1, nullptr) == -EBADF);
  CHECK(on.try_connect(-1, address) == -EBADF);
}

TEST_CASE("uring: a plain connect to a full queue says -EAGAIN, also on a blocking socket") {
  uring_backend on;
  const socket_address address = test::fresh_address();
  const file_descriptor listener = test::listener_at(address, 0);
  std::vector<file_descriptor> clients;
  int result = 0;
  while (result == 0) {
    clients.push_back(test::stream_socket(0));
    result = on.try_connect(clients.back().get(), address);
  }
  CHECK(result == -EAGAIN);
}

TEST_CASE("uring: armed operations complete once, by wait, with what the call returned") {
  in_both_modes([](uring_backend& on) {
    const test::pair sockets;
    const socket_address address = test::fresh_address();
    const file_descriptor listener = test::listener_at(address);
    const file_descriptor client = test::stream_socket();
    probe recv, accept, connect, poll, send, gather;
    std::string into(10, '\0');
    on.arm_recv(recv, sockets.near(), bytes_of(into));
    on.arm_accept(accept, listener.get());
    on.arm_connect(connect, client.get(), address);
    on.arm_poll(poll, sockets.near(), POLLOUT);
    std::string one = "one";
    std::string two = "two";
    const std::array single{::iovec{one.data(), 3}};
    const std::array both{::iovec{one.data(), 3}, ::iovec{two.data(), 3}};
    on.arm_send(send, sockets.far(), single);
    CHECK(on.in_flight() == 5);
    CHECK(result_of(on, send) == 3);
    CHECK(result_of(on, recv) == 3);
    CHECK(into.substr(0, 3) == "one");
    on.arm_send(gather, sockets.far(), both);
    CHECK(result_of(on, gather) == 6);
    CHECK(test::drained(sockets.near()) == "onetwo");
    CHECK(result_of(on, connect) == 0);
    const file_descriptor accepted{result_of(on, accept)};
    CHECK(accepted);
    CHECK(result_of(on, poll) == POLLOUT);
    for (const probe* each : {&recv, &accept, &connect, &poll, &send, &gather}) {
      CHECK(each->completions == 1);
    }
  });
}

TEST_CASE("uring: read and write take an offset, or the file's own position for -1") {
  in_both_modes([](uring_backend& on) {
    std::FILE* file = std::tmpfile();
    REQUIRE(file != nullptr);
    const int fd = ::fileno(file);
    probe write, read;
    on.arm_write(write, fd, as_bytes("0123456789"), -1);
    CHECK(result_of(on, write) == 10);
    on.arm_write(write, fd, as_bytes("xy"), 3);
    CHECK(result_of(on, write) == 2);
    std::string into(4, '\0');
    on.arm_read(read, fd, bytes_of(into), 2);
    CHECK(result_of(on, read) == 4);
    CHECK(into == "2xy5");
    std::rewind(file);
    on.arm_read(read, fd, bytes_of(into), -1);
    CHECK(result_of(on, read) == 4);
    CHECK(into == "012x");
    std::fclose(file);
  });
}

TEST_CASE("uring: a large armed send ends when all of it was taken") {
  in_both_modes([](uring_backend& on) {
    const test::pair sockets;
    const std::string much(3'000'000, 'm');
    const ::iovec part{const_cast<char*>(much.data()), much.size()};
    probe send;
    on.arm_send(send, sockets.near(), {&part, 1});
    std::size_t got = 0;
    operation_queue done;
    while (send.in_flight()) {
      on.submit(never);
      on.reap(done);
      run(done);
      got += test::drained(sockets.far()).size();
    }
    got += test::drained(sockets.far()).size();
    CHECK(send.result() == 3'000'000);
    CHECK(got == much.size());
  });
}

TEST_CASE("uring: more requests than the queue has entries are all submitted") {
  in_both_modes(uring_options{.submissions = 4, .completions = 4}, [](uring_backend& on) {
    const std::size_t count = 100;
    std::vector<test::pair> sockets(count);
    std::vector<probe> probes(count);
    std::vector<std::string> into(count, std::string(8, '\0'));
    for (std::size_t i = 0; i < count; ++i) {
      on.arm_recv(probes[i], sockets[i].near(), bytes_of(into[i]));
    }
    CHECK(on.in_flight() == count);
    for (const test::pair& one : sockets) test::put(one.far(), "x");
    for (probe& one : probes) CHECK(result_of(on, one) == 1);
  });
}

TEST_CASE("uring: more completions than their queue has entries are all delivered") {
  in_both_modes(uring_options{.submissions = 16, .completions = 16}, [](uring_backend& on) {
    const std::size_t count = 200;
    std::vector<test::pair> sockets(count);
    std::vector<probe> probes(count);
    std::vector<std::string> into(count, std::string(8, '\0'));
    for (std::size_t i = 0; i < count; ++i) {
      on.arm_recv(probes[i], sockets[i].near(), bytes_of(into[i]));
    }
    on.submit(never);
    for (const test::pair& one : sockets) test::put(one.far(), "x");
    // Cancels on top, so that answers outnumber the operations.
    for (probe& one : probes) on.cancel(one);
    std::size_t received = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const int result = result_of(on, probes[i]);
      CHECK((result == 1 || result == -ECANCELED));
      received += result == 1 ? 1 : test::drained(sockets[i].near()).size();
      CHECK(probes[i].completions == 1);
    }
    CHECK(received == count);
  });
}

TEST_CASE("uring: a cancel for which a full queue is emptied leaves alone what completes by that") {
  struct load {
    unsigned submissions;
    std::size_t readers;
  };
  for (const load& one : {load{8, 20}, load{256, 300}}) {
    for (const test::mode& how : test::modes) {
      CAPTURE(std::string{how.name});
      CAPTURE(one.readers);
      std::vector<test::pair> sockets(one.readers);
      ring on{how.options(uring_options{.submissions = one.submissions})};
      read_ends ends;
      on.run(stops_readers_that_have_data(on, sockets, ends));
      CHECK(ends.otherwise == 0);
      std::size_t left = 0;
      for (const test::pair& each : sockets) left += test::drained(each.near()).size();
      CHECK(ends.bytes + left == one.readers);
      CHECK(ends.stopped == left);
      CHECK(on.kernel().in_flight() == 0);
    }
  }
}

TEST_CASE("uring: a cancel ends what waits, and is harmless twice, too early and too late") {
  in_both_modes([](uring_backend& on) {
    const test::pair sockets;
    probe recv;
    std::string into(8, '\0');
    on.cancel(recv);  // not in flight
    for (int submit = 0; submit < 2; ++submit) {
      on.arm_recv(recv, sockets.near(), bytes_of(into));
      if (submit == 1) CHECK(reap(on) == 0);
      on.cancel(recv);
      on.cancel(recv);
      CHECK(result_of(on, recv) == -ECANCELED);
      on.cancel(recv);
    }
    test::put(sockets.far(), "x");
    on.arm_recv(recv, sockets.near(), bytes_of(into));
    on.submit(never);
    on.cancel(recv);
    const int raced = result_of(on, recv);
    CHECK((raced == 1 || raced == -ECANCELED));
    CHECK(recv.completions == 3);
  });
}

TEST_CASE("uring: a send that is cancelled between ready and waiting again ends") {
  // The kernel answers such a cancel with -ENOENT, and the send waits on. In a queue of one or
  // two the answer comes while the wait for it is prepared, which may not sleep then.
  for (unsigned entries : {256u, 1u, 2u}) {
    CAPTURE(entries);
    in_both_modes(uring_options{.submissions = entries}, [](uring_backend& on) {
      for (int submits = 0; submits < 3; ++submits) {
        const test::pair sockets;
        const std::string much(3'000'000, 'm');
        const ::iovec part{const_cast<char*>(much.data()), much.size()};
        probe send;
        on.arm_send(send, sockets.near(), {&part, 1});
        for (int i = 0; i < submits; ++i) on.submit(never);
        on.cancel(send);
        const int result = result_of(on, send);
        const std::size_t got = test::drained(sockets.far()).size();
        CHECK(got == static_cast<std::size_t>(result == -ECANCELED ? 0 : result));
      }
    });
  }
}

TEST_CASE("uring: an operation is handed over when its cancel is answered, too") {
  in_both_modes([](uring_backend& on) {
    const test::pair sockets;
    for (int round = 0; round < 200; ++round) {
      auto recv = std::make_unique<probe>();
      auto into = std::make_unique<std::array<std::byte, 8>>();
      on.arm_recv(*recv, sockets.near(), *into);
      if (round % 2 == 0) on.submit(never);
      if (round % 3 == 0) test::put(sockets.far(), "x");
      on.cancel(*recv);
      static_cast<void>(result_of(on, *recv));
      recv.reset();  // and whatever is there next must not be taken for it
      into.reset();
      probe other;
      on.arm_poll(other, sockets.near(), POLLOUT);
      CHECK(result_of(on, other) == POLLOUT);
      CHECK(other.completions == 1);
      static_cast<void>(test::drained(sockets.near()));
    }
  });
}

TEST_CASE("uring: wait ends at its moment, and a later one after an earlier one") {
  in_both_modes([](uring_backend& on) {
    operation_queue done;
    const auto wait_for = [&](duration span) {
      const time_point until = on.now() + span;
      while (on.now() < until) on.wait(done, until);
      CHECK(done.empty());
    };
    wait_for(1ms);
    wait_for(0ms);
    wait_for(-1ms);
    on.submit(on.now() + 1h);  // armed far away: has to come forward
    wait_for(1ms);
    wait_for(2ms);
    on.submit(never);
    wait_for(1ms);
    on.wait(done, time_point{});
  });
}

TEST_CASE("uring: a timeout or wake-up that came unseen holds up no later sleep") {
  in_both_modes([](uring_backend& on) {
    operation_queue done;
    for (int round = 0; round < 20; ++round) {
      const time_point first = on.now() + 100us;
      on.submit(first);
      while (on.now() < first + 100us) {
      }
      on.submit(never);  // the answer is in the queue now
      const time_point second = on.now() + 100us;
      while (on.now() < second) on.wait(done, second);

      on.wake();
      on.submit(never);
      on.wait(done, never);
      std::thread other{[&on] { on.wake(); }};
      on.wait(done, never);
      other.join();

      on.wake();
      on.submit(never);
      on.reap(done);
      on.wait(done, never);  // the wake-up that was reaped
    }
    CHECK(done.empty());
  });
}

TEST_CASE("uring: wake ends a wait under way, and the next one where none is") {
  in_both_modes([](uring_backend& on) {
    operation_queue done;
    on.wake();
    CHECK(on.wait(done, never) == 0);
    for (int round = 0; round < 50; ++round) {
      std::thread other{[&on] { on.wake(); }};
      CHECK(on.wait(done, never) == 0);
      other.join();
    }
  });
}

TEST_CASE("uring: its descriptor is readable at first and when something completes") {
  in_both_modes([](uring_backend& on) {
    const auto readable = [&on] {
      ::pollfd state{on.pollable_fd(), POLLIN, 0};
      return ::poll(&state, 1, 0) == 1;
    };
    operation_queue done;
    const auto quiet = [&] {
      on.submit(never);
      on.reap(done);
      run(done);
      return !readable();
    };
    REQUIRE(on.pollable_fd() >= 0);
    CHECK(on.pollable_fd() == on.pollable_fd());
    CHECK(readable());
    CHECK(quiet());
    const test::pair sockets;
    probe recv;
    std::string into(8, '\0');
    on.arm_recv(recv, sockets.near(), bytes_of(into));
    CHECK(quiet());
    test::put(sockets.far(), "x");
    ::pollfd state{on.pollable_fd(), POLLIN, 0};
    CHECK(::poll(&state, 1, -1) == 1);
    CHECK(quiet());
    CHECK(recv.result() == 1);
    on.wake();
    CHECK(readable());
    CHECK(quiet());
    on.submit(time_point{});  // has come already
    CHECK(readable());
    on.submit(on.now() + 1ms);
    CHECK(::poll(&state, 1, -1) == 1);
  });
}

TEST_CASE("uring: without a free descriptor for that its descriptor is -EMFILE, and comes later") {
  uring_backend on;
  ::rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const ::rlimit none{0, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const int refused = on.pollable_fd();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(refused == -EMFILE);
  CHECK(on.pollable_fd() >= 0);
}

TEST_CASE("uring: a ring that ends takes its own wake-up and timeout along, and nothing else") {
  for (const kernel_mode& mode : kernel_modes) {
    uring_backend on{uring_options{.defer_task_work = mode.defer}};
    on.submit(on.now() + 1h);
  }
  uring_backend never_used;
  CHECK(test::dies_saying("ended with operations in flight", [] {
    const test::pair sockets;
    probe* waiting = new probe;
    uring_backend on;
    on.arm_poll(*waiting, sockets.near(), POLLIN);
  }));
}

TEST_CASE("uring: one that is entered by a second thread ends the process and says why") {
  CHECK(test::dies_saying("outside of its thread", [] {
    uring_backend on;
    on.submit(never);
    std::thread{[&on] {
      operation_queue done;
      on.wait(done, never);
    }}.join();
  }));
}

TEST_CASE("uring: arming and waiting start no thread") {
  const int before = threads();
  in_both_modes([before](uring_backend& on) {
    const test::pair sockets;
    probe recv;
    std::string into(8, '\0');
    on.arm_recv(recv, sockets.near(), bytes_of(into));
    operation_queue done;
    on.wake();
    on.wait(done, never);
    on.wait(done, on.now() + 1ms);
    CHECK(threads() == before);
    on.cancel(recv);
    static_cast<void>(result_of(on, recv));
  });
}
