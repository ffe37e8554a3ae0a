// SPDX-License-Identifier: MIT
//
// What a server promises and bears.
#pragma once

#include <cstdint>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/rpc/connection_options.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// Options of a server. A plain value.
struct server_options {
  /// Limits of each connection.
  connection_options connection{};
  /// Connections at once. One whose handlers still run counts until the last ended.
  std::uint32_t connections = 1024;
  /// The same of one user; 0: three quarters of `connections`, so that no user can
  /// lock the others out. Not applied where the peer is unknown.
  std::uint32_t connections_per_uid = 0;
  /// Until a connection is established (policy, handshakes of its transport).
  duration establish_time = std::chrono::seconds{5};

  /// How long the server waits after an accept that failed for lack of descriptors or
  /// memory: that goes by, and an immediate retry would burn the processor.
  duration accept_pause = std::chrono::milliseconds{100};

  [[nodiscard]] constexpr std::uint32_t connections_of_one_uid() const noexcept {
    return connections_per_uid != 0 ? connections_per_uid : connections - connections / 4;
  }
};
static_assert(frame_safe<server_options>);
}  // namespace ringrpc::inline RINGRPC_ABI
