// SPDX-License-Identifier: MIT
//
// What a server holds at a moment: for graphs, and for tests of its bounds.
#pragma once

#include <cstdint>

#include <ringrpc/base/config.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// Sums over all connections of a server. A plain value.
struct server_counters {
  /// Connections, those included that only wait for their last handler.
  std::uint32_t connections = 0;
  /// Calls that are known: their stream is open or their handler runs.
  std::uint32_t calls = 0;
  /// Memory of messages that came in part or were not taken yet, in bytes.
  std::uint64_t held_bytes = 0;
  /// Payload that is queued and was not handed to a transport yet, in bytes.
  std::uint64_t queued_bytes = 0;
};
}  // namespace ringrpc::inline RINGRPC_ABI
