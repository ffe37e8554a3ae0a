// SPDX-License-Identifier: MIT
//
// The simulated backend without faults: what sockets, time and operations do.
#include "simulated_backend.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "../coro/support.hpp"
#include "simulated_support.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;
using test::dies_saying;

namespace {
std::string bytes(std::size_t count) { return std::string(count, 'x'); }
simulated_options with_buffer(std::size_t bytes_max) {
  simulated_options options;
  options.socket_buffer_bytes = bytes_max;
  return options;
}
}  // namespace

TEST_CASE("simulated time begins at a fixed moment and passes only by waiting") {
  bed here;
  CHECK(here.ring.now() == simulated_kernel::start);
  CHECK(here.wait(simulated_kernel::start + 5h) == 0);
  CHECK(here.ring.now() == simulated_kernel::start + 5h);
  CHECK(here.wait(simulated_kernel::start) == 0);
  CHECK(here.ring.now() == simulated_kernel::start + 5h);
  here.ring.pause(4);
  CHECK(here.ring.now() == simulated_kernel::start + 5h + 1us);
}

TEST_CASE("a wait ends with what completes before its deadline") {
  bed here;
  here.kernel.faults().delay = 1;
  int fds[2];
  REQUIRE(here.kernel.socket_pair(fds) == 0);
  probe ready;
  here.ring.arm_poll(ready, fds[0], POLLOUT);
  CHECK(here.wait(simulated_kernel::start + 1s) == 1);
  CHECK(ready.completions() == 1);
  CHECK(here.ring.now() > simulated_kernel::start);
  CHECK(here.ring.now() <= simulated_kernel::start + here.kernel.faults().delay_max);
  here.close({fds[0], fds[1]});
}

TEST_CASE("a wake ends one wait, at once") {
  bed here;
  here.ring.wake();
  CHECK(here.wait() == 0);
  CHECK(here.ring.now() == simulated_kernel::start);
  CHECK(here.wait(simulated_kernel::start + 1s) == 0);
  CHECK(here.ring.now() == simulated_kernel::start + 1s);
}

TEST_CASE("a wait for nothing is a deadlock that names who waits") {
  CHECK(dies_saying("deadlock", [] { bed{}.wait(); }));
  const auto end = test::in_child([] {
    bed here;
    int fds[2];
    here.kernel.socket_pair(fds);
    probe waiting;
    std::byte into[1];
    here.ring.arm_recv(waiting, fds[1], into);
    here.wait();
  });
  CHECK(end.signal == SIGABRT);
  CHECK(end.error.find("recv, fd 1000001, waits") != std::string::npos);
}

TEST_CASE("loops without end are found") {
  CHECK(dies_saying("time_limit", [] { bed{}.wait(simulated_kernel::start + 25h); }));
  CHECK(dies_saying("turns for ever", [] {
    bed here;
    for (;;) here.reap_unsubmitted();
  }));
}

TEST_CASE("bytes arrive in order, and a receive takes no more than it asks for") {
  bed here;
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  CHECK(here.recv(fds[1]) == "EAGAIN");
  CHECK(here.send(fds[0], "hello ") == 6);
  CHECK(here.send(fds[0], "world") == 5);
  CHECK(here.recv(fds[1], 3) == "hel");
  CHECK(here.recv(fds[1]) == "lo world");
  CHECK(here.recv(fds[0]) == "EAGAIN");
  here.close({fds[0], fds[1]});
}

TEST_CASE("a full buffer makes sends short, and a sleeping sender wakes at a quarter") {
  bed here{with_buffer(100)};
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  const std::string text = bytes(150);
  CHECK(here.send(fds[0], text) == 100);
  CHECK(here.send(fds[0], text) == -EAGAIN);
  probe sending;
  const ::iovec parts[] = {{const_cast<char*>("abc"), 3}, {const_cast<char*>("defgh"), 5}};
  here.ring.arm_send(sending, fds[0], parts);
  CHECK(here.recv(fds[1], 74) == bytes(74));
  CHECK(here.reap() == 0);
  CHECK(here.recv(fds[1], 1) == "x");
  CHECK(here.reap() == 1);
  CHECK(sending.result() == 8);
  CHECK(here.recv(fds[1]) == bytes(25) + "abcdefgh");
  here.close({fds[0], fds[1]});
}

