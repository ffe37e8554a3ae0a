// SPDX-License-Identifier: MIT
//
// The event loop. One turn: run what is ready, take what other threads posted,
// flush dirty connections, fire due timers, reap completions; if nothing
// happened, poll for a while or arm what waits and sleep in the kernel once.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <ringrpc/base/memory_pool.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/run_queue.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/ring/accept.hpp>
#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/connect.hpp>
#include <ringrpc/ring/home_thread.hpp>
#include <ringrpc/ring/hooks.hpp>
#include <ringrpc/ring/inbox.hpp>
#include <ringrpc/ring/log.hpp>
#include <ringrpc/ring/poll.hpp>
#include <ringrpc/ring/read.hpp>
#include <ringrpc/ring/remote.hpp>
#include <ringrpc/ring/ring_core.hpp>
#include <ringrpc/ring/ring_options.hpp>
#include <ringrpc/ring/socket_address.hpp>
#include <ringrpc/ring/spinner.hpp>
#include <ringrpc/ring/timer_heap.hpp>
#include <ringrpc/ring/write.hpp>

namespace ringrpc {
/// One event loop. Whatever hangs on it is touched by one thread only.
///
/// Home: the thread of the first `run` or `turn`, for good. Before that any one
/// thread at a time may use the ring to set things up. Afterwards every member
/// but `remote` ends the process when another thread calls it, the destructor
/// included; so does a forked child. The parent's ring survives a fork.
///
/// Everything that is made on a ring must have ended or been destroyed before the
/// ring is; the tasks of its root scope are stopped and awaited by the destructor.
/// Immovable.
class ring {
public:
  /// @throws std::system_error  where the kernel refuses io_uring: what was
  ///         refused, errno in words, and the remedy.
  explicit ring(ring_options options = {});
  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;
  /// Stops and awaits what is left in the root scope; posted work that has not run
  /// is destroyed.
  ~ring();

  // The loop.

  /// Runs `work` in the root scope until it ends, then stops the root scope, waits
  /// for all that was spawned in it, and delivers. May be called again; each run
  /// has a fresh scope. Not inside itself.
  /// @return what `work` returned. @throws what left `work`.
  template <class T>
  T run(task<T> work);
  /// Starts `work` in the root scope, at once where the ring has a home, else with
  /// its first run or turn. An exception that leaves it is logged.
  /// @throws std::bad_alloc  before anything of `work` ran.
  void spawn(task<> work);
  /// For a ring inside a foreign loop: does what can be done without sleeping,
  /// hands the rest to the kernel and returns. Call it once to begin with, whenever
  /// `pollable_fd()` is readable, and after using the ring outside of a turn; no
  /// more than once per wake-up is needed.
  /// @return whether anything happened.
  bool turn();
  /// Becomes readable when `turn` has something to do: completions, due timers,
  /// posted work. For poll(2), or epoll(7) level- or edge-triggered. The ring's own.
  [[nodiscard]] int pollable_fd() noexcept;
  /// The way in from other threads. Any thread may call it, and use the handle.
  [[nodiscard]] remote_handle remote() const noexcept { return remote_handle{inbox_}; }

  // Awaitables; see the types. Descriptors are borrowed.

  accept_awaiter accept(int fd) noexcept { return {checked(), fd}; }
  connect_awaiter connect(int fd, const socket_address& to) noexcept { return {checked(), fd, to}; }
  read_awaiter read(int fd, std::span<std::byte> into) noexcept { return {checked(), fd, into}; }
  write_awaiter write(int fd, std::span<const std::byte> from) noexcept {
    return {checked(), fd, from};
  }
  /// Gathers from several parts, which must stay until it is over.
  write_awaiter write_some(int fd, std::span<const ::iovec> from) noexcept {
    return {checked(), fd, from};
  }
  poll_awaiter poll(int fd, short events) noexcept { return {checked(), fd, events}; }

  // For what is built on a ring.

  /// The clock as of the beginning of this turn.
  [[nodiscard]] time_point now() const noexcept { return core_.now; }
  /// The environment of the root scope. Its stop token is stopped when a run ends
  /// (or the ring), and is a fresh one then for the next; it may be copied and kept
  /// as long as the ring lives.
  [[nodiscard]] const environment& where() const noexcept { return where_; }
  [[nodiscard]] memory_pool& memory() noexcept { return core_.memory; }
  [[nodiscard]] backend& kernel() noexcept { return checked().kernel.operator*(); }
  [[nodiscard]] bool always_arm() const noexcept { return core_.always_arm; }
  [[nodiscard]] run_queue& queue() noexcept { return checked().queue; }
  /// Uniform bits, for jitter; not for secrets.
  [[nodiscard]] std::uint64_t random() noexcept { return kernel().random(); }
  /// Hands `text` to the log sink.
  void log(log_level level, std::string_view text) noexcept { log_(level, text); }
  /// Asks the kernel to end `op`, which still completes.
  void cancel(operation& op) noexcept { kernel().cancel(op); }

  /// Arms `what` for `when` or moves it there; `never` calls it off.
  /// @throws std::bad_alloc
  void arm(timer& what, time_point when) { checked().timers.arm(what, when); }
  /// Calls `what` off, also when it was made ready and has not run.
  void disarm(timer& what) noexcept { checked().timers.disarm(what); }

  /// Has `hook` flushed in this turn, or in the next one if this turn has flushed.
  /// Marking twice is marking once.
  void mark_dirty(flush_hook& hook) noexcept;
  /// While hooks are flushed: how many are in this turn.
  [[nodiscard]] std::size_t flushing() const noexcept { return flushing_; }
  /// Polls `hook` for input until the ring sleeps, or until more than 4 are watched
  /// later; then it is armed and leaves. Watching twice is watching once.
  void watch(receive_hook& hook) noexcept;

private:
  static constexpr std::size_t ready_per_turn_max = 256;
  static constexpr std::size_t hot_max = 4;          // hooks that are polled
  static constexpr unsigned turns_unsubmitted_max = 4;
  static constexpr unsigned turns_unpolled_max = 8;

  detail::ring_core& checked() noexcept {
    home_.check();
    return core_;
  }
  void enter() noexcept;
  void leave() noexcept { turning_ = false; }
  bool step() noexcept;
  void step_or_sleep() noexcept;
  bool spin() noexcept;
  std::size_t take_inbox() noexcept;
  std::size_t flush() noexcept;
  std::size_t reap() noexcept;
  std::size_t poll_hooks() noexcept;
  void arm_hooks(std::size_t keep) noexcept;
  void drain() noexcept;
  task<> logged(task<> work);

  log_sink log_;
  duration busy_poll_;
  detail::home_thread home_;
  detail::ring_core core_;
  std::shared_ptr<detail::inbox> inbox_;
  intrusive_list<flush_hook> dirty_;
  intrusive_list<receive_hook> hot_;
  std::size_t hot_count_ = 0;
  std::size_t flushing_ = 0;
  spinner spinner_;
  unsigned turns_unsubmitted_ = 0;
  unsigned turns_unpolled_ = 0;
  bool turning_ = false;
  environment where_;
  stop_source root_stop_;
  std::optional<task_scope> root_;
  std::vector<task<>> before_home_;
};
}  // namespace ringrpc
