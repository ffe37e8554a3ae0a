// SPDX-License-Identifier: MIT
//
// A nursery: the tasks that are spawned in it live in it, and it is joined
// before it dies. There are no detached tasks.
#pragma once

#include <exception>
#include <utility>

#include <ringrpc/base/fatal.hpp>
#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/frame_pool.hpp>
#include <ringrpc/coro/run_queue.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/coro/task.hpp>

namespace ringrpc {
/// Owns the tasks that were spawned in it. Its stop token is theirs, and is
/// stopped with the parent's. Not thread-safe. Immovable.
///
///     const environment& here = co_await this_environment();
///     task_scope scope{here};
///     scope.spawn(work(1));
///     scope.spawn(work(2));
///     co_await scope.join();
class task_scope {
public:
  /// @param parent  queue, ring and stop token to inherit; what it points to must
  ///                outlive the scope.
  explicit task_scope(const environment& parent) noexcept
      : stop_(parent.stop), environment_{parent.queue, stop_.token(), parent.home} {}
  task_scope(const task_scope&) = delete;
  task_scope& operator=(const task_scope&) = delete;
  /// Ends the process while a task is left: `co_await join()` first.
  ~task_scope() {
    if (!tasks_.empty()) {
      fatal("a task_scope was destroyed with tasks in it; co_await join() first");
    }
  }

  /// Starts `work` at once, on the caller's stack, and returns when it first
  /// suspends or ends: a task that spawns its successor before it ever suspended
  /// nests. Its frame is destroyed by the loop after it ended, never inside
  /// its own final suspension. What it throws is kept for `join`; without a join
  /// nobody sees it.
  /// @throws std::bad_alloc  before anything of `work` ran; it is still the caller's.
  void spawn(task<>&& work);

  /// Waits until all tasks have ended and their frames are gone, tasks included
  /// that are spawned meanwhile. A stop of the awaiting coroutine stops the scope
  /// and goes on waiting. Not for the tasks of the scope itself: one that awaits the
  /// join of its own scope waits for its own end, for ever.
  /// @throws  the first exception that left a task.
  [[nodiscard]] task<> join();

  /// Asks all tasks to stop. Runs nothing of theirs inline.
  void request_stop() noexcept { stop_.request_stop(); }
  [[nodiscard]] stop_token token() noexcept { return stop_.token(); }
  [[nodiscard]] const environment& where() const noexcept { return environment_; }
  /// Whether no task is left.
  [[nodiscard]] bool empty() noexcept { return tasks_.empty(); }

private:
  class spawned;
  void ended(spawned& one) noexcept;

  linked_stop_source stop_;
  environment environment_;
  intrusive_list<list_node> tasks_;
  event emptied_;
  std::exception_ptr first_failure_;
};

class task_scope::spawned final : public list_node, public detail::pooled_frame {
public:
  explicit spawned(task_scope& owner) noexcept : owner_(owner), done_(*this) {}
  bool start(task<> work) noexcept {
    return work_.start(std::move(work), owner_.environment_, done_);
  }
  /// The result of an ended task: its exception, if any.
  std::exception_ptr take_failure() noexcept {
    try {
      work_.take();
    } catch (...) {
      return std::current_exception();
    }
    return nullptr;
  }

private:
  struct completion : run_node {
    explicit completion(spawned& of) noexcept
        : run_node([](run_node& self) noexcept {
            spawned& one = static_cast<completion&>(self).of_;
            one.owner_.ended(one);
          }),
          of_(of) {}
    spawned& of_;
  };

  task_scope& owner_;
  completion done_;
  running_task<void> work_;
};

inline void task_scope::spawn(task<>&& work) {
  spawned* one = new spawned{*this};
  tasks_.push_back(*one);
  if (one->start(std::move(work))) ended(*one);
}

inline void task_scope::ended(spawned& one) noexcept {
  std::exception_ptr failure = one.take_failure();
  if (failure && !first_failure_) first_failure_ = std::move(failure);
  delete &one;
  if (tasks_.empty()) emptied_.set();
}

inline task<> task_scope::join() {
  const environment& here = co_await this_environment();
  stop_link from_caller{here.stop, stop_};
  while (!tasks_.empty()) {
    emptied_.reset();
    const bool all_ended = co_await emptied_.wait_ignoring_stop();
    static_cast<void>(all_ended);
  }
  if (first_failure_) std::rethrow_exception(std::exchange(first_failure_, nullptr));
}
}  // namespace ringrpc
