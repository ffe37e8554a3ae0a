// SPDX-License-Identifier: MIT
//
// The coroutine type of the library: lazy, move-only, awaited once. A child runs
// inside its parent's `await_suspend`, which returns false if the child ended at
// once, so that a loop of such awaits needs no stack, whatever the compiler does
// about tail calls (g++ makes none at -O0 and under AddressSanitizer).
#pragma once

#include <cassert>
#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <ringrpc/base/fatal.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/frame_pool.hpp>
#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/coro/run_queue.hpp>

namespace ringrpc {
template <class T = void>
class task;
template <class T>
class running_task;

namespace detail {
template <class T>
concept has_member_co_await =
    requires(T&& awaited) { static_cast<T&&>(awaited).operator co_await(); };
template <class T>
concept has_free_co_await = requires(T&& awaited) { operator co_await(static_cast<T&&>(awaited)); };
template <class T>
concept is_awaiter = requires(std::remove_reference_t<T>& awaiter) {
  { awaiter.await_ready() } -> std::convertible_to<bool>;
  awaiter.await_resume();
};

/// Stands for an awaiter that lives elsewhere, in the awaiting full expression.
/// `await_transform` returns this and no plain reference, because g++ 12 copies
/// what a returned reference refers to into the frame, and awaiters do not move.
template <class Awaiter>
class awaiter_reference {
public:
  explicit awaiter_reference(std::remove_reference_t<Awaiter>& awaiter) noexcept
      : awaiter_(awaiter) {}
  bool await_ready() { return awaiter_.await_ready(); }
  template <class Promise>
  decltype(auto) await_suspend(std::coroutine_handle<Promise> caller) {
    return awaiter_.await_suspend(caller);
  }
  decltype(auto) await_resume() { return awaiter_.await_resume(); }

private:
  std::remove_reference_t<Awaiter>& awaiter_;
};

class task_promise_base : public pooled_frame {
public:
  struct final_awaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      return self.promise().finish();
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  final_awaiter final_suspend() const noexcept { return {}; }

  // The hook through which every awaited thing passes, by reference. An operator
  // co_await comes first, as in the language ([expr.await]/3).
  template <class Awaited>
  decltype(auto) await_transform(Awaited&& awaited) const {
    if constexpr (has_member_co_await<Awaited>) {
      using found = decltype(static_cast<Awaited&&>(awaited).operator co_await());
      if constexpr (std::is_reference_v<found>) {
        found awaiter = static_cast<Awaited&&>(awaited).operator co_await();
        return awaiter_reference<found>{awaiter};
      } else {
        return static_cast<Awaited&&>(awaited).operator co_await();
      }
    } else if constexpr (has_free_co_await<Awaited>) {
      using found = decltype(operator co_await(static_cast<Awaited&&>(awaited)));
      if constexpr (std::is_reference_v<found>) {
        found awaiter = operator co_await(static_cast<Awaited&&>(awaited));
        return awaiter_reference<found>{awaiter};
      } else {
        return operator co_await(static_cast<Awaited&&>(awaited));
      }
    } else {
      static_assert(is_awaiter<Awaited>,
                    "this cannot be awaited; a task that has a name is awaited by std::move");
      return awaiter_reference<Awaited>{awaited};
    }
  }
  void unhandled_exception() noexcept { exception_ = std::current_exception(); }

  const environment& current_environment() const noexcept {
    if (environment_ == nullptr) fatal("a task was awaited outside of any ring; use ring.run(...)");
    return *environment_;
  }
  /// Null where a coroutine that knows none awaited the outermost task.
  const environment* environment_or_null() const noexcept { return environment_; }

  /// Runs the coroutine until it first suspends or ends.
  /// @return whether it ended.
  bool start(std::coroutine_handle<> self, const environment* where) noexcept {
    if (progress_ != progress::idle) fatal("a task was awaited twice; it has one result");
    environment_ = where;
    progress_ = progress::starting;
    self.resume();
    if (progress_ == progress::done) return true;
    progress_ = progress::suspended;
    return false;
  }
  void set_continuation(std::coroutine_handle<> parent) noexcept { continuation_ = parent; }
  void set_completion(run_node& node) noexcept { completion_ = &node; }

protected:
  void rethrow_if_failed() {
    if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
  }

private:
  enum class progress : unsigned char { idle, starting, suspended, done };

  std::coroutine_handle<> finish() noexcept {
    const bool at_once = progress_ == progress::starting;
    progress_ = progress::done;
    if (at_once) return std::noop_coroutine();
    if (completion_ != nullptr) {
      environment_->queue->push(*completion_);
      return std::noop_coroutine();
    }
    return continuation_;
  }

