// SPDX-License-Identifier: MIT
//
// When to poll before sleeping. Arithmetic only: no clock, no system call.
#pragma once

namespace ringrpc {
/// Adaptive polling. As long as polling finds something it is done before every
/// sleep; each failure makes it skip 1, 3, 7, 15, then 31 sleeps, so that two
/// sleeping peers find each other again while an idle ring costs next to nothing.
/// Not thread-safe.
class spinner {
public:
  /// Sleeps without polling after a long row of failures.
  static constexpr unsigned skipped_max = 31;

  /// Whether to poll before the sleep that is due now; counts that sleep.
  [[nodiscard]] bool begin() noexcept {
    if (to_skip_ == 0) return true;
    --to_skip_;
    return false;
  }
  /// Polling found something.
  void hit() noexcept { skip_ = 0; }
  /// Polling used up its time and found nothing.
  void miss() noexcept {
    skip_ = skip_ >= skipped_max ? skipped_max : 2 * skip_ + 1;
    to_skip_ = skip_;
  }

private:
  unsigned skip_ = 0;
  unsigned to_skip_ = 0;
};
}  // namespace ringrpc
