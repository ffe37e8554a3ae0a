// SPDX-License-Identifier: MIT
#include <ringrpc/transport/unix_connector.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <optional>
#include <ostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/coro/when_all.hpp>
#include <ringrpc/ring/file_descriptor.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/transport/unix_socket.hpp>

#include "beds.hpp"
#include "private_directory.hpp"
#include "stream_cases.hpp"

using namespace ringrpc;

namespace {
using namespace std::chrono_literals;

task<std::error_code> connect_error(const unix_connector& by, connect_context context) {
  const io_result<unix_stream> made = co_await by.connect(context);
  std::error_code error;
  if (!made) error = made.error();
  co_return error;
}
/// The error of connecting to `path`, on a ring of its own.
std::error_code error_at(const std::string& path, const peer_policy& policy = allow::same_user()) {
  real_bed bed;
  const unix_connector by{path, policy};
  return bed.loop.run(connect_error(by, {.home = &bed.loop}));
}
file_descriptor raw_socket(const std::string& path, bool listening) {
  file_descriptor made{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const socket_address address = unix_socket_address(path);
  REQUIRE(::bind(made.get(), address.data(), address.size()) == 0);
  if (listening) REQUIRE(::listen(made.get(), 0) == 0);
  return made;
}
/// Fills the accept queue of a listener with backlog 0.
std::vector<file_descriptor> fill_queue(const std::string& path) {
  std::vector<file_descriptor> waiting;
  const socket_address address = unix_socket_address(path);
  for (;;) {
    file_descriptor one{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (::connect(one.get(), address.data(), address.size()) != 0) break;
    waiting.push_back(std::move(one));
  }
  REQUIRE(errno == EAGAIN);
  return waiting;
}
std::string invalid(const std::string& path) {
  try {
    const unix_connector made{path};
  } catch (const std::invalid_argument& thrown) {
    return thrown.what();
  }
  return "";
}

task<> accept_one(int listening) {
  // Later than the first attempts of who waits for it.
  co_await let_others_run();
  const file_descriptor accepted{::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC)};
  CHECK(accepted);
}
task<> note_error(const unix_connector& by, connect_context context,
                  std::optional<std::error_code>& outcome) {
  const std::error_code error = co_await connect_error(by, context);
  outcome = error;
}
}  // namespace

TEST_CASE("unix_connector: what cannot be a path is refused with the reason") {
  CHECK(invalid("") == "socket path is empty; write /path/to/socket");
  CHECK(invalid('/' + std::string(111, 'd')) ==
        "socket path has 112 bytes, the limit is 107 (sockaddr_un); use a shorter directory");
  CHECK(invalid("/run/") == "socket path /run/ names a directory; add the name of the socket file");
  CHECK(invalid("unix:/x") ==
        "socket path unix:/x is an address; a path comes without `unix:`");
}

TEST_CASE("unix_connector: it connects, and the peer is who listens") {
  const private_directory home;
  const file_descriptor listening = raw_socket(home / "x", true);
  for (const bool always_arm : {false, true}) {
    CAPTURE(always_arm);
    real_bed bed{always_arm};
    const unix_connector by{home / "x"};
    const connect_context context{.home = &bed.loop};
    const io_result<unix_stream> made = bed.loop.run(by.connect(context));
    REQUIRE(made);
    CHECK(made->peer().text() == "unix:" + (home / "x") + " uid=" + std::to_string(::geteuid()) +
                                     " pid=" + std::to_string(::getpid()));
    CHECK((::fcntl(made->native_socket(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(made->native_socket(), F_GETFD) & FD_CLOEXEC) != 0);
    const file_descriptor accepted{::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    CHECK(accepted);
  }
}

TEST_CASE("unix_connector: nothing at the path is ENOENT and nobody who listens ECONNREFUSED") {
  const private_directory home;
  CHECK(error_at(home / "x") == std::errc::no_such_file_or_directory);
  CHECK(error_at(home / "x").message() == "No such file or directory");
  const file_descriptor bound = raw_socket(home / "x", false);
  CHECK(error_at(home / "x") == std::errc::connection_refused);
  std::ofstream{home / "file"} << "x";
  CHECK(error_at(home / "file") == std::errc::connection_refused);
  CHECK(error_at(home / "file/x") == std::errc::not_a_directory);
}

TEST_CASE("unix_connector: a socket that the user may not write is EACCES") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  const private_directory home;
  REQUIRE(::chmod(home.path().c_str(), 0711) == 0);
  const file_descriptor listening = raw_socket(home / "x", true);
  REQUIRE(::chmod((home / "x").c_str(), 0600) == 0);
  CHECK(in_child_as(other_uid, [&] {
          return error_at(home / "x") == std::errc::permission_denied ? 0 : 1;
        }) == 0);
}

TEST_CASE("unix_connector: a server of another user is refused before a byte is sent to it") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  // The kernel names who called listen(2), so that is done by another user here.
  const private_directory home;
  const file_descriptor listening = raw_socket(home / "x", false);
  REQUIRE(in_child_as(other_uid, [&] { return ::listen(listening.get(), 8); }) == 0);
  CHECK(error_at(home / "x") == transport_error::server_refused);
  const file_descriptor accepted{::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  REQUIRE(accepted);
  char byte = 0;
  CHECK(::recv(accepted.get(), &byte, 1, MSG_DONTWAIT) == 0);
  CHECK_FALSE(error_at(home / "x", allow::anyone()));
}

TEST_CASE("unix_connector: a server of root is trusted by everybody, and not the other way round") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  const private_directory home;
  REQUIRE(::chmod(home.path().c_str(), 0711) == 0);
  const file_descriptor listening = raw_socket(home / "x", true);
  REQUIRE(::chmod((home / "x").c_str(), 0666) == 0);
  CHECK(in_child_as(other_uid, [&] { return error_at(home / "x") ? 1 : 0; }) == 0);
  const file_descriptor theirs = raw_socket(home / "y", false);
  REQUIRE(::chmod((home / "y").c_str(), 0666) == 0);
  REQUIRE(in_child_as(other_uid, [&] { return ::listen(theirs.get(), 8); }) == 0);
  CHECK(in_child_as(other_uid, [&] { return error_at(home / "y") ? 1 : 0; }) == 0);
  CHECK(in_child_as(other_uid + 1, [&] {
          return error_at(home / "y") == transport_error::server_refused ? 0 : 1;
        }) == 0);
}

TEST_CASE("unix_connector: a full accept queue is waited for") {
  const private_directory home;
  const file_descriptor listening = raw_socket(home / "x", true);
  const std::vector<file_descriptor> waiting = fill_queue(home / "x");
  real_bed bed;
  const unix_connector by{home / "x"};
  const auto ended = bed.loop.run(when_all(connect_error(by, {.home = &bed.loop}),
                                           accept_one(listening.get())));
  CHECK_FALSE(std::get<0>(ended));
}

TEST_CASE("unix_connector: an accept queue that stays full fails at the deadline and says so") {
  const private_directory home;
  const file_descriptor listening = raw_socket(home / "x", true);
  const std::vector<file_descriptor> waiting = fill_queue(home / "x");
  real_bed bed;
  const unix_connector by{home / "x"};
  for (const duration left : {duration{0}, duration{5ms}}) {
    const time_point deadline = bed.loop.kernel().now() + left;
    const std::error_code error =
        bed.loop.run(connect_error(by, {.deadline = deadline, .home = &bed.loop}));
    CHECK(error == transport_error::accept_queue_full);
    CHECK(error.message().starts_with("accept queue full"));
    CHECK(bed.loop.kernel().now() >= deadline);
  }
}

TEST_CASE("unix_connector: a stop ends the wait for a full accept queue") {
  const private_directory home;
  const file_descriptor listening = raw_socket(home / "x", true);
  const std::vector<file_descriptor> waiting = fill_queue(home / "x");
  real_bed bed;
  const unix_connector by{home / "x"};
  struct stopping {
    static task<> run(const unix_connector& made, ring& loop) {
      const environment& here = co_await this_environment();
      task_scope scope{here};
      std::optional<std::error_code> outcome;
      const connect_context context{.stop = scope.token(), .home = &loop};
      scope.spawn(note_error(made, context, outcome));
      co_await let_others_run();
      CHECK_FALSE(outcome.has_value());
      scope.request_stop();
      co_await scope.join();
      CHECK(outcome.value_or(std::error_code{}) == std::errc::operation_canceled);
    }
  };
  bed.loop.run(stopping::run(by, bed.loop));
  stop_source stopped;
  stopped.request_stop();
  CHECK(bed.loop.run(connect_error(by, {.stop = stopped.token(), .home = &bed.loop})) ==
        std::errc::operation_canceled);
}

TEST_CASE("unix_connector: where no descriptor is left it says so") {
  const private_directory home;
  const int result = in_child([&] {
    real_bed bed;
    const ::rlimit none{3, 3};
    if (::setrlimit(RLIMIT_NOFILE, &none) != 0) return 1;
    const unix_connector by{home / "x"};
    return bed.loop.run(connect_error(by, {.home = &bed.loop})) == std::errc::too_many_files_open
               ? 0
               : 2;
  });
  CHECK(result == 0);
}

TEST_CASE("unix_connector: a relative path means the directory in which it was made") {
  const private_directory home;
  const file_descriptor listening = raw_socket(home / "x", true);
  CHECK(in_child([&] {
          if (::chdir(home.path().c_str()) != 0) return 1;
          const unix_connector by{"x"};
          if (::chdir("/") != 0) return 2;
          if (by.path() != home / "x") return 3;
          real_bed bed;
          return bed.loop.run(connect_error(by, {.home = &bed.loop})) ? 4 : 0;
        }) == 0);
}

TEST_CASE("unix_connector: a relative path stays so where the absolute one would be too long") {
  const private_directory home;
  const std::string deep = home / std::string(90, 'd');
  REQUIRE(::mkdir(deep.c_str(), 0700) == 0);
  CHECK(in_child([&] {
          if (::chdir(deep.c_str()) != 0) return 1;
          const unix_connector by{"x.sock"};
          if (by.path() != "x.sock") return 2;
          const file_descriptor listening = raw_socket("x.sock", true);
          real_bed bed;
          return bed.loop.run(connect_error(by, {.home = &bed.loop})) ? 3 : 0;
        }) == 0);
}

TEST_CASE("unix_connector: a simulated ring has no files and says what to use") {
  const private_directory home;
  simulated_bed bed{1};
  const unix_connector by{home / "x"};
  CHECK(bed.loop.run(connect_error(by, {.home = &bed.loop})) == transport_error::needs_kernel);
}

TEST_CASE("unix_connector: it may be written in an awaited expression") {
  CHECK(frame_safe<unix_connector>);
}
