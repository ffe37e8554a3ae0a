// SPDX-License-Identifier: MIT
//
// The two queues of an io_uring, with what belongs to the ring itself: the
// wake-up, the one timeout, and the thread that may enter it.
#pragma once

#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <liburing.h>

#include <ringrpc/base/fatal.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/ring/detail/system_calls.hpp>
#include <ringrpc/ring/detail/uring_setup.hpp>
#include <ringrpc/ring/file_descriptor.hpp>
#include <ringrpc/ring/uring_options.hpp>

namespace ringrpc::detail {
/// Made disabled; the thread of the first call that enters the kernel is its
/// thread. Nothing is lost where the queues are full: what is queued is submitted,
/// and completions are taken, whenever room is needed.
class uring_queue {
public:
  uring_queue(const uring_queue&) = delete;
  uring_queue& operator=(const uring_queue&) = delete;

protected:
  /// @throws std::system_error  what was refused, why, and the remedy.
  explicit uring_queue(const uring_options& options) {
    wake_fd_.reset(::eventfd(0, EFD_CLOEXEC));
    if (!wake_fd_) throw_uring_refused("eventfd", errno);
    set_up_uring(ring_, options);
  }
  ~uring_queue() { ::io_uring_queue_exit(&ring_); }

  /// An empty request. Its user data must be set: 0 where the answer does not
  /// matter, else a word for `complete` that is not 7 modulo 8.
  ::io_uring_sqe& next_sqe() noexcept;
  /// The place of a request in its queue.
  [[nodiscard]] std::size_t slot_of(const ::io_uring_sqe& sqe) const noexcept {
    return static_cast<std::size_t>(&sqe - ring_.sq.sqes);
  }
  [[nodiscard]] std::size_t slots() const noexcept { return ring_.sq.ring_entries; }
  /// Asks the kernel to end the request with this user data.
  void cancel_word(std::uint64_t word) noexcept;

  /// Makes the calling thread the ring's own.
  void enable() noexcept;
  /// Keeps the wake-up armed, and the timeout no later than `deadline`.
  void prepare(time_point deadline) noexcept;
  /// Submits; waits for completions where `completions_min` is not 0.
  void enter(unsigned completions_min) noexcept;
  /// Takes what is in the completion queue, without a system call.
  void drain() noexcept;
  /// Lets the kernel do its part where it says that it wants to, then drains.
  void drain_hinted() noexcept;
  /// Any thread: ends a wait, or the next one.
  void wake() noexcept {
    static_cast<void>(::eventfd_write(wake_fd_.get(), 1));
    // The kernel would pass it on from one eventfd to the other, but only after a while.
    const int foreign = notify_from_any_thread_.load(std::memory_order_acquire);
    if (foreign >= 0) static_cast<void>(::eventfd_write(foreign, 1));
  }
  /// Whether `wake` was called, as far as it has been drained, since `clear_woken`.
  [[nodiscard]] bool woken() const noexcept { return woken_; }
  void clear_woken() noexcept { woken_ = false; }
  /// Ends our own requests, for the kernel writes into this object.
  void close() noexcept;

  // For a foreign loop. The ring's own descriptor would not do: with deferred task
  // work it does not wake who sleeps in poll(2) or epoll_wait(2) (Linux 6.18).

  /// A descriptor that becomes readable with the next completion, deferred ones
  /// included; from the first call on. Or -errno, such as -EMFILE.
  int notify_fd() noexcept;
  [[nodiscard]] bool notifies() const noexcept { return static_cast<bool>(notify_fd_); }
  /// Makes it unreadable; what comes later makes it readable again.
  void clear_notification() noexcept;
  void notify() noexcept { static_cast<void>(::eventfd_write(notify_fd_.get(), 1)); }
  [[nodiscard]] bool wake_armed() const noexcept { return wake_armed_; }
  [[nodiscard]] bool timeout_armed() const noexcept { return timeout_at_ != never; }

  /// Called by `drain` for each answer to a request of the derived class.
  virtual void complete(const ::io_uring_cqe& cqe) noexcept = 0;

  [[nodiscard]] ::io_uring& ring() noexcept { return ring_; }

private:
  static constexpr std::uint64_t wake_word = 7;
  static constexpr std::uint64_t timeout_word = 15;
  void move_timeout(time_point deadline) noexcept;

