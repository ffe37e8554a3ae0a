// SPDX-License-Identifier: MIT
//
// All contact of a ring with kernel, clock and random source. An abstract class
// and no template: a virtual call costs 2 ns, a system call 200 ns. The run
// queue, timers, spinning and inbox stay in the loop, so that a simulated
// backend drives the real ones.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include <ringrpc/base/time.hpp>
#include <ringrpc/ring/operation.hpp>
#include <ringrpc/ring/socket_address.hpp>

namespace ringrpc {
/// Which kernel interface is behind a ring.
enum class backend_kind : unsigned char { io_uring, epoll, simulated };

/// One per ring. Used on the ring's thread only, `wake` excepted. Descriptors are
/// borrowed. An operation that is armed must stay, with the memory it names,
/// until it has completed; at most one receive and one send per descriptor may be
/// in flight at once.
class backend {
public:
  backend() = default;
  backend(const backend&) = delete;
  backend& operator=(const backend&) = delete;
  virtual ~backend() = default;

  /// The monotonic clock. The loop reads it once per turn.
  virtual time_point now() noexcept = 0;
  /// Uniform bits, for jitter; not for secrets.
  virtual std::uint64_t random() noexcept = 0;

  // Plain attempts; they never block. Bytes, 0 = end of stream, or -errno;
  // -EAGAIN means: arm the operation instead. None is ever -EINTR.

  /// recv(2) with MSG_DONTWAIT. -ENOTSOCK where `fd` is no socket.
  virtual int try_recv(int fd, std::span<std::byte> into) noexcept = 0;
  /// sendmsg(2) with MSG_DONTWAIT | MSG_NOSIGNAL; may be short.
  /// @param from  1 to 64 parts, not empty in sum.
  virtual int try_send(int fd, std::span<const ::iovec> from) noexcept = 0;
  /// accept4(2), non-blocking and close-on-exec: the new descriptor.
  /// @param peer  filled with the peer's address unless null.
  virtual int try_accept(int fd, socket_address* peer) noexcept = 0;
  /// connect(2) on a non-blocking socket: 0 or -errno. -EAGAIN: the accept queue
  /// of a Unix listener is full; try again later, never wait for writability.
  virtual int try_connect(int fd, const socket_address& to) noexcept = 0;

  // Armed operations: `op` is completed exactly once, with what the call
  // returned or -errno, by a later `reap` or `wait`.

  /// @param into  the receiver's own memory, or empty: the backend then chooses a
  ///              buffer of its pool (`op.received()`, `op.buffer()`), which the
  ///              receiver releases. -ENOBUFS: the pool is empty, arm again later.
  virtual void arm_recv(operation& op, int fd, std::span<std::byte> into) noexcept = 0;
  /// Sends all of `from`, or fewer bytes when an error stopped it. The parts, and
  /// the array of parts, must stay until completion.
  virtual void arm_send(operation& op, int fd, std::span<const ::iovec> from) noexcept = 0;
  /// Completes with the new descriptor, non-blocking and close-on-exec.
  virtual void arm_accept(operation& op, int fd) noexcept = 0;
  /// Like `try_connect`; `to` must stay until completion.
  virtual void arm_connect(operation& op, int fd, const socket_address& to) noexcept = 0;
  /// Completes with the ready events (poll(2)), once.
  virtual void arm_poll(operation& op, int fd, short events) noexcept = 0;
  /// read(2) and write(2) on what is no socket. @param offset  -1: the file's own.
  virtual void arm_read(operation& op, int fd, std::span<std::byte> into,
                        std::int64_t offset) noexcept = 0;
  virtual void arm_write(operation& op, int fd, std::span<const std::byte> from,
                         std::int64_t offset) noexcept = 0;
  /// Asks the kernel to end `op`, which still completes: with -ECANCELED, or with
  /// what it had already done. Does nothing where `op` is not in flight.
  virtual void cancel(operation& op) noexcept = 0;
  /// Gives a buffer of the pool back.
  virtual void release(buffer_id buffer) noexcept = 0;

  // The turn.

  /// Hands over what was armed and keeps the one kernel timeout at
  /// `next_deadline` (`never`: none). Never sleeps.
  virtual void submit(time_point next_deadline) noexcept = 0;
  /// Appends what has completed to `done`. Makes no system call unless a hint of
  /// the kernel says that one is needed; the body of spinning.
  /// @return how many completed.
  virtual std::size_t reap(operation_queue& done) noexcept = 0;
  /// Submits, sleeps once until something completes, `until` comes or `wake` is
  /// called, and reaps. Returns at once where something has completed already.
  /// May return early and empty.
  virtual std::size_t wait(operation_queue& done, time_point until) noexcept = 0;
  /// One step of spinning: `rounds` times the processor's pause instruction.
  virtual void pause(unsigned rounds) noexcept = 0;
  /// Ends a `wait`, or the next one. The only member that any thread may call.
  virtual void wake() noexcept = 0;

  /// shutdown(2) in both directions; 0 or -errno. Ends what is in flight.
  virtual int shutdown(int fd) noexcept = 0;
  /// shutdown(2) for writing only: the peer reads the end of the stream.
  virtual int shutdown_write(int fd) noexcept = 0;
  /// close(2). Only when nothing of `fd` is in flight.
  virtual void close(int fd) noexcept = 0;
  /// socketpair(2), AF_UNIX SOCK_STREAM, non-blocking, close-on-exec; 0 or -errno.
  virtual int socket_pair(int (&fds)[2]) noexcept = 0;
  /// A descriptor for poll(2) and epoll(7) that becomes readable when something
  /// completes after the last `submit`, its deadline comes, or `wake` is called; from
  /// the first call on. `submit` makes it unreadable, so reap after that. -errno
  /// where there can be none.
  virtual int pollable_fd() noexcept = 0;

  /// Operations that have begun and not completed.
  [[nodiscard]] virtual std::size_t in_flight() const noexcept = 0;
  [[nodiscard]] virtual backend_kind kind() const noexcept = 0;
};
}  // namespace ringrpc
