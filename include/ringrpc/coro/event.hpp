// SPDX-License-Identifier: MIT
//
// A flag that coroutines of one ring wait for.
#pragma once

#include <coroutine>

#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/coro/run_queue.hpp>
#include <ringrpc/coro/stop.hpp>

namespace ringrpc {
/// Set once, or again after `reset`. Any number of coroutines of one ring may
/// wait. Must outlive its waiters, but for those that `set` has made ready; immovable.
///
/// Not thread-safe: all members are for the ring's thread. From another one
/// `ring.remote().post([&] { done.set(); })`; a `set` there that finds a waiter ends
/// the process.
class event {
public:
  class waiter;

  event() noexcept = default;
  event(const event&) = delete;
  event& operator=(const event&) = delete;

  /// Makes all waiters ready; later waits end at once. Runs nothing inline.
  void set() noexcept;
  /// Later waits wait again. Waiters that were made ready stay so.
  void reset() noexcept { set_ = false; }
  [[nodiscard]] bool is_set() const noexcept { return set_; }

  /// `bool set = co_await e.wait();`: true once the event is set, false if the
  /// coroutine's stop token was stopped first and the event is not set when the
  /// coroutine goes on. True stays true when the event is reset before that.
  [[nodiscard]] waiter wait() noexcept;
  /// The same, but a stop does not end the wait: for who must see the event, such
  /// as an owner that waits for what it owns to end. Always true.
  [[nodiscard]] waiter wait_ignoring_stop() noexcept;

private:
  bool set_ = false;
  intrusive_list<waiter> waiters_;
};

/// What `event::wait` returns. Leaves the event when it dies.
class [[nodiscard]] event::waiter : public resume_node {
public:
  /// @param heeds_stop  whether a stop of the awaiting coroutine ends the wait.
  waiter(event& awaited, bool heeds_stop) noexcept
      : awaited_(awaited), heeds_stop_(heeds_stop), stopped_(*this) {}

  bool await_ready() const noexcept { return awaited_.set_; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
    const environment& where = detail::environment_of(caller);
    queue_ = where.queue;
    set_caller(caller);
    if (heeds_stop_ && !stopped_.arm(where.stop)) {
      queue_->push(*this);  // not at once: a loop that ignores the stop must let others run
    } else {
      awaited_.waiters_.push_back(*this);
    }
    return true;
  }
  bool await_resume() const noexcept { return was_set_ || awaited_.set_; }

private:
  friend class event;
  struct on_stop : stop_callback {
    explicit on_stop(waiter& waiting) noexcept
        : stop_callback([](stop_callback& self) noexcept {
            waiter& stopped = static_cast<on_stop&>(self).waiting_;
            stopped.unlink();
            stopped.queue_->push(stopped);
          }),
          waiting_(waiting) {}
    waiter& waiting_;
  };

  event& awaited_;
  run_queue* queue_ = nullptr;
  bool heeds_stop_;
  bool was_set_ = false;
  on_stop stopped_;
};

inline event::waiter event::wait() noexcept { return waiter{*this, true}; }
inline event::waiter event::wait_ignoring_stop() noexcept { return waiter{*this, false}; }

inline void event::set() noexcept {
  set_ = true;
  while (waiter* waiting = waiters_.pop_front()) {
    waiting->stopped_.disarm();
    waiting->was_set_ = true;
    waiting->queue_->push(*waiting);
  }
}

static_assert(frame_safe<event> && frame_safe<event::waiter>);
}  // namespace ringrpc