  ::io_uring ring_{};
  bool enabled_ = false;
  bool wake_armed_ = false;
  bool woken_ = false;
  time_point timeout_at_ = never;  // of the one request that is armed; never: none is
  ::__kernel_timespec timeout_{};  // read by the kernel when it takes the request
  std::uint64_t wake_count_ = 0;   // the kernel writes here
  file_descriptor wake_fd_;
  file_descriptor notify_fd_;
  std::atomic<int> notify_from_any_thread_{-1};
};

inline ::io_uring_sqe& uring_queue::next_sqe() noexcept {
  for (;;) {
    ::io_uring_sqe* sqe = ::io_uring_get_sqe(&ring_);
    if (sqe != nullptr) return *sqe;
    enter(0);
    drain();  // -EBUSY: the kernel wants room for completions first
  }
}

inline void uring_queue::enable() noexcept {
  if (enabled_) return;
  // liburing 2.3 declares io_uring_enable_rings but does not export it.
  const int result = ::io_uring_register(static_cast<unsigned>(ring_.ring_fd),
                                         IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
  if (result < 0) fatal_errno("a ring could not be enabled", -result);
  enabled_ = true;
  static_cast<void>(::io_uring_register_ring_fd(&ring_));  // 80 ns less per call
}

inline void uring_queue::cancel_word(std::uint64_t word) noexcept {
  ::io_uring_sqe& sqe = next_sqe();
  ::io_uring_prep_cancel64(&sqe, word, 0);
  ::io_uring_sqe_set_data64(&sqe, 0);  // the answer that counts is the request's own
}

inline void uring_queue::prepare(time_point deadline) noexcept {
  if (!wake_armed_) {
    ::io_uring_sqe& sqe = next_sqe();
    ::io_uring_prep_read(&sqe, wake_fd_.get(), &wake_count_, sizeof wake_count_, 0);
    ::io_uring_sqe_set_data64(&sqe, wake_word);
    wake_armed_ = true;
  }
  // Never moved to a later time: most deadlines are called off, so a timeout that
  // comes too early now and then costs less than moving it every time.
  if (deadline < timeout_at_) move_timeout(deadline);
}

inline void uring_queue::move_timeout(time_point deadline) noexcept {
  ::io_uring_sqe& sqe = next_sqe();
  if (timeout_at_ == never) {
    ::io_uring_prep_timeout(&sqe, &timeout_, 0, IORING_TIMEOUT_ABS);
    ::io_uring_sqe_set_data64(&sqe, timeout_word);
  } else {
    ::io_uring_prep_timeout_update(&sqe, &timeout_, timeout_word, IORING_TIMEOUT_ABS);
    ::io_uring_sqe_set_data64(&sqe, 0);
  }
  constexpr std::int64_t second = 1'000'000'000;
  const std::int64_t at = std::max<std::int64_t>(deadline.time_since_epoch().count(), 0);
  timeout_.tv_sec = at / second;
  timeout_.tv_nsec = at % second;
  timeout_at_ = deadline;
}

inline void uring_queue::enter(unsigned completions_min) noexcept {
  enable();
  const int result = completions_min == 0 ? ::io_uring_submit(&ring_)
                                          : ::io_uring_submit_and_wait(&ring_, completions_min);
  // A signal, or the kernel wants completions taken or memory freed first: nothing
  // is lost, what is queued goes with the next call.
  if (result >= 0 || result == -EINTR || result == -EBUSY || result == -EAGAIN) return;
  // The other two: the registered number of the ring is nothing in another thread.
  if (result == -EEXIST || result == -EBADF || result == -EINVAL) {
    fatal("a ring was used outside of its thread; use ring.remote().post(...) from other threads");
  }
  fatal_errno("io_uring_enter failed", -result);
}

inline int uring_queue::notify_fd() noexcept {
  if (notify_fd_) return notify_fd_.get();
  // Readable at first: something may have completed already.
  file_descriptor made{::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!made) return -errno;
  const int result = ::io_uring_register_eventfd(&ring_, made.get());
  if (result != 0) return result;
  notify_fd_ = std::move(made);
  notify_from_any_thread_.store(notify_fd_.get(), std::memory_order_release);
  return notify_fd_.get();
}

inline void uring_queue::clear_notification() noexcept {
  ::eventfd_t count = 0;
  static_cast<void>(::eventfd_read(notify_fd_.get(), &count));
}

inline void uring_queue::close() noexcept {
  if (wake_armed_) cancel_word(wake_word);
  if (timeout_at_ != never) cancel_word(timeout_word);
  while (wake_armed_ || timeout_at_ != never) {
    enter(1);
    drain();
  }
}

inline void uring_queue::drain() noexcept {
  unsigned head = 0;
  unsigned seen = 0;
  ::io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    if (cqe->user_data == wake_word) {
      wake_armed_ = false;
      woken_ = true;
    } else if (cqe->user_data == timeout_word) {
      timeout_at_ = never;
    } else if (cqe->user_data != 0) {
      complete(*cqe);
    }
    ++seen;
  }
  if (seen != 0) ::io_uring_cq_advance(&ring_, seen);
}

inline void uring_queue::drain_hinted() noexcept {
  constexpr unsigned hints = IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW;
  drain();
  if ((IO_URING_READ_ONCE(*ring_.sq.kflags) & hints) == 0) return;
  // Once: the flag may be stale, with nothing behind it. The kernel sets it after it
  // has published the work, and we may have done that work in between.
  static_cast<void>(::io_uring_get_events(&ring_));
  drain();
}
}  // namespace ringrpc::detail