TEST_CASE("an armed send completes when everything has been taken") {
  bed here{with_buffer(10)};
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  const std::string text = "0123456789abcdefghijklmno";
  const ::iovec part{const_cast<char*>(text.data()), text.size()};
  probe sending;
  here.ring.arm_send(sending, fds[0], {&part, 1});
  CHECK(here.reap() == 0);
  CHECK(here.recv(fds[1]) == "0123456789");
  CHECK(here.reap() == 0);
  CHECK(here.recv(fds[1]) == "abcdefghij");
  CHECK(here.reap() == 1);
  CHECK(sending.result() == 25);
  CHECK(here.recv(fds[1]) == "klmno");
  here.close({fds[0], fds[1]});
}

TEST_CASE("after shutdown_write the peer reads the rest, then the end, and may still send") {
  bed here;
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  here.send(fds[0], "last");
  CHECK(here.ring.shutdown_write(fds[0]) == 0);
  CHECK(here.recv(fds[1]) == "last");
  CHECK(here.recv(fds[1]) == "");
  CHECK(here.recv(fds[1]) == "");
  CHECK(here.send(fds[0], "more") == -EPIPE);
  CHECK(here.send(fds[1], "answer") == 6);
  CHECK(here.recv(fds[0]) == "answer");
  here.close({fds[0], fds[1]});
}

TEST_CASE("shutdown ends what is in flight on both sides; what has arrived can be read") {
  bed here{with_buffer(4)};
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  here.send(fds[1], "old");
  probe receiving;
  std::byte into[10];
  here.ring.arm_recv(receiving, fds[1], into);
  const ::iovec part{const_cast<char*>("123456"), 6};
  probe sending;
  here.send(fds[0], "full");
  here.reap();
  CHECK(receiving.result() == 4);
  here.send(fds[0], "full");
  here.ring.arm_send(sending, fds[0], {&part, 1});
  CHECK(here.reap() == 0);
  CHECK(here.ring.shutdown(fds[0]) == 0);
  CHECK(here.reap() == 1);
  CHECK(sending.result() == -EPIPE);
  CHECK(here.recv(fds[0]) == "old");
  CHECK(here.recv(fds[0]) == "");
  CHECK(here.recv(fds[1]) == "full");
  CHECK(here.recv(fds[1]) == "");
  CHECK(here.send(fds[1], "x") == -EPIPE);
  here.close({fds[0], fds[1]});
}

TEST_CASE("shutdown ends a waiting receive with 0 and a half-done send with its count") {
  bed here{with_buffer(4)};
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  probe receiving;
  probe sending;
  std::byte into[10];
  const ::iovec part{const_cast<char*>("123456"), 6};
  here.ring.arm_recv(receiving, fds[0], into);
  here.ring.arm_send(sending, fds[0], {&part, 1});
  CHECK(here.reap() == 0);
  here.ring.shutdown(fds[0]);
  CHECK(here.reap() == 2);
  CHECK(receiving.result() == 0);
  CHECK(sending.result() == 4);
  here.close({fds[0], fds[1]});
}

TEST_CASE("after a close the peer reads the rest, then the end") {
  bed here;
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  here.send(fds[0], "last");
  here.close({fds[0]});
  CHECK(here.send(fds[1], "x") == -EPIPE);
  CHECK(here.recv(fds[1]) == "last");
  CHECK(here.recv(fds[1]) == "");
  here.close({fds[1]});
}

