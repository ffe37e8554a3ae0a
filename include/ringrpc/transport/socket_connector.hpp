// SPDX-License-Identifier: MIT
//
// The client's side of stream sockets without a file: TCP, abstract Unix sockets, vsock.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <utility>

#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/transport/address.hpp>
#include <ringrpc/transport/connection_factory.hpp>
#include <ringrpc/transport/owned_socket.hpp>
#include <ringrpc/transport/peer_info.hpp>
#include <ringrpc/transport/policy.hpp>
#include <ringrpc/transport/transport_error.hpp>
#include <ringrpc/transport/unix_stream.hpp>

namespace ringrpc {
namespace detail {
/// Small frames leave at once: what belongs together is sent together here anyway.
inline void set_no_delay(const owned_socket& socket, int family) noexcept {
  if (family != AF_INET && family != AF_INET6) return;
  const int on = 1;
  static_cast<void>(::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
}
/// Abstract sockets can be taken by any user; of others the kernel knows nothing.
inline peer_policy default_server_policy(const address& of) noexcept {
  return of.kind() == address_kind::unix_abstract ? allow::same_user() : allow::anyone();
}
}  // namespace detail

/// A connection factory for one address. A plain value, of no ring: the context says which.
/// It must outlive its tasks.
class socket_connector {
public:
  /// Trusts, of an abstract socket, servers of the same user and root (any user may have
  /// taken its name); of TCP and vsock, where nothing is known of the server, all.
  /// @param to  no socket file: `unix_connector` is for these.
  explicit socket_connector(address to)
      : socket_connector(to, detail::default_server_policy(to)) {}
  /// @param server_policy  which servers are trusted. @param to  as above.
  socket_connector(address to, peer_policy server_policy) noexcept
      : to_(std::move(to)), server_policy_(std::move(server_policy)) {}

  /// Connects.
  /// @return errno of socket(2) and connect(2) (ECONNREFUSED: nobody listens),
  ///         `transport_error::server_refused`, or `operation_canceled` after a stop.
  [[nodiscard]] task<io_result<unix_stream>> connect(const connect_context& context) const;

  /// Where it connects to.
  [[nodiscard]] const std::string& text() const noexcept { return to_.text(); }

private:
  address to_;
  peer_policy server_policy_;
};
static_assert(connection_factory<socket_connector> &&
              connection_factory<const socket_connector>);

inline task<io_result<unix_stream>> socket_connector::connect(
    const connect_context& context) const {
  ring& home = *context.home;
  if (home.kernel().kind() == backend_kind::simulated) {
    co_return failure<std::error_code>{transport_error::needs_kernel};
  }
  const int family = to_.to().family();
  owned_socket socket{home, ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket) co_return io_failure(errno);
  detail::set_no_delay(socket, family);
  const io_result<void> connected = co_await home.connect(socket.get(), to_.to());
  if (!connected) co_return failure{connected.error()};
  io_result<peer_info> server = peer_info::of_socket(to_.text(), socket.get());
  if (!server) co_return failure{server.error()};
  if (!server_policy_.allows(*server)) {
    co_return failure<std::error_code>{transport_error::server_refused};
  }
  co_return unix_stream{std::move(socket), std::move(*server)};
}
}  // namespace ringrpc
