// SPDX-License-Identifier: MIT
#include <ringrpc/transport/policy.hpp>

#include <doctest/doctest.h>
#include <sched.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

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

namespace {
peer_info someone(::uid_t uid, ::gid_t gid = 7, std::vector<::gid_t> groups = {}) {
  return peer_info{"x", {.uid = uid, .gid = gid, .pid = 1}, {std::move(groups), ""}};
}
}  // namespace

TEST_CASE("policy: user is that user and nobody else, not even root") {
  const peer_policy policy = allow::user(1000);
  CHECK(policy.allows(someone(1000)));
  CHECK_FALSE(policy.allows(someone(1001)));
  CHECK_FALSE(policy.allows(someone(0)));
  CHECK_FALSE(policy.allows(peer_info{}));
  CHECK_FALSE(allow::user(unknown_uid).allows(peer_info{}));
  CHECK(policy.text() == "uid 1000");
}

TEST_CASE("policy: root is the user 0") {
  CHECK(allow::root().allows(someone(0)));
  CHECK_FALSE(allow::root().allows(someone(1)));
  CHECK_FALSE(allow::root().allows(peer_info{}));
  CHECK(allow::root().text() == "root");
}

TEST_CASE("policy: group takes the effective group and the supplementary ones") {
  const peer_policy policy = allow::group(50);
  CHECK(policy.allows(someone(1000, 50)));
  CHECK(policy.allows(someone(1000, 7, {1, 50, 2})));
  CHECK_FALSE(policy.allows(someone(1000, 7, {1, 2})));
  CHECK_FALSE(policy.allows(someone(0, 0)));
  CHECK_FALSE(policy.allows(peer_info{}));
  CHECK_FALSE(allow::group(unknown_gid).allows(peer_info{}));
  CHECK(policy.text() == "members of gid 50");
}

TEST_CASE("policy: any_of and all_of join others, in any depth") {
  const peer_policy either = allow::any_of(allow::root(), allow::user(33));
  CHECK(either.allows(someone(0)));
  CHECK(either.allows(someone(33)));
  CHECK_FALSE(either.allows(someone(34)));
  CHECK(either.text() == "root, or uid 33");
  const peer_policy both = allow::all_of(either, allow::group(50));
  CHECK(both.allows(someone(33, 50)));
  CHECK_FALSE(both.allows(someone(33)));
  CHECK_FALSE(both.allows(someone(34, 50)));
  CHECK(both.text() == "root, or uid 33, if also members of gid 50");
  CHECK_FALSE(either.allows(peer_info{}));
}

TEST_CASE("policy: a function decides, and one that throws lets nobody pass") {
  const peer_policy odd =
      allow::when("odd users", [](const peer_info& peer) { return peer.uid() % 2 == 1; });
  CHECK(odd.allows(someone(3)));
  CHECK_FALSE(odd.allows(someone(4)));
  CHECK(odd.text() == "odd users");
  const peer_policy thrower =
      allow::when("thrower", [](const peer_info&) -> bool { throw std::runtime_error{"no"}; });
  CHECK_FALSE(thrower.allows(someone(3)));
  CHECK_FALSE(allow::any_of(thrower, odd).allows(someone(4)));
  CHECK(allow::any_of(thrower, odd).allows(someone(3)));
}

TEST_CASE("policy: one that was moved from lets nobody pass") {
  peer_policy policy = allow::anyone();
  const peer_policy taken = std::move(policy);
  CHECK(taken.allows(peer_info{}));
  CHECK_FALSE(policy.allows(peer_info{}));  // NOLINT: that is what is asked
  CHECK(policy.text() == "nobody");
}