TEST_CASE("after a close with unread bytes the peer reads the rest, one reset, then the end") {
  bed here;
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  here.send(fds[0], "last");
  here.send(fds[1], "never read");
  here.close({fds[0]});
  CHECK(here.send(fds[1], "x") == -EPIPE);
  CHECK(here.recv(fds[1]) == "last");
  CHECK(here.recv(fds[1]) == "ECONNRESET");
  CHECK(here.recv(fds[1]) == "");
  here.close({fds[1]});
  const byte_counts total = here.kernel.total_counts();
  CHECK(total.sent == 14);
  CHECK(total.received == 4);
  CHECK(total.discarded == 10);
}

TEST_CASE("bytes are counted per direction") {
  bed here;
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  here.send(fds[0], "hello");
  here.recv(fds[1], 2);
  CHECK(here.kernel.sent_from(fds[0]).sent == 5);
  CHECK(here.kernel.sent_from(fds[0]).received == 2);
  CHECK(here.kernel.sent_to(fds[1]).sent == 5);
  CHECK(here.kernel.sent_to(fds[0]).sent == 0);
  here.close({fds[0], fds[1]});
}

TEST_CASE("a connect needs a listener at exactly its address") {
  bed here;
  const int client = here.kernel.socket();
  CHECK(here.ring.try_connect(client, unix_address("/a")) == -ECONNREFUSED);
  const int listener = here.kernel.listen(unix_address("/a"));
  REQUIRE(listener >= 0);
  CHECK(here.kernel.listen(unix_address("/a")) == -EADDRINUSE);
  CHECK(here.ring.try_connect(client, unix_address("/ab")) == -ECONNREFUSED);
  CHECK(here.ring.try_connect(client, unix_address("/a")) == 0);
  CHECK(here.ring.try_connect(client, unix_address("/a")) == -EISCONN);
  here.close({client, listener});
}

TEST_CASE("accept hands out connections in order, with what they have sent before") {
  bed here;
  const int listener = here.kernel.listen(unix_address("/a"));
  CHECK(here.ring.try_accept(listener, nullptr) == -EAGAIN);
  probe accepting;
  here.ring.arm_accept(accepting, listener);
  CHECK(here.reap() == 0);
  const int first = here.kernel.socket();
  const int second = here.kernel.socket();
  probe connecting;
  const socket_address address = unix_address("/a");
  here.ring.arm_connect(connecting, first, address);
  CHECK(here.reap() == 2);
  CHECK(connecting.result() == 0);
  CHECK(here.ring.try_connect(second, address) == 0);
  here.send(first, "first");
  here.send(second, "second");
  const int accepted_first = accepting.result();
  REQUIRE(here.kernel.is_open(accepted_first));
  socket_address peer;
  const int accepted_second = here.ring.try_accept(listener, &peer);
  CHECK(peer.family() == AF_UNIX);
  CHECK(peer.size() == sizeof(::sa_family_t));
  CHECK(here.recv(accepted_first) == "first");
  CHECK(here.recv(accepted_second) == "second");
  here.close({listener, first, second, accepted_first, accepted_second});
}

TEST_CASE("a full queue refuses connects with EAGAIN until somebody is accepted") {
  bed here;
  const socket_address address = unix_address("/a");
  const int listener = here.kernel.listen(address, 0);
  const int first = here.kernel.socket();
  const int second = here.kernel.socket();
  CHECK(here.ring.try_connect(first, address) == 0);
  CHECK(here.ring.try_connect(second, address) == -EAGAIN);
  probe connecting;
  here.ring.arm_connect(connecting, second, address);
  CHECK(here.reap() == 1);
  CHECK(connecting.result() == -EAGAIN);
  const int accepted = here.ring.try_accept(listener, nullptr);
  CHECK(here.ring.try_connect(second, address) == 0);
  here.close({listener, first, second, accepted});
}

