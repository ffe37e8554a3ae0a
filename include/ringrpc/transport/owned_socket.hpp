// SPDX-License-Identifier: MIT
//
// A socket that its ring's kernel closes, so that it may also be one of a
// simulated kernel.
#pragma once

#include <utility>

#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/ring.hpp>

namespace ringrpc {
/// Owns a socket of a ring. Move-only. Belongs to the ring's thread; the ring must
/// outlive it. Not to be closed while an operation of it is in flight.
class owned_socket {
public:
  /// Owns nothing.
  owned_socket() noexcept = default;
  /// Takes over `fd`, which `home`'s kernel made or may close.
  owned_socket(ring& home, int fd) noexcept : home_(&home), fd_(fd) {}
  owned_socket(owned_socket&& other) noexcept
      : home_(std::exchange(other.home_, nullptr)), fd_(std::exchange(other.fd_, -1)) {}
  owned_socket& operator=(owned_socket&& other) noexcept {
    if (this != &other) {
      close();
      home_ = std::exchange(other.home_, nullptr);
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~owned_socket() { close(); }

  explicit operator bool() const noexcept { return fd_ >= 0; }
  /// The descriptor, still owned; -1: none.
  [[nodiscard]] int get() const noexcept { return fd_; }
  /// The ring it belongs to; only where something is owned.
  [[nodiscard]] ring& home() const noexcept { return *home_; }

  /// Ends both directions: what is pending on it ends, and the peer reads the end.
  void shutdown() noexcept {
    if (fd_ >= 0) static_cast<void>(home_->kernel().shutdown(fd_));
  }
  /// Closes what is owned.
  void close() noexcept {
    if (fd_ >= 0) home_->kernel().close(std::exchange(fd_, -1));
  }

private:
  ring* home_ = nullptr;
  int fd_ = -1;
};
}  // namespace ringrpc
