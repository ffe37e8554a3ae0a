// SPDX-License-Identifier: MIT
//
// Where to listen without a file: what users hand to `server.listen`.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include <ringrpc/base/result.hpp>
#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/socket_address.hpp>
#include <ringrpc/transport/address.hpp>
#include <ringrpc/transport/inet_address.hpp>
#include <ringrpc/transport/listen_error.hpp>
#include <ringrpc/transport/listener.hpp>
#include <ringrpc/transport/owned_socket.hpp>
#include <ringrpc/transport/policy.hpp>
#include <ringrpc/transport/socket_listener.hpp>
#include <ringrpc/transport/transport_error.hpp>

namespace ringrpc {
/// An address without a file, and who may connect. A plain value:
///
///     server.listen(listen_socket{"ipv4:127.0.0.1:0", allow::anyone()});
///
/// The policy must be said: every user of the machine, and every container on its network,
/// reaches an abstract socket, and TCP tells nothing of who connects.
class listen_socket {
public:
  /// @param text  `unix-abstract:name`, `ipv4:...`, `ipv6:...`, `dns:localhost:...` or
  ///              `vsock:cid:port`, as `parse_address` takes it; checked by `open`. Port 0
  ///              of TCP: one that is free, which the listener's `text()` tells.
  listen_socket(std::string text, peer_policy allowed) noexcept
      : text_(std::move(text)), policy_(std::move(allowed)) {}

  /// How many connections may wait to be accepted; default 4096, and never more
  /// than /proc/sys/net/core/somaxconn.
  listen_socket& backlog(int connections_max) & noexcept {
    backlog_ = connections_max;
    return *this;
  }
  listen_socket&& backlog(int connections_max) && noexcept {
    return std::move(backlog(connections_max));
  }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  /// Binds and listens.
  /// @param home  where the listener's tasks will run; must outlive the listener.
  /// @throws listen_error  what is wrong and what would be right.
  [[nodiscard]] socket_listener open(ring& home) const;

private:
  [[noreturn]] void refuse(const std::string& why, int error) const {
    throw listen_error{text_, why, errno_code(error)};
  }

  std::string text_;
  peer_policy policy_;
  int backlog_ = SOMAXCONN;
};

inline socket_listener listen_socket::open(ring& home) const {
  if (home.kernel().kind() == backend_kind::simulated) {
    const std::error_code code = transport_error::needs_kernel;
    throw listen_error{text_, code.message(), code};
  }
  const basic_result<address, std::string> where = parse_address(text_);
  if (!where) refuse(where.error(), EINVAL);
  if (where->kind() == address_kind::unix_path) {
    refuse("it is a socket file; listen on a unix_socket, which sees to the file", EINVAL);
  }
  const int family = where->to().family();
  owned_socket made{home, ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const auto failed = [&](const char* what) {
    const int error = errno;
    refuse(std::string{what} + ": " + errno_code(error).message() +
               (error == EADDRINUSE ? "; stop who listens there, or choose another one" : ""),
           error);
  };
  if (!made) failed("no socket can be made");
  if (where->kind() == address_kind::inet) {
    // Connections of a server that has ended would keep the port for a minute.
    const int on = 1;
    static_cast<void>(::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
  }
  if (::bind(made.get(), where->to().data(), where->to().size()) != 0) failed("cannot bind");
  if (::listen(made.get(), backlog_) != 0) failed("cannot listen");
  std::string bound = where->text();
  if (where->kind() == address_kind::inet) {
    ::sockaddr_storage name{};
    ::socklen_t bytes = sizeof name;
    if (::getsockname(made.get(), reinterpret_cast<::sockaddr*>(&name), &bytes) == 0) {
      bound = inet_text(socket_address{&name, bytes});
    }
  }
  return socket_listener{std::move(made), std::move(bound), policy_};
}
static_assert(listen_address<listen_socket>);
}  // namespace ringrpc
