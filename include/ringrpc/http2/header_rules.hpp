// SPDX-License-Identifier: MIT
//
// Which header blocks are malformed (RFC 9113 sections 8.2 and 8.3), as pure
// functions. The HTTP/2 library's own checks are off, for they refuse values of
// `:authority` that gRPC clients on Unix sockets do send: a path, or nothing.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include <ringrpc/http2/headers.hpp>

namespace ringrpc::http2 {
namespace detail {
/// Which bytes may be in a field's name (RFC 9113 section 8.2.1).
inline constexpr std::array<bool, 256> name_bytes = [] {
  std::array<bool, 256> allowed{};
  for (std::size_t c = '!'; c < 0x7f; ++c) allowed[c] = (c < 'A' || c > 'Z') && c != ':';
  return allowed;
}();

/// Whether one of eight bytes is zero.
[[nodiscard]] constexpr bool any_zero_byte(std::uint64_t bytes) noexcept {
  return ((bytes - 0x0101'0101'0101'0101) & ~bytes & 0x8080'8080'8080'8080) != 0;
}
}  // namespace detail

/// Whether `name` may be the name of a field that is no pseudo field: not empty,
/// no upper case, control, space, ':' or non-ASCII byte (RFC 9113 section 8.2.1).
[[nodiscard]] constexpr bool valid_field_name(std::string_view name) noexcept {
  for (const char c : name) {
    if (!detail::name_bytes[static_cast<unsigned char>(c)]) return false;
  }
  return !name.empty();
}

/// Whether `value` may be a field's value: no NUL, CR or LF. Spaces and tabs at
/// its ends are borne (RFC 9113 section 8.2.1 forbids sending them).
[[nodiscard]] inline bool valid_field_value(std::string_view value) noexcept {
  // Eight bytes at a time: every header of every call comes by here.
  while (value.size() >= sizeof(std::uint64_t)) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, value.data(), sizeof bytes);
    constexpr std::uint64_t each = 0x0101'0101'0101'0101;
    if (detail::any_zero_byte(bytes) || detail::any_zero_byte(bytes ^ each * '\r') ||
        detail::any_zero_byte(bytes ^ each * '\n')) {
      return false;
    }
    value.remove_prefix(sizeof bytes);
  }
  for (const char c : value) {
    if (c == '\0' || c == '\r' || c == '\n') return false;
  }
  return true;
}

/// What a look at a whole header block found.
struct block_findings {
  /// Why the block is malformed; empty: it is not. Static storage.
  std::string_view malformed{};
  bool duplicate_authority = false;  ///< of a request, see header_block
  int status = 0;                    ///< of a response, 100 to 999
  std::int64_t content_length = -1;  ///< announced body size; -1: none
};

