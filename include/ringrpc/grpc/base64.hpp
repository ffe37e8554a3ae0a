// SPDX-License-Identifier: MIT
//
// Base64 (RFC 4648 section 4) as gRPC writes the values of `-bin` metadata:
// without padding. Read with or without it (PROTOCOL-HTTP2.md, "Requests").
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ringrpc {
/// How many characters encode `bytes` bytes, without padding.
[[nodiscard]] constexpr std::size_t base64_encoded_size(std::size_t bytes) noexcept {
  return bytes / 3 * 4 + (bytes % 3 == 0 ? 0 : bytes % 3 + 1);
}
/// How many bytes `characters` characters decode to at most.
[[nodiscard]] constexpr std::size_t base64_decoded_size_max(std::size_t characters) noexcept {
  return characters / 4 * 3 + characters % 4;
}

/// Encodes `bytes` without padding.
/// @param into  at least `base64_encoded_size(bytes.size())` characters; not `bytes`.
/// @return how many characters were written.
constexpr std::size_t base64_encode(std::span<const std::byte> bytes,
                                    std::span<char> into) noexcept;

/// Decodes `text`, padded or not.
/// @param into  at least `base64_decoded_size_max(text.size())` bytes; may begin
///              where `text` begins.
/// @return how many bytes were written; nothing for a character outside the
///         alphabet, a wrong length, or padding that does not fill up the last four.
[[nodiscard]] constexpr std::optional<std::size_t> base64_decode(
    std::string_view text, std::span<std::byte> into) noexcept;

namespace detail {
inline constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline constexpr std::uint8_t base64_junk = 0xff;
inline constexpr std::array<std::uint8_t, 256> base64_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(base64_junk);
  for (std::size_t i = 0; i < base64_alphabet.size(); ++i) {
    values[static_cast<unsigned char>(base64_alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();
}  // namespace detail

constexpr std::size_t base64_encode(std::span<const std::byte> bytes,
                                    std::span<char> into) noexcept {
  assert(into.size() >= base64_encoded_size(bytes.size()));
  std::size_t written = 0;
  while (!bytes.empty()) {
    const std::size_t taken = bytes.size() < 3 ? bytes.size() : 3;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < taken ? std::to_integer<std::uint32_t>(bytes[i]) : 0);
    }
    for (std::size_t i = 0; i <= taken; ++i) {
      into[written++] = detail::base64_alphabet[group >> (18 - 6 * i) & 63];
    }
    bytes = bytes.subspan(taken);
  }
  return written;
}

constexpr std::optional<std::size_t> base64_decode(std::string_view text,
                                                   std::span<std::byte> into) noexcept {
  if (!text.empty() && text.size() % 4 == 0 && text.back() == '=') {
    text.remove_suffix(text[text.size() - 2] == '=' ? 2 : 1);
  }
  if (text.size() % 4 == 1) return std::nullopt;
  assert(into.size() >= base64_decoded_size_max(text.size()));
  std::size_t written = 0;
  while (!text.empty()) {
    const std::size_t taken = text.size() < 4 ? text.size() : 4;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      std::uint8_t value = 0;
      if (i < taken) value = detail::base64_values[static_cast<unsigned char>(text[i])];
      if (value == detail::base64_junk) return std::nullopt;
      group = group << 6 | value;
    }
    // Bits beyond the last whole byte are not looked at (RFC 4648 section 3.5 leaves
    // it open): what other encoders leave there is no harm.
    for (std::size_t i = 0; i + 1 < taken; ++i) {
      into[written++] = static_cast<std::byte>(group >> (16 - 8 * i) & 0xff);
    }
    text.remove_prefix(taken);
  }
  return written;
}
}  // namespace ringrpc
