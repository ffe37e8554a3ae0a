// SPDX-License-Identifier: MIT
//
// The user-agent header (PROTOCOL-HTTP2.md, "User Agents").
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <ringrpc/grpc/result.hpp>
#include <ringrpc/grpc/status.hpp>
#include <ringrpc/version.hpp>

namespace ringrpc {
namespace detail {
inline constexpr std::string_view user_agent_product = "grpc-c++-ringrpc/";
inline constexpr std::array user_agent_characters = [] {
  std::array<char, user_agent_product.size() + version_text.size()> characters{};
  std::size_t written = 0;
  for (char character : user_agent_product) characters[written++] = character;
  for (char character : version_text) characters[written++] = character;
  return characters;
}();
}  // namespace detail

/// What a client says that has no name of its own: "grpc-c++-ringrpc/0.1.0".
inline constexpr std::string_view user_agent{detail::user_agent_characters.data(),
                                             detail::user_agent_characters.size()};

/// The user-agent of an application that names itself, its name first.
/// @param application  such as "frontend/2.1"; may be empty.
/// @return INTERNAL for a name with characters outside printable ASCII, or with
///         spaces at its ends: it is no field value (RFC 9113 section 8.2.1).
/// @throws std::bad_alloc  where memory is short.
inline result<std::string> make_user_agent(std::string_view application) {
  for (char character : application) {
    if (character < ' ' || character > '~') {
      return internal("the application's name in user-agent must be printable ASCII");
    }
  }
  if (application.starts_with(' ') || application.ends_with(' ')) {
    return internal("the application's name in user-agent must not begin or end with a space");
  }
  std::string text{application};
  if (!text.empty()) text += ' ';
  text += user_agent;
  return text;
}
}  // namespace ringrpc