TEST_CASE("a closed listener resets who waits; a shut down one lets them be accepted") {
  bed here;
  const socket_address address = unix_address("/a");
  const int clients[] = {here.kernel.socket(), here.kernel.socket(), here.kernel.socket()};
  int listener = here.kernel.listen(address);
  CHECK(here.ring.try_connect(clients[0], address) == 0);
  here.close({listener});
  CHECK(here.recv(clients[0]) == "ECONNRESET");
  CHECK(here.recv(clients[0]) == "");

  listener = here.kernel.listen(address);
  CHECK(here.ring.try_connect(clients[1], address) == 0);
  CHECK(here.ring.shutdown(listener) == 0);
  CHECK(here.ring.try_connect(clients[2], address) == -ECONNREFUSED);
  const int accepted = here.ring.try_accept(listener, nullptr);
  CHECK(accepted >= 0);
  CHECK(here.ring.try_accept(listener, nullptr) == -EAGAIN);
  probe accepting;
  here.ring.arm_accept(accepting, listener);
  CHECK(here.reap() == 1);
  CHECK(accepting.result() == -EINVAL);
  here.close({clients[0], clients[1], clients[2], accepted, listener});
}

TEST_CASE("the lowest free number is the next descriptor") {
  bed here;
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  const int third = here.kernel.socket();
  CHECK(fds[0] == simulated_descriptors::first);
  CHECK(fds[1] == fds[0] + 1);
  CHECK(third == fds[0] + 2);
  CHECK(here.kernel.open_descriptors() == 3);
  here.close({fds[1], fds[0]});
  CHECK_FALSE(here.kernel.is_open(fds[0]));
  CHECK(here.kernel.socket() == fds[0]);
  CHECK(here.kernel.socket() == fds[1]);
  here.close({fds[0], fds[1], third});
  CHECK(here.kernel.open_descriptors() == 0);
}

TEST_CASE("without descriptors left everything that makes one says EMFILE, and who waits stays") {
  simulated_options options;
  options.descriptors_max = 2;
  bed here{options};
  const socket_address address = unix_address("/a");
  const int listener = here.kernel.listen(address);
  const int client = here.kernel.socket();
  CHECK(here.ring.try_connect(client, address) == 0);
  int fds[2];
  CHECK(here.kernel.socket() == -EMFILE);
  CHECK(here.kernel.socket_pair(fds) == -EMFILE);
  CHECK(here.kernel.pipe(fds) == -EMFILE);
  probe accepting;
  here.ring.arm_accept(accepting, listener);
  CHECK(here.reap() == 1);
  CHECK(accepting.result() == -EMFILE);
  here.send(client, "still here");
  here.close({client});
  const int accepted = here.ring.try_accept(listener, nullptr);
  CHECK(here.recv(accepted) == "still here");
  here.close({accepted, listener});
}

TEST_CASE("poll says what can be done") {
  bed here{with_buffer(100)};
  simulated_descriptors& table = here.kernel.table();
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  CHECK(table.events(fds[0]) == POLLOUT);
  here.send(fds[0], bytes(26));
  CHECK(table.events(fds[0]) == 0);
  CHECK(table.events(fds[1]) == (POLLIN | POLLOUT));
  here.ring.shutdown_write(fds[0]);
  CHECK(table.events(fds[1]) == (POLLIN | POLLRDHUP | POLLOUT));
  CHECK(table.events(fds[0]) == POLLOUT);
  here.send(fds[1], "unread");
  here.close({fds[0]});
  CHECK(table.events(fds[1]) == (POLLIN | POLLRDHUP | POLLHUP | POLLERR | POLLOUT));
  CHECK(table.events(fds[0]) == POLLNVAL);
  here.close({fds[1]});

  const int listener = here.kernel.listen(unix_address("/a"));
  const int client = here.kernel.socket();
  CHECK(table.events(listener) == 0);
  CHECK(table.events(client) == (POLLOUT | POLLHUP));
  here.ring.try_connect(client, unix_address("/a"));
  CHECK(table.events(listener) == POLLIN);
  here.ring.shutdown(listener);
  CHECK(table.events(listener) == (POLLIN | POLLRDHUP | POLLHUP));
  here.close({listener, client});
}

