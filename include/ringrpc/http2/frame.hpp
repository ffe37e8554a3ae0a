// SPDX-License-Identifier: MIT
//
// The nine bytes in front of every HTTP/2 frame (RFC 9113 section 4.1).
#pragma once

#include <cstddef>
#include <cstdint>

#include <ringrpc/base/bytes.hpp>

namespace ringrpc::http2 {
/// The frame types of RFC 9113 section 6. Others may arrive and are ignored.
enum class frame_type : std::uint8_t {
  data = 0x0,
  headers = 0x1,
  priority = 0x2,
  rst_stream = 0x3,
  settings = 0x4,
  push_promise = 0x5,
  ping = 0x6,
  goaway = 0x7,
  window_update = 0x8,
  continuation = 0x9,
};

/// Flag bits; which of them a type has is in RFC 9113 section 6.
namespace frame_flag {
inline constexpr std::uint8_t end_stream = 0x1;   ///< DATA, HEADERS
inline constexpr std::uint8_t ack = 0x1;          ///< SETTINGS, PING
inline constexpr std::uint8_t end_headers = 0x4;  ///< HEADERS, PUSH_PROMISE, CONTINUATION
inline constexpr std::uint8_t padded = 0x8;       ///< DATA, HEADERS, PUSH_PROMISE
}  // namespace frame_flag

/// A frame header. A plain value.
struct frame_header {
  static constexpr std::size_t bytes = 9;  ///< on the wire

  std::uint32_t length = 0;  ///< of the payload, 24 bits
  std::uint8_t type = 0;     ///< a frame_type or an unknown one
  std::uint8_t flags = 0;
  std::int32_t stream_id = 0;  ///< without the reserved bit

  [[nodiscard]] constexpr bool is(frame_type wanted) const noexcept {
    return type == static_cast<std::uint8_t>(wanted);
  }
  [[nodiscard]] constexpr bool has(std::uint8_t flag) const noexcept { return (flags & flag) != 0; }
};

/// Reads the header in the nine bytes at `from`.
[[nodiscard]] constexpr frame_header read_frame_header(const std::byte* from) noexcept {
  return {.length = load_be32(from) >> 8,
          .type = std::to_integer<std::uint8_t>(from[3]),
          .flags = std::to_integer<std::uint8_t>(from[4]),
          .stream_id = static_cast<std::int32_t>(load_be32(from + 5) & 0x7fff'ffff)};
}

/// Writes `header` into the nine bytes at `into`.
constexpr void write_frame_header(std::byte* into, const frame_header& header) noexcept {
  store_be32(into, (header.length << 8) | header.type);
  into[4] = std::byte(header.flags);
  store_be32(into + 5, static_cast<std::uint32_t>(header.stream_id));
}
}  // namespace ringrpc::http2
