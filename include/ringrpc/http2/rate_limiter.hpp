// SPDX-License-Identifier: MIT
//
// A token bucket on the time that is passed in: how often a peer may do
// something before it is an attack.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <ringrpc/base/time.hpp>
#include <ringrpc/http2/limits.hpp>

namespace ringrpc::http2 {
/// One bucket. A plain value; reads no clock.
class rate_limiter {
public:
  /// Starts full.
  explicit constexpr rate_limiter(rate allowed) noexcept : allowed_(allowed) {}

  /// Takes one token at `now`, which never goes backwards.
  /// @return false when there was none: the peer did it too often.
  [[nodiscard]] constexpr bool take(time_point now) noexcept {
    if (allowed_.burst == 0) return true;
    if (used_ > 0) refill(now);
    if (used_ == 0) since_ = now;
    if (used_ >= allowed_.burst) return false;
    ++used_;
    return true;
  }

private:
  constexpr void refill(time_point now) noexcept {
    if (allowed_.per_second == 0 || now <= since_) return;
    const duration one = duration{std::chrono::seconds{1}} / allowed_.per_second;
    const std::int64_t whole = (now - since_) / std::max(one, duration{1});
    if (whole >= used_) {
      used_ = 0;
      return;
    }
    used_ -= static_cast<std::uint32_t>(whole);
    since_ += one * whole;  // the part of a token that is left over stays
  }

  rate allowed_;
  std::uint32_t used_ = 0;
  time_point since_{};  // tokens were counted up to here
};
}  // namespace ringrpc::http2
