// SPDX-License-Identifier: MIT
//
// The owner of a file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace ringrpc {
/// Closes its descriptor when it dies. Move-only. Not for descriptors with
/// operations in flight: shut down, await the completions, then close.
class file_descriptor {
public:
  /// Owns nothing.
  file_descriptor() noexcept = default;
  /// Takes over `fd`; a negative one means nothing.
  explicit file_descriptor(int fd) noexcept : fd_(fd < 0 ? -1 : fd) {}
  file_descriptor(file_descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  file_descriptor& operator=(file_descriptor&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~file_descriptor() { reset(); }

  /// The descriptor, still owned; -1: none.
  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

  /// Gives up ownership. @return the descriptor, -1: none.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  /// Closes what is owned and takes over `fd`. close(2) is never repeated after
  /// EINTR: Linux has closed the descriptor by then.
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0) static_cast<void>(::close(fd_));
    fd_ = fd < 0 ? -1 : fd;
  }

private:
  int fd_ = -1;
};
}  // namespace ringrpc
