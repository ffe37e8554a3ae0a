// SPDX-License-Identifier: MIT
#include <ringrpc/transport/policy.hpp>

#include <doctest/doctest.h>
#include <sched.h>
#include <unistd.h>

#include <string>

#include "private_directory.hpp"

using namespace ringrpc;

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
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  CHECK(in_child_as(other_uid, [] {
          const peer_policy policy = allow::same_user();
          if (!policy.allows(peer_credentials{.uid = other_uid, .gid = 1, .pid = 1})) return 1;
          if (!policy.allows(peer_credentials{.uid = 0, .gid = 1, .pid = 1})) return 2;
          if (policy.allows(peer_credentials{.uid = other_uid + 1, .gid = 1, .pid = 1})) return 3;
          if (policy.allows(peer_credentials{})) return 4;
          return policy.text() == "uid 12345 and root" ? 0 : 5;
        }) == 0);
}

TEST_CASE("policy: the overflow user is equal to itself only where all users are mapped") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  CHECK(in_child_as(detail::overflow_uid, [] {
          const bool equal = allow::same_user().allows(
              peer_credentials{.uid = detail::overflow_uid, .gid = 1, .pid = 1});
          return equal == detail::all_uids_are_mapped() ? 0 : 1;
        }) == 0);
}

TEST_CASE("policy: two users without a mapping here look equal and do not pass") {
  // A user namespace in which no user is mapped: this process is the overflow user there.
  const int passed = in_child([] {
    if (::unshare(CLONE_NEWUSER) != 0 || ::geteuid() != detail::overflow_uid) return 2;
    const peer_credentials peer{.uid = detail::overflow_uid, .gid = 1, .pid = 1};
    return allow::same_user().allows(peer) || detail::all_uids_are_mapped() ? 1 : 0;
  });
  if (passed == 2) {
    MESSAGE("not run: no user namespace can be made here");
    return;
  }
  CHECK(passed == 0);
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
