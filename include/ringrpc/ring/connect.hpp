// SPDX-License-Identifier: MIT
//
// Connecting a socket.
#pragma once

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <ringrpc/base/time.hpp>
#include <ringrpc/ring/detail/awaiter.hpp>
#include <ringrpc/ring/socket_address.hpp>
#include <ringrpc/ring/timer_heap.hpp>

namespace ringrpc {
/// Connects `fd`, a stream socket, to `to`. A blocking socket is made
/// non-blocking. Where the accept queue of a Unix listener is full (-EAGAIN) it
/// tries again after 1, 2, 4 ... 64 ms until it is stopped: such a socket polls
/// writable, so there is nothing to wait for.
///
/// Resumed by the ring, on the ring's thread. `fd` must outlive the `co_await`.
/// Stop: ends the wait or cancels in the kernel and awaits its answer, then
/// returns `operation_canceled`, or success if that came first; after a stop it
/// returns `operation_canceled` at once. After a failure close the socket.
class [[nodiscard]] connect_awaiter : public detail::operation_awaiter<connect_awaiter> {
public:
  connect_awaiter(detail::ring_core& core, int fd, const socket_address& to) noexcept
      : operation_awaiter(core), to_(to), again_(*this), fd_(fd) {}

  io_result<void> await_resume() const noexcept {
    if (outcome() < 0) return io_failure(-outcome());
    return {};
  }

private:
  friend class detail::operation_awaiter<connect_awaiter>;
  struct retry : timer {
    explicit retry(connect_awaiter& of) noexcept
        : timer([](run_node& node) noexcept {
            static_cast<retry&>(static_cast<timer&>(node)).of_.try_again();
          }),
          of_(of) {}
    connect_awaiter& of_;
  };

  bool start() noexcept;
  bool completed(int result) noexcept;
  bool handle(int result) noexcept;
  void try_again() noexcept;
  void cancel_wait() noexcept;

  socket_address to_;
  retry again_;
  duration delay_ = std::chrono::milliseconds{1};
  int fd_;
  bool settling_ = false;  // -EINPROGRESS came: waits until the socket is writable
};

inline bool connect_awaiter::start() noexcept {
  if (!core().always_arm) return handle(kernel().try_connect(fd_, to_));
  kernel().arm_connect(*this, fd_, to_);
  return true;
}

inline bool connect_awaiter::completed(int result) noexcept {
  // A second connect(2) tells how the first one ended.
  if (settling_ && result >= 0) return handle(kernel().try_connect(fd_, to_));
  return handle(result);
}

inline bool connect_awaiter::handle(int result) noexcept {
  if (result == -EISCONN && settling_) return finish(0);
  if (result == -EINPROGRESS || result == -EALREADY || result == -EINTR) {
    settling_ = true;
    kernel().arm_poll(*this, fd_, POLLOUT);
    return true;
  }
  if (result != -EAGAIN || to_.family() != AF_UNIX) return finish(result);
  core().timers.arm(again_, saturating_add(kernel().now(), delay_));
  delay_ = std::min<duration>(2 * delay_, std::chrono::milliseconds{64});
  return true;
}

inline void connect_awaiter::try_again() noexcept {
  if (stop_requested()) {
    finish(-ECANCELED);
  } else if (start()) {
    return;
  }
  resume_caller();
}

inline void connect_awaiter::cancel_wait() noexcept {
  if (again_.armed()) {
    core().timers.disarm(again_);
    core().queue.push(again_);
  } else {
    kernel().cancel(*this);
  }
}
}  // namespace ringrpc
