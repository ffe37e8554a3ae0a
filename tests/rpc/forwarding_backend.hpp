// SPDX-License-Identifier: MIT
//
// A backend that passes everything on to another one and counts the plain calls.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <ringrpc/ring/backend.hpp>

namespace ringrpc::testing {
/// How often a plain attempt was made, of all backends of a test.
struct plain_calls {
  std::size_t receives = 0;
  std::size_t sends = 0;
};

class forwarding_backend final : public backend {
public:
  /// @param counted  must outlive it.
  forwarding_backend(std::unique_ptr<backend> to, plain_calls& counted)
      : to_(std::move(to)), counted_(counted) {}

  time_point now() noexcept override { return to_->now(); }
  std::uint64_t random() noexcept override { return to_->random(); }
  int try_recv(int fd, std::span<std::byte> into) noexcept override {
    ++counted_.receives;
    return to_->try_recv(fd, into);
  }
  int try_send(int fd, std::span<const ::iovec> from) noexcept override {
    ++counted_.sends;
    return to_->try_send(fd, from);
  }
  int try_accept(int fd, socket_address* peer) noexcept override {
    return to_->try_accept(fd, peer);
  }
  int try_connect(int fd, const socket_address& to) noexcept override {
    return to_->try_connect(fd, to);
  }
  void arm_recv(operation& op, int fd, std::span<std::byte> into) noexcept override {
    to_->arm_recv(op, fd, into);
  }
  void arm_send(operation& op, int fd, std::span<const ::iovec> from) noexcept override {
    to_->arm_send(op, fd, from);
  }
  void arm_accept(operation& op, int fd) noexcept override { to_->arm_accept(op, fd); }
  void arm_connect(operation& op, int fd, const socket_address& to) noexcept override {
    to_->arm_connect(op, fd, to);
  }
  void arm_poll(operation& op, int fd, short events) noexcept override {
    to_->arm_poll(op, fd, events);
  }
  void arm_read(operation& op, int fd, std::span<std::byte> into,
                std::int64_t offset) noexcept override {
    to_->arm_read(op, fd, into, offset);
  }
  void arm_write(operation& op, int fd, std::span<const std::byte> from,
                 std::int64_t offset) noexcept override {
    to_->arm_write(op, fd, from, offset);
  }
  void cancel(operation& op) noexcept override { to_->cancel(op); }
  void release(buffer_id buffer) noexcept override { to_->release(buffer); }
  void submit(time_point next_deadline) noexcept override { to_->submit(next_deadline); }
  std::size_t reap(operation_queue& done) noexcept override { return to_->reap(done); }
  std::size_t wait(operation_queue& done, time_point until) noexcept override {
    return to_->wait(done, until);
  }
  void pause(unsigned rounds) noexcept override { to_->pause(rounds); }
  void wake() noexcept override { to_->wake(); }
  int shutdown(int fd) noexcept override { return to_->shutdown(fd); }
  int shutdown_write(int fd) noexcept override { return to_->shutdown_write(fd); }
  void close(int fd) noexcept override { to_->close(fd); }
  int socket_pair(int (&fds)[2]) noexcept override { return to_->socket_pair(fds); }
  int pollable_fd() noexcept override { return to_->pollable_fd(); }
  [[nodiscard]] std::size_t in_flight() const noexcept override { return to_->in_flight(); }
  [[nodiscard]] backend_kind kind() const noexcept override { return to_->kind(); }

private:
  std::unique_ptr<backend> to_;
  plain_calls& counted_;
};
}  // namespace ringrpc::testing
