// SPDX-License-Identifier: MIT
//
// What a client says about one call.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/grpc/metadata.hpp>
#include <ringrpc/grpc/result.hpp>
#include <ringrpc/grpc/status.hpp>

namespace ringrpc::inline RINGRPC_ABI {
class server_context;

/// Options of one call, written in braces: `{.timeout = 200ms}`. Read when the
/// call is made; what it points to need not live longer, the stop token's source
/// and the parent excepted.
struct call_options {
  /// From the start of the call to its end. By default there is no end; zero or less
  /// has passed already, and the call ends with DEADLINE_EXCEEDED at once.
  duration timeout = duration::max();
  /// The same as a moment of the monotonic clock, such as
  /// `std::chrono::steady_clock::now() + 1s`. The earlier of both, and of the parent's,
  /// holds.
  time_point deadline = never;
  /// Sent as the request's metadata; copied. Null: none.
  const ringrpc::metadata* metadata = nullptr;
  /// Waits for a connection as long as the deadline allows, instead of failing
  /// with UNAVAILABLE when none can be made (gRPC wait-for-ready.md).
  bool wait_for_ready = false;
  /// The encoding of the request's messages, such as "gzip": a name that is in
  /// `connection_options::encodings`, or the call fails with INTERNAL. "identity": none.
  /// Empty: what `connection_options::compression` says. A server that is known not to
  /// accept it gets messages as they are (wire rule 22).
  std::string_view compression{};
  /// Stopping it cancels the call.
  stop_token stop{};
  /// Largest response message, in bytes; 0: the channel's limit.
  std::uint32_t receive_message_bytes_max = 0;
  /// The handler's call on whose behalf this one is made: its deadline and its
  /// stop hold here, too. It must not end before this call does, as it cannot where
  /// the call handle is a local of the handler.
  server_context* parent = nullptr;
};
// Written in braces, and as temporaries, inside awaited expressions.
static_assert(std::is_aggregate_v<call_options> && frame_safe<call_options>);
static_assert(frame_safe<metadata> && frame_safe<status> && frame_safe<result<metadata>>);
}  // namespace ringrpc::inline RINGRPC_ABI
