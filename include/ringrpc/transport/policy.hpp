// SPDX-License-Identifier: MIT
//
// Which processes may connect or call, and which servers a client trusts, decided by
// what the kernel says of them. A policy sees who a peer is, never messages.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <concepts>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ringrpc/transport/peer_info.hpp>

namespace ringrpc {
/// A rule on peers, made by the functions of `ringrpc::allow`. A plain value; copies share
/// the rule, which never changes, and may be asked on any thread. One that was moved from
/// lets nobody pass.
class peer_policy {
public:
  /// What a policy does. Asked by many threads at once.
  class rule {
  public:
    rule(const rule&) = delete;
    rule& operator=(const rule&) = delete;
    /// Whether `peer` passes. An exception means no.
    [[nodiscard]] virtual bool allows(const peer_info& peer) const = 0;
    /// Who passes, in words.
    [[nodiscard]] virtual std::string text() const = 0;

  protected:
    constexpr rule() noexcept = default;
    constexpr ~rule() = default;  // by its own type only
  };

  /// @param chosen  not null.
  explicit peer_policy(std::shared_ptr<const rule> chosen) noexcept : rule_(std::move(chosen)) {}
  /// @param chosen  must live for ever.
  explicit peer_policy(const rule& chosen) noexcept
      : rule_(std::shared_ptr<const rule>{}, &chosen) {}

