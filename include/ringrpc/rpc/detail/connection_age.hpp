// SPDX-License-Identifier: MIT
//
// When a connection has lived long enough, or has had no call for long enough (wire
// rule 39, gRFC A9). Arithmetic only: the caller passes `now`, keeps the timer and
// drains the connection.
#pragma once

#include <cstdint>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/time.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// How long one side keeps a connection; the largest: for ever. A plain value.
struct age_rules {
  duration idle = duration::max();   ///< without an open stream
  duration age = duration::max();    ///< in all, jitter applied
  duration grace = duration::max();  ///< for the calls that run when it retires
};

/// `age`, longer or shorter by up to a tenth: connections that were made together should
/// not all come back together. @param random  uniform bits.
[[nodiscard]] constexpr duration with_age_jitter(duration age, std::uint64_t random) noexcept {
  if (age == duration::max() || age <= duration::zero()) return age;
  const duration tenth = age / 10;
  const auto span = static_cast<std::uint64_t>(2 * tenth.count()) + 1;
  const duration from_least{static_cast<duration::rep>(random % span)};
  const duration least = age - tenth;
  return from_least > duration::max() - least ? duration::max() : least + from_least;
}

/// The clock of one connection. A plain value.
class connection_age {
public:
  enum class verdict : unsigned char { stays, idle, old };

  explicit constexpr connection_age(const age_rules& rules) noexcept : rules_(rules) {}

  [[nodiscard]] constexpr bool limited() const noexcept {
    return rules_.idle != duration::max() || rules_.age != duration::max();
  }
  /// The connection is set up, and has no stream.
  constexpr void begin(time_point now) noexcept {
    quiet_since_ = now;
    old_at_ = saturating_add(now, rules_.age);
  }
  /// The last open stream has closed.
  constexpr void quiet(time_point now) noexcept { quiet_since_ = now; }
  /// When to ask `check` again; `never`: not before the last stream closes, or not at all.
  [[nodiscard]] constexpr time_point next(bool calls) const noexcept {
    if (retired_) return never;
    const time_point idle_at = calls ? never : saturating_add(quiet_since_, rules_.idle);
    return idle_at < old_at_ ? idle_at : old_at_;
  }
  /// Whether the connection retires now; it says so once. @param calls  whether streams
  /// are open.
  [[nodiscard]] constexpr verdict check(time_point now, bool calls) noexcept {
    if (now < next(calls)) return verdict::stays;
    retired_ = true;
    return old_at_ <= now ? verdict::old : verdict::idle;
  }
  [[nodiscard]] constexpr bool retired() const noexcept { return retired_; }
  /// How long calls that run then may go on.
  [[nodiscard]] constexpr duration grace() const noexcept { return rules_.grace; }

private:
  age_rules rules_;
  time_point quiet_since_{};
  time_point old_at_ = never;
  bool retired_ = false;
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI
