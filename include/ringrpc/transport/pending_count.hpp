// SPDX-License-Identifier: MIT
//
// How many operations of a byte stream are pending, for the one who closes it.
#pragma once

#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/task.hpp>

namespace ringrpc {
/// Counts what is pending and tells when nothing is. Of one ring; immovable; must
/// outlive what it counts.
class pending_count {
public:
  /// One pending operation, from now until its destruction.
  class entry {
  public:
    explicit entry(pending_count& of) noexcept : of_(of) { ++of_.pending_; }
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
    ~entry() {
      if (--of_.pending_ == 0) of_.none_.set();
    }

  private:
    pending_count& of_;
  };

  pending_count() noexcept = default;
  pending_count(const pending_count&) = delete;
  pending_count& operator=(const pending_count&) = delete;

  /// Waits until nothing is pending, whatever the stop token says.
  [[nodiscard]] task<> wait_for_none() {
    while (pending_ > 0) {
      none_.reset();
      const bool reached = co_await none_.wait_ignoring_stop();
      static_cast<void>(reached);
    }
  }

private:
  unsigned pending_ = 0;
  event none_;
};
}  // namespace ringrpc
