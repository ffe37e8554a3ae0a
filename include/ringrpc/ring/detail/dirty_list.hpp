// SPDX-License-Identifier: MIT
//
// What has output to send in this turn.
#pragma once

#include <cstddef>
#include <utility>

#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/ring/hooks.hpp>

namespace ringrpc::detail {
/// Not thread-safe. Hooks leave when they die.
class dirty_list {
public:
  [[nodiscard]] bool empty() const noexcept { return hooks_.empty(); }
  /// Adds `hook`, unless it is here or about to be flushed.
  void mark(flush_hook& hook) noexcept {
    if (hook.linked()) return;
    hooks_.push_back(hook);
    ++marked_;
  }
  /// Flushes all that were marked before. What is marked meanwhile is for the next
  /// time. @return how many there were.
  std::size_t flush() noexcept {
    if (hooks_.empty()) return 0;
    intrusive_list<flush_hook> round;
    round.splice_back(hooks_);
    flushing_ = std::exchange(marked_, 0);
    while (flush_hook* hook = round.pop_front()) hook->flush_(*hook);
    return std::exchange(flushing_, 0);
  }
  /// During `flush`: how many are in this round, those included that died since
  /// they were marked. Else 0.
  [[nodiscard]] std::size_t flushing() const noexcept { return flushing_; }

private:
  intrusive_list<flush_hook> hooks_;
  std::size_t marked_ = 0;
  std::size_t flushing_ = 0;
};
}  // namespace ringrpc::detail
