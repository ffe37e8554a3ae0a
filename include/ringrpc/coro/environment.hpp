// SPDX-License-Identifier: MIT
//
// What a coroutine knows of where it runs. A task hands it on to the tasks that
// it awaits; awaiters read it from the promise of who awaits them.
#pragma once

#include <concepts>
#include <coroutine>

#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/coro/run_queue.hpp>
#include <ringrpc/coro/stop.hpp>

namespace ringrpc {
class ring;

/// Where ready coroutines go, what stops them and which ring they are on. A
/// plain value. What it points to must outlive the coroutines that run in it.
struct environment {
  run_queue* queue = nullptr;
  stop_token stop{};
  ring* home = nullptr;  // opaque in this layer; null where there is no ring
};

/// A promise that knows its environment, as those of `task` do.
template <class Promise>
concept has_environment = requires(const Promise& promise) {
  { promise.current_environment() } noexcept -> std::same_as<const environment&>;
};

namespace detail {
/// The environment of the awaiting coroutine.
template <class Promise>
const environment& environment_of(std::coroutine_handle<Promise> caller) noexcept {
  static_assert(
      has_environment<Promise>,
      "this can only be awaited in a coroutine that runs on a ring, such as ringrpc::task");
  return caller.promise().current_environment();
}

class environment_awaiter {
public:
  environment_awaiter() noexcept {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
    found_ = &environment_of(caller);
    return false;
  }
  const environment& await_resume() const noexcept { return *found_; }

private:
  const environment* found_ = nullptr;
};
}  // namespace detail

/// `const environment& here = co_await this_environment();`, valid while the
/// coroutine runs.
[[nodiscard]] inline detail::environment_awaiter this_environment() noexcept { return {}; }

static_assert(frame_safe<environment> && frame_safe<detail::environment_awaiter>);
}  // namespace ringrpc
