// SPDX-License-Identifier: MIT
//
// How the layers above name a stream of one connection.
#pragma once

#include <cstdint>

namespace ringrpc::http2 {
/// Names one stream of one engine. A plain value. After the stream's `on_closed`
/// it is stale: every member of the engine ignores it, although the slot may
/// serve another stream by then.
struct stream_ref {
  std::uint32_t slot = 0;        ///< place in the engine's table; small, reused
  std::uint32_t generation = 0;  ///< of the slot's use; 0 is no stream
  std::int32_t id = 0;           ///< of the wire (RFC 9113 section 5.1.1)

  /// Whether this names a stream, maybe one that is gone.
  explicit constexpr operator bool() const noexcept { return generation != 0; }
  friend constexpr bool operator==(const stream_ref&, const stream_ref&) noexcept = default;
};
}  // namespace ringrpc::http2
