// SPDX-License-Identifier: MIT
//
// Percent-encoding of the grpc-message trailer (PROTOCOL-HTTP2.md, "Responses"):
// bytes outside printable ASCII and `%` itself become %XX. Spaces at both ends are
// escaped as well, for RFC 9113 section 8.2.1 forbids them in a field value and
// strict peers end the stream.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ringrpc {
/// How many characters `percent_encode` needs for all of `text`; `text.size()` if
/// and only if nothing is to be escaped.
[[nodiscard]] constexpr std::size_t percent_encoded_size(std::string_view text) noexcept;

/// Encodes `text`, upper-case hexadecimal. What does not fit is left off at the
/// border of a UTF-8 character; so a long message is cut, never broken.
/// @param into  `percent_encoded_size(text)` characters hold it all; not `text`.
/// @return how many characters were written.
constexpr std::size_t percent_encode(std::string_view text, std::span<char> into) noexcept;

/// Decodes `text`. Never fails: a `%` without two hexadecimal digits (of either
/// case) behind it stays as it is.
/// @param into  at least `text.size()` characters; may begin where `text` begins.
/// @return how many characters were written.
constexpr std::size_t percent_decode(std::string_view text, std::span<char> into) noexcept;

namespace detail {
/// The part of `text` between the spaces and tabs at its ends.
constexpr std::string_view without_outer_space(std::string_view text) noexcept {
  constexpr std::string_view space = " \t";
  const std::size_t first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return text.substr(text.size());
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}
constexpr bool percent_is_plain(char character) noexcept {
  return character >= ' ' && character <= '~' && character != '%';
}
/// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}
}  // namespace detail

constexpr std::size_t percent_encoded_size(std::string_view text) noexcept {
  const std::string_view inner = detail::without_outer_space(text);
  std::size_t size = 3 * (text.size() - inner.size());
  for (char character : inner) size += detail::percent_is_plain(character) ? 1u : 3u;
  return size;
}

constexpr std::size_t percent_encode(std::string_view text, std::span<char> into) noexcept {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const std::string_view inner = detail::without_outer_space(text);
  const std::size_t inner_begin = static_cast<std::size_t>(inner.data() - text.data());
  const std::size_t inner_end = inner_begin + inner.size();
  std::size_t written = 0;
  std::size_t last_border = 0;  // what was written when the last UTF-8 character began
  for (std::size_t i = 0; i < text.size(); ++i) {
    const unsigned char byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) last_border = written;
    const bool plain = i >= inner_begin && i < inner_end && detail::percent_is_plain(text[i]);
    const std::size_t needed = plain ? 1 : 3;
    if (into.size() - written < needed) {
      written = last_border;
      while (written > 0 && into[written - 1] == ' ') --written;  // an end now, too
      return written;
    }
    if (plain) {
      into[written++] = text[i];
    } else {
      into[written++] = '%';
      into[written++] = digits[byte >> 4];
      into[written++] = digits[byte & 15];
    }
  }
  return written;
}

constexpr std::size_t percent_decode(std::string_view text, std::span<char> into) noexcept {
  assert(into.size() >= text.size());
  std::size_t written = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char character = text[i];
    if (character == '%' && text.size() - i > 2) {
      const int high = detail::hex_value(text[i + 1]);
      const int low = detail::hex_value(text[i + 2]);
      if (high >= 0 && low >= 0) {
        character = static_cast<char>(high * 16 + low);
        i += 2;
      }
    }
    into[written++] = character;
  }
  return written;
}
}  // namespace ringrpc
