// SPDX-License-Identifier: MIT
//
// Where and how to listen on a Unix socket: what users hand to `server.listen`.
#pragma once

#include <sys/socket.h>

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

  /// Whose connections are served; default `allow::same_user()`. (The file's mode
  /// is 0600 whatever the policy is.)
  unix_socket& policy(const peer_policy& allowed) & noexcept {
    policy_ = allowed;
    return *this;
  }
  unix_socket&& policy(const peer_policy& allowed) && noexcept {
    return std::move(policy(allowed));
  }
  /// How many connections may wait to be accepted; default 4096, and never more
  /// than /proc/sys/net/core/somaxconn.
  unix_socket& backlog(int connections_max) & noexcept {
    backlog_ = connections_max;
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
    return unix_listener{home, socket_file{path_, backlog_}, path_, policy_};
  }

private:
  std::string path_;
  peer_policy policy_ = allow::same_user();
  int backlog_ = SOMAXCONN;
};
static_assert(listen_address<unix_socket>);
}  // namespace ringrpc
