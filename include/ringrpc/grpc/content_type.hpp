// SPDX-License-Identifier: MIT
//
// The content type of gRPC (PROTOCOL-HTTP2.md, "Requests"), and which spellings of
// it are spoken here.
#pragma once

#include <cstddef>
#include <string_view>

namespace ringrpc {
/// What requests, and answers to requests without a subtype, say.
inline constexpr std::string_view grpc_content_type = "application/grpc";
/// The same with the name of the codec.
inline constexpr std::string_view grpc_proto_content_type = "application/grpc+proto";

/// Whether `value` is gRPC in a form that is spoken here: "application/grpc", with
/// "+proto" or without, with parameters behind a semicolon or without, in any case.
/// Anything else ("application/grpcx", "application/grpc-web", "+json") is answered
/// with HTTP status 415.
[[nodiscard]] constexpr bool is_grpc_content_type(std::string_view value) noexcept;

/// The content type of the answer to a request of the type `value`, which
/// `is_grpc_content_type` accepts: the same without parameters. Static storage.
[[nodiscard]] constexpr std::string_view answer_content_type(std::string_view value) noexcept;

namespace detail {
constexpr bool equal_ignoring_case(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char lowered = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (lowered != lower[i]) return false;
  }
  return true;
}
constexpr std::string_view media_type_of(std::string_view value) noexcept {
  value = value.substr(0, value.find(';'));
  const std::size_t last = value.find_last_not_of(" \t");
  return value.substr(0, last == std::string_view::npos ? 0 : last + 1);
}
}  // namespace detail

constexpr bool is_grpc_content_type(std::string_view value) noexcept {
  const std::string_view media_type = detail::media_type_of(value);
  return detail::equal_ignoring_case(media_type, grpc_content_type) ||
         detail::equal_ignoring_case(media_type, grpc_proto_content_type);
}

constexpr std::string_view answer_content_type(std::string_view value) noexcept {
  const bool names_codec =
      detail::equal_ignoring_case(detail::media_type_of(value), grpc_proto_content_type);
  return names_codec ? grpc_proto_content_type : grpc_content_type;
}
}  // namespace ringrpc
