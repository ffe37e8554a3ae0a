// SPDX-License-Identifier: MIT
//
// The tasks that belong to a ring itself, and the token that stops them.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/run_queue.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/coro/task_scope.hpp>

namespace ringrpc::detail {
/// A task scope that can be used again after its end. Of one ring.
class root_scope {
public:
  /// @param queue  of the ring. @param home  the ring; both must outlive this.
  root_scope(run_queue& queue, ring& home) noexcept : where_{&queue, stop_.token(), &home} {}
  root_scope(const root_scope&) = delete;
  root_scope& operator=(const root_scope&) = delete;

  /// The token stays valid as long as this lives, and is a fresh one after `renew`.
  [[nodiscard]] const environment& where() const noexcept { return where_; }

  /// Makes the calling thread the home and starts what was spawned before, unless that
  /// was done.
  /// @throws std::bad_alloc  where memory is short; call it again then.
  void open() {
    if (scope_ && before_open_.empty()) return;
    if (!scope_) {
      stop_.adopt_thread();
      scope_.emplace(where_);
    }
    while (!before_open_.empty()) {
      scope_->spawn(std::move(before_open_.front()));
      before_open_.pop_front();
    }
  }
  /// Starts `work`, at once or when this is opened. It must not throw.
  /// @throws std::bad_alloc  where memory is short.
  void spawn(task<> work) {
    if (scope_) {
      scope_->spawn(std::move(work));
    } else {
      before_open_.push_back(std::move(work));
    }
  }
  void request_stop() noexcept { stop_.request_stop(); }
  /// Whether no task is left. Only when open.
  [[nodiscard]] bool empty() noexcept { return scope_->empty(); }
  /// When stopped and empty: makes it as it was after `open`. The new stop source
  /// lies where the old one did, so that tokens of it stay valid.
  void renew() noexcept {
    scope_.reset();
    std::destroy_at(&stop_);
    std::construct_at(&stop_);
    scope_.emplace(where_);
  }

private:
  stop_source stop_{of_no_thread{}};
  environment where_;
  std::optional<task_scope> scope_;
  std::deque<task<>> before_open_;
};
}  // namespace ringrpc::detail