  const environment* environment_ = nullptr;
  std::coroutine_handle<> continuation_ = std::noop_coroutine();
  run_node* completion_ = nullptr;
  std::exception_ptr exception_;
  progress progress_ = progress::idle;
};

template <class T>
class task_promise : public task_promise_base {
public:
  task<T> get_return_object() noexcept;
  // Like a return statement: implicit conversions only, and `co_return {a, b};`.
  template <class U = T>
    requires std::convertible_to<U, T>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    rethrow_if_failed();
    assert(value_.has_value());
    return std::move(*value_);
  }

private:
  std::optional<T> value_;
};

template <>
class task_promise<void> : public task_promise_base {
public:
  task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() { rethrow_if_failed(); }
};

template <class T>
class task_awaiter {
public:
  explicit task_awaiter(std::coroutine_handle<task_promise<T>> child) noexcept : child_(child) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> parent) noexcept {
    const environment* where = nullptr;
    if constexpr (std::derived_from<Promise, task_promise_base>) {
      where = parent.promise().environment_or_null();
    } else if constexpr (has_environment<Promise>) {
      where = &parent.promise().current_environment();
    }
    child_.promise().set_continuation(parent);
    return !child_.promise().start(child_, where);
  }
  T await_resume() { return child_.promise().take(); }

private:
  std::coroutine_handle<task_promise<T>> child_;
};
}  // namespace detail

/// A coroutine that has not started. It starts when awaited (`co_await t()`) or
/// spawned, in the environment of who does that, and must then run to its end or
/// be destroyed with its frame; destroying a suspended task destroys what it
/// awaits, innermost first. Not thread-safe.
/// @tparam T  what it returns; void or a movable type, no reference.
template <class T>
class [[nodiscard]] task {
  static_assert(!std::is_reference_v<T>, "a task returns a value; return a pointer instead");

public:
  using promise_type = detail::task_promise<T>;
  using value_type = T;

  task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      reset();
      frame_ = std::exchange(other.frame_, nullptr);
    }
    return *this;
  }
  ~task() { reset(); }

  /// Awaits the end: what the coroutine returned, or throws what it threw. Once;
  /// ends the process when awaited again, or after a move.
  auto operator co_await() && noexcept {
    if (!frame_) fatal("an empty task was awaited; it was moved from");
    return detail::task_awaiter<T>{frame_};
  }
  /// False after a move.
  explicit operator bool() const noexcept { return frame_ != nullptr; }

private:
  friend promise_type;
  friend class running_task<T>;
  explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  void reset() noexcept {
    if (frame_) std::exchange(frame_, nullptr).destroy();
  }

  std::coroutine_handle<promise_type> frame_;
};

namespace detail {
template <class T>
task<T> task_promise<T>::get_return_object() noexcept {
  return task<T>{std::coroutine_handle<task_promise>::from_promise(*this)};
}
inline task<void> task_promise<void>::get_return_object() noexcept {
  return task<void>{std::coroutine_handle<task_promise>::from_promise(*this)};
}
}  // namespace detail

/// Starts a task from outside of any coroutine and owns it while it runs: what a
/// scope, a call or a ring is built from. Immovable while it runs. Destroying it
/// destroys the coroutine.
template <class T>
class running_task {
public:
  running_task() noexcept = default;
  running_task(const running_task&) = delete;
  running_task& operator=(const running_task&) = delete;
  ~running_task() = default;

  /// Starts `work` now, on the caller's stack.
  /// @param where  must outlive the run.
  /// @param done   pushed to `where.queue` when the task ends later; it must
  ///               outlive that or die unlinked.
  /// @return whether it ended at once; `done` is not pushed then.
  bool start(task<T> work, const environment& where, run_node& done) noexcept {
    assert(!work_);
    if (!work) fatal("an empty task was started; it was moved from");
    work_ = std::move(work);
    work_.frame_.promise().set_completion(done);
    return work_.frame_.promise().start(work_.frame_, &where);
  }
  /// Whether a task is held, running or ended.
  explicit operator bool() const noexcept { return static_cast<bool>(work_); }

  /// After the end, once: what the task returned, or throws what it threw. The
  /// frame has been destroyed when this returns.
  T take() {
    task<T> ended = std::move(work_);
    return ended.frame_.promise().take();
  }
  /// Destroys the coroutine where it stands.
  void reset() noexcept { work_.reset(); }

private:
  task<T> work_{nullptr};
};

static_assert(frame_safe<task<>> && frame_safe<detail::task_awaiter<void>>);
static_assert(frame_safe<detail::awaiter_reference<std::suspend_always>>);
}  // namespace ringrpc
