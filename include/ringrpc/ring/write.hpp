// SPDX-License-Identifier: MIT
//
// Writing bytes to a descriptor.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>

#include <ringrpc/ring/detail/awaiter.hpp>
#include <ringrpc/ring/detail/transfer_size.hpp>

namespace ringrpc {
/// Writes at least 1 byte and may be short; 0 only where there is nothing to
/// write. To a socket by sendmsg(2) without SIGPIPE, a plain attempt first; to
/// anything else through the ring, at the file's own position (a pipe without
/// reader raises SIGPIPE there). One write at a time per descriptor.
///
/// Resumed by the ring, on the ring's thread. The bytes, the array of parts and
/// `fd` must outlive the `co_await`. Stop: cancels in the kernel, still waits for
/// its answer, then returns `operation_canceled`, or the count if bytes went out
/// first; after a stop it returns `operation_canceled` at once.
class [[nodiscard]] write_awaiter : public detail::operation_awaiter<write_awaiter> {
public:
  write_awaiter(detail::ring_core& core, int fd, std::span<const std::byte> from) noexcept
      // write(2) does not write through iov_base; its type is an accident of readv(2).
      : operation_awaiter(core),
        single_{const_cast<std::byte*>(from.data()), detail::transferable(from).size()},
        parts_(&single_, 1),
        fd_(fd) {}
  /// @param from  of more than 64 parts the first 64 are written.
  write_awaiter(detail::ring_core& core, int fd, std::span<const ::iovec> from) noexcept
      : operation_awaiter(core), parts_(from.first(std::min(from.size(), parts_max))), fd_(fd) {}

  io_result<std::size_t> await_resume() const noexcept {
    if (outcome() < 0) return io_failure(-outcome());
    return static_cast<std::size_t>(outcome());
  }

private:
  friend class detail::operation_awaiter<write_awaiter>;
  static constexpr std::size_t parts_max = 64;
  bool start() noexcept;
  bool completed(int result) noexcept;
  void arm() noexcept {
    if (socket_) {
      kernel().arm_send(*this, fd_, parts_);
    } else {
      kernel().arm_write(*this, fd_, {static_cast<const std::byte*>(parts_[0].iov_base),
                                      std::min(parts_[0].iov_len, detail::transfer_bytes_max)},
                         -1);
    }
  }

  ::iovec single_{};
  std::span<const ::iovec> parts_;
  int fd_;
  bool socket_ = true;  // until the kernel says otherwise
};

inline bool write_awaiter::start() noexcept {
  while (!parts_.empty() && parts_[0].iov_len == 0) parts_ = parts_.subspan(1);
  if (parts_.empty()) return finish(0);
  if (!core().always_arm) {
    const int sent = kernel().try_send(fd_, parts_);
    if (sent == -ENOTSOCK) return completed(sent);
    if (sent != -EAGAIN) return finish(sent);
  }
  arm();
  return true;
}

inline bool write_awaiter::completed(int result) noexcept {
  // -EAGAIN: the kernel could not wait for it, as for a file.
  if (socket_ && (result == -ENOTSOCK || result == -EAGAIN)) {
    socket_ = false;
    arm();
    return true;
  }
  if (result == -EINTR) {
    arm();
    return true;
  }
  return finish(result);
}
}  // namespace ringrpc
