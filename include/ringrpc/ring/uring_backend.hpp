// SPDX-License-Identifier: MIT
//
// The kernel behind a ring by io_uring. Plain system calls where they answer at
// once; the kernel's ring to wait, and one system call for all that waits.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <liburing.h>

#include <ringrpc/base/fatal.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/detail/system_calls.hpp>
#include <ringrpc/ring/detail/transfer_size.hpp>
#include <ringrpc/ring/detail/uring_queue.hpp>
#include <ringrpc/ring/operation.hpp>
#include <ringrpc/ring/socket_address.hpp>
#include <ringrpc/ring/uring_buffers.hpp>
#include <ringrpc/ring/uring_options.hpp>

namespace ringrpc {
/// Needs Linux 5.19; best from 6.1 on. Made disabled: the first thread that waits or
/// submits becomes its thread for good. Arming submits where the queue is full, and
/// counts as that where it is a receive into the pool.
class uring_backend final : public backend, private detail::uring_queue {
public:
  /// @throws std::system_error  where the kernel refuses: what, why, the remedy.
  explicit uring_backend(const uring_options& options = {});
  /// Ends the process where an operation is in flight: the kernel would go on
  /// writing into its memory.
  ~uring_backend() override;

  time_point now() noexcept override { return std::chrono::steady_clock::now(); }
  std::uint64_t random() noexcept override;

  int try_recv(int fd, std::span<std::byte> into) noexcept override {
    return detail::receive_now(fd, into);
  }
  int try_send(int fd, std::span<const ::iovec> from) noexcept override {
    return detail::send_now(fd, from);
  }
  int try_accept(int fd, socket_address* peer) noexcept override {
    return detail::accept_now(fd, peer);
  }
  int try_connect(int fd, const socket_address& to) noexcept override {
    return detail::connect_now(fd, to);
  }

  void arm_recv(operation& op, int fd, std::span<std::byte> into) noexcept override;
  void arm_send(operation& op, int fd, std::span<const ::iovec> from) noexcept override;
  void arm_accept(operation& op, int fd) noexcept override;
  void arm_connect(operation& op, int fd, const socket_address& to) noexcept override;
  void arm_poll(operation& op, int fd, short events) noexcept override;
  void arm_read(operation& op, int fd, std::span<std::byte> into,
                std::int64_t offset) noexcept override;
  void arm_write(operation& op, int fd, std::span<const std::byte> from,
                 std::int64_t offset) noexcept override;
  void cancel(operation& op) noexcept override;
  void release(buffer_id buffer) noexcept override { buffers_.release(buffer); }

  void submit(time_point next_deadline) noexcept override;
  std::size_t reap(operation_queue& done) noexcept override;
  std::size_t wait(operation_queue& done, time_point until) noexcept override;
  void pause(unsigned rounds) noexcept override;
  void wake() noexcept override { uring_queue::wake(); }

  int shutdown(int fd) noexcept override { return shut_down(fd, SHUT_RDWR); }
  int shutdown_write(int fd) noexcept override { return shut_down(fd, SHUT_WR); }
  void close(int fd) noexcept override { static_cast<void>(::close(fd)); }
  int socket_pair(int (&fds)[2]) noexcept override;
  int pollable_fd() noexcept override { return notify_fd(); }

  [[nodiscard]] std::size_t in_flight() const noexcept override { return in_flight_; }
  [[nodiscard]] backend_kind kind() const noexcept override { return backend_kind::io_uring; }

private:
  // The user data of a request is the address of its operation and a kind.
  enum kind_of_request : std::uint64_t {
    plain,
    pooled,
    with_private_buffer,
    no_memory,
    cancelling
  };
  static constexpr std::uint64_t kind_mask = 7;
  // Behind the kind, in an operation's backend_word; its upper half is the answer.
  static constexpr std::uint64_t cancel_pending = 8;  // no answer to the cancel yet
  static constexpr std::uint64_t answered = 16;
  static_assert(alignof(operation) > kind_mask);

