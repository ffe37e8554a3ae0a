// SPDX-License-Identifier: MIT
#include <ringrpc/transport/inherited_socket.hpp>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/ring/file_descriptor.hpp>
#include <ringrpc/transport/unix_connector.hpp>
#include <ringrpc/transport/unix_path.hpp>

#include "beds.hpp"
#include "private_directory.hpp"

using namespace ringrpc;

namespace {
void set_environment(const std::string& pid, const char* count, const char* names) {
  ::setenv("LISTEN_PID", pid.c_str(), 1);
  ::setenv("LISTEN_FDS", count, 1);
  ::unsetenv("LISTEN_FDNAMES");
  if (names != nullptr) ::setenv("LISTEN_FDNAMES", names, 1);
}
/// `3 a, 4 b`: what is found in a child with that environment; it is removed then.
std::string found_with(const std::string& pid, const char* count, const char* names) {
  set_environment(pid, count, names);
  std::string text;
  for (const inherited_socket& one : take_inherited_sockets()) {
    if (!text.empty()) text += ", ";
    text += std::to_string(one.fd()) + ' ' + one.name();
  }
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
    CHECK(std::getenv(name) == nullptr);
  }
  return text;
}
file_descriptor listening_at(const std::string& path) {
  file_descriptor made{::socket(AF_UNIX, SOCK_STREAM, 0)};
  const socket_address address = unix_socket_address(path);
  REQUIRE(::bind(made.get(), address.data(), address.size()) == 0);
  REQUIRE(::listen(made.get(), 8) == 0);
  return made;
}
std::string problem(int fd) {
  real_bed bed;
  return text_thrown_by([&] {
    const socket_listener made = inherited_socket{fd, "web"}.open(bed.loop);
  });
}
}  // namespace

TEST_CASE("inherited_socket: what the service manager passed is found with its names") {
  const std::string here = std::to_string(::getpid());
  CHECK(found_with(here, "2", "web:admin") == "3 web, 4 admin");
  CHECK(found_with(here, "2", "web") == "3 web, 4 ");
  CHECK(found_with(here, "1", nullptr) == "3 ");
  CHECK(found_with(here, "3", "a::c") == "3 a, 4 , 5 c");
}

TEST_CASE("inherited_socket: what is for another process, or makes no sense, is passed over") {
  const std::string here = std::to_string(::getpid());
  CHECK(found_with(std::to_string(::getppid()), "1", "web").empty());
  CHECK(found_with("", "1", nullptr).empty());
  CHECK(found_with(here + "x", "1", nullptr).empty());
  for (const char* count : {"0", "-1", "", "1x", "99999999999999999999", "100000"}) {
    CAPTURE(count);
    CHECK(found_with(here, count, nullptr).empty());
  }
  ::unsetenv("LISTEN_PID");
  CHECK(take_inherited_sockets().empty());
}

TEST_CASE("inherited_socket: what is no listening stream socket is refused by name") {
  const file_descriptor datagrams{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const std::string head = "cannot listen on descriptor " + std::to_string(datagrams.get());
  CHECK(problem(datagrams.get()) ==
        head + " (web): it is a datagram socket; a stream socket is needed (ListenStream=)");
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const file_descriptor one{ends[0]};
  const file_descriptor other{ends[1]};
  CHECK(problem(one.get()).find("it is a socket that does not listen") != std::string::npos);
  const file_descriptor file{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  CHECK(problem(file.get()).ends_with(" (web): it is no socket"));
  CHECK(problem(9999).ends_with(" (web): it is not open"));
}

TEST_CASE("inherited_socket: connections come through it, and the end leaves it as it was") {
  const private_directory home;
  const file_descriptor ours = listening_at(home / "x");  // the service manager's copy
  struct ::stat before {};
  REQUIRE(::lstat((home / "x").c_str(), &before) == 0);
  for (const bool always_arm : {false, true}) {
    CAPTURE(always_arm);
    real_bed bed{always_arm};
    bed.loop.run([](ring& on, int fd, std::string path) -> task<> {
      socket_listener listening = inherited_socket{fd, "web"}.open(on);
      CHECK(listening.text() == "unix:" + path);
      const unix_connector by{path};
      const connect_context context{.home = &on};
      io_result<unix_stream> client = co_await by.connect(context);
      REQUIRE(client);
      io_result<accepted_socket> accepted = co_await listening.accept();
      REQUIRE(accepted);
      CHECK(accepted->peer().uid() == ::geteuid());
      // A pending accept ends with the listener, and nobody is cut off.
      const environment& here = co_await this_environment();
      task_scope waiting{here};
      std::optional<std::error_code> outcome;
      waiting.spawn([](socket_listener& of, std::optional<std::error_code>& to) -> task<> {
        const io_result<accepted_socket> none = co_await of.accept();
        to = none ? std::error_code{} : none.error();
      }(listening, outcome));
      co_await let_others_run();
      CHECK_FALSE(outcome);
      listening.stop();
      co_await waiting.join();
      REQUIRE(outcome);
      CHECK(*outcome == std::errc::operation_canceled);
      io_result<unix_stream> next = co_await by.connect(context);
      CHECK(next);  // waits in the queue, for whoever accepts next
    }(bed.loop, ::dup(ours.get()), home / "x"));
    const file_descriptor accepted{::accept4(ours.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    CHECK(accepted);
  }
  struct ::stat after {};
  REQUIRE(::lstat((home / "x").c_str(), &after) == 0);
  CHECK(after.st_ino == before.st_ino);
}

TEST_CASE("inherited_socket: a stop before the first accept needs no thread") {
  const private_directory home;
  const file_descriptor ours = listening_at(home / "x");
  real_bed bed;
  socket_listener listening = inherited_socket{::dup(ours.get())}.open(bed.loop);
  listening.stop();
  CHECK(bed.loop.run(listening.accept()).error() == std::errc::operation_canceled);
}
