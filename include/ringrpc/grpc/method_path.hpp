// SPDX-License-Identifier: MIT
//
// The `:path` of a call (PROTOCOL-HTTP2.md, "Requests"): "/package.Service/Method".
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace ringrpc {
/// The two names in a path. Views into the text that was parsed.
struct method_path {
  std::string_view service;  ///< with its package: "demo.Greeter".
  std::string_view method;   ///< "SayHello".
};

/// Splits `path` at its last slash, as the packages of some peers hold slashes.
/// Names are compared by case and by nothing else; no character is refused here.
/// @return nothing without a leading slash, without a second one, or with an empty
///         name: such a call is answered UNIMPLEMENTED.
[[nodiscard]] constexpr std::optional<method_path> parse_method_path(
    std::string_view path) noexcept {
  if (!path.starts_with('/')) return std::nullopt;
  const std::size_t last_slash = path.rfind('/');
  if (last_slash < 2 || last_slash + 1 == path.size()) return std::nullopt;
  return method_path{path.substr(1, last_slash - 1), path.substr(last_slash + 1)};
}
}  // namespace ringrpc
