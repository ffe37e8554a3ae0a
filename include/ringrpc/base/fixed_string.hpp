// SPDX-License-Identifier: MIT
//
// A string literal as a template argument: `unary_method<"/demo.Greeter/SayHello", ...>`.
#pragma once

#include <cstddef>
#include <string_view>

namespace ringrpc {
/// The characters of a literal, without the terminating NUL in `view()`.
template <std::size_t SizeWithNul>
struct fixed_string {
  char characters[SizeWithNul]{};

  // Implicit, and from an array: this is how a literal becomes the argument.
  consteval fixed_string(const char (&literal)[SizeWithNul]) noexcept {
    for (std::size_t i = 0; i < SizeWithNul; ++i) characters[i] = literal[i];
  }
  [[nodiscard]] constexpr std::string_view view() const noexcept {
    return std::string_view{characters, SizeWithNul - 1};
  }
};
template <std::size_t SizeWithNul>
fixed_string(const char (&)[SizeWithNul]) -> fixed_string<SizeWithNul>;
}  // namespace ringrpc
