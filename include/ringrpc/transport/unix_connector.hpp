// SPDX-License-Identifier: MIT
//
// The client's side of Unix sockets: connects to a path, and looks who listens
// there before anything is said to them.
#pragma once

#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include <ringrpc/base/result.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/sleep.hpp>
#include <ringrpc/ring/socket_address.hpp>
#include <ringrpc/transport/connection_factory.hpp>
#include <ringrpc/transport/owned_socket.hpp>
#include <ringrpc/transport/peer_info.hpp>
#include <ringrpc/transport/policy.hpp>
#include <ringrpc/transport/transport_error.hpp>
#include <ringrpc/transport/unix_path.hpp>
#include <ringrpc/transport/unix_stream.hpp>

namespace ringrpc {
/// A connection factory for the socket at a path. A plain value, of no ring: the
/// context says which. It must outlive its tasks.
class unix_connector {
public:
  /// @param path  of the socket. A relative one is taken relative to the working
  ///              directory of now, unless that makes it longer than a socket's
  ///              path can be; then it stays as it is.
  /// @param server_policy  which servers are trusted. The kernel vouches for the
  ///              process that called listen(2).
  /// @throws std::invalid_argument  for what cannot be a path, with the remedy.
  explicit unix_connector(std::string path, peer_policy server_policy = allow::same_user());

  /// Connects. A full accept queue is waited for until the deadline.
  /// @return errno of connect(2) (ENOENT: nothing at the path, ECONNREFUSED: nobody
  ///         listens, EACCES), `transport_error::accept_queue_full`,
  ///         `transport_error::server_refused`, or `operation_canceled` after a stop.
  [[nodiscard]] task<io_result<unix_stream>> connect(const connect_context& context) const;

  /// Where it connects to, absolute where that was possible.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
  std::string path_;
  peer_policy server_policy_;
};
static_assert(connection_factory<unix_connector> && connection_factory<const unix_connector>);

namespace detail {
/// `path` below the working directory, where that fits into a socket's path.
inline std::string absolute_unix_path(std::string path) {
  if (path.starts_with('/')) return path;
  std::array<char, PATH_MAX> here{};
  if (::getcwd(here.data(), here.size()) == nullptr || here[0] != '/') return path;
  std::string absolute = std::string{here.data()} + '/' + path;
  return absolute.size() <= unix_path_bytes_max ? absolute : path;
}
}  // namespace detail

inline unix_connector::unix_connector(std::string path, peer_policy server_policy)
    : server_policy_(std::move(server_policy)) {
  const basic_result<void, std::string> checked = check_unix_path(path);
  if (!checked) throw std::invalid_argument{checked.error()};
  path_ = detail::absolute_unix_path(std::move(path));
}

inline task<io_result<unix_stream>> unix_connector::connect(const connect_context& context) const {
  using std::chrono::milliseconds;
  constexpr duration wait_max = milliseconds{100};
  ring& home = *context.home;
  if (home.kernel().kind() == backend_kind::simulated) {
    co_return failure<std::error_code>{transport_error::needs_kernel};
  }
  owned_socket socket{home,
                      ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket) co_return io_failure(errno);
  const socket_address to = unix_socket_address(path_);
  // A Unix socket connects at once or not at all. With a full accept queue it polls
  // writable nevertheless, so there is nothing to wait for but time.
  for (duration wait = milliseconds{1};; wait = std::min(wait * 2, wait_max)) {
    if (context.stop.stop_requested()) co_return io_failure(ECANCELED);
    const int result = home.kernel().try_connect(socket.get(), to);
    if (result == 0) break;
    if (result != -EAGAIN) co_return io_failure(-result);
    const time_point now = home.kernel().now();
    if (now >= context.deadline) {
      co_return failure<std::error_code>{transport_error::accept_queue_full};
    }
    // Half of it by chance: many who wait must not come back all at once for one place.
    const duration jitter{static_cast<duration::rep>(home.random() >> 1) % (wait.count() / 2)};
    const time_point again = saturating_add(now, wait / 2 + jitter);
    const bool slept = co_await sleep_until(std::min(again, context.deadline));
    if (!slept) co_return io_failure(ECANCELED);
  }
  io_result<peer_info> server = peer_info::of_socket("unix:" + path_, socket.get());
  if (!server) co_return failure{server.error()};
  if (!server_policy_.allows(*server)) {
    co_return failure<std::error_code>{transport_error::server_refused};
  }
  co_return unix_stream{std::move(socket), std::move(*server)};
}
}  // namespace ringrpc
