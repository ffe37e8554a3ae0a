// SPDX-License-Identifier: MIT
//
// When a connection asks its peer for a sign of life, and when it gives the peer up
// (wire rules 38 and 39). Arithmetic only: the caller passes `now`, keeps the timer
// and sends the PING.
#pragma once

#include <chrono>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/time.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// How one side keeps its connections alive. A plain value.
struct keepalive_rules {
  duration time = duration::max();  ///< silence before a PING; the largest: no PINGs
  duration timeout = std::chrono::seconds{20};  ///< silence behind it that is death
  bool without_calls = false;                   ///< also while no stream is open
};

/// One side of one connection. A plain value.
class keepalive {
public:
  enum class action : unsigned char { none, ping, give_up };

  explicit constexpr keepalive(const keepalive_rules& rules) noexcept : rules_(rules) {}

  [[nodiscard]] constexpr bool enabled() const noexcept { return rules_.time != duration::max(); }
  [[nodiscard]] constexpr duration time() const noexcept { return rules_.time; }
  /// Bytes have come. Any are a sign of life, not the PING's answer alone: that may be
  /// behind much that was sent before it. @return whether `next` may be sooner than
  /// before.
  constexpr bool heard(time_point now) noexcept {
    heard_ = now;
    const bool was_asked = asked_;
    asked_ = false;
    return was_asked;
  }
  /// When to ask `check` again; `never`: not before a call begins.
  [[nodiscard]] constexpr time_point next(bool calls) const noexcept {
    if (asked_) return give_up_;
    if (!enabled() || !(calls || rules_.without_calls)) return never;
    return saturating_add(heard_, rules_.time);
  }
  /// What to do at `now`. @param calls  whether streams are open. Without them, where
  /// that is not allowed, no PING is sent; a call that begins later finds it due.
  [[nodiscard]] constexpr action check(time_point now, bool calls) noexcept {
    if (now < next(calls)) return action::none;
    if (!asked_) {
      asked_ = true;
      waited_on_ = false;
      give_up_ = saturating_add(now, rules_.timeout);
      return action::ping;
    }
    // Who comes late was held up itself, and may not have read what is there. Once: a
    // ring that is always late must give up, too.
    const bool late = now > saturating_add(give_up_, late_time);
    if (!late || waited_on_) return action::give_up;
    waited_on_ = true;
    give_up_ = saturating_add(now, more_time);
    return action::none;
  }

private:
  static constexpr duration late_time = std::chrono::milliseconds{10};
  static constexpr duration more_time = std::chrono::seconds{1};

  keepalive_rules rules_;
  time_point heard_{};
  time_point give_up_{};
  bool asked_ = false;      // by a PING behind which nothing has come yet
  bool waited_on_ = false;  // for its answer, beyond the timeout
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI
