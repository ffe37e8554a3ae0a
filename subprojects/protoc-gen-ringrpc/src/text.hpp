// SPDX-License-Identifier: MIT
//
// Filling values into a piece of C++ text. One pass: what was filled in is never
// looked at again, so a comment or name that contains a placeholder stays as it
// is. (libprotoc's Printer reads comments as templates; a lone `$` ends it.)
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace ringrpc::generator {
/// A placeholder's name and its value.
using replacement = std::pair<std::string_view, std::string_view>;

/// Appends `pattern` to `out`, each `@name@` replaced by its value.
/// A name without a value is a mistake in this program: it ends by assertion.
void append(std::string& out, std::string_view pattern, std::initializer_list<replacement> values);
}  // namespace ringrpc::generator
