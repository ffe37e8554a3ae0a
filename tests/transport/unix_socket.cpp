// SPDX-License-Identifier: MIT
#include <ringrpc/transport/unix_socket.hpp>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/ring/file_descriptor.hpp>

#include "beds.hpp"
#include "private_directory.hpp"

using namespace ringrpc;

namespace {
int connect_error(const std::string& path, file_descriptor& made) {
  made.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const socket_address address = unix_socket_address(path);
  return ::connect(made.get(), address.data(), address.size()) == 0 ? 0 : errno;
}
int accepted_before_full(const std::string& path) {
  std::vector<file_descriptor> waiting(64);
  int count = 0;
  for (file_descriptor& one : waiting) {
    if (connect_error(path, one) != 0) break;
    ++count;
  }
  return count;
}
}  // namespace

TEST_CASE("unix_socket: open makes the file and its end removes it") {
  const private_directory home;
  real_bed bed;
  const unix_socket where{home / "x"};
  CHECK(where.text() == "unix:" + (home / "x"));
  CHECK(where.path() == home / "x");
  {
    const unix_listener listening = where.open(bed.loop);
    CHECK(listening.text() == "unix:" + (home / "x"));
    CHECK(home.names() == std::vector<std::string>{"x", "x.lock"});
    struct ::stat found {};
    REQUIRE(::lstat((home / "x").c_str(), &found) == 0);
    CHECK((found.st_mode & 07777U) == 0600);
  }
  CHECK(home.names() == std::vector<std::string>{"x.lock"});
}

TEST_CASE("unix_socket: the same value opens again after its listener has ended") {
  const private_directory home;
  real_bed bed;
  const unix_socket where{home / "x"};
  { const unix_listener first = where.open(bed.loop); }
  const unix_listener second = where.open(bed.loop);
  CHECK(text_thrown_by([&] { const unix_listener third = where.open(bed.loop); }) ==
        "cannot listen on unix:" + (home / "x") + ": it is served by pid " +
            std::to_string(::getpid()) + " uid " + std::to_string(::geteuid()) +
            "; stop that server or choose another path");
}

TEST_CASE("unix_socket: the backlog limits how many clients wait, and by default none is refused") {
  const private_directory home;
  real_bed bed;
  const unix_listener small = unix_socket{home / "small"}.backlog(3).open(bed.loop);
  CHECK(accepted_before_full(home / "small") == 4);  // Linux lets one more wait
  const unix_listener large = unix_socket{home / "large"}.open(bed.loop);
  CHECK(accepted_before_full(home / "large") == 64);
}

TEST_CASE("unix_socket: mode, group and directory are passed on to the file") {
  const private_directory home;
  REQUIRE(::chmod(home.path().c_str(), 0777) == 0);
  real_bed bed;
  const unix_socket where = unix_socket{home / "x"}
                                .mode(0660)
                                .owner(::geteuid())
                                .group(::getegid())
                                .any_directory();
  const unix_listener listening = where.open(bed.loop);
  struct ::stat found {};
  REQUIRE(::lstat((home / "x").c_str(), &found) == 0);
  CHECK((found.st_mode & 07777U) == 0660);
  CHECK(found.st_gid == ::getegid());
}

TEST_CASE("unix_socket: options can be set one by one or in a row") {
  const private_directory home;
  real_bed bed;
  unix_socket one_by_one{home / "x"};
  one_by_one.backlog(0).policy(allow::anyone());
  one_by_one.backlog(1);
  const unix_listener listening = one_by_one.open(bed.loop);
  CHECK(accepted_before_full(home / "x") == 2);
  const unix_socket in_a_row = unix_socket{"y"}.policy(allow::anyone()).backlog(2);
  CHECK(in_a_row.text() == "unix:y");
}

TEST_CASE("unix_socket: it may be written in an awaited expression") {
  CHECK(frame_safe<unix_socket>);
  CHECK(frame_safe<peer_policy>);
  CHECK(frame_safe<unix_listener>);
}

TEST_CASE("unix_socket: a bad path throws with the reason and leaves nothing") {
  const private_directory home;
  real_bed bed;
  CHECK(text_thrown_by([&] { unix_socket{home / "no/x"}.open(bed.loop).stop(); }) ==
        "cannot listen on unix:" + (home / "no/x") + ": the directory " + (home / "no") +
            " does not exist; create it first (mkdir -m 0700)");
  CHECK(text_thrown_by([&] { unix_socket{"unix:/x"}.open(bed.loop).stop(); }) ==
        "cannot listen on unix:unix:/x: socket path unix:/x is an address; a path comes without "
        "`unix:`");
  CHECK(home.names().empty());
}

TEST_CASE("unix_socket: a simulated ring has no files and says what to use") {
  const private_directory home;
  simulated_bed bed{1};
  CHECK(text_thrown_by([&] { unix_socket{home / "x"}.open(bed.loop).stop(); }) ==
        "cannot listen on unix:" + (home / "x") + ": " +
            std::error_code{transport_error::needs_kernel}.message());
  CHECK(home.names().empty());
}
