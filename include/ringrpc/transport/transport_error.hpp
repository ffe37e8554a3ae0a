// SPDX-License-Identifier: MIT
//
// The failures of transports that no errno names, as a std::error_category of
// their own. What the kernel says stays in std::system_category.
#pragma once

#include <string>
#include <system_error>

namespace ringrpc {
/// Why a transport failed. 0 is left out: it means success in an error_code.
enum class transport_error {
  /// The listener's policy does not allow this client (listener side).
  peer_refused = 1,
  /// The process that listens is not one the client's policy allows; nothing was
  /// sent to it (client side).
  server_refused = 2,
  /// A Unix listener's accept queue stayed full until the deadline.
  accept_queue_full = 3,
  /// The ring is simulated and this transport needs the kernel.
  needs_kernel = 4,
  /// The server has as many connections as it may (server side).
  too_many_connections = 5,
};

/// The category of `transport_error`. Lives until the process ends.
[[nodiscard]] const std::error_category& transport_category() noexcept;

/// What makes `std::error_code e = transport_error::peer_refused` work.
[[nodiscard]] inline std::error_code make_error_code(transport_error error) noexcept {
  return {static_cast<int>(error), transport_category()};
}

namespace detail {
class transport_category_type final : public std::error_category {
public:
  const char* name() const noexcept override { return "ringrpc.transport"; }
  std::string message(int value) const override {
    switch (static_cast<transport_error>(value)) {
      case transport_error::peer_refused:
        return "the listener's policy does not allow this peer";
      case transport_error::server_refused:
        return "the server runs as a user that is not trusted; nothing was sent to it "
               "(by default it must be this process's user or root)";
      case transport_error::accept_queue_full:
        return "accept queue full until the deadline: the server does not accept connections fast "
               "enough";
      case transport_error::needs_kernel:
        return "Unix sockets with a path need the kernel and this ring is simulated; use "
               "memory_transport or socket_pair";
      case transport_error::too_many_connections:
        return "too many connections";
    }
    return "unknown transport error " + std::to_string(value);
  }
};
}  // namespace detail

inline const std::error_category& transport_category() noexcept {
  // Never destroyed: an error_code may be looked at while statics are going.
  static const detail::transport_category_type& category = *new detail::transport_category_type;
  return category;
}
}  // namespace ringrpc

/// Lets a `transport_error` become a std::error_code by itself.
template <>
struct std::is_error_code_enum<ringrpc::transport_error> : std::true_type {};
