// SPDX-License-Identifier: MIT
//
// Accepting a connection.
#pragma once

#include <cerrno>
#include <utility>

#include <ringrpc/ring/detail/awaiter.hpp>

namespace ringrpc {
/// Accepts one connection of a listening socket: the new descriptor, non-blocking
/// and close-on-exec, which is the caller's. -EMFILE and the like come as errors;
/// the connection stays in the kernel's queue then, so wait before the next try.
///
/// Resumed by the ring, on the ring's thread. `fd` must outlive the `co_await`.
/// Stop: cancels in the kernel, still waits for its answer, then returns
/// `operation_canceled`, or the connection if it came first; after a stop it
/// returns `operation_canceled` at once.
class [[nodiscard]] accept_awaiter : public detail::operation_awaiter<accept_awaiter> {
public:
  accept_awaiter(detail::ring_core& core, int fd) noexcept : operation_awaiter(core), fd_(fd) {}
  ~accept_awaiter() {
    // The kernel has answered, but the coroutine died before it was resumed.
    if (linked() && result() >= 0) kernel().close(result());
  }

  io_result<int> await_resume() noexcept {
    if (outcome() < 0) return io_failure(-outcome());
    return outcome();
  }

private:
  friend class detail::operation_awaiter<accept_awaiter>;
  bool start() noexcept {
    if (!core().always_arm) {
      const int accepted = kernel().try_accept(fd_, nullptr);
      if (accepted != -EAGAIN) return finish(accepted);
    }
    kernel().arm_accept(*this, fd_);
    return true;
  }
  bool completed(int result) noexcept {
    if (result != -EINTR) return finish(result);
    kernel().arm_accept(*this, fd_);
    return true;
  }

  int fd_;
};
}  // namespace ringrpc
