// SPDX-License-Identifier: MIT
//
// Where the library says what went wrong without anybody asking. Texts never
// contain metadata values or message bytes.
#pragma once

#include <cstdio>
#include <string_view>

namespace ringrpc {
/// How much a text matters; the order is that of importance.
enum class log_level : unsigned char { debug, info, warning, error };

/// Receives each text of one ring, without a newline. Called on the ring's
/// thread. The text is valid during the call only.
using log_sink = void (*)(log_level level, std::string_view text) noexcept;

/// The name of `level`, such as `warning`.
[[nodiscard]] constexpr std::string_view name_of(log_level level) noexcept {
  switch (level) {
    case log_level::debug: return "debug";
    case log_level::info: return "info";
    case log_level::warning: return "warning";
    case log_level::error: return "error";
  }
  return "unknown";
}

/// The default sink: one line on standard error for warnings and errors.
inline void log_to_stderr(log_level level, std::string_view text) noexcept {
  if (level < log_level::warning) return;
  const std::string_view name = name_of(level);
  std::fprintf(stderr, "ringrpc: %.*s: %.*s\n", static_cast<int>(name.size()), name.data(),
               static_cast<int>(text.size()), text.data());
}
}  // namespace ringrpc
