// SPDX-License-Identifier: MIT
//
// The five bytes in front of every message (PROTOCOL-HTTP2.md, "Length-Prefixed-
// Message"): a flag, 1 where the message is compressed, and the length.
#pragma once

#include <cstddef>
#include <cstdint>

#include <ringrpc/base/bytes.hpp>

namespace ringrpc {
/// How many bytes a prefix has.
inline constexpr std::size_t message_prefix_bytes = 5;

/// The prefix of a message, as it stands on the wire.
struct message_prefix {
  std::uint8_t flag = 0;           ///< 0: as it is, 1: compressed; anything else is malformed.
  std::uint32_t length_bytes = 0;  ///< of what follows the prefix.
};

/// Writes `prefix` into the five bytes at `into`.
constexpr void encode_message_prefix(std::byte* into, message_prefix prefix) noexcept {
  into[0] = std::byte{prefix.flag};
  store_be32(into + 1, prefix.length_bytes);
}
/// The prefix in the five bytes at `from`; the flag is not checked.
[[nodiscard]] constexpr message_prefix decode_message_prefix(const std::byte* from) noexcept {
  return {std::to_integer<std::uint8_t>(from[0]), load_be32(from + 1)};
}
}  // namespace ringrpc
