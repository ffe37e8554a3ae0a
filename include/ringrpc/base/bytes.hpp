// SPDX-License-Identifier: MIT
//
// Big-endian integers in byte buffers (the byte order of HTTP/2 and of gRPC's
// message prefix), and text seen as bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ringrpc {
/// The 32-bit integer in the four bytes at `from`.
[[nodiscard]] constexpr std::uint32_t load_be32(const std::byte* from) noexcept {
  return (std::to_integer<std::uint32_t>(from[0]) << 24) |
         (std::to_integer<std::uint32_t>(from[1]) << 16) |
         (std::to_integer<std::uint32_t>(from[2]) << 8) | std::to_integer<std::uint32_t>(from[3]);
}
/// Writes `value` into the four bytes at `into`.
constexpr void store_be32(std::byte* into, std::uint32_t value) noexcept {
  into[0] = std::byte(value >> 24);
  into[1] = std::byte(value >> 16 & 0xff);
  into[2] = std::byte(value >> 8 & 0xff);
  into[3] = std::byte(value & 0xff);
}
/// The bytes of `text`, which must outlive the view.
[[nodiscard]] inline std::span<const std::byte> as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
/// `bytes` as text, byte for byte; they must outlive the view.
[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
}  // namespace ringrpc
