// SPDX-License-Identifier: MIT
//
// How a task ended, kept until it can be delivered.
#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <ringrpc/coro/task.hpp>

namespace ringrpc::detail {
/// What a task returned or threw.
template <class T>
class task_outcome {
public:
  /// Takes it from a task that has ended, and destroys the task.
  void take(running_task<T>& ended) noexcept {
    try {
      if constexpr (std::is_void_v<T>) {
        ended.take();
        value_.emplace();
      } else {
        value_.emplace(ended.take());
      }
    } catch (...) {
      failure_ = std::current_exception();
    }
  }
  /// Returns or throws it. Once, after `take`.
  T deliver() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    if constexpr (!std::is_void_v<T>) return std::move(*value_);
  }

private:
  std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> value_;
  std::exception_ptr failure_;
};
}  // namespace ringrpc::detail
