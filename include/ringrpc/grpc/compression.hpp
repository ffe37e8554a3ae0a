// SPDX-License-Identifier: MIT
//
// The names of message encodings (compression.md) and what to do with one that is
// not spoken here. Identity only: messages go as they are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/short_text.hpp>
#include <ringrpc/grpc/result.hpp>
#include <ringrpc/grpc/status.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// How the messages of one direction of a call are encoded.
enum class compression : std::uint8_t { identity, gzip, deflate };

/// One encoding.
struct compression_row {
  compression encoding;
  std::string_view name;  ///< in grpc-encoding and grpc-accept-encoding.
  bool spoken;            ///< whether this build can read and write it.
};
/// The encodings that have a name here (compression.md, "Compression Method").
inline constexpr std::array compression_rows{
    compression_row{compression::identity, "identity", true},
    compression_row{compression::gzip, "gzip", false},
    compression_row{compression::deflate, "deflate", false},
};
/// The value of grpc-accept-encoding: what is spoken here.
inline constexpr std::string_view accept_encoding_value = "identity";

/// The name of `encoding` on the wire. Static storage.
[[nodiscard]] constexpr std::string_view name(compression encoding) noexcept {
  return compression_rows[static_cast<std::size_t>(encoding)].name;
}

/// The encodings that a peer accepts, from its grpc-accept-encoding. Identity is
/// always accepted. A plain value.
class accepted_encodings {
public:
  constexpr accepted_encodings() noexcept {}
  /// Adds what one grpc-accept-encoding field lists: names between commas, spaces
  /// around them allowed; unknown names are passed over. The field may come more
  /// than once.
  constexpr void add(std::string_view list) noexcept;
  [[nodiscard]] constexpr bool contains(compression encoding) const noexcept {
    return (bits_ >> static_cast<unsigned>(encoding) & 1u) != 0;
  }

private:
  std::uint32_t bits_ = 1u << static_cast<unsigned>(compression::identity);
};

/// The encoding that the grpc-encoding of a request names.
/// @param grpc_encoding  the value, empty where the header is absent: identity.
/// @return UNIMPLEMENTED for one that is not spoken here. The answer carries
///         grpc-accept-encoding with `accept_encoding_value`.
inline result<compression> request_encoding(std::string_view grpc_encoding) noexcept;
/// The same for a response, at the client: INTERNAL for one that is not spoken.
inline result<compression> response_encoding(std::string_view grpc_encoding) noexcept;

constexpr void accepted_encodings::add(std::string_view list) noexcept {
  constexpr std::string_view space = " \t";
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    const std::size_t first = item.find_first_not_of(space);
    if (first == std::string_view::npos) continue;
    item = item.substr(first, item.find_last_not_of(space) - first + 1);
    for (const compression_row& row : compression_rows) {
      if (row.name == item) bits_ |= 1u << static_cast<unsigned>(row.encoding);
    }
  }
}

}  // namespace ringrpc::inline RINGRPC_ABI

namespace ringrpc::detail::inline RINGRPC_ABI {
inline result<compression> spoken_encoding(std::string_view grpc_encoding,
                                           status_code refusal) noexcept {
  if (grpc_encoding.empty()) return compression::identity;
  for (const compression_row& row : compression_rows) {
    if (row.name == grpc_encoding && row.spoken) return row.encoding;
  }
  short_text<160> text;
  text.append("grpc-encoding ").append_quoted(grpc_encoding).append(" is not spoken here, only ");
  return status{refusal, text.append(accept_encoding_value).view()};
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI

namespace ringrpc::inline RINGRPC_ABI {
inline result<compression> request_encoding(std::string_view grpc_encoding) noexcept {
  return detail::spoken_encoding(grpc_encoding, status_code::unimplemented);
}

inline result<compression> response_encoding(std::string_view grpc_encoding) noexcept {
  return detail::spoken_encoding(grpc_encoding, status_code::internal);
}
}  // namespace ringrpc::inline RINGRPC_ABI
