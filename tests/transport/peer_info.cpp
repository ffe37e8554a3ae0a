// SPDX-License-Identifier: MIT
#include <ringrpc/transport/peer_info.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

using namespace ringrpc;

TEST_CASE("peer_info: an unknown peer has no credentials and says so") {
  const peer_info peer;
  CHECK_FALSE(peer.has_credentials());
  CHECK(peer.uid() == unknown_uid);
  CHECK(peer.gid() == unknown_gid);
  CHECK(peer.pid() == 0);
  CHECK(peer.text() == "unknown");
}

TEST_CASE("peer_info: the text has the address, the user and the process") {
  const peer_info peer{"unix:/run/x.sock", {.uid = 1000, .gid = 100, .pid = 4242}};
  CHECK(peer.has_credentials());
  CHECK(peer.uid() == 1000);
  CHECK(peer.gid() == 100);
  CHECK(peer.pid() == 4242);
  CHECK(peer.text() == "unix:/run/x.sock uid=1000 pid=4242");
}

TEST_CASE("peer_info: what is unknown is left out of the text") {
  CHECK(peer_info{"memory"}.text() == "memory");
  CHECK_FALSE(peer_info{"memory"}.has_credentials());
  // The kernel says pid 0 for a process of a pid namespace that we cannot see.
  const peer_info foreign{"unix:/run/x.sock", {.uid = 0, .gid = 0, .pid = 0}};
  CHECK(foreign.text() == "unix:/run/x.sock uid=0");
  CHECK(foreign.has_credentials());
  CHECK(foreign.pid() == 0);
}

TEST_CASE("peer_info: a copy shares the text instead of copying it") {
  const peer_info peer{"unix:/run/x.sock", {.uid = 1, .gid = 2, .pid = 3}};
  const peer_info copy = peer;
  CHECK(copy.text().data() == peer.text().data());
}

TEST_CASE("peer_credentials: both ends of a socket pair are this process") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  for (const int end : ends) {
    const auto found = peer_credentials::of_peer(end);
    REQUIRE(found);
    CHECK(found->uid == ::geteuid());
    CHECK(found->gid == ::getegid());
    CHECK(found->pid == ::getpid());
    CHECK(found->uid == peer_credentials::of_this_process().uid);
    CHECK(found->gid == peer_credentials::of_this_process().gid);
    CHECK(found->pid == peer_credentials::of_this_process().pid);
    ::close(end);
  }
}

TEST_CASE("peer_credentials: a socket that is not connected has an unknown peer") {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(socket >= 0);
  const auto found = peer_credentials::of_peer(socket);
  ::close(socket);
  REQUIRE(found);
  CHECK(found->uid == unknown_uid);
  CHECK(found->gid == unknown_gid);
  CHECK(found->pid == 0);
}

TEST_CASE("peer_credentials: what is no socket gives errno") {
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(file >= 0);
  const auto found = peer_credentials::of_peer(file);
  ::close(file);
  REQUIRE_FALSE(found);
  CHECK(found.error() == std::error_code{ENOTSOCK, std::system_category()});
}