namespace detail {
enum class known_field : std::uint8_t {
  other, authority, method, path, scheme, status, te, host, content_length, of_connection
};
struct named_field {
  std::string_view name;
  known_field field;
};
inline constexpr std::array<named_field, 13> known_fields{{
    {"te", known_field::te},
    {"host", known_field::host},
    {":path", known_field::path},
    {":method", known_field::method},
    {":scheme", known_field::scheme},
    {":status", known_field::status},
    {":authority", known_field::authority},
    {"content-length", known_field::content_length},
    // RFC 9113 section 8.2.2: they belong to a connection of HTTP/1.
    {"upgrade", known_field::of_connection},
    {"connection", known_field::of_connection},
    {"keep-alive", known_field::of_connection},
    {"proxy-connection", known_field::of_connection},
    {"transfer-encoding", known_field::of_connection},
}};
inline constexpr std::size_t known_length_max = 17;
/// For each length the rows of `known_fields` that have it, as bits.
inline constexpr std::array<std::uint16_t, known_length_max + 1> rows_of_length = [] {
  std::array<std::uint16_t, known_length_max + 1> rows{};
  for (std::size_t row = 0; row < known_fields.size(); ++row) {
    std::uint16_t& bits = rows[known_fields[row].name.size()];
    bits = static_cast<std::uint16_t>(bits | 1U << row);
  }
  return rows;
}();
[[nodiscard]] constexpr known_field known_field_of(std::string_view name) noexcept {
  if (name.size() > known_length_max) return known_field::other;
  for (unsigned rows = rows_of_length[name.size()]; rows != 0; rows &= rows - 1) {
    const named_field& known = known_fields[static_cast<std::size_t>(std::countr_zero(rows))];
    if (known.name == name) return known.field;
  }
  return known_field::other;
}

/// `1*DIGIT` below 10^18; -1 for anything else.
[[nodiscard]] constexpr std::int64_t parse_length(std::string_view text) noexcept {
  if (text.empty() || text.size() > 18) return -1;
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// Whether `value` is `trailers` in any case (RFC 9110 section 10.1.4).
[[nodiscard]] constexpr bool is_trailers(std::string_view value) noexcept {
  constexpr std::string_view wanted = "trailers";
  if (value.size() != wanted.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const char c = value[i] >= 'A' && value[i] <= 'Z' ? static_cast<char>(value[i] + 32) : value[i];
    if (c != wanted[i]) return false;
  }
  return true;
}

/// The state of one pass over a block.
class block_checker {
public:
  block_findings run(std::span<const header_field> fields, block_kind kind,
                     bool too_large) noexcept {
    for (const header_field& field : fields) {
      const std::string_view wrong = look_at(field, kind);
      if (!wrong.empty()) return {wrong, false, 0, -1};
    }
    const bool request = kind == block_kind::request;
    if (request && !too_large && !(has_[method] && has_[path] && has_[scheme])) {
      return {"a request needs :method, :scheme and :path", false, 0, -1};
    }
    if (kind == block_kind::response && found_.status == 0) {
      return {"a response needs :status", false, 0, -1};
    }
    return found_;
  }

private:
  using enum known_field;
  // Flags by known_field.
  struct flags {
    std::array<bool, 10> set{};
    constexpr bool& operator[](known_field f) noexcept { return set[static_cast<std::size_t>(f)]; }
  };

  std::string_view look_at(const header_field& field, block_kind kind) noexcept {
    if (!valid_field_value(field.value)) return "a header value has NUL, CR or LF";
    const known_field known = known_field_of(field.name);
    if (!field.name.empty() && field.name.front() == ':') return pseudo(field, known, kind);
    regular_ = true;
    if (known == other) {
      if (!valid_field_name(field.name)) return "a header name has a wrong character";
      return {};
    }
    return special(field, known, kind);
  }

  constexpr std::string_view pseudo(const header_field& field, known_field known,
                                    block_kind kind) noexcept {
    if (kind == block_kind::trailers) return "trailers have a pseudo header";
    if (regular_) return "a pseudo header follows a regular one";
    const bool request = kind == block_kind::request;
    if (known == other || request == (known == status)) return "an unknown pseudo header";
    const bool twice = has_[known];
    has_[known] = true;
    if (known == authority) {
      found_.duplicate_authority |= twice;  // gRFC A41 wants an answer with a status
      return {};
    }
    if (twice) return "a pseudo header comes twice";
    if (known == path && field.value.empty()) return ":path is empty";
    if (known == status) {
      const std::int64_t code = field.value.size() == 3 ? parse_length(field.value) : -1;
      if (code < 100) return ":status is no number of three digits";
      found_.status = static_cast<int>(code);
    }
    return {};
  }

  constexpr std::string_view special(const header_field& field, known_field known,
                                     block_kind kind) noexcept {
    switch (known) {
      case of_connection: return "a header belongs to a connection of HTTP/1";
      case te: return is_trailers(field.value) ? std::string_view{} : "te is not trailers";
      case host:
        found_.duplicate_authority |= has_[host] && kind == block_kind::request;
        has_[host] = true;
        return {};
      case content_length: {
        const std::int64_t length = parse_length(field.value);
        if (length < 0) return "content-length is no number";
        if (found_.content_length >= 0 && found_.content_length != length) {
          return "two content-length headers disagree";
        }
        found_.content_length = length;
        return {};
      }
      case other:
      case authority:
      case method:
      case path:
      case scheme:
      case status: break;
    }
    return {};
  }

  flags has_;
  bool regular_ = false;
  block_findings found_;
};
}  // namespace detail

/// Looks at a whole block.
/// @param kind  request, response (also for one that may prove informational), or
///        trailers.
/// @param too_large  fields are missing at the end, so none is asked for in a request.
[[nodiscard]] inline block_findings check_block(std::span<const header_field> fields,
                                                block_kind kind, bool too_large) noexcept {
  return detail::block_checker{}.run(fields, kind, too_large);
}
}  // namespace ringrpc::http2