TEST_CASE("an armed poll completes once with the events that it asked for") {
  bed here;
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  probe readable;
  probe hung_up;
  here.ring.arm_poll(readable, fds[0], POLLIN);
  here.ring.arm_poll(hung_up, fds[0], 0);
  CHECK(here.reap() == 0);
  here.send(fds[1], "x");
  CHECK(here.reap() == 1);
  CHECK(readable.result() == POLLIN);
  here.close({fds[1]});
  CHECK(here.reap() == 1);
  CHECK(hung_up.result() == POLLHUP);
  here.close({fds[0]});
  probe closed;
  here.ring.arm_poll(closed, fds[0], POLLIN);
  CHECK(here.reap() == 1);
  CHECK(closed.result() == -EBADF);
}

TEST_CASE("a pipe is no socket and is read and written by operations") {
  bed here{with_buffer(4)};
  int fds[2];
  REQUIRE(here.kernel.pipe(fds) == 0);
  CHECK(here.recv(fds[0]) == "ENOTSOCK");
  CHECK(here.send(fds[1], "x") == -ENOTSOCK);
  CHECK(here.ring.try_accept(fds[0], nullptr) == -ENOTSOCK);
  CHECK(here.ring.try_connect(fds[0], unix_address("/a")) == -ENOTSOCK);
  CHECK(here.ring.shutdown(fds[0]) == -ENOTSOCK);
  CHECK(here.ring.shutdown_write(fds[1]) == -ENOTSOCK);
  CHECK(here.kernel.table().events(fds[0]) == 0);
  CHECK(here.kernel.table().events(fds[1]) == POLLOUT);
  probe reading;
  probe writing;
  char into[10];
  here.ring.arm_read(reading, fds[0], std::as_writable_bytes(std::span{into}), -1);
  CHECK(here.reap() == 0);
  here.ring.arm_write(writing, fds[1], as_bytes("hello"), -1);
  CHECK(here.reap() == 2);
  CHECK(writing.result() == 4);
  CHECK(reading.result() == 4);
  CHECK(std::string_view{into, 4} == "hell");
  here.ring.arm_write(writing, fds[0], as_bytes("x"), -1);
  here.ring.arm_read(reading, fds[1], std::as_writable_bytes(std::span{into}), -1);
  CHECK(here.reap() == 2);
  CHECK(writing.result() == -EBADF);
  CHECK(reading.result() == -EBADF);
  here.close({fds[1]});
  here.ring.arm_read(reading, fds[0], std::as_writable_bytes(std::span{into}), -1);
  CHECK(here.reap() == 1);
  CHECK(reading.result() == 0);
  here.close({fds[0]});

  REQUIRE(here.kernel.pipe(fds) == 0);
  here.close({fds[0]});
  here.ring.arm_write(writing, fds[1], as_bytes("x"), -1);
  CHECK(here.reap() == 1);
  CHECK(writing.result() == -EPIPE);
  here.close({fds[1]});
}

TEST_CASE("calls on the wrong descriptor fail as in the kernel") {
  bed here;
  const int closed = simulated_descriptors::first + 7;
  CHECK(here.recv(closed) == "EBADF");
  CHECK(here.recv(3) == "EBADF");
  CHECK(here.send(closed, "x") == -EBADF);
  CHECK(here.ring.try_accept(closed, nullptr) == -EBADF);
  CHECK(here.ring.try_connect(closed, unix_address("/a")) == -EBADF);
  CHECK(here.ring.shutdown(closed) == -EBADF);
  CHECK(here.ring.shutdown_write(closed) == -EBADF);
  const int lonely = here.kernel.socket();
  CHECK(here.recv(lonely) == "EINVAL");
  CHECK(here.send(lonely, "x") == -ENOTCONN);
  CHECK(here.ring.try_accept(lonely, nullptr) == -EINVAL);
  CHECK(here.ring.shutdown(lonely) == 0);
  CHECK(here.ring.shutdown_write(lonely) == 0);
  const int listener = here.kernel.listen(unix_address("/a"));
  CHECK(here.recv(listener) == "EINVAL");
  CHECK(here.send(listener, "x") == -ENOTCONN);
  CHECK(here.ring.try_connect(listener, unix_address("/a")) == -EINVAL);
  probe reading;
  probe receiving;
  std::byte into[1];
  here.ring.arm_read(reading, lonely, into, -1);
  here.ring.arm_recv(receiving, closed, into);
  CHECK(here.reap() == 2);
  CHECK(reading.result() == -EINVAL);
  CHECK(receiving.result() == -EBADF);
  here.close({lonely, listener});
}

