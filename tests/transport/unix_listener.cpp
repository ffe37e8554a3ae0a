// SPDX-License-Identifier: MIT
//
// Accepting on a Unix socket, by policy; and field reports of refused connections
// that were closed under an armed operation, so that the client never saw the end.
// Not covered here: idle timeouts, and a listening descriptor that another process hands
// over, which the library does not have yet.
#include <ringrpc/transport/unix_listener.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <ostream>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/coro/when_all.hpp>
#include <ringrpc/ring/file_descriptor.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/transport/unix_connector.hpp>
#include <ringrpc/transport/unix_socket.hpp>

#include "beds.hpp"
#include "private_directory.hpp"
#include "stream_cases.hpp"

using namespace ringrpc;

namespace {
using accepted_result = io_result<accepted_socket>;

file_descriptor raw_client(const std::string& path) {
  file_descriptor made{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const socket_address address = unix_socket_address(path);
  REQUIRE(::connect(made.get(), address.data(), address.size()) == 0);
  return made;
}
int connect_errno(const std::string& path) {
  const file_descriptor made{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const socket_address address = unix_socket_address(path);
  return ::connect(made.get(), address.data(), address.size()) == 0 ? 0 : errno;
}
/// What a client of a policy that refuses it reads: the count, or -errno.
int reads(const file_descriptor& client) {
  char byte = 0;
  const ::ssize_t got = ::recv(client.get(), &byte, 1, MSG_DONTWAIT);
  return got >= 0 ? static_cast<int>(got) : -errno;
}

peer_policy nobody() {
  return allow::when("nobody", [](const peer_info&) { return false; });
}

/// Accepts and establishes the next connection.
task<io_result<unix_stream>> serve(unix_listener& from) {
  accepted_result accepted = co_await from.accept();
  if (!accepted) co_return failure{accepted.error()};
  co_return co_await from.establish(std::move(*accepted));
}
task<io_result<unix_stream>> connect_to(const unix_connector& by, ring& loop) {
  const connect_context context{.home = &loop};
  co_return co_await by.connect(context);
}
task<std::error_code> accept_error(unix_listener& from) {
  const accepted_result accepted = co_await from.accept();
  std::error_code error;
  if (!accepted) error = accepted.error();
  co_return error;
}
task<> note_error(unix_listener& from, std::optional<std::error_code>& outcome) {
  const std::error_code error = co_await accept_error(from);
  outcome = error;
}

task<> both_sides_know_each_other(ring& loop, std::string path) {
  unix_listener listening = unix_socket{path}.open(loop);
  const unix_connector by{path};
  io_result<unix_stream> client = co_await connect_to(by, loop);
  REQUIRE(client);
  io_result<unix_stream> served = co_await serve(listening);
  REQUIRE(served);
  const std::string who = "unix:" + path + " uid=" + std::to_string(::geteuid()) +
                          " pid=" + std::to_string(::getpid());
  CHECK(client->peer().text() == who);
  CHECK(served->peer().text() == who);
  CHECK(served->peer().gid() == ::getegid());
  const auto there = co_await when_all(stream_cases::write_and_end(*client, "question"),
                                       stream_cases::read_to_end(*served));
  CHECK(std::get<1>(there) == "question");
  const auto back = co_await when_all(stream_cases::write_and_end(*served, "answer"),
                                      stream_cases::read_to_end(*client));
  CHECK(std::get<1>(back) == "answer");
}

task<> accept_many(unix_listener& from, int count, std::vector<unix_stream>& accepted) {
  for (int i = 0; i < count; ++i) {
    co_await let_others_run();
    io_result<unix_stream> served = co_await serve(from);
    REQUIRE(served);
    accepted.push_back(std::move(*served));
  }
}
task<> connect_one(const unix_connector& by, ring& loop, int& connected) {
  const io_result<unix_stream> made = co_await connect_to(by, loop);
  if (made) ++connected;
}
task<> many_clients_and_a_short_queue(ring& loop, std::string path) {
  constexpr int clients = 100;
  const environment& here = co_await this_environment();
  unix_listener listening = unix_socket{path}.backlog(1).open(loop);
  const unix_connector by{path};
  std::vector<unix_stream> accepted;
  int connected = 0;
  task_scope scope{here};
  for (int i = 0; i < clients; ++i) scope.spawn(connect_one(by, loop, connected));
  CHECK(connected < clients);
  scope.spawn(accept_many(listening, clients, accepted));
  co_await scope.join();
  CHECK(connected == clients);
  CHECK(accepted.size() == clients);
}

task<> stop_ends_accept(ring& loop, std::string path) {
  const environment& here = co_await this_environment();
  unix_listener listening = unix_socket{path}.open(loop);
  task_scope scope{here};
  std::optional<std::error_code> outcome;
  scope.spawn(note_error(listening, outcome));
  co_await let_others_run();
  CHECK_FALSE(outcome.has_value());
  listening.stop();
  CHECK(connect_errno(path) == ECONNREFUSED);
  listening.stop();
  co_await scope.join();
  CHECK(outcome.value_or(std::error_code{}) == std::errc::operation_canceled);
  const std::error_code again = co_await accept_error(listening);
  CHECK(again == std::errc::operation_canceled);
}

task<> stop_with_accept_pending_and_clients(ring& loop, std::string path) {
  const environment& here = co_await this_environment();
  unix_listener listening = unix_socket{path}.open(loop);
  task_scope scope{here};
  std::optional<std::error_code> outcome;
  scope.spawn(note_error(listening, outcome));
  co_await let_others_run();
  const file_descriptor first = raw_client(path);
  const file_descriptor second = raw_client(path);
  listening.stop();
  CHECK(reads(second) == 0);
  co_await scope.join();
  CHECK(outcome.value_or(std::error_code{}) == std::errc::operation_canceled);
  CHECK(reads(first) == 0);
}

task<> a_token_ends_accept(ring& loop, std::string path) {
  const environment& here = co_await this_environment();
  unix_listener listening = unix_socket{path}.open(loop);
  {
    task_scope scope{here};
    std::optional<std::error_code> outcome;
    scope.spawn(note_error(listening, outcome));
    co_await let_others_run();
    scope.request_stop();
    co_await scope.join();
    CHECK(outcome.value_or(std::error_code{}) == std::errc::operation_canceled);
  }
  const file_descriptor client = raw_client(path);
  const io_result<unix_stream> served = co_await serve(listening);
  CHECK(served);
}

task<> it_may_die_with_accept_pending(ring& loop, std::string path) {
  const environment& here = co_await this_environment();
  std::optional<unix_listener> listening{unix_socket{path}.open(loop)};
  task_scope scope{here};
  std::optional<std::error_code> outcome;
  scope.spawn(note_error(*listening, outcome));
  co_await let_others_run();
  listening.reset();
  CHECK(connect_errno(path) == ENOENT);
  co_await scope.join();
  CHECK(outcome.value_or(std::error_code{}) == std::errc::operation_canceled);
}

void on_both_beds(task<> (*body)(ring& loop, std::string path)) {
  for (const bool always_arm : {false, true}) {
    CAPTURE(always_arm);
    const private_directory home;
    real_bed bed{always_arm};
    bed.loop.run(body(bed.loop, home / "x"));
    CHECK(home.names() == std::vector<std::string>{"x.lock"});
    CHECK(bed.loop.kernel().in_flight() == 0);
  }
}
}  // namespace

TEST_CASE("unix_listener: both sides know each other and exchange bytes") {
  on_both_beds(&both_sides_know_each_other);
}

TEST_CASE("unix_listener: a hundred clients get through an accept queue of two") {
  on_both_beds(&many_clients_and_a_short_queue);
}

TEST_CASE("unix_listener: stop ends accept for good and refuses clients at once") {
  on_both_beds(&stop_ends_accept);
}

TEST_CASE("unix_listener: a stop of its coroutine ends accept, and a later one works") {
  on_both_beds(&a_token_ends_accept);
}

TEST_CASE("unix_listener: it may die while accept is pending") {
  on_both_beds(&it_may_die_with_accept_pending);
}

TEST_CASE("unix_listener: a client that has gone again is accepted and reads as ended") {
  const private_directory home;
  real_bed bed;
  unix_listener listening = unix_socket{home / "x"}.open(bed.loop);
  raw_client(home / "x");
  io_result<unix_stream> served = bed.loop.run(serve(listening));
  REQUIRE(served);
  CHECK(served->peer().pid() == ::getpid());
  CHECK(bed.loop.run(stream_cases::read_once(*served)) == "END");
}

TEST_CASE("unix_listener: each of a thousand refused clients reads the end at once") {
  const private_directory home;
  real_bed bed;
  unix_listener listening =
      unix_socket{home / "x"}.policy(nobody()).open(bed.loop);
  int first_fd = -1;
  for (int i = 0; i < 1000; ++i) {
    const file_descriptor client = raw_client(home / "x");
    if (i == 0) first_fd = client.get();
    REQUIRE(client.get() == first_fd);  // nothing is left open
    const io_result<unix_stream> served = bed.loop.run(serve(listening));
    REQUIRE_FALSE(served);
    REQUIRE(served.error() == transport_error::peer_refused);
    REQUIRE(reads(client) == 0);
  }
}

TEST_CASE("unix_listener: a client that its policy does not allow reads the end and nothing else") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  const private_directory home;
  REQUIRE(::chmod(home.path().c_str(), 0711) == 0);
  real_bed bed;
  unix_listener listening = unix_socket{home / "x"}.open(bed.loop);
  REQUIRE(::chmod((home / "x").c_str(), 0666) == 0);  // as if the mode did not protect
  int sockets[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
  const ::pid_t child = ::fork();
  if (child == 0) {
    int result = ::setresuid(other_uid, other_uid, other_uid) == 0 ? 0 : 1;
    const file_descriptor client = raw_client(home / "x");
    char byte = 'c';
    if (::write(sockets[1], &byte, 1) != 1 || ::read(sockets[1], &byte, 1) != 1) result = 2;
    if (result == 0 && reads(client) != 0) result = 3;  // the end, no byte
    ::_exit(result);
  }
  char byte = 0;
  REQUIRE(::read(sockets[0], &byte, 1) == 1);
  accepted_result accepted = bed.loop.run(listening.accept());
  REQUIRE(accepted);
  CHECK(accepted->peer().text() == "unix:" + (home / "x") + " uid=12345 pid=" +
                                       std::to_string(child));
  const io_result<unix_stream> served = bed.loop.run(listening.establish(std::move(*accepted)));
  REQUIRE_FALSE(served);
  CHECK(served.error() == transport_error::peer_refused);
  REQUIRE(::write(sockets[0], &byte, 1) == 1);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  ::close(sockets[0]);
  ::close(sockets[1]);
}

TEST_CASE("unix_listener: allow::anyone lets another user pass whom the mode lets in") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  const private_directory home;
  REQUIRE(::chmod(home.path().c_str(), 0711) == 0);
  real_bed bed;
  unix_listener listening = unix_socket{home / "x"}.policy(allow::anyone()).open(bed.loop);
  CHECK(in_child_as(other_uid, [&] { return connect_errno(home / "x") == EACCES ? 0 : 1; }) == 0);
  REQUIRE(::chmod((home / "x").c_str(), 0666) == 0);
  REQUIRE(in_child_as(other_uid, [&] { return connect_errno(home / "x"); }) == 0);
  const io_result<unix_stream> served = bed.loop.run(serve(listening));
  REQUIRE(served);
  CHECK(served->peer().uid() == other_uid);
}

TEST_CASE("unix_listener: root is let in by a server of another user") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  const private_directory home;
  REQUIRE(::chmod(home.path().c_str(), 01777) == 0);
  int sockets[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
  const ::pid_t child = ::fork();
  if (child == 0) {
    int result = ::setresuid(other_uid, other_uid, other_uid) == 0 ? 0 : 1;
    real_bed bed;
    unix_listener listening = unix_socket{home / "x"}.open(bed.loop);
    char byte = 'l';
    if (::write(sockets[1], &byte, 1) != 1 || ::read(sockets[1], &byte, 1) != 1) result = 2;
    const io_result<unix_stream> served = bed.loop.run(serve(listening));
    if (result == 0 && !served) result = 3;
    ::_exit(result);
  }
  char byte = 0;
  REQUIRE(::read(sockets[0], &byte, 1) == 1);
  const file_descriptor client = raw_client(home / "x");
  REQUIRE(::write(sockets[0], &byte, 1) == 1);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  ::close(sockets[0]);
  ::close(sockets[1]);
}

TEST_CASE("unix_listener: a connection that is dropped before it is established is closed") {
  const private_directory home;
  real_bed bed;
  unix_listener listening = unix_socket{home / "x"}.open(bed.loop);
  const file_descriptor client = raw_client(home / "x");
  {
    const accepted_result accepted = bed.loop.run(listening.accept());
    REQUIRE(accepted);
    CHECK(peer_of(*accepted).uid() == ::geteuid());
    CHECK(reads(client) == -EAGAIN);
  }
  CHECK(reads(client) == 0);
}

TEST_CASE("unix_listener: who waits to be accepted reads the end when it stops, not later") {
  const private_directory home;
  real_bed bed;
  unix_listener listening = unix_socket{home / "x"}.open(bed.loop);
  std::vector<file_descriptor> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(raw_client(home / "x"));
  for (const file_descriptor& client : clients) REQUIRE(reads(client) == -EAGAIN);
  listening.stop();
  for (const file_descriptor& client : clients) CHECK(reads(client) == 0);
  CHECK(connect_errno(home / "x") == ECONNREFUSED);
  CHECK(bed.loop.run(accept_error(listening)) == std::errc::operation_canceled);
}

TEST_CASE("unix_listener: a stop ends a pending accept and the clients that have just connected") {
  on_both_beds(&stop_with_accept_pending_and_clients);
}

TEST_CASE("unix_listener: the file and its lock stay after stop until the listener dies") {
  const private_directory home;
  real_bed bed;
  std::optional<unix_listener> listening{unix_socket{home / "x"}.open(bed.loop)};
  listening->stop();
  CHECK(home.names() == std::vector<std::string>{"x", "x.lock"});
  CHECK(text_thrown_by([&] { unix_socket{home / "x"}.open(bed.loop).stop(); })
            .starts_with("cannot listen on unix:" + (home / "x") + ": pid " +
                         std::to_string(::getpid()) + " holds "));
  listening.reset();
  const unix_listener next = unix_socket{home / "x"}.open(bed.loop);
  CHECK(connect_errno(home / "x") == 0);
}

TEST_CASE("unix_listener: it moves with its file, and assignment ends the one that was there") {
  const private_directory home;
  real_bed bed;
  unix_listener one = unix_socket{home / "one"}.open(bed.loop);
  unix_listener two = unix_socket{home / "two"}.open(bed.loop);
  const int fd = two.native_socket();
  CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  one = std::move(two);
  CHECK(one.native_socket() == fd);
  CHECK(one.text() == "unix:" + (home / "two"));
  CHECK(home.names() == std::vector<std::string>{"one.lock", "two", "two.lock"});
  CHECK(connect_errno(home / "two") == 0);
}

TEST_CASE("unix_listener: without a descriptor accept fails with EMFILE and the client waits") {
  const private_directory home;
  const int result = in_child([&] {
    real_bed bed;
    unix_listener listening = unix_socket{home / "x"}.open(bed.loop);
    const file_descriptor client = raw_client(home / "x");
    ::rlimit before{};
    if (::getrlimit(RLIMIT_NOFILE, &before) != 0) return 1;
    const ::rlimit none{3, before.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &none) != 0) return 2;
    if (bed.loop.run(accept_error(listening)) != std::errc::too_many_files_open) return 3;
    if (::setrlimit(RLIMIT_NOFILE, &before) != 0) return 4;
    return bed.loop.run(accept_error(listening)) ? 5 : 0;
  });
  CHECK(result == 0);
}
