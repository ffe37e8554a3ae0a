// SPDX-License-Identifier: MIT
//
// Which names and values are metadata (PROTOCOL-HTTP2.md, "Custom-Metadata"), and
// which header fields belong to the protocol instead.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringrpc {
/// What a user may do with a name.
enum class metadata_use : std::uint8_t {
  hidden,     ///< the protocol's own: neither seen nor set.
  read_only,  ///< seen where a peer sent it, never set.
  open,       ///< the user's.
};
/// One name that the protocol, HTTP or the library has a claim on.
struct reserved_name {
  std::string_view name;
  metadata_use use;
};
/// Names with a meaning of their own. Sources: PROTOCOL-HTTP2.md ("Requests",
/// "Responses"); RFC 9113 section 8.2.2 (fields of one connection); gRFC A6 (retry);
/// isReservedHeader of grpc-go.
inline constexpr std::array reserved_names{
    reserved_name{":authority", metadata_use::read_only},
    reserved_name{"connection", metadata_use::hidden},      // RFC 9113
    reserved_name{"content-length", metadata_use::hidden},  // frames say it
    reserved_name{"content-type", metadata_use::hidden},    // "Requests"
    reserved_name{"grpc-accept-encoding", metadata_use::hidden},
    reserved_name{"grpc-encoding", metadata_use::hidden},
    reserved_name{"grpc-message", metadata_use::hidden},
    reserved_name{"grpc-message-type", metadata_use::hidden},
    reserved_name{"grpc-previous-rpc-attempts", metadata_use::read_only},  // A6: the library's
    reserved_name{"grpc-retry-pushback-ms", metadata_use::open},           // A6: the handler's
    reserved_name{"grpc-status", metadata_use::hidden},
    reserved_name{"grpc-tags-bin", metadata_use::open},  // the application's tracing
    reserved_name{"grpc-timeout", metadata_use::hidden},
    reserved_name{"grpc-trace-bin", metadata_use::open},       // the application's tracing
    reserved_name{"host", metadata_use::hidden},               // gRFC A41
    reserved_name{"keep-alive", metadata_use::hidden},         // RFC 9113
    reserved_name{"proxy-connection", metadata_use::hidden},   // RFC 9113
    reserved_name{"te", metadata_use::hidden},                 // "Requests"
    reserved_name{"transfer-encoding", metadata_use::hidden},  // RFC 9113
    reserved_name{"upgrade", metadata_use::hidden},            // RFC 9113
    reserved_name{"user-agent", metadata_use::read_only},      // "User Agents"
};

/// What a user may do with `name`, a lower-case field name. Names that begin with
/// "grpc-" and have no row are read-only, pseudo fields without a row are hidden.
[[nodiscard]] constexpr metadata_use use_of(std::string_view name) noexcept {
  for (const reserved_name& row : reserved_names) {
    if (row.name == name) return row.use;
  }
  if (name.starts_with(':')) return metadata_use::hidden;
  return name.starts_with("grpc-") ? metadata_use::read_only : metadata_use::open;
}

/// Whether the values of `key` are bytes, base64 on the wire.
[[nodiscard]] constexpr bool is_binary_key(std::string_view key) noexcept {
  return key.ends_with("-bin");
}

/// The rule that `key` breaks, as text ("is empty"); empty where a user may send it.
[[nodiscard]] constexpr std::string_view key_fault(std::string_view key) noexcept {
  if (key.empty()) return "is empty";
  if (key == "-bin") return "has no name before \"-bin\"";
  if (use_of(key) != metadata_use::open) return "is reserved for the protocol";
  for (char c : key) {
    if (c >= 'A' && c <= 'Z') return "has an upper-case letter: keys are lower case";
    const bool allowed =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    if (!allowed) return "has a character that is none of 0-9 a-z _ - .";
  }
  return {};
}

/// The rule that `value` breaks as the value of a key that is not binary, as text;
/// empty where it may be sent.
[[nodiscard]] constexpr std::string_view text_value_fault(std::string_view value) noexcept {
  for (char c : value) {
    if (c < ' ' || c > '~') {
      return "has a byte outside printable ASCII: only keys that end in \"-bin\" carry bytes";
    }
  }
  if (value.starts_with(' ') || value.ends_with(' ')) return "begins or ends with a space";
  return {};
}

/// What one header field counts against SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113
/// section 6.5.2), with the value as it stands on the wire.
[[nodiscard]] constexpr std::size_t header_field_bytes(std::size_t name_bytes,
                                                       std::size_t value_bytes) noexcept {
  return name_bytes + value_bytes + 32;
}
}  // namespace ringrpc
