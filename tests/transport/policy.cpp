// SPDX-License-Identifier: MIT
#include <ringrpc/transport/policy.hpp>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

using namespace ringrpc;

namespace {
/// Runs `check` in a child process whose effective user is `uid`.
/// @return what it returned, or -1 where this process may not do that.
int in_child_as(::uid_t uid, bool (*check)()) {
  if (::geteuid() != 0) return -1;
  const ::pid_t child = ::fork();
  if (child == 0) ::_exit(::setresuid(uid, uid, uid) != 0 ? 99 : check() ? 1 : 0);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}
}  // namespace

TEST_CASE("policy: same_user lets this process's effective user and root pass") {
  const peer_policy policy = allow::same_user();
  CHECK(policy.allows(peer_credentials::of_this_process()));
  CHECK(policy.allows(peer_credentials{.uid = 0, .gid = 0, .pid = 1}));
  CHECK(policy.allows(peer_info{"x", peer_credentials::of_this_process()}));
}

TEST_CASE("policy: same_user refuses other users, whatever their group") {
  const peer_policy policy = allow::same_user();
  const ::uid_t other = ::geteuid() + 1;
  CHECK_FALSE(policy.allows(peer_credentials{.uid = other, .gid = ::getegid(), .pid = 1}));
  CHECK_FALSE(policy.allows(peer_credentials{.uid = other, .gid = 0, .pid = 1}));
}

TEST_CASE("policy: same_user refuses a peer without credentials") {
  CHECK_FALSE(allow::same_user().allows(peer_info{}));
  CHECK_FALSE(allow::same_user().allows(peer_info{"memory"}));
  CHECK_FALSE(allow::same_user().allows(peer_credentials{}));
}

TEST_CASE("policy: a user that is not root does not let other users pass, but root") {
  const int passed = in_child_as(12345, [] {
    const peer_policy policy = allow::same_user();
    return policy.allows(peer_credentials{.uid = 12345, .gid = 1, .pid = 1}) &&
           policy.allows(peer_credentials{.uid = 0, .gid = 1, .pid = 1}) &&
           !policy.allows(peer_credentials{.uid = 12346, .gid = 1, .pid = 1}) &&
           !policy.allows(peer_credentials{}) && policy.text() == "uid 12345 and root";
  });
  if (passed == -1) {
    MESSAGE("not run: needs root");
    return;
  }
  CHECK(passed == 1);
}

TEST_CASE("policy: the overflow user is equal to itself only where all users are mapped") {
  if (::geteuid() != 0) {
    MESSAGE("not run: needs root");
    return;
  }
  const int passed = in_child_as(detail::overflow_uid, [] {
    const bool equal = allow::same_user().allows(
        peer_credentials{.uid = detail::overflow_uid, .gid = detail::overflow_uid, .pid = 1});
    return equal == detail::all_uids_are_mapped();
  });
  CHECK(passed == 1);
}

TEST_CASE("policy: anyone lets every peer pass, unknown ones included") {
  CHECK(allow::anyone().allows(peer_info{}));
  CHECK(allow::anyone().allows(peer_credentials{}));
  CHECK(allow::anyone().allows(peer_credentials{.uid = 4711, .gid = 4711, .pid = 4711}));
}

TEST_CASE("policy: the text says who passes") {
  CHECK(allow::same_user().text() == "uid " + std::to_string(::geteuid()) + " and root");
  CHECK(allow::anyone().text() == "anyone");
}

TEST_CASE("policy: a copy rules like its original and can be replaced") {
  peer_policy policy = allow::same_user();
  const peer_policy copy = policy;
  policy = allow::anyone();
  CHECK(policy.allows(peer_info{}));
  CHECK_FALSE(copy.allows(peer_info{}));
}
