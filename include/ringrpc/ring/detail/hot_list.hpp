// SPDX-License-Identifier: MIT
//
// The receivers that a ring polls by plain calls, the few that were active last;
// all others wait by armed operations.
#pragma once

#include <cstddef>

#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/ring/hooks.hpp>

namespace ringrpc::detail {
/// Not thread-safe. Hooks leave when they die.
class hot_list {
public:
  /// More would make a round of polling dearer than arming them.
  static constexpr std::size_t polled_max = 4;

  [[nodiscard]] bool empty() const noexcept { return hooks_.empty(); }
  /// Adds `hook` as the most recent one, unless it is here.
  void watch(receive_hook& hook) noexcept {
    if (!hook.linked()) hooks_.push_front(hook);
  }

  /// Polls the most recent ones, at most `polled_max`, until one has received.
  /// @return whether one has.
  bool poll() noexcept {
    intrusive_list<receive_hook> round;  // hooks may unlink each other, and die, in between
    round.splice_back(hooks_);
    bool received = false;
    for (std::size_t polled = 0; polled < polled_max && !received; ++polled) {
      receive_hook* hook = round.pop_front();
      if (hook == nullptr) break;
      hooks_.push_back(*hook);
      received = hook->poll_(*hook);
    }
    // What was not polled comes first next time.
    round.splice_back(hooks_);
    hooks_.splice_back(round);
    return received;
  }

  /// Arms all but the `kept` most recent ones; those leave the list.
  void arm(std::size_t kept) noexcept {
    for (;;) {
      receive_hook* surplus = hooks_.front();
      for (std::size_t i = 0; i < kept && surplus != nullptr; ++i) surplus = hooks_.next(*surplus);
      if (surplus == nullptr) return;
      surplus->unlink();
      surplus->arm_(*surplus);
    }
  }

private:
  intrusive_list<receive_hook> hooks_;
};
}  // namespace ringrpc::detail
