// SPDX-License-Identifier: MIT
//
// The deadlines of one ring: an indexed heap with four children per node. Exact
// (no ticks), and a deadline that is called off costs no search, which is what
// nearly all deadlines of calls end with.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <vector>

#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/run_queue.hpp>

namespace ringrpc {
class timer_heap;

/// A moment at which something is made ready. When it is due, its action is put
/// into the ring's run queue. Dying calls it off. Immovable, not thread-safe.
class timer : public run_node {
public:
  /// @param due  the action; runs from the run queue.
  explicit timer(action due) noexcept : run_node(due) {}
  inline ~timer();

  /// Whether it waits for its moment. False once it was made ready.
  [[nodiscard]] bool armed() const noexcept { return heap_ != nullptr; }

private:
  friend class timer_heap;
  timer_heap* heap_ = nullptr;
  std::size_t index_ = 0;
};

/// A priority queue of timers by their moment. Timers of the same moment come in
/// no particular order. Not thread-safe. Must outlive its timers; immovable.
class timer_heap {
public:
  timer_heap() noexcept = default;
  timer_heap(const timer_heap&) = delete;
  timer_heap& operator=(const timer_heap&) = delete;
  ~timer_heap() {
    for (const entry& one : entries_) one.what->heap_ = nullptr;
  }

  /// Arms `what` for `when`, or moves it there. With `never` it is called off. A
  /// timer that was made ready and has not run leaves the run queue.
  /// @throws std::bad_alloc  `what` is called off then.
  void arm(timer& what, time_point when);
  /// Calls `what` off, also when it was made ready and has not run.
  void disarm(timer& what) noexcept;

  /// The earliest moment; `never` when there is none.
  [[nodiscard]] time_point next() const noexcept {
    return entries_.empty() ? never : entries_.front().when;
  }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

  /// Makes everything ready whose moment is `now` or earlier, in order.
  /// @return how many.
  std::size_t fire(time_point now, run_queue& ready) noexcept;

private:
  struct entry {
    time_point when;
    timer* what;
  };
  static constexpr std::size_t children = 4;

  void put(std::size_t index, entry one) noexcept {
    entries_[index] = one;
    one.what->index_ = index;
  }
  void sift_up(std::size_t index, entry one) noexcept;
  void sift_down(std::size_t index, entry one) noexcept;
  /// Puts `one` at `index`, which is free, or wherever the order wants it.
  void place(std::size_t index, entry one) noexcept;
  void remove(timer& what) noexcept;

  std::vector<entry> entries_;
};

inline timer::~timer() {
  if (heap_ != nullptr) heap_->disarm(*this);
}

inline void timer_heap::arm(timer& what, time_point when) {
  if (what.heap_ != nullptr) {
    assert(what.heap_ == this);
    if (when != never) {
      place(what.index_, entry{when, &what});
      return;
    }
  }
  disarm(what);
  if (when == never) return;
  entries_.push_back(entry{when, &what});
  what.heap_ = this;
  sift_up(entries_.size() - 1, entry{when, &what});
}

inline void timer_heap::disarm(timer& what) noexcept {
  if (what.heap_ != nullptr) remove(what);
  what.unlink();
}

inline std::size_t timer_heap::fire(time_point now, run_queue& ready) noexcept {
  std::size_t fired = 0;
  for (; !entries_.empty() && entries_.front().when <= now; ++fired) {
    timer& due = *entries_.front().what;
    remove(due);
    ready.push(due);
  }
  return fired;
}

inline void timer_heap::sift_up(std::size_t index, entry one) noexcept {
  while (index > 0) {
    const std::size_t parent = (index - 1) / children;
    if (entries_[parent].when <= one.when) break;
    put(index, entries_[parent]);
    index = parent;
  }
  put(index, one);
}

inline void timer_heap::sift_down(std::size_t index, entry one) noexcept {
  for (;;) {
    const std::size_t first = index * children + 1;
    if (first >= entries_.size()) break;
    const std::size_t end = std::min(first + children, entries_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (entries_[child].when < entries_[least].when) least = child;
    }
    if (one.when <= entries_[least].when) break;
    put(index, entries_[least]);
    index = least;
  }
  put(index, one);
}

inline void timer_heap::place(std::size_t index, entry one) noexcept {
  if (index > 0 && one.when < entries_[(index - 1) / children].when) {
    sift_up(index, one);
  } else {
    sift_down(index, one);
  }
}

inline void timer_heap::remove(timer& what) noexcept {
  const std::size_t hole = what.index_;
  const entry last = entries_.back();
  entries_.pop_back();
  if (hole < entries_.size()) place(hole, last);
  what.heap_ = nullptr;
}
}  // namespace ringrpc
