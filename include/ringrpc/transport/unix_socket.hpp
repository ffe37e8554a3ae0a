// SPDX-License-Identifier: MIT
//
// Where and how to listen on a Unix socket: what users hand to `server.listen`.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <string>
#include <utility>

#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/transport/listen_error.hpp>
#include <ringrpc/transport/listener.hpp>
#include <ringrpc/transport/policy.hpp>
#include <ringrpc/transport/socket_file.hpp>
#include <ringrpc/transport/transport_error.hpp>
#include <ringrpc/transport/unix_listener.hpp>

namespace ringrpc {
/// A path and its options. A plain value:
///
///     server.listen(unix_socket{"/run/user/1000/greeter.sock"}.backlog(64));
class unix_socket {
public:
  /// @param path  of the socket file, absolute or relative to the working directory
  ///              at `open`. Checked by `open`.
  explicit unix_socket(std::string path) noexcept : path_(std::move(path)) {}

  /// Whose connections are served; default `allow::same_user()`. The file's mode decides
  /// first: who may not write to it cannot connect, whatever the policy is.
  unix_socket& policy(const peer_policy& allowed) & noexcept {
    policy_ = allowed;
    return *this;
  }
  unix_socket&& policy(const peer_policy& allowed) && noexcept {
    return std::move(policy(allowed));
  }
  /// The file's permissions, such as 0660; default 0600. They are there before anybody can
  /// connect, whatever the umask is.
  unix_socket& mode(::mode_t permissions) & noexcept {
    file_.mode = permissions;
    return *this;
  }
  unix_socket&& mode(::mode_t permissions) && noexcept { return std::move(mode(permissions)); }
  /// The file's user; default this process's. It takes root to name another.
  unix_socket& owner(::uid_t user) & noexcept {
    file_.owner = user;
    return *this;
  }
  unix_socket&& owner(::uid_t user) && noexcept { return std::move(owner(user)); }
  /// The file's group; default this process's. It takes root or a member of the group. For
  /// its members to connect: `.mode(0660).group(gid).policy(allow::group(gid))`.
  unix_socket& group(::gid_t members) & noexcept {
    file_.group = members;
    return *this;
  }
  unix_socket&& group(::gid_t members) && noexcept { return std::move(group(members)); }
  /// Listens in a directory, too, in which other users can put something else in the
  /// socket's place; refused by default. Only where clients check who serves them.
  unix_socket& any_directory() & noexcept {
    file_.any_directory = true;
    return *this;
  }
  unix_socket&& any_directory() && noexcept { return std::move(any_directory()); }
  /// How many connections may wait to be accepted; default 4096, and never more
  /// than /proc/sys/net/core/somaxconn.
  unix_socket& backlog(int connections_max) & noexcept {
    file_.backlog = connections_max;
    return *this;
  }
  unix_socket&& backlog(int connections_max) && noexcept {
    return std::move(backlog(connections_max));
  }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// For logs: `unix:/run/x.sock`.
  [[nodiscard]] std::string text() const { return "unix:" + path_; }

  /// Makes the socket file and listens; see `socket_file`.
  /// @param home  where the listener's tasks will run; must outlive the listener.
  /// @throws listen_error  what is wrong and what would be right.
  [[nodiscard]] unix_listener open(ring& home) const {
    if (home.kernel().kind() == backend_kind::simulated) {
      const std::error_code code = transport_error::needs_kernel;
      throw listen_error{text(), code.message(), code};
    }
    return unix_listener{home, socket_file{path_, file_}, path_, policy_};
  }

private:
  std::string path_;
  peer_policy policy_ = allow::same_user();
  socket_file_options file_{};
};
static_assert(listen_address<unix_socket>);
}  // namespace ringrpc
