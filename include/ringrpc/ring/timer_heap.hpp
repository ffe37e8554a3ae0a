// SPDX-License-Identifier: MIT
//
// The deadlines of one ring: a pairing heap whose nodes are the timers themselves, so
// that arming one takes no memory and cannot fail. Exact (no ticks). Most deadlines
// are armed in the order in which they are due and called off before that: both are
// a few pointers then.
#pragma once

#include <cassert>
#include <cstddef>
#include <utility>

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
  time_point when_{};
  timer_heap* heap_ = nullptr;
  // Its place in the heap: no child is due before its parent.
  timer* child_ = nullptr;     // the first one
  timer* next_ = nullptr;      // of the same parent
  timer* previous_ = nullptr;  // of the same parent; the parent at its first child
};

/// A priority queue of timers by their moment. Timers of the same moment come in
/// no particular order. Not thread-safe. Must outlive its timers; immovable.
class timer_heap {
public:
  timer_heap() noexcept = default;
  timer_heap(const timer_heap&) = delete;
  timer_heap& operator=(const timer_heap&) = delete;
  ~timer_heap() {
    while (root_ != nullptr) remove(*root_);
  }

  /// Arms `what` for `when`, or moves it there. With `never` it is called off. A
  /// timer that was made ready and has not run leaves the run queue.
  void arm(timer& what, time_point when) noexcept;
  /// Calls `what` off, also when it was made ready and has not run.
  void disarm(timer& what) noexcept;

  /// The earliest moment; `never` when there is none.
  [[nodiscard]] time_point next() const noexcept {
    return root_ == nullptr ? never : root_->when_;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Makes everything ready whose moment is `now` or earlier, in order.
  /// @return how many.
  std::size_t fire(time_point now, run_queue& ready) noexcept;

private:
  static timer& meld(timer& one, timer& other) noexcept;
  static timer* meld_all(timer* first) noexcept;
  void remove(timer& what) noexcept;

  timer* root_ = nullptr;
  std::size_t size_ = 0;
};

inline timer::~timer() {
  if (heap_ != nullptr) heap_->disarm(*this);
}

inline void timer_heap::arm(timer& what, time_point when) noexcept {
  assert(what.heap_ == nullptr || what.heap_ == this);
  disarm(what);
  if (when == never) return;
  what.when_ = when;
  what.heap_ = this;
  ++size_;
  root_ = root_ == nullptr ? &what : &meld(*root_, what);
}

inline void timer_heap::disarm(timer& what) noexcept {
  if (what.heap_ != nullptr) remove(what);
  what.unlink();
}

inline std::size_t timer_heap::fire(time_point now, run_queue& ready) noexcept {
  std::size_t fired = 0;
  for (; root_ != nullptr && root_->when_ <= now; ++fired) {
    timer& due = *root_;
    remove(due);
    ready.push(due);
  }
  return fired;
}

// Two heaps into one: the root that is due later becomes a child of the other.
inline timer& timer_heap::meld(timer& one, timer& other) noexcept {
  timer& parent = other.when_ < one.when_ ? other : one;
  timer& child = &parent == &one ? other : one;
  child.previous_ = &parent;
  child.next_ = parent.child_;
  if (child.next_ != nullptr) child.next_->previous_ = &child;
  parent.child_ = &child;
  return parent;
}

// The children of a node that goes: by pairs, then the pairs from last to first, which
// is what keeps later removals short.
inline timer* timer_heap::meld_all(timer* first) noexcept {
  timer* pairs = nullptr;  // linked by next_
  while (first != nullptr) {
    timer& one = *first;
    timer* const other = std::exchange(one.next_, nullptr);
    first = other == nullptr ? nullptr : std::exchange(other->next_, nullptr);
    timer& pair = other == nullptr ? one : meld(one, *other);
    pair.next_ = std::exchange(pairs, &pair);
  }
  timer* whole = nullptr;
  while (pairs != nullptr) {
    timer& pair = *pairs;
    pairs = std::exchange(pair.next_, nullptr);
    whole = whole == nullptr ? &pair : &meld(*whole, pair);
  }
  if (whole != nullptr) whole->previous_ = nullptr;
  return whole;
}

inline void timer_heap::remove(timer& what) noexcept {
  timer* const below = meld_all(std::exchange(what.child_, nullptr));
  if (&what == root_) {
    root_ = below;
  } else {
    timer*& place = what.previous_->child_ == &what ? what.previous_->child_
                                                    : what.previous_->next_;
    place = what.next_;
    if (what.next_ != nullptr) what.next_->previous_ = what.previous_;
    if (below != nullptr) root_ = &meld(*root_, *below);
  }
  what.next_ = nullptr;
  what.previous_ = nullptr;
  what.heap_ = nullptr;
  --size_;
}
}  // namespace ringrpc
