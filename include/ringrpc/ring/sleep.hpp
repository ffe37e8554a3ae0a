// SPDX-License-Identifier: MIT
//
// Waiting for time to pass.
#pragma once

#include <coroutine>

#include <ringrpc/base/fatal.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/timer_heap.hpp>

namespace ringrpc {
/// Suspends the coroutine until a moment has come: true, or until its stop token
/// is stopped: false. Resumed by the ring, from its run queue. Dying calls the
/// wait off.
class [[nodiscard]] sleep_awaiter : public timer {
public:
  explicit sleep_awaiter(time_point until) noexcept
      : timer(&wake), stopped_(*this), until_(until), relative_(false) {}
  explicit sleep_awaiter(duration span) noexcept
      : timer(&wake), stopped_(*this), span_(span), relative_(true) {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
    const environment& here = detail::environment_of(caller);
    if (here.home == nullptr) fatal("sleep_for was awaited in a coroutine that is on no ring");
    home_ = here.home;
    caller_ = caller;
    if (!stopped_.arm(here.stop)) {
      elapsed_ = false;
      home_->queue().push(*this);  // not at once: a loop that ignores the stop lets others run
      return true;
    }
    if (relative_) until_ = saturating_add(home_->kernel().now(), span_);
    home_->arm(*this, until_);
    return true;
  }
  bool await_resume() const noexcept { return elapsed_; }

private:
  struct on_stop : stop_callback {
    explicit on_stop(sleep_awaiter& waiting) noexcept
        : stop_callback([](stop_callback& self) noexcept {
            static_cast<on_stop&>(self).waiting_.stop();
          }),
          waiting_(waiting) {}
    sleep_awaiter& waiting_;
  };
  static void wake(run_node& self) noexcept {
    sleep_awaiter& waiting = static_cast<sleep_awaiter&>(self);
    waiting.stopped_.disarm();
    waiting.caller_.resume();
  }
  void stop() noexcept {
    if (linked()) return;  // it was due before the stop
    elapsed_ = false;
    home_->disarm(*this);
    home_->queue().push(*this);
  }

  on_stop stopped_;
  ring* home_ = nullptr;
  std::coroutine_handle<> caller_;
  time_point until_{};
  duration span_{};
  bool relative_;
  bool elapsed_ = true;  // unless a stop says otherwise
};

/// `bool slept = co_await sleep_for(20ms);`: true when at least `span` has passed,
/// false when a stop of the coroutine came first. Nothing or less yields for a turn.
[[nodiscard]] inline sleep_awaiter sleep_for(duration span) noexcept { return sleep_awaiter{span}; }
/// The same until a moment; `never` waits for the stop.
[[nodiscard]] inline sleep_awaiter sleep_until(time_point when) noexcept {
  return sleep_awaiter{when};
}
}  // namespace ringrpc
