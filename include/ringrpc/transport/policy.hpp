// SPDX-License-Identifier: MIT
//
// Which processes may connect, and which servers a client trusts, decided by
// what the kernel says of them. A policy sees credentials, never messages.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include <ringrpc/transport/peer_info.hpp>

namespace ringrpc {
/// A rule on peers, made by the functions of `ringrpc::allow`. A plain value;
/// may be copied and asked on any thread.
class peer_policy {
public:
  /// Whether `peer` passes. A peer without credentials passes only
  /// `allow::anyone()`.
  [[nodiscard]] bool allows(const peer_credentials& peer) const noexcept {
    return rule_->allows(peer);
  }
  [[nodiscard]] bool allows(const peer_info& peer) const noexcept {
    return allows(peer.credentials());
  }
  /// Who passes, in words, for logs: `uid 1000 and root`.
  [[nodiscard]] std::string text() const { return rule_->text(); }

  /// What a policy does. Immutable and of static storage: later kinds, which have
  /// values of their own, will share them.
  struct rule {
    bool (*allows)(const peer_credentials& peer) noexcept;
    std::string (*text)();
  };
  /// For `ringrpc::allow`. @param chosen  must live for ever.
  explicit peer_policy(const rule& chosen) noexcept : rule_(&chosen) {}

private:
  const rule* rule_;
};

namespace detail {
/// The user that the kernel shows for one that our user namespace does not map,
/// unless an administrator changed /proc/sys/kernel/overflowuid.
inline constexpr ::uid_t overflow_uid = 65534;

/// Whether every uid of the machine is a uid here, as in the initial user
/// namespace: only then is the overflow uid one certain user. False where /proc
/// does not say.
inline bool all_uids_are_mapped() noexcept {
  std::FILE* map = std::fopen("/proc/self/uid_map", "re");
  if (map == nullptr) return false;
  unsigned long inside = 0, outside = 0, count = 0;
  const int read = std::fscanf(map, "%lu %lu %lu", &inside, &outside, &count);
  std::fclose(map);
  return read == 3 && inside == 0 && outside == 0 && count >= 0xffff'ffffUL;
}

inline bool is_same_user(const peer_credentials& peer) noexcept {
  if (peer.uid == unknown_uid) return false;
  if (peer.uid == 0) return true;
  if (peer.uid != ::geteuid()) return false;
  // Two users that have no mapping here look equal and are not.
  return peer.uid != overflow_uid || all_uids_are_mapped();
}

inline constexpr peer_policy::rule same_user_rule{
    .allows = &is_same_user,
    .text = [] { return "uid " + std::to_string(::geteuid()) + " and root"; }};
inline constexpr peer_policy::rule anyone_rule{
    .allows = [](const peer_credentials&) noexcept { return true; },
    .text = [] { return std::string{"anyone"}; }};
}  // namespace detail

namespace allow {
/// The effective user of this process, and root. The default of listeners and
/// clients.
[[nodiscard]] inline peer_policy same_user() noexcept {
  return peer_policy{detail::same_user_rule};
}
/// Everybody, peers without credentials included. What a socket file's mode and
/// its directories forbid, they forbid still.
[[nodiscard]] inline peer_policy anyone() noexcept { return peer_policy{detail::anyone_rule}; }
}  // namespace allow
}  // namespace ringrpc
