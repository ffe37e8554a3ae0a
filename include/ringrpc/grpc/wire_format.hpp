// SPDX-License-Identifier: MIT
//
// The little of protobuf's wire format that rich status and the standard services need,
// by hand: varints and length-delimited fields (protobuf's encoding.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/base/config.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// How many bytes `value` has as a varint.
[[nodiscard]] constexpr std::size_t varint_size(std::uint64_t value) noexcept {
  std::size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}
/// Writes `value`. @return behind its last byte.
constexpr std::byte* write_varint(std::byte* into, std::uint64_t value) noexcept {
  for (; value >= 0x80; value >>= 7) *into++ = static_cast<std::byte>((value & 0x7f) | 0x80);
  *into++ = static_cast<std::byte>(value);
  return into;
}
/// Takes a varint off the front of `from`. @return nothing where it is malformed.
[[nodiscard]] constexpr std::optional<std::uint64_t> take_varint(
    std::span<const std::byte>& from) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < from.size() && i < 10; ++i) {
    const auto byte = std::to_integer<std::uint64_t>(from[i]);
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      from = from.subspan(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

/// Size of a string field with a number below 16; an empty one is not written.
[[nodiscard]] constexpr std::size_t wire_string_size(std::string_view text) noexcept {
  return text.empty() ? 0 : 1 + varint_size(text.size()) + text.size();
}
/// Writes a string field. @return behind it.
inline std::byte* write_wire_string(std::byte* into, unsigned number,
                                    std::string_view text) noexcept {
  if (text.empty()) return into;
  *into++ = static_cast<std::byte>(number << 3 | 2);
  into = write_varint(into, text.size());
  std::memcpy(into, text.data(), text.size());
  return into + text.size();
}

/// One field as it was parsed.
struct wire_field {
  std::uint64_t number = 0;
  unsigned type = 0;
  std::uint64_t varint = 0;            // of type 0
  std::span<const std::byte> bytes{};  // of type 2

  [[nodiscard]] bool is_varint() const noexcept { return type == 0; }
  [[nodiscard]] bool is_bytes() const noexcept { return type == 2; }
  [[nodiscard]] std::string_view text() const noexcept { return as_text(bytes); }
};

/// Calls `visit` for each field; unknown ones are for it to pass over.
/// @return false where the bytes are no message.
template <class Visitor>
[[nodiscard]] bool parse_wire_fields(std::span<const std::byte> from, Visitor&& visit) {
  while (!from.empty()) {
    const std::optional<std::uint64_t> tag = take_varint(from);
    if (!tag || *tag >> 3 == 0) return false;
    wire_field field{*tag >> 3, static_cast<unsigned>(*tag & 7)};
    std::size_t fixed_bytes = 0;
    switch (field.type) {
      case 0: {
        const std::optional<std::uint64_t> value = take_varint(from);
        if (!value) return false;
        field.varint = *value;
        break;
      }
      case 1:
        fixed_bytes = 8;
        break;
      case 2: {
        const std::optional<std::uint64_t> size = take_varint(from);
        if (!size || *size > from.size()) return false;
        field.bytes = from.first(static_cast<std::size_t>(*size));
        from = from.subspan(field.bytes.size());
        break;
      }
      case 5:
        fixed_bytes = 4;
        break;
      default:
        return false;  // groups are not used by any standard service
    }
    if (fixed_bytes > from.size()) return false;
    from = from.subspan(fixed_bytes);
    visit(field);
  }
  return true;
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI
