// SPDX-License-Identifier: MIT
//
// Which PINGs of a client are too many, so that keepalive costs a server nothing (wire
// rule 40, gRFC A8). Apart from the flood limit of the engine, which always holds.
// Arithmetic only: the caller passes `now`.
#pragma once

#include <chrono>
#include <cstdint>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/time.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// What a server permits. A plain value.
struct ping_rules {
  duration permit_time = duration::zero();  ///< between two PINGs; 0: all are permitted
  bool permit_without_calls = false;
  std::uint32_t strikes_max = 2;  ///< one more ends the connection; 0: none does
};

/// The strikes of one client. A plain value.
class ping_strikes {
public:
  explicit constexpr ping_strikes(const ping_rules& rules) noexcept : rules_(rules) {}

  /// Whether any PING is ever a strike.
  [[nodiscard]] constexpr bool enabled() const noexcept {
    return rules_.permit_time > duration::zero();
  }
  /// So many HEADERS and DATA frames were sent. That forgives all strikes, and the next
  /// PING is good whenever it comes. It also pays for one PING for each frame: a client
  /// that probes its bandwidth by a PING behind each frame may read many of them before
  /// its PINGs are read here.
  constexpr void sent(std::uint32_t frames, time_point now) noexcept {
    strikes_ = 0;
    good_before_ = false;
    paid_ = frames < ~paid_ ? paid_ + frames : ~std::uint32_t{0};
    paid_until_ = saturating_add(now, paid_time);
  }
  /// A PING has come. @param calls  whether streams are open.
  /// @return whether it is one too many.
  [[nodiscard]] constexpr bool ping(time_point now, bool calls) noexcept {
    if (!enabled()) return false;
    if (now > paid_until_) paid_ = 0;
    if (paid_ > 0) {
      --paid_;
      return false;
    }
    const bool permitted = calls || rules_.permit_without_calls;
    const duration pause = permitted ? rules_.permit_time : pause_without_calls;
    if (!good_before_ || saturating_add(last_good_, pause) <= now) {
      good_before_ = true;
      last_good_ = now;
      return false;
    }
    if (strikes_ <= rules_.strikes_max) ++strikes_;
    return rules_.strikes_max != 0 && strikes_ > rules_.strikes_max;
  }

private:
  static constexpr duration pause_without_calls = std::chrono::hours{2};
  // Probes come soon behind the frames that they are for.
  static constexpr duration paid_time = std::chrono::seconds{10};

  ping_rules rules_;
  time_point last_good_{};  // where there was one
  time_point paid_until_{};
  std::uint32_t paid_ = 0;  // PINGs that frames have paid for
  std::uint32_t strikes_ = 0;
  bool good_before_ = false;
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI
