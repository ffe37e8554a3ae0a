// SPDX-License-Identifier: MIT
//
// What a client says about a channel.
#pragma once

#include <chrono>
#include <string_view>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/time.hpp>
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

/// Options of a channel, read when it is made; the texts that they view are copied then.
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

  /// After so long without a byte from the server a connection asks it for a sign of life
  /// by a PING (gRFC A8). By default never: where both are on one machine the kernel
  /// reports a peer's death at once, and only one that hangs is found out by this. Less
  /// than 10 s is 10 s. Doubled when a server says `too_many_pings`.
  duration keepalive_time = duration::max();
  /// When nothing comes for so long after that PING, the connection ends and its calls end
  /// with UNAVAILABLE. At least 1 s.
  duration keepalive_timeout = std::chrono::seconds{20};
  /// Whether it also asks while there are no calls; many servers forbid that.
  bool keepalive_without_calls = false;
  /// After so long without calls the connection is closed (with a GOAWAY) and the channel
  /// is `idle`; the next call connects again. By default never.
  duration idle_timeout = duration::max();
};
static_assert(frame_safe<channel_options> && frame_safe<connection_options> &&
              frame_safe<backoff_options>);
}  // namespace ringrpc::inline RINGRPC_ABI
