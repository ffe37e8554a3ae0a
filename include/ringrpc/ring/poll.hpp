// SPDX-License-Identifier: MIT
//
// Waiting for the readiness of a descriptor that somebody else reads or writes.
#pragma once

#include <cerrno>

#include <ringrpc/ring/detail/awaiter.hpp>

namespace ringrpc {
/// Waits until one of `events` (POLLIN and the like, poll(2)) is ready, or an
/// error or hang-up is; gives those that are. Always through the ring.
///
/// Resumed by the ring, on the ring's thread. `fd` must outlive the `co_await`.
/// Stop: cancels in the kernel, still waits for its answer, then returns
/// `operation_canceled`, or the events if they came first; after a stop it
/// returns `operation_canceled` at once.
class [[nodiscard]] poll_awaiter : public detail::operation_awaiter<poll_awaiter> {
public:
  poll_awaiter(detail::ring_core& core, int fd, short events) noexcept
      : operation_awaiter(core), fd_(fd), events_(events) {}

  io_result<short> await_resume() const noexcept {
    if (outcome() < 0) return io_failure(-outcome());
    return static_cast<short>(outcome());
  }

private:
  friend class detail::operation_awaiter<poll_awaiter>;
  bool start() noexcept {
    kernel().arm_poll(*this, fd_, events_);
    return true;
  }
  bool completed(int result) noexcept { return result == -EINTR ? start() : finish(result); }

  int fd_;
  short events_;
};
}  // namespace ringrpc
