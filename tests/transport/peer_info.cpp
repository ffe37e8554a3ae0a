// SPDX-License-Identifier: MIT
#include <ringrpc/transport/peer_info.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "private_directory.hpp"

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

TEST_CASE("peer_info: groups and the label are there where they are known") {
  const peer_info peer{"x", {.uid = 1, .gid = 2, .pid = 3}, {{5, 6}, "system_u"}};
  CHECK(peer.is_in_group(2));
  CHECK(peer.is_in_group(5));
  CHECK(peer.is_in_group(6));
  CHECK_FALSE(peer.is_in_group(7));
  CHECK(peer.label() == "system_u");
  CHECK(peer_info{}.groups().empty());
  CHECK(peer_info{}.label().empty());
  CHECK_FALSE(peer_info{}.is_in_group(unknown_gid));
}

TEST_CASE("peer_info: of a socket it has the groups that this process has") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const auto found = peer_info::of_socket("pair", ends[0]);
  REQUIRE(found);
  CHECK(found->uid() == ::geteuid());
  CHECK(found->text().starts_with("pair uid="));
  const int count = ::getgroups(0, nullptr);
  std::vector<::gid_t> ours(static_cast<std::size_t>(count));
  REQUIRE(::getgroups(count, ours.data()) == count);
  std::vector<::gid_t> theirs(found->groups().begin(), found->groups().end());
  std::sort(ours.begin(), ours.end());
  std::sort(theirs.begin(), theirs.end());
  CHECK(theirs == ours);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("peer_info: a process with many groups is told with all of them") {
  if (::geteuid() != 0) {
    MESSAGE("not run: needs root");
    return;
  }
  const int missing = in_child([] {
    std::vector<::gid_t> many;
    for (::gid_t gid = 1000; gid < 1200; ++gid) many.push_back(gid);
    if (::setgroups(many.size(), many.data()) != 0) return 1;
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return 2;
    const auto found = peer_info::of_socket("pair", ends[0]);
    if (!found || found->groups().size() != many.size()) return 3;
    return found->is_in_group(1199) && !found->is_in_group(1200) ? 0 : 4;
  });
  CHECK(missing == 0);
}

TEST_CASE("peer_info: of a socket of another family nothing is known but the address") {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(socket >= 0);
  const auto found = peer_info::of_socket("tcp", socket);
  ::close(socket);
  REQUIRE(found);
  CHECK_FALSE(found->has_credentials());
  CHECK(found->groups().empty());
  CHECK(found->text() == "tcp");
}
