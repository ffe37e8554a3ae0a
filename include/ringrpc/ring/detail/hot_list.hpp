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
  /// Adds `hook` as the most recent one; does nothing where it is here already.
  void watch(receive_hook& hook) noexcept {
    if (!hook.linked()) hooks_.push_front(hook);
  }

  /// Polls the most recent ones, at most `polled_max`, until one has received, which
  /// makes it the most recent of all. The least recent of them comes first, so none
  /// that receives all the time keeps the others from being polled.
  /// @return whether one has.
  bool poll() noexcept {
    // Hooks may unlink each other, and die, while one is polled. Each list has the least
    // recent one in front.
    intrusive_list<receive_hook> round;
    intrusive_list<receive_hook> quiet;
    intrusive_list<receive_hook> polled;  // the one that is being polled, if it is still there
    for (std::size_t i = 0; i < polled_max; ++i) {
      receive_hook* hook = hooks_.pop_front();
      if (hook == nullptr) break;
      round.push_front(*hook);
    }
    bool received = false;
    while (!received) {
      receive_hook* hook = round.pop_front();
      if (hook == nullptr) break;
      polled.push_back(*hook);
      received = hook->poll_(*hook);
      if (!received) quiet.splice_back(polled);
    }
    put_back(quiet);
    put_back(round);
    put_back(polled);
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
  void put_back(intrusive_list<receive_hook>& from) noexcept {
    while (receive_hook* hook = from.pop_front()) hooks_.push_front(*hook);
  }

  intrusive_list<receive_hook> hooks_;  // the most recent one in front
};
}  // namespace ringrpc::detail
