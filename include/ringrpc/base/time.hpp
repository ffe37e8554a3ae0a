// SPDX-License-Identifier: MIT
//
// The clock types of the library. Nobody reads a clock here: the loop asks its
// backend once per turn and passes the time on, so that tests run on virtual
// time.
#pragma once

#include <chrono>

namespace ringrpc {
/// A span of time, in nanoseconds.
using duration = std::chrono::nanoseconds;
/// A moment on the monotonic clock (CLOCK_MONOTONIC, clock_gettime(2)).
using time_point = std::chrono::time_point<std::chrono::steady_clock, duration>;
/// The moment that never comes: no deadline.
inline constexpr time_point never = time_point::max();

/// `from + span`, or `never` where that is beyond the clock's range.
/// @param span  may be negative; the result is then at least the clock's start.
[[nodiscard]] constexpr time_point saturating_add(time_point from, duration span) noexcept {
  if (span > duration::zero() && from > never - span) return never;
  if (span >= duration::zero()) return from + span;
  // Not `time_point{} - span`: the negative of the smallest span is no number.
  if (from <= time_point{} || from + span < time_point{}) return time_point{};
  return from + span;
}
}  // namespace ringrpc
