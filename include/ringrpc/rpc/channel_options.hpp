// SPDX-License-Identifier: MIT
//
// What a client says about a channel.
#pragma once

#include <string_view>

#include <ringrpc/base/config.hpp>
#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/rpc/backoff.hpp>
#include <ringrpc/rpc/connection_options.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// The connectivity of a channel (gRPC's connectivity-semantics-and-api.md).
enum class channel_state : unsigned char {
  idle,               ///< no connection, and none wanted
  connecting,         ///< a first connection is being made
  ready,              ///< calls go out
  transient_failure,  ///< the last attempt failed; calls fail until the next one
  shutdown,           ///< closed
};

/// Options of a channel, read when it is made; what they point to is copied then.
struct channel_options {
  /// Limits of its connections.
  connection_options connection{};
  /// Waits between attempts to connect.
  backoff_options backoff{};
  /// The `:authority` of calls.
  std::string_view authority = "localhost";
  /// The application's own name, such as "frontend/2.1": first in the user-agent of calls.
  /// Printable ASCII without spaces at its ends.
  std::string_view application{};
};
static_assert(frame_safe<channel_options> && frame_safe<connection_options> &&
              frame_safe<backoff_options>);
}  // namespace ringrpc::inline RINGRPC_ABI
