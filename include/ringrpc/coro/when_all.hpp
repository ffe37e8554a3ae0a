// SPDX-License-Identifier: MIT
//
// Awaits several tasks that run at once.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/run_queue.hpp>
#include <ringrpc/coro/task.hpp>

// g++ 12 says of coroutine templates that their frames use the anonymous namespace
// where a user's type does; a frame is not seen outside of its unit.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

namespace ringrpc {
namespace detail {
/// Counts the tasks that have not ended yet.
class countdown {
public:
  explicit countdown(std::size_t pending) noexcept : pending_(pending) {}
  void one_ended() noexcept {
    if (--pending_ == 0) all_ended_.set();
  }
  event& all_ended() noexcept { return all_ended_; }

private:
  std::size_t pending_;
  event all_ended_;
};

/// One of the tasks that when_all awaits. A void result becomes std::monostate.
template <class T>
class joined : public run_node {
public:
  using value_type = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  joined() noexcept
      : run_node([](run_node& self) noexcept { static_cast<joined&>(self).ended(); }) {}
  void start(task<T> work, const environment& where, countdown& pending) noexcept {
    pending_ = &pending;
    if (work_.start(std::move(work), where, *this)) ended();
  }
  value_type take() {
    if (failure_) std::rethrow_exception(failure_);
    return std::move(*value_);
  }
  const std::exception_ptr& failure() const noexcept { return failure_; }

private:
  void ended() noexcept {
    try {
      if constexpr (std::is_void_v<T>) {
        work_.take();
        value_.emplace();
      } else {
        value_.emplace(work_.take());
      }
    } catch (...) {
      failure_ = std::current_exception();
    }
    pending_->one_ended();
  }

  running_task<T> work_;
  countdown* pending_ = nullptr;
  std::optional<value_type> value_;
  std::exception_ptr failure_;
};
}  // namespace detail

/// Starts all tasks, in order, and waits until the last has ended. They share
/// the awaiting coroutine's stop token. A task that ends, or throws, stops none of the
/// others: where the first one is to end all, use a `task_scope`, whose tasks call its
/// `request_stop` when they end.
/// @return their results in order; std::monostate for void.
/// @throws  what the first task in order threw, after all have ended.
template <class... T>
[[nodiscard]] task<std::tuple<typename detail::joined<T>::value_type...>> when_all(
    task<T>... tasks) {
  const environment& here = co_await this_environment();
  detail::countdown pending{sizeof...(T)};
  std::tuple<detail::joined<T>...> all;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (std::get<I>(all).start(std::move(tasks), here, pending), ...);
  }(std::index_sequence_for<T...>{});
  if constexpr (sizeof...(T) > 0) {
    const bool ended = co_await pending.all_ended().wait_ignoring_stop();
    static_cast<void>(ended);
  }
  co_return std::apply(
      [](auto&... one) {
        return std::tuple<typename detail::joined<T>::value_type...>{one.take()...};
      },
      all);
}

/// The same for any number of tasks of one type.
template <class T>
[[nodiscard]] task<std::vector<typename detail::joined<T>::value_type>> when_all(
    std::vector<task<T>> tasks) {
  const environment& here = co_await this_environment();
  detail::countdown pending{tasks.size()};
  const auto all = std::make_unique<detail::joined<T>[]>(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) all[i].start(std::move(tasks[i]), here, pending);
  if (!tasks.empty()) {
    const bool ended = co_await pending.all_ended().wait_ignoring_stop();
    static_cast<void>(ended);
  }
  std::vector<typename detail::joined<T>::value_type> results;
  results.reserve(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) results.push_back(all[i].take());
  co_return results;
}
}  // namespace ringrpc

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
