// SPDX-License-Identifier: MIT
//
// The event loop. One turn: run what is ready, take what other threads posted,
// flush dirty connections, fire due timers, reap completions; if nothing
// happened, poll for a while or arm what waits and sleep in the kernel once.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <ringrpc/base/memory_pool.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/run_queue.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/accept.hpp>
#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/connect.hpp>
#include <ringrpc/ring/detail/cpu_allowance.hpp>
#include <ringrpc/ring/detail/dirty_list.hpp>
#include <ringrpc/ring/detail/exception_text.hpp>
#include <ringrpc/ring/detail/home_thread.hpp>
#include <ringrpc/ring/detail/hot_list.hpp>
#include <ringrpc/ring/detail/inbox.hpp>
#include <ringrpc/ring/detail/ring_core.hpp>
#include <ringrpc/ring/detail/root_scope.hpp>
#include <ringrpc/ring/detail/task_outcome.hpp>
#include <ringrpc/ring/detail/this_process.hpp>
#include <ringrpc/ring/hooks.hpp>
#include <ringrpc/ring/log.hpp>
#include <ringrpc/ring/poll.hpp>
#include <ringrpc/ring/read.hpp>
#include <ringrpc/ring/remote.hpp>
#include <ringrpc/ring/ring_options.hpp>
#include <ringrpc/ring/socket_address.hpp>
#include <ringrpc/ring/spinner.hpp>
#include <ringrpc/ring/timer_heap.hpp>
#include <ringrpc/ring/turn_budget.hpp>
#include <ringrpc/ring/uring_backend.hpp>
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
  /// posted work. For poll(2), or epoll(7) level- or edge-triggered. The ring's own,
  /// and the same each time.
  /// @throws std::system_error  the first time, where none can be had: EMFILE, ENFILE,
  ///         ENOMEM, or EOPNOTSUPP on a simulated kernel.
  [[nodiscard]] int pollable_fd();
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
  [[nodiscard]] const environment& where() const noexcept { return root_.where(); }
  [[nodiscard]] memory_pool& memory() noexcept { return core_.memory; }
  /// Where plain receives of this ring put their bytes: they are consumed before the
  /// next receive, so one buffer serves all connections and stays in the cache. The
  /// ring's own; the same bytes every time. @throws std::bad_alloc  the first time.
  [[nodiscard]] std::span<std::byte> receive_scratch() {
    if (scratch_ == nullptr) scratch_.reset(new std::byte[scratch_bytes]);
    return {scratch_.get(), scratch_bytes};
  }
  [[nodiscard]] backend& kernel() noexcept { return *checked().kernel; }
  [[nodiscard]] bool always_arm() const noexcept { return core_.always_arm; }
  [[nodiscard]] run_queue& queue() noexcept { return checked().queue; }
  /// Uniform bits, for jitter; not for secrets.
  [[nodiscard]] std::uint64_t random() noexcept { return kernel().random(); }
  /// Hands `text` to the log sink.
  void log(log_level level, std::string_view text) noexcept { log_(level, text); }
  /// Asks the kernel to end `op`, which still completes.
  void cancel(operation& op) noexcept { kernel().cancel(op); }

  /// Arms `what` for `when` or moves it there; `never` calls it off.
  void arm(timer& what, time_point when) noexcept { checked().timers.arm(what, when); }
  /// Calls `what` off, also when it was made ready and has not run.
  void disarm(timer& what) noexcept { checked().timers.disarm(what); }

  /// Has `hook` flushed in this turn, or in the next one if this turn has flushed.
  /// Marking twice is marking once.
  void mark_dirty(flush_hook& hook) noexcept;
  /// While hooks are flushed: how many are in this turn.
  [[nodiscard]] std::size_t flushing() const noexcept { return dirty_.flushing(); }
  /// For work that comes in large pieces: what one turn has room for.
  [[nodiscard]] turn_budget& slow_work() noexcept { return slow_work_; }
  /// Polls `hook` for input until the ring sleeps, or until 4 others are more recent;
  /// then it is armed and leaves. Watching twice is watching once.
  void watch(receive_hook& hook) noexcept;

