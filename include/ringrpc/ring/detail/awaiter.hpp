// SPDX-License-Identifier: MIT
//
// What all awaited operations share: start, stop, completion, resumption.
#pragma once

#include <cerrno>
#include <coroutine>

#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/ring/detail/ring_core.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/ring/operation.hpp>

namespace ringrpc::detail {
/// The base of an awaiter that is an operation. `Awaiter` supplies
///   bool start() noexcept;             // true: armed; false: `finish` was called
///   bool completed(int res) noexcept;  // the same, for the kernel's answer
/// A stop cancels in the kernel; the answer is still awaited, and if it is a
/// success nevertheless, that is the outcome. After a stop nothing new starts.
template <class Awaiter>
class operation_awaiter : public operation {
public:
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
    const stop_token& stop = environment_of(caller).stop;
    caller_ = caller;
    if (stop.stop_requested()) {
      // Not at once: a loop that ignores the stop must let others run.
      stop_requested_ = true;
      this->refuse(-ECANCELED);
      core_.queue.push(*this);
      return true;
    }
    if (!self().start()) return false;
    static_cast<void>(stopped_.arm(stop));  // nothing can have requested it since
    return true;
  }

protected:
  explicit operation_awaiter(ring_core& core) noexcept
      : operation(&answered), core_(core), stopped_(*this) {}

  [[nodiscard]] backend& kernel() const noexcept { return *core_.kernel; }
  [[nodiscard]] ring_core& core() const noexcept { return core_; }
  /// Ends the wait with a count, a descriptor, 0 or -errno.
  bool finish(int outcome) noexcept {
    outcome_ = outcome;
    return false;
  }
  [[nodiscard]] int outcome() const noexcept { return outcome_; }
  [[nodiscard]] bool stop_requested() const noexcept { return stop_requested_; }
  /// What a stop does; an awaiter that also waits for a timer has its own.
  void cancel_wait() noexcept { kernel().cancel(*this); }
  /// After `finish`, for an awaiter that waited for something else than itself.
  void resume_caller() noexcept {
    stopped_.disarm();
    caller_.resume();
  }

private:
  struct on_stop : stop_callback {
    explicit on_stop(operation_awaiter& waiting) noexcept
        : stop_callback([](stop_callback& callback) noexcept {
            operation_awaiter& stopped = static_cast<on_stop&>(callback).waiting_;
            stopped.stop_requested_ = true;
            stopped.self().cancel_wait();
          }),
          waiting_(waiting) {}
    operation_awaiter& waiting_;
  };

  Awaiter& self() noexcept { return static_cast<Awaiter&>(*this); }
  static void answered(run_node& node) noexcept {
    operation_awaiter& waiting = static_cast<operation_awaiter&>(node);
    const int answer = waiting.result();
    if (waiting.stop_requested_ && answer < 0) {
      waiting.outcome_ = -ECANCELED;
    } else if (waiting.self().completed(answer)) {
      if (waiting.stop_requested_) waiting.self().cancel_wait();  // nothing new after a stop
      return;
    }
    waiting.resume_caller();
  }

  ring_core& core_;
  std::coroutine_handle<> caller_;
  on_stop stopped_;
  int outcome_ = 0;
  bool stop_requested_ = false;
};
}  // namespace ringrpc::detail