  /// Whether `peer` passes. A peer without credentials passes `allow::anyone()`, and a
  /// function of the user's that says so.
  [[nodiscard]] bool allows(const peer_info& peer) const noexcept {
    try {
      return rule_ != nullptr && rule_->allows(peer);
    } catch (...) {
      return false;
    }
  }
  /// The same for a peer of which no more is known.
  [[nodiscard]] bool allows(const peer_credentials& peer) const noexcept {
    try {
      return allows(peer_info{std::string{}, peer});
    } catch (...) {
      return false;
    }
  }
  /// Who passes, in words, for logs: `uid 1000 and root`.
  [[nodiscard]] std::string text() const { return rule_ != nullptr ? rule_->text() : "nobody"; }

private:
  std::shared_ptr<const rule> rule_;
};

namespace detail {
/// The user that the kernel shows for one that our user namespace does not map,
/// unless an administrator changed /proc/sys/kernel/overflowuid. The same of groups.
inline constexpr ::uid_t overflow_uid = 65534;

/// Whether every id of the machine is an id here, as in the initial user namespace: only
/// then is the overflow id one certain user. False where /proc does not say.
/// @param map_path  /proc/self/uid_map or gid_map.
inline bool all_ids_are_mapped(const char* map_path) noexcept {
  std::FILE* map = std::fopen(map_path, "re");
  if (map == nullptr) return false;
  unsigned long inside = 0, outside = 0, count = 0;
  const int read = std::fscanf(map, "%lu %lu %lu", &inside, &outside, &count);
  std::fclose(map);
  return read == 3 && inside == 0 && outside == 0 && count >= 0xffff'ffffUL;
}
inline bool all_uids_are_mapped() noexcept { return all_ids_are_mapped("/proc/self/uid_map"); }

/// Whether `peer` certainly is that user.
inline bool is_user(const peer_info& peer, ::uid_t uid) noexcept {
  if (peer.uid() == unknown_uid || peer.uid() != uid) return false;
  // Two users that have no mapping here look equal and are not.
  return uid != overflow_uid || all_uids_are_mapped();
}
inline bool is_in_group(const peer_info& peer, ::gid_t gid) noexcept {
  return peer.is_in_group(gid) &&
         (gid != overflow_uid || all_ids_are_mapped("/proc/self/gid_map"));
}

class same_user_rule final : public peer_policy::rule {
public:
  bool allows(const peer_info& peer) const noexcept override {
    return peer.uid() == 0 || is_user(peer, ::geteuid());
  }
  std::string text() const override { return "uid " + std::to_string(::geteuid()) + " and root"; }
};
class anyone_rule final : public peer_policy::rule {
public:
  bool allows(const peer_info&) const noexcept override { return true; }
  std::string text() const override { return "anyone"; }
};
class user_rule final : public peer_policy::rule {
public:
  explicit constexpr user_rule(::uid_t uid) noexcept : uid_(uid) {}
  bool allows(const peer_info& peer) const noexcept override { return is_user(peer, uid_); }
  std::string text() const override {
    return uid_ == 0 ? std::string{"root"} : "uid " + std::to_string(uid_);
  }

private:
  ::uid_t uid_;
};
class group_rule final : public peer_policy::rule {
public:
  explicit group_rule(::gid_t gid) noexcept : gid_(gid) {}
  bool allows(const peer_info& peer) const noexcept override { return is_in_group(peer, gid_); }
  std::string text() const override { return "members of gid " + std::to_string(gid_); }

private:
  ::gid_t gid_;
};
/// Any or all of several.
class joined_rule final : public peer_policy::rule {
public:
  joined_rule(std::vector<peer_policy> parts, bool all) noexcept
      : parts_(std::move(parts)), all_(all) {}
  bool allows(const peer_info& peer) const noexcept override {
    for (const peer_policy& one : parts_) {
      if (one.allows(peer) != all_) return !all_;
    }
    return all_;
  }
  std::string text() const override {
    std::string made;
    for (const peer_policy& one : parts_) {
      if (!made.empty()) made += all_ ? ", if also " : ", or ";
      made += one.text();
    }
    return made;
  }

private:
  std::vector<peer_policy> parts_;
  bool all_;
};
template <class Function>
class function_rule final : public peer_policy::rule {
public:
  function_rule(std::string text, Function decides)
      : text_(std::move(text)), decides_(std::move(decides)) {}
  bool allows(const peer_info& peer) const override { return decides_(peer); }
  std::string text() const override { return text_; }

private:
  std::string text_;
  Function decides_;
};

inline constexpr same_user_rule same_user{};
inline constexpr anyone_rule anyone{};
inline constexpr user_rule root{0};
}  // namespace detail

namespace allow {
/// The effective user of this process, and root. The default of listeners and
/// clients.
[[nodiscard]] inline peer_policy same_user() noexcept { return peer_policy{detail::same_user}; }
/// Everybody, peers without credentials included. What a socket file's mode and
/// its directories forbid, they forbid still.
[[nodiscard]] inline peer_policy anyone() noexcept { return peer_policy{detail::anyone}; }
/// The user 0.
[[nodiscard]] inline peer_policy root() noexcept { return peer_policy{detail::root}; }
/// One user, and not root. @throws std::bad_alloc, as all of those that follow.
[[nodiscard]] inline peer_policy user(::uid_t uid) {
  return peer_policy{std::make_shared<const detail::user_rule>(uid)};
}
/// Processes whose effective group or one of whose supplementary groups it is (those that
/// they had when they connected). Root is not among them as such.
[[nodiscard]] inline peer_policy group(::gid_t gid) {
  return peer_policy{std::make_shared<const detail::group_rule>(gid)};
}
/// Whoever passes one of them: `any_of(root(), user(33))`.
template <std::same_as<peer_policy>... More>
[[nodiscard]] peer_policy any_of(peer_policy first, More... more) {
  std::vector<peer_policy> parts{std::move(first), std::move(more)...};
  return peer_policy{std::make_shared<const detail::joined_rule>(std::move(parts), false)};
}
/// Whoever passes all of them.
template <std::same_as<peer_policy>... More>
[[nodiscard]] peer_policy all_of(peer_policy first, More... more) {
  std::vector<peer_policy> parts{std::move(first), std::move(more)...};
  return peer_policy{std::make_shared<const detail::joined_rule>(std::move(parts), true)};
}
/// Whoever `decides` says yes to: `bool(const peer_info&)`. It may be asked by several
/// threads at once, and must not wait: it runs in the ring's thread.
/// @param text  who that is, for logs.
template <std::predicate<const peer_info&> Function>
[[nodiscard]] peer_policy when(std::string text, Function decides) {
  return peer_policy{std::make_shared<const detail::function_rule<Function>>(
      std::move(text), std::move(decides))};
}
}  // namespace allow
}  // namespace ringrpc