private:
  static constexpr std::size_t ready_per_turn_max = 256;
  static constexpr unsigned turns_unsubmitted_max = 4;  // while there is always something to do
  static constexpr unsigned turns_unpolled_max = 8;
  static constexpr unsigned steps_per_turn_max = 16;  // of an embedded ring
  static constexpr unsigned pauses_per_poll = 4;
  static constexpr std::size_t scratch_bytes = 256 * 1024;
  static constexpr std::size_t slow_bytes_per_turn = 1024 * 1024;  // 2 ms of inflating

  detail::ring_core& checked() noexcept {
    home_.check();
    return core_;
  }
  void enter();
  void leave() noexcept { turning_ = false; }
  [[nodiscard]] bool idle() const noexcept {
    return core_.queue.empty() && dirty_.empty() && !slow_work_.has_waiters();
  }
  bool step() noexcept;
  void step_or_sleep() noexcept;
  [[nodiscard]] bool may_spin() const noexcept;
  bool spin() noexcept;
  void sleep() noexcept;
  std::size_t take_inbox() noexcept;
  std::size_t reap() noexcept;
  void drain() noexcept;
  void log_failure(const char* of, const std::exception_ptr& failure) noexcept;
  task<> logged(task<> work);

  log_sink log_;
  duration busy_poll_;
  unsigned cpus_ = ~0u;  // simulated ones are never short
  detail::home_thread home_;
  detail::ring_core core_;
  std::shared_ptr<detail::inbox> inbox_;
  std::unique_ptr<std::byte[]> scratch_;
  detail::dirty_list dirty_;
  detail::hot_list hot_;
  turn_budget slow_work_{slow_bytes_per_turn};
  spinner spinner_;
  unsigned turns_unsubmitted_ = 0;
  unsigned turns_unpolled_ = 0;
  bool turning_ = false;
  detail::root_scope root_{core_.queue, *this};
};

inline ring::ring(ring_options options)
    : log_(options.log != nullptr ? options.log : &log_to_stderr), busy_poll_(options.busy_poll) {
  core_.kernel = std::move(options.kernel);
  core_.always_arm = options.always_arm;
  if (core_.kernel == nullptr) {
    core_.kernel = std::make_unique<uring_backend>(
        uring_options{.submissions = options.submissions, .completions = options.completions});
  }
  if (core_.kernel->kind() != backend_kind::simulated) cpus_ = detail::cpus_allowed();
  core_.now = core_.kernel->now();
  inbox_ = std::make_shared<detail::inbox>(*core_.kernel);
}

inline ring::~ring() {
  home_.check();
  if (turning_) fatal("a ring was destroyed inside its own run or turn");
  if (home_.bound()) {
    turning_ = true;
    drain();
    detail::this_process().rings_with_home.fetch_sub(1, std::memory_order_relaxed);
  }
  static_cast<void>(inbox_->close());
}

template <class T>
T ring::run(task<T> work) {
  struct ended_node : run_node {
    ended_node() noexcept
        : run_node([](run_node& self) noexcept { static_cast<ended_node&>(self).ended = true; }) {}
    bool ended = false;
  };
  enter();
  detail::task_outcome<T> outcome;
  {
    ended_node done;
    running_task<T> root;
    if (!root.start(std::move(work), where(), done)) {
      while (!done.ended) step_or_sleep();
    }
    outcome.take(root);  // and destroy its frame, before what it left behind is awaited
  }
  drain();
  leave();
  return outcome.deliver();
}

inline void ring::spawn(task<> work) {
  home_.check();
  root_.spawn(logged(std::move(work)));
}

inline bool ring::turn() {
  enter();
  unsigned steps = 0;
  do {
    // The host has a turn between large pieces of work, too.
    while (steps < steps_per_turn_max && step()) {
      ++steps;
      if (slow_work_.has_waiters()) break;
    }
    hot_.arm(0);
    core_.kernel->submit(core_.timers.next());
    static_cast<void>(reap());  // what completed at once, or before the descriptor was cleared
  } while (!idle() && !slow_work_.has_waiters() && steps < steps_per_turn_max);
  // The host sleeps now; what is left or was posted meanwhile must wake it.
  if (!inbox_->begin_sleep() || !idle()) core_.kernel->wake();
  leave();
  return steps != 0;
}

inline int ring::pollable_fd() {
  const int fd = kernel().pollable_fd();
  if (fd >= 0) return fd;
  throw std::system_error{-fd, std::system_category(), "ringrpc: a ring cannot be polled for"};
}

inline void ring::mark_dirty(flush_hook& hook) noexcept {
  home_.check();
  dirty_.mark(hook);
}

inline void ring::watch(receive_hook& hook) noexcept {
  home_.check();
  hot_.watch(hook);
}

