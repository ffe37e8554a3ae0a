// SPDX-License-Identifier: MIT
//
// The value of the grpc-timeout header (PROTOCOL-HTTP2.md, "Requests"): one to
// eight digits and a unit. No clock: the caller turns deadlines into spans.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include <ringrpc/base/time.hpp>

namespace ringrpc {
/// The longest value: eight digits and the unit.
inline constexpr std::size_t timeout_text_bytes_max = 9;
/// The largest number that eight digits can say.
inline constexpr std::int64_t timeout_value_max = 99'999'999;

/// One unit of grpc-timeout.
struct timeout_unit {
  char letter;
  std::int64_t nanoseconds;
};
/// All units, the finest first (PROTOCOL-HTTP2.md, "TimeoutUnit").
inline constexpr std::array timeout_units{
    timeout_unit{'n', 1},
    timeout_unit{'u', 1'000},
    timeout_unit{'m', 1'000'000},
    timeout_unit{'S', 1'000'000'000},
    timeout_unit{'M', 60'000'000'000},
    timeout_unit{'H', 3'600'000'000'000},
};

/// Writes `timeout` in the finest unit that needs at most eight digits, rounded up:
/// the server must not give up before the client does. Zero and less is "0n".
/// @return the text, inside `into`.
[[nodiscard]] constexpr std::string_view encode_timeout(
    duration timeout, std::span<char, timeout_text_bytes_max> into) noexcept;

/// @return the timeout, `duration::max()` for one that is longer than a duration
///         can hold (292 years); nothing for malformed text.
[[nodiscard]] constexpr std::optional<duration> parse_timeout(std::string_view text) noexcept;

constexpr std::string_view encode_timeout(duration timeout,
                                          std::span<char, timeout_text_bytes_max> into) noexcept {
  const std::int64_t nanoseconds = timeout > duration::zero() ? timeout.count() : 0;
  std::int64_t value = 0;
  std::size_t position = into.size();
  // A duration holds 2,562,048 hours at most, so the last unit always fits.
  for (const timeout_unit& unit : timeout_units) {
    value = nanoseconds / unit.nanoseconds + (nanoseconds % unit.nanoseconds != 0 ? 1 : 0);
    if (value > timeout_value_max) continue;
    into[--position] = unit.letter;
    break;
  }
  do {
    into[--position] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  return {into.data() + position, into.size() - position};
}

constexpr std::optional<duration> parse_timeout(std::string_view text) noexcept {
  if (text.size() < 2 || text.size() > timeout_text_bytes_max) return std::nullopt;
  std::int64_t value = 0;
  for (char digit : text.substr(0, text.size() - 1)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + (digit - '0');
  }
  for (const timeout_unit& unit : timeout_units) {
    if (unit.letter != text.back()) continue;
    if (value > std::numeric_limits<std::int64_t>::max() / unit.nanoseconds) {
      return duration::max();
    }
    return duration{value * unit.nanoseconds};
  }
  return std::nullopt;
}
}  // namespace ringrpc