TEST_CASE("an operation completes only after it was handed over, and is counted until then") {
  bed here;
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  here.send(fds[0], "x");
  probe receiving;
  std::byte into[1];
  here.ring.arm_recv(receiving, fds[1], into);
  CHECK(here.ring.in_flight() == 1);
  CHECK(here.reap_unsubmitted() == 0);
  CHECK(receiving.in_flight());
  here.ring.submit(never);
  CHECK(receiving.in_flight());
  CHECK(here.reap_unsubmitted() == 1);
  CHECK(here.ring.in_flight() == 0);
  CHECK_FALSE(receiving.in_flight());
  CHECK(receiving.completions() == 1);
  CHECK(here.reap() == 0);
  here.close({fds[0], fds[1]});
}

TEST_CASE("memory of a receive is written at its completion, and never after a cancel") {
  bed here;
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  probe receiving;
  std::byte into[1]{std::byte{7}};
  here.ring.arm_recv(receiving, fds[1], into);
  here.ring.submit(never);
  here.send(fds[0], "x");
  CHECK(into[0] == std::byte{7});
  here.ring.cancel(receiving);
  CHECK(receiving.in_flight());
  CHECK(here.reap() == 1);
  CHECK(receiving.result() == -ECANCELED);
  CHECK(into[0] == std::byte{7});
  CHECK(here.recv(fds[1]) == "x");
  here.close({fds[0], fds[1]});
}

TEST_CASE("a cancelled send reports what it had sent") {
  bed here{with_buffer(4)};
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  const ::iovec part{const_cast<char*>("123456"), 6};
  probe sending;
  here.ring.arm_send(sending, fds[0], {&part, 1});
  CHECK(here.reap() == 0);
  here.ring.cancel(sending);
  CHECK(here.reap() == 1);
  CHECK(sending.result() == 4);
  here.ring.arm_send(sending, fds[0], {&part, 1});
  here.ring.cancel(sending);
  CHECK(here.reap() == 1);
  CHECK(sending.result() == -ECANCELED);
  CHECK(here.recv(fds[1]) == "1234");
  here.close({fds[0], fds[1]});
}

TEST_CASE("a cancel after the completion does nothing") {
  bed here;
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  probe writable;
  here.ring.arm_poll(writable, fds[0], POLLOUT);
  CHECK(here.reap() == 1);
  here.ring.cancel(writable);
  CHECK(here.reap() == 0);
  CHECK(writable.result() == POLLOUT);
  here.close({fds[0], fds[1]});
}

TEST_CASE("receives into the pool get a buffer each, as long as there are any") {
  simulated_options options;
  options.pool_buffers = 1;
  options.pool_buffer_bytes = 4;
  bed here{options};
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  here.send(fds[0], "hello");
  probe first;
  here.ring.arm_recv(first, fds[1], {});
  CHECK(here.reap() == 1);
  CHECK(first.result() == 4);
  CHECK(first.text() == "hell");
  CHECK(first.buffer().valid());
  CHECK(here.ring.buffers_lent() == 1);
  probe second;
  here.ring.arm_recv(second, fds[1], {});
  CHECK(here.reap() == 1);
  CHECK(second.result() == -ENOBUFS);
  CHECK_FALSE(second.buffer().valid());
  here.ring.release(first.buffer());
  here.ring.arm_recv(second, fds[1], {});
  CHECK(here.reap() == 1);
  CHECK(second.text() == "o");
  here.ring.release(second.buffer());
  here.ring.arm_recv(first, fds[1], {});
  CHECK(here.reap() == 0);
  here.close({fds[0]});
  CHECK(here.reap() == 1);
  CHECK(first.result() == 0);
  CHECK_FALSE(first.buffer().valid());
  here.close({fds[1]});
}

