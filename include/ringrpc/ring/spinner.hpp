// SPDX-License-Identifier: MIT
//
// When to poll before sleeping. Arithmetic only: no clock, no system call.
#pragma once

#include <algorithm>
#include <chrono>

#include <ringrpc/base/time.hpp>

namespace ringrpc {
/// Adaptive polling. As long as polling finds something it is done before every
/// sleep; each failure makes it skip 1, 3, 7, 15, then 31 sleeps, so that two
/// sleeping peers find each other again while an idle ring costs next to nothing.
///
/// Two signs tell that the peer, or something else, needs our processor; then up to 1023
/// sleeps are skipped. Most sleeps after failures end at once: the peer has only waited
/// for them. Or there was a gap in the polling that failed: the processor was taken from
/// us. Not thread-safe.
class spinner {
public:
  static constexpr unsigned skipped_max = 31;
  static constexpr unsigned skipped_max_on_one_cpu = 1023;
  /// A peer on another processor takes longer to be woken and to answer.
  static constexpr duration at_once = std::chrono::microseconds{15};
  /// How much longer than the shortest one a step of polling takes where the processor
  /// did something else meanwhile.
  static constexpr duration gap = std::chrono::microseconds{2};

  /// Whether to poll before the sleep that is due now; counts that sleep.
  [[nodiscard]] bool begin() noexcept {
    shortest_step_ = duration::max() - gap;
    interrupted_ = false;
    if (to_skip_ == 0) return true;
    --to_skip_;
    return false;
  }
  /// A step of polling found nothing. @param took  since the step before it.
  void step(duration took) noexcept {
    if (took > shortest_step_ + gap) interrupted_ = true;
    shortest_step_ = std::min(shortest_step_, took);
  }
  /// Polling found something.
  void hit() noexcept {
    skip_ = 0;
    votes_ = 0;
  }
  /// Polling used up its time and found nothing.
  void miss() noexcept {
    const bool needed = votes_ >= votes_needed || interrupted_;
    const unsigned most = needed ? skipped_max_on_one_cpu : skipped_max;
    skip_ = std::min(2 * skip_ + 1, most);
    to_skip_ = skip_;
    missed_ = true;
  }
  /// Whether the sleep that begins now is the one after a failure.
  [[nodiscard]] bool missed() const noexcept { return missed_; }
  /// That sleep is over. @param slept  how long it was.
  void woke(duration slept) noexcept {
    missed_ = false;
    if (slept < at_once) {
      votes_ = std::min(votes_ + 2, votes_max);
    } else if (votes_ > 0) {
      --votes_;
    }
  }

private:
  static constexpr unsigned votes_max = 8;
  static constexpr unsigned votes_needed = 6;

  unsigned skip_ = 0;
  unsigned to_skip_ = 0;
  unsigned votes_ = 0;  // that the peer runs on our processor
  bool missed_ = false;
  bool interrupted_ = false;  // since `begin`
  duration shortest_step_{};
};
}  // namespace ringrpc