// Begins a run or turn; the first one makes the calling thread the home.
inline void ring::enter() {
  home_.check();
  if (turning_) fatal("ring.run or ring.turn was called inside a run or turn of the same ring");
  inbox_->end_sleep();
  core_.now = core_.kernel->now();
  turning_ = true;
  if (!home_.bound()) {
    home_.bind();
    core_.queue.adopt_thread();
    detail::this_process().rings_with_home.fetch_add(1, std::memory_order_relaxed);
  }
  try {
    root_.open();
  } catch (...) {
    turning_ = false;
    throw;
  }
}

// One turn, without sleeping. Returns whether anything happened.
inline bool ring::step() noexcept {
  core_.now = core_.kernel->now();
  const std::size_t slow = slow_work_.begin_turn();
  std::size_t happened = slow + core_.queue.run(ready_per_turn_max);
  happened += take_inbox();
  happened += dirty_.flush();
  happened += core_.timers.fire(core_.now, core_.queue);
  happened += reap();
  // Where all else keeps the loop busy, the hot ones have their turn nevertheless.
  if (happened == 0 || slow != 0 || ++turns_unpolled_ >= turns_unpolled_max) {
    turns_unpolled_ = 0;
    hot_.arm(detail::hot_list::polled_max);
    if (hot_.poll()) ++happened;
  }
  return happened != 0;
}

inline void ring::step_or_sleep() noexcept {
  if (step()) {
    // What was armed meanwhile may not wait for a pause that never comes.
    if (++turns_unsubmitted_ < turns_unsubmitted_max && !slow_work_.has_waiters()) return;
    core_.kernel->submit(never);
    turns_unsubmitted_ = 0;
    return;
  }
  turns_unsubmitted_ = 0;
  if (!may_spin() || !spinner_.begin() || !spin()) sleep();
}

// Whether there is something to poll for, and a processor left for the peer.
inline bool ring::may_spin() const noexcept {
  return busy_poll_ > duration::zero() && !hot_.empty() &&
         detail::this_process().rings_with_home.load(std::memory_order_relaxed) < cpus_;
}

// Polls until something happens or the time for that is over. Returns whether
// something has happened, or may have: a timer is due, or nobody is left to poll.
inline bool ring::spin() noexcept {
  backend& kernel = *core_.kernel;
  kernel.submit(never);  // timers are looked at below
  const time_point end = saturating_add(core_.now, busy_poll_);
  while (!hot_.empty()) {
    if (reap() != 0 || !inbox_->empty() || hot_.poll()) {
      spinner_.hit();
      return true;
    }
    kernel.pause(pauses_per_poll);
    const time_point before = std::exchange(core_.now, kernel.now());
    spinner_.step(core_.now - before);
    if (core_.now >= core_.timers.next()) return true;
    if (core_.now >= end) {
      spinner_.miss();
      return false;
    }
  }
  return true;
}

inline void ring::sleep() noexcept {
  hot_.arm(0);
  if (!idle()) return;
  operation_queue done;
  const time_point since = core_.now;
  if (inbox_->begin_sleep()) core_.kernel->wait(done, core_.timers.next());
  inbox_->end_sleep();
  core_.queue.push_all(done);
  if (spinner_.missed()) spinner_.woke(core_.kernel->now() - since);
}

inline std::size_t ring::take_inbox() noexcept {
  std::size_t taken = 0;
  for (std::unique_ptr<detail::posted_work> work = inbox_->take(); work != nullptr; ++taken) {
    std::unique_ptr<detail::posted_work> rest = detail::inbox::next(*work);
    try {
      work->run();
    } catch (...) {
      log_failure("posted work", std::current_exception());
    }
    work = std::move(rest);
  }
  return taken;
}

inline std::size_t ring::reap() noexcept {
  operation_queue done;
  const std::size_t completed = core_.kernel->reap(done);
  core_.queue.push_all(done);
  return completed;
}

inline void ring::drain() noexcept {
  root_.request_stop();
  while (!root_.empty()) step_or_sleep();
  root_.renew();
}

inline void ring::log_failure(const char* of, const std::exception_ptr& failure) noexcept {
  try {
    std::rethrow_exception(failure);
  } catch (...) {
    log(log_level::error, detail::text_of_current_exception(of).view());
  }
}

inline task<> ring::logged(task<> work) {
  std::exception_ptr failure;
  try {
    co_await std::move(work);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) log_failure("a spawned task", failure);
}
}  // namespace ringrpc
