// SPDX-License-Identifier: MIT
//
// What is known of the process at the other end of a byte stream: where it is
// connected, and for Unix sockets who the kernel says it is.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ringrpc/ring/io_result.hpp>

namespace ringrpc {
/// Stands for "the kernel does not say": chown(2) reserves these ids, no user and
/// no group has them. (The overflow id 65534 would not do: `nobody` has it.)
inline constexpr ::uid_t unknown_uid = static_cast<::uid_t>(-1);
inline constexpr ::gid_t unknown_gid = static_cast<::gid_t>(-1);

/// Who a process is, as the kernel vouches for it (unix(7), SO_PEERCRED). The
/// ids are those of our own user namespace; one that has no mapping there shows
/// as the overflow id, usually 65534. A plain value, safe in braces.
struct peer_credentials {
  ::uid_t uid = unknown_uid;
  ::gid_t gid = unknown_gid;
  ::pid_t pid = 0;  ///< 0: unknown, such as a process of a pid namespace that we cannot see

  /// The credentials of this process, with its effective ids.
  [[nodiscard]] static peer_credentials of_this_process() noexcept {
    return {.uid = ::geteuid(), .gid = ::getegid(), .pid = ::getpid()};
  }
  /// The credentials of the process that `fd` is connected to, frozen when the
  /// connection was made: on the client's side those of the caller of listen(2).
  /// @param fd  a connected socket; of another family than AF_UNIX: all unknown.
  /// @return errno where `fd` is no socket.
  [[nodiscard]] static io_result<peer_credentials> of_peer(int fd) noexcept {
    ::ucred found{};
    ::socklen_t bytes = sizeof found;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &found, &bytes) != 0) {
      return io_failure(errno);
    }
    return peer_credentials{.uid = found.uid, .gid = found.gid, .pid = found.pid};
  }
};

/// What the kernel says of a peer beside its credentials, from the same moment.
class peer_extras {
public:
  /// Nothing.
  peer_extras() noexcept = default;
  /// @param groups  supplementary ones. @param label  of a security module.
  peer_extras(std::vector<::gid_t> groups, std::string label) noexcept
      : groups_(std::move(groups)), label_(std::move(label)) {}
  /// Of the process that `fd` is connected to (SO_PEERGROUPS, SO_PEERSEC). What the kernel
  /// does not say is left out. @throws std::bad_alloc  where memory is short.
  [[nodiscard]] static peer_extras of_peer(int fd);

  [[nodiscard]] const std::vector<::gid_t>& groups() const noexcept { return groups_; }
  [[nodiscard]] const std::string& label() const noexcept { return label_; }

private:
  std::vector<::gid_t> groups_;
  std::string label_;
};

/// The other end of a connection. Unknown by default. Immutable; a copy shares
/// one record and may be used on any thread.
class peer_info {
public:
  /// An unknown peer.
  peer_info() noexcept = default;
  /// A peer of which only the address is known.
  explicit peer_info(std::string address) : peer_info(std::move(address), peer_credentials{}) {}
  /// @param address      of the connection, such as `unix:/run/x.sock`.
  /// @param credentials  what the kernel said.
  peer_info(std::string address, const peer_credentials& credentials, peer_extras extras = {})
      : known_(std::make_shared<const record>(std::move(address), credentials,
                                              std::move(extras))) {}
  /// All that the kernel says of the process that a socket is connected to.
  /// @return errno where `fd` is no socket. @throws std::bad_alloc  where memory is short.
  [[nodiscard]] static io_result<peer_info> of_socket(std::string address, int fd) {
    const io_result<peer_credentials> found = peer_credentials::of_peer(fd);
    if (!found) return failure{found.error()};
    return peer_info{std::move(address), *found, peer_extras::of_peer(fd)};
  }

  /// Whether the kernel said who the peer is.
  [[nodiscard]] bool has_credentials() const noexcept { return uid() != unknown_uid; }
  /// The peer's effective user when it connected (or listened); `unknown_uid`
  /// without credentials. Compare only after `has_credentials()`, or by a policy.
  [[nodiscard]] ::uid_t uid() const noexcept { return credentials().uid; }
  /// Its effective group; `unknown_gid` without credentials.
  [[nodiscard]] ::gid_t gid() const noexcept { return credentials().gid; }
  /// Its process; 0 where unknown. For logs only: the number may have passed on
  /// to another process by now.
  [[nodiscard]] ::pid_t pid() const noexcept { return credentials().pid; }
  /// Its supplementary groups at that moment, in the kernel's order; empty where unknown.
  /// Valid as long as any copy of this object.
  [[nodiscard]] std::span<const ::gid_t> groups() const noexcept {
    return known_ ? std::span<const ::gid_t>{known_->extras.groups()}
                  : std::span<const ::gid_t>{};
  }
  /// Whether `group` is its effective group or one of its supplementary ones.
  [[nodiscard]] bool is_in_group(::gid_t group) const noexcept {
    if (group == unknown_gid) return false;
    const std::span<const ::gid_t> more = groups();
    return gid() == group || std::find(more.begin(), more.end(), group) != more.end();
  }
  /// What a security module of the kernel (SELinux, AppArmor, Smack) calls it; empty
  /// where there is none, and on socket pairs. Valid as `groups()`.
  [[nodiscard]] std::string_view label() const noexcept {
    return known_ ? std::string_view{known_->extras.label()} : std::string_view{};
  }
  [[nodiscard]] peer_credentials credentials() const noexcept {
    return known_ ? known_->credentials : peer_credentials{};
  }
  /// What to print: `unix:/run/x.sock uid=1000 pid=4242`, less what is unknown;
  /// `unknown` for an unknown peer. Lives as long as any copy of this object.
  [[nodiscard]] std::string_view text() const noexcept {
    return known_ ? std::string_view{known_->text} : "unknown";
  }

private:
  struct record {
    record(std::string address, const peer_credentials& of, peer_extras more)
        : text(std::move(address)), credentials(of), extras(std::move(more)) {
      if (of.uid != unknown_uid) text.append(" uid=").append(std::to_string(of.uid));
      if (of.pid != 0) text.append(" pid=").append(std::to_string(of.pid));
    }
    std::string text;
    peer_credentials credentials;
    peer_extras extras;
  };

  std::shared_ptr<const record> known_;
};

inline peer_extras peer_extras::of_peer(int fd) {
  // Linux 4.13 has the first, and not every libc names it.
  constexpr int peer_groups_option = 59;
  peer_extras found;
  ::socklen_t bytes = 0;
  // The size first: it is told by ERANGE, and 0 groups are no error.
  if (::getsockopt(fd, SOL_SOCKET, peer_groups_option, nullptr, &bytes) != 0 && errno == ERANGE) {
    found.groups_.resize(bytes / sizeof(::gid_t));
    if (::getsockopt(fd, SOL_SOCKET, peer_groups_option, found.groups_.data(), &bytes) != 0) {
      bytes = 0;
    }
    found.groups_.resize(bytes / sizeof(::gid_t));
  }
  std::array<char, 256> label{};
  bytes = label.size();
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERSEC, label.data(), &bytes) == 0) {
    found.label_.assign(label.data(), std::min<std::size_t>(bytes, label.size()));
    // Smack counts a NUL behind it, SELinux does not.
    found.label_.resize(found.label_.find_last_not_of('\0') + 1);
  }
  return found;
}
}  // namespace ringrpc
