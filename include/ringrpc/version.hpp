// SPDX-License-Identifier: MIT
//
// The version of the headers, for messages (user-agent) and for compile-time tests.
#pragma once

#include <string_view>

namespace ringrpc {

/// Semantic version of these headers; equal to the version in meson.build.
inline constexpr int version_major = 0;
inline constexpr int version_minor = 1;
inline constexpr int version_patch = 0;

/// The same as text, "major.minor.patch".
inline constexpr std::string_view version_text = "0.1.0";

}  // namespace ringrpc