  static int shut_down(int fd, int how) noexcept { return ::shutdown(fd, how) == 0 ? 0 : -errno; }

  static std::uint64_t word_of(operation& op, std::uint64_t kind) noexcept {
    return reinterpret_cast<std::uintptr_t>(&op) | kind;
  }
  /// Fills the request in for `op`, which is in flight from now on.
  void begin(operation& op, ::io_uring_sqe& sqe, kind_of_request kind) noexcept;
  void arm_pooled_recv(operation& op, int fd) noexcept;
  void send_cancel(operation& op) noexcept;
  void send_cancels_again() noexcept;
  void complete(const ::io_uring_cqe& cqe) noexcept override;
  void cancel_answered(operation& op, int result) noexcept;
  void finish(operation& op, int result) noexcept;
  void take_buffer(operation& op, buffer_id buffer, int result) noexcept;
  std::size_t hand_over(operation_queue& done) noexcept;

  bool buffer_ring_wanted_;
  std::size_t in_flight_ = 0;
  operation_queue completed_;     // not handed over yet
  operation_queue cancel_again_;  // in flight; a cancel has not found them
  std::size_t completed_count_ = 0;
  std::uint64_t random_state_ = detail::random_seed();
  detail::uring_buffers buffers_;
  // One per entry of the submission queue: the kernel copies it with the entry.
  std::unique_ptr<::msghdr[]> messages_;
};

inline uring_backend::uring_backend(const uring_options& options)
    : uring_queue(options),
      buffer_ring_wanted_(options.buffer_ring),
      buffers_(options.buffers, options.buffer_bytes),
      messages_(std::make_unique<::msghdr[]>(slots())) {}

inline uring_backend::~uring_backend() {
  if (in_flight_ != 0) {
    fatal("a ring ended with operations in flight; stop what was started on it and await its end");
  }
  uring_queue::close();
  buffers_.close(ring());
}

inline std::uint64_t uring_backend::random() noexcept {  // splitmix64
  std::uint64_t bits = random_state_ += 0x9e37'79b9'7f4a'7c15;
  bits = (bits ^ bits >> 30) * 0xbf58'476d'1ce4'e5b9;
  bits = (bits ^ bits >> 27) * 0x94d0'49bb'1331'11eb;
  return bits ^ bits >> 31;
}

inline void uring_backend::begin(operation& op, ::io_uring_sqe& sqe,
                                 kind_of_request kind) noexcept {
  op.begin();
  op.backend_word = kind;
  ::io_uring_sqe_set_data64(&sqe, word_of(op, kind));
  ++in_flight_;
}

inline void uring_backend::arm_recv(operation& op, int fd, std::span<std::byte> into) noexcept {
  if (into.empty()) {
    arm_pooled_recv(op, fd);
    return;
  }
  ::io_uring_sqe& sqe = next_sqe();
  ::io_uring_prep_recv(&sqe, fd, into.data(), std::min(into.size(), detail::transfer_bytes_max), 0);
  sqe.ioprio |= IORING_RECVSEND_POLL_FIRST;
  begin(op, sqe, plain);
}

inline void uring_backend::arm_pooled_recv(operation& op, int fd) noexcept {
  enable();
  const bool shared = buffers_.shared(ring(), buffer_ring_wanted_);
  const buffer_id own = shared ? buffer_id{} : buffers_.take_private();
  ::io_uring_sqe& sqe = next_sqe();
  if (shared) {
    ::io_uring_prep_recv(&sqe, fd, nullptr, buffers_.buffer_bytes(), 0);
    sqe.flags |= IOSQE_BUFFER_SELECT;
    sqe.buf_group = detail::uring_buffers::group;
    // With this an empty pool matters only when data is there.
    sqe.ioprio |= IORING_RECVSEND_POLL_FIRST;
    begin(op, sqe, pooled);
  } else if (own.valid()) {
    const std::span<std::byte> into = buffers_.bytes_of(own);
    ::io_uring_prep_recv(&sqe, fd, into.data(), into.size(), 0);
    sqe.ioprio |= IORING_RECVSEND_POLL_FIRST;
    begin(op, sqe, with_private_buffer);
    op.set_received(own, into);
  } else {
    ::io_uring_prep_nop(&sqe);
    begin(op, sqe, no_memory);
  }
}

inline void uring_backend::arm_send(operation& op, int fd,
                                    std::span<const ::iovec> from) noexcept {
  constexpr unsigned flags = MSG_WAITALL | MSG_NOSIGNAL;
  ::io_uring_sqe& sqe = next_sqe();
  if (from.size() == 1) {
    ::io_uring_prep_send(&sqe, fd, from[0].iov_base,
                         std::min(from[0].iov_len, detail::transfer_bytes_max), flags);
  } else {
    ::msghdr& message = messages_[slot_of(sqe)];
    message = {};
    message.msg_iov = const_cast<::iovec*>(from.data());  // not written through, as in sendmsg(2)
    message.msg_iovlen = from.size();
    ::io_uring_prep_sendmsg(&sqe, fd, &message, flags);
  }
  sqe.ioprio |= IORING_RECVSEND_POLL_FIRST;
  begin(op, sqe, plain);
}

inline void uring_backend::arm_accept(operation& op, int fd) noexcept {
  ::io_uring_sqe& sqe = next_sqe();
  // Single-shot: of two rings that share a listener, a multishot one takes all.
  ::io_uring_prep_accept(&sqe, fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  begin(op, sqe, plain);
}

inline void uring_backend::arm_connect(operation& op, int fd, const socket_address& to) noexcept {
  // Or a thread of the kernel would block where the queue of a Unix listener is full. The
  // request itself says what is wrong with `fd`.
  static_cast<void>(detail::set_non_blocking(fd));
  ::io_uring_sqe& sqe = next_sqe();
  ::io_uring_prep_connect(&sqe, fd, to.data(), to.size());
  begin(op, sqe, plain);
}

inline void uring_backend::arm_poll(operation& op, int fd, short events) noexcept {
  ::io_uring_sqe& sqe = next_sqe();
  ::io_uring_prep_poll_add(&sqe, fd, static_cast<unsigned short>(events));
  begin(op, sqe, plain);
}

inline void uring_backend::arm_read(operation& op, int fd, std::span<std::byte> into,
                                    std::int64_t offset) noexcept {
  ::io_uring_sqe& sqe = next_sqe();
  ::io_uring_prep_read(&sqe, fd, into.data(), static_cast<unsigned>(into.size()),
                       static_cast<std::uint64_t>(offset));
  begin(op, sqe, plain);
}

inline void uring_backend::arm_write(operation& op, int fd, std::span<const std::byte> from,
                                     std::int64_t offset) noexcept {
  ::io_uring_sqe& sqe = next_sqe();
  ::io_uring_prep_write(&sqe, fd, from.data(), static_cast<unsigned>(from.size()),
                        static_cast<std::uint64_t>(offset));
  begin(op, sqe, plain);
}

inline void uring_backend::cancel(operation& op) noexcept {
  // Linked and in flight: it is about to be cancelled again.
  if (op.in_flight() && (op.backend_word & cancel_pending) == 0 && !op.linked()) send_cancel(op);
}

inline void uring_backend::send_cancel(operation& op) noexcept {
  ::io_uring_sqe& sqe = next_sqe();
  // A full queue was emptied for it, by which `op` may have completed; it may die then.
  if (!op.in_flight()) {
    ::io_uring_prep_nop(&sqe);
    ::io_uring_sqe_set_data64(&sqe, 0);
    return;
  }
  ::io_uring_prep_cancel64(&sqe, word_of(op, op.backend_word & kind_mask), 0);
  ::io_uring_sqe_set_data64(&sqe, word_of(op, cancelling));
  op.backend_word |= cancel_pending;
}

inline void uring_backend::send_cancels_again() noexcept {
  while (run_node* op = cancel_again_.pop_front()) send_cancel(static_cast<operation&>(*op));
}

inline void uring_backend::complete(const ::io_uring_cqe& cqe) noexcept {
  operation& op = *reinterpret_cast<operation*>(cqe.user_data & ~kind_mask);
  int result = cqe.res;
  switch (cqe.user_data & kind_mask) {
    case cancelling: cancel_answered(op, result); return;
    case pooled:
      if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
        take_buffer(op, {cqe.flags >> IORING_CQE_BUFFER_SHIFT}, result);
      }
      break;
    case with_private_buffer: take_buffer(op, op.buffer(), result); break;
    case no_memory: result = -ENOBUFS; break;
    default: break;
  }
  if ((op.backend_word & cancel_pending) == 0) {
    finish(op, result);
  } else {  // the answer to the cancel names the operation, which must live till then
    op.backend_word |= answered | std::uint64_t{static_cast<std::uint32_t>(result)} << 32;
  }
}

inline void uring_backend::cancel_answered(operation& op, int result) noexcept {
  op.backend_word &= ~cancel_pending;
  if ((op.backend_word & answered) != 0) {
    finish(op, static_cast<int>(op.backend_word >> 32));
  } else if (result == -ENOENT) {
    // It was between two waits: its descriptor had become ready, and the kernel was
    // about to try, and perhaps to wait again. Linux 6.18 does not find it then.
    cancel_again_.push_back(op);
  }
}

inline void uring_backend::finish(operation& op, int result) noexcept {
  op.unlink();
  op.end(result);
  --in_flight_;
  completed_.push_back(op);
  ++completed_count_;
}

inline void uring_backend::take_buffer(operation& op, buffer_id buffer, int result) noexcept {
  if (result > 0) {
    op.set_received(buffer, buffers_.bytes_of(buffer).first(static_cast<std::size_t>(result)));
  } else {
    buffers_.release(buffer);
    op.set_received({}, {});
  }
}

inline std::size_t uring_backend::hand_over(operation_queue& done) noexcept {
  done.splice_back(completed_);
  return std::exchange(completed_count_, 0);
}

inline void uring_backend::submit(time_point next_deadline) noexcept {
  do {
    send_cancels_again();
    prepare(next_deadline);
    enter(0);
    if (!notifies()) return;  // else the caller may go to sleep in a foreign loop
    clear_notification();
    drain_hinted();  // what came before that; what comes later makes it readable
  } while (!wake_armed() || !cancel_again_.empty());
  if (next_deadline != never && !timeout_armed()) notify();  // it has come already
}

inline std::size_t uring_backend::reap(operation_queue& done) noexcept {
  drain_hinted();
  return hand_over(done);
}

inline std::size_t uring_backend::wait(operation_queue& done, time_point until) noexcept {
  send_cancels_again();
  drain();
  // After the last drain: what it takes may be our own wake-up or timeout, without
  // which the sleep would have no end. (Preparing drains too where the queue is full.)
  do {
    prepare(until);
  } while (!wake_armed() || (until != never && !timeout_armed()));
  const bool sleeps = completed_.empty() && cancel_again_.empty() && !woken();
  enter(sleeps ? 1 : 0);
  drain();
  clear_woken();
  return hand_over(done);
}

inline void uring_backend::pause(unsigned rounds) noexcept {
  for (; rounds > 0; --rounds) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    asm volatile("yield");
#endif
  }
}

inline int uring_backend::socket_pair(int (&fds)[2]) noexcept {
  constexpr int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  return ::socketpair(AF_UNIX, type, 0, fds) == 0 ? 0 : -errno;
}
}  // namespace ringrpc
