// SPDX-License-Identifier: MIT
//
// Reading bytes from a descriptor.
#pragma once

#include <cerrno>
#include <cstddef>
#include <span>

#include <ringrpc/ring/detail/awaiter.hpp>
#include <ringrpc/ring/detail/transfer_size.hpp>

namespace ringrpc {
/// Reads up to `into.size()` bytes, at least 1; 0 means end of stream (or that
/// `into` is empty). From a socket by recv(2), a plain attempt first; from
/// anything else through the ring, from the file's own position. One read at a
/// time per descriptor.
///
/// Resumed by the ring, on the ring's thread. `into` and `fd` must outlive the
/// `co_await`. Stop: cancels in the kernel, still waits for its answer, then
/// returns `operation_canceled`, or the bytes if they came first; after a stop
/// it returns `operation_canceled` at once.
class [[nodiscard]] read_awaiter : public detail::operation_awaiter<read_awaiter> {
public:
  read_awaiter(detail::ring_core& core, int fd, std::span<std::byte> into) noexcept
      : operation_awaiter(core), into_(detail::transferable(into)), fd_(fd) {}

  io_result<std::size_t> await_resume() const noexcept {
    if (outcome() < 0) return io_failure(-outcome());
    return static_cast<std::size_t>(outcome());
  }

private:
  friend class detail::operation_awaiter<read_awaiter>;
  bool start() noexcept;
  bool completed(int result) noexcept;

  std::span<std::byte> into_;
  int fd_;
  bool socket_ = true;  // until the kernel says otherwise
};

inline bool read_awaiter::start() noexcept {
  if (into_.empty()) return finish(0);
  if (!core().always_arm) {
    const int received = kernel().try_recv(fd_, into_);
    if (received == -ENOTSOCK) return completed(received);
    if (received != -EAGAIN) return finish(received);
  }
  kernel().arm_recv(*this, fd_, into_);
  return true;
}

inline bool read_awaiter::completed(int result) noexcept {
  // -EAGAIN: the kernel could not wait for it, as for a file.
  if (socket_ && (result == -ENOTSOCK || result == -EAGAIN)) {
    socket_ = false;
    kernel().arm_read(*this, fd_, into_, -1);
    return true;
  }
  if (result == -EINTR) {
    if (!socket_) kernel().arm_read(*this, fd_, into_, -1);
    if (socket_) kernel().arm_recv(*this, fd_, into_);
    return true;
  }
  return finish(result);
}
}  // namespace ringrpc