TEST_CASE("an exhausted pool is noticed only when something arrives") {
  simulated_options options;
  options.pool_buffers = 0;
  bed here{options};
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  probe receiving;
  here.ring.arm_recv(receiving, fds[1], {});
  CHECK(here.reap() == 0);
  here.send(fds[0], "kept");
  CHECK(here.reap() == 1);
  CHECK(receiving.result() == -ENOBUFS);
  CHECK(here.recv(fds[1]) == "kept");
  here.close({fds[0], fds[1]});
}

TEST_CASE("a killed peer is an end, or a reset where it left bytes unread") {
  bed here;
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  here.send(fds[1], "last words");
  here.kernel.kill_peer(fds[0]);
  CHECK(here.recv(fds[0]) == "last words");
  CHECK(here.recv(fds[0]) == "");
  CHECK(here.send(fds[0], "x") == -EPIPE);
  CHECK(here.send(fds[1], "x") == -EPIPE);
  CHECK(here.recv(fds[1]) == "ECONNRESET");
  here.close({fds[0], fds[1]});

  REQUIRE(here.ring.socket_pair(fds) == 0);
  here.send(fds[0], "unread");
  here.kernel.kill_peer(fds[0]);
  CHECK(here.recv(fds[0]) == "ECONNRESET");
  CHECK(here.recv(fds[0]) == "");
  here.close({fds[0], fds[1]});
}

TEST_CASE("a peer can be killed after a number of bytes") {
  bed here;
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  here.kernel.kill_peer(fds[0], 7);
  CHECK(here.send(fds[1], "hello") == 5);
  CHECK(here.recv(fds[0]) == "hello");
  CHECK(here.send(fds[1], "world") == 2);
  CHECK(here.send(fds[1], "rld") == -EPIPE);
  CHECK(here.recv(fds[0]) == "wo");
  CHECK(here.recv(fds[0]) == "");
  here.close({fds[0], fds[1]});
}

