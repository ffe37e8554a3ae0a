// SPDX-License-Identifier: MIT
//
// How the streams ended that were closed last. A frame for a closed stream is
// answered by how it was closed (RFC 9113 section 5.1), but remembering every
// stream would let a peer make memory grow.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ringrpc::http2 {
/// How a stream was closed.
enum class closed_by : std::uint8_t {
  unknown,     ///< never opened, or too long ago to tell
  both_ends,   ///< END_STREAM in both directions: nothing may follow
  our_reset,   ///< frames that were on their way may follow and are ignored
  peer_reset,  ///< what follows is an error of that stream
};

/// A ring of the last closed streams. A plain value of about 300 bytes.
class closed_streams {
public:
  static constexpr std::size_t kept = 64;

  /// Remembers a stream; the oldest is forgotten.
  constexpr void add(std::int32_t id, closed_by how) noexcept {
    ids_[next_] = id;
    how_[next_] = how;
    next_ = (next_ + 1) % kept;
  }
  /// How stream `id` was closed; 64 comparisons, for frames that should not come.
  [[nodiscard]] constexpr closed_by find(std::int32_t id) const noexcept {
    for (std::size_t i = 0; i < kept; ++i) {
      if (ids_[i] == id) return how_[i];
    }
    return closed_by::unknown;
  }

private:
  std::array<std::int32_t, kept> ids_{};
  std::array<closed_by, kept> how_{};
  std::size_t next_ = 0;
};
}  // namespace ringrpc::http2
