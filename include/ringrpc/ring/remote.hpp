// SPDX-License-Identifier: MIT
//
// The only way into a ring from another thread: a stack of posted work and a
// wake-up where the ring sleeps.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/detail/inbox.hpp>

namespace ringrpc {
/// Posts work to a ring. Copyable, and usable on any thread at any time, also
/// after the ring has ended. A default-constructed one belongs to no ring.
class remote_handle {
public:
  remote_handle() noexcept = default;

  /// Has `work` run once on the ring's thread, in the order of posting per
  /// thread. What it throws is logged. Costs one allocation, and a system call
  /// only where the ring sleeps.
  /// @param work  any movable callable without arguments. It gives no task, which
  ///              nobody would run: spawn it inside, `[&on] { on.spawn(f()); }`.
  /// @return false if the ring has ended, or in a forked child of its process: `work`
  ///         has been destroyed here. After true, work that the ring's end overtook
  ///         is destroyed by the ring without being run.
  /// @throws std::bad_alloc  where memory is short.
  template <class F>
    requires std::invocable<std::decay_t<F>&>
  bool post(F&& work) const {
    using given = std::invoke_result_t<std::decay_t<F>&>;
    static_assert(!detail::has_member_co_await<given> && !detail::has_free_co_await<given>,
                  "posted work gives a task, which nobody would run; spawn it inside: "
                  "post([&ring] { ring.spawn(work()); })");
    if (inbox_ == nullptr) return false;
    return inbox_->post(
        std::make_unique<detail::posted_callable<std::decay_t<F>>>(std::forward<F>(work)));
  }

private:
  friend class ring;
  explicit remote_handle(std::shared_ptr<detail::inbox> to) noexcept : inbox_(std::move(to)) {}

  std::shared_ptr<detail::inbox> inbox_;
};
}  // namespace ringrpc