TEST_CASE("broken promises end the process") {
  CHECK(dies_saying("in flight: shut down, reap, then close", [] {
    bed here;
    int fds[2];
    here.ring.socket_pair(fds);
    probe waiting;
    here.ring.arm_poll(waiting, fds[0], POLLIN);
    here.ring.close(fds[0]);
  }));
  CHECK(dies_saying("close of a descriptor that is not open", [] {
    bed here;
    const int fd = here.kernel.socket();
    here.close({fd, fd});
  }));
  CHECK(dies_saying("two receives or two sends", [] {
    bed here;
    int fds[2];
    here.ring.socket_pair(fds);
    probe first;
    probe second;
    here.ring.arm_recv(first, fds[0], {});
    here.ring.arm_recv(second, fds[0], {});
  }));
  CHECK(dies_saying("two receives or two sends", [] {
    bed here;
    int fds[2];
    here.ring.socket_pair(fds);
    const ::iovec part{const_cast<char*>("x"), 1};
    probe first;
    probe second;
    here.ring.arm_send(first, fds[0], {&part, 1});
    here.ring.arm_send(second, fds[0], {&part, 1});
  }));
  CHECK(dies_saying("a plain receive on a descriptor with a receive in flight", [] {
    bed here;
    int fds[2];
    here.ring.socket_pair(fds);
    probe receiving;
    here.ring.arm_recv(receiving, fds[0], {});
    here.recv(fds[0]);
  }));
  CHECK(dies_saying("a plain send on a descriptor with a send in flight", [] {
    bed here;
    int fds[2];
    here.ring.socket_pair(fds);
    const ::iovec part{const_cast<char*>("x"), 1};
    probe sending;
    here.ring.arm_send(sending, fds[0], {&part, 1});
    here.send(fds[0], "y");
  }));
  CHECK(dies_saying("a send of 0 bytes", [] {
    bed here;
    int fds[2];
    here.ring.socket_pair(fds);
    here.send(fds[0], "");
  }));
  CHECK(dies_saying("a send of 0 bytes", [] {
    bed here;
    int fds[2];
    here.ring.socket_pair(fds);
    probe sending;
    here.ring.arm_send(sending, fds[0], {});
  }));
  CHECK(dies_saying("released that is not lent", [] {
    bed here;
    int fds[2];
    here.ring.socket_pair(fds);
    here.send(fds[0], "x");
    probe receiving;
    here.ring.arm_recv(receiving, fds[1], {});
    here.reap();
    here.ring.release(receiving.buffer());
    here.ring.release(receiving.buffer());
  }));
  CHECK(dies_saying("before its buffers came back", [] {
    bed here;
    int fds[2];
    here.ring.socket_pair(fds);
    here.send(fds[0], "x");
    probe receiving;
    here.ring.arm_recv(receiving, fds[1], {});
    here.reap();
  }));
  CHECK(dies_saying("destroyed with operations in flight", [] {
    probe waiting;
    bed here;
    int fds[2];
    here.ring.socket_pair(fds);
    here.ring.arm_recv(waiting, fds[1], {});
  }));
  CHECK(dies_saying("an operation was destroyed before its final completion", [] {
    bed here;
    int fds[2];
    here.ring.socket_pair(fds);
    probe waiting;
    here.ring.arm_recv(waiting, fds[1], {});
  }));
  CHECK(dies_saying("in flight on another ring", [] {
    bed here;
    simulated_backend other{here.kernel};
    int fds[2];
    here.ring.socket_pair(fds);
    probe waiting;
    here.ring.arm_recv(waiting, fds[1], {});
    other.cancel(waiting);
  }));
  CHECK(dies_saying("destroyed before a ring on it", [] {
    auto kernel = std::make_unique<simulated_kernel>();
    simulated_backend ring{*kernel};
    kernel.reset();
  }));
  CHECK(dies_saying("is not connected", [] {
    simulated_kernel kernel;
    kernel.kill_peer(kernel.socket());
  }));
}

TEST_CASE("rings on one kernel talk to each other, and each reaps its own operations") {
  bed here;
  simulated_backend other{here.kernel};
  int fds[2];
  REQUIRE(here.ring.socket_pair(fds) == 0);
  probe mine;
  probe theirs;
  std::byte into[2][1];
  here.ring.arm_recv(mine, fds[0], into[0]);
  other.arm_recv(theirs, fds[1], into[1]);
  other.submit(never);
  here.send(fds[0], "x");
  CHECK(here.reap() == 0);
  operation_queue done;
  CHECK(other.reap(done) == 1);
  CHECK(done.pop_front() == &theirs);
  CHECK(here.ring.in_flight() == 1);
  CHECK(other.in_flight() == 0);
  here.send(fds[1], "y");
  CHECK(here.reap() == 1);
  here.close({fds[0], fds[1]});
}

TEST_CASE("idle time is skipped up to what any ring waits for") {
  bed here;
  simulated_backend other{here.kernel};
  here.ring.submit(simulated_kernel::start + 2s);
  other.submit(simulated_kernel::start + 1s);
  here.kernel.skip_idle_time();
  CHECK(here.kernel.now() == simulated_kernel::start + 1s);
  other.submit(never);
  here.kernel.skip_idle_time();
  CHECK(here.kernel.now() == simulated_kernel::start + 2s);
  here.ring.submit(never);
  other.wake();
  here.kernel.skip_idle_time();
  CHECK(here.kernel.now() == simulated_kernel::start + 2s);
  CHECK(dies_saying("deadlock: no ring has anything to do", [] {
    bed lonely;
    lonely.ring.submit(never);
    lonely.kernel.skip_idle_time();
  }));
}

TEST_CASE("a simulated backend says what it is") {
  bed here;
  CHECK(here.ring.kind() == backend_kind::simulated);
  CHECK(here.ring.pollable_fd() == -EOPNOTSUPP);
  CHECK(here.ring.random() != here.ring.random());
}
}  // namespace ringrpc::testing
