// SPDX-License-Identifier: MIT
//
// Moves a connection's bytes over a stream socket: plain recv(2) and sendmsg(2)
// first, the ring to wait. The loop knows it: its receive is polled while the
// ring spins and armed just before it sleeps.
#pragma once

#include <cerrno>
#include <cstddef>
#include <span>

#include <ringrpc/base/config.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/ring/hooks.hpp>
#include <ringrpc/ring/operation.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/rpc/detail/connection.hpp>
#include <ringrpc/rpc/detail/driver.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// Of one connection. The descriptor is borrowed from the byte stream that owns it.
class socket_driver final : public driver {
public:
  /// @throws std::bad_alloc  the first time of a ring.
  socket_driver(connection& moved, int fd)
      : connection_(moved),
        ring_(moved.home()),
        fd_(fd),
        scratch_(ring_.receive_scratch()),
        hook_(*this),
        receive_([](run_node& self) noexcept {
          static_cast<receive_operation&>(self).of.receive_completed();
        },
                 *this),
        send_([](run_node& self) noexcept {
          static_cast<send_operation&>(self).of.send_completed();
        },
              *this) {}

  /// Begins to read. Call it after the connection was attached.
  void start() noexcept { await_input(); }

  void flush() noexcept override;
  void resume_reading() noexcept override {
    if (!ended_ && !busy(receive_)) await_input();
  }
  void abort() noexcept override {
    if (ended_) return;
    ended_ = true;
    hook_.unlink();
    ring_.kernel().shutdown(fd_);  // what is in flight ends by it
  }
  /// After `abort`: set when nothing of the descriptor is in flight.
  [[nodiscard]] event& quiet() noexcept {
    check_quiet();
    return quiet_;
  }

private:
  struct hook final : receive_hook {
    explicit hook(socket_driver& driven) noexcept
        : receive_hook(
              [](receive_hook& self) noexcept { return static_cast<hook&>(self).of.poll(); },
              [](receive_hook& self) noexcept { static_cast<hook&>(self).of.arm(); }),
          of(driven) {}
    socket_driver& of;
  };
  struct receive_operation final : operation {
    receive_operation(action completed, socket_driver& driven) noexcept
        : operation(completed), of(driven) {}
    socket_driver& of;
  };
  using send_operation = receive_operation;

  // One connection may not keep the ring for itself: after this much it yields.
  static constexpr std::size_t receive_bytes_per_turn = 1024 * 1024;

  // In flight, or completed and waiting for its turn.
  static bool busy(const operation& one) noexcept { return one.in_flight() || one.linked(); }
  void check_quiet() noexcept {
    if (!busy(receive_) && !busy(send_)) quiet_.set();
  }
  /// Polls while the ring spins; without plain calls, waits by an operation at once.
  void await_input() noexcept {
    if (ring_.always_arm()) {
      arm();
    } else {
      ring_.watch(hook_);
    }
  }
  bool poll() noexcept;
  void arm() noexcept;
  void receive_completed() noexcept;
  void send_completed() noexcept;
  bool received(int result, std::span<const std::byte> bytes) noexcept;

  connection& connection_;
  ring& ring_;
  int fd_;
  std::span<std::byte> scratch_;
  hook hook_;
  receive_operation receive_;
  send_operation send_;
  event quiet_;
  bool ended_ = false;
};

inline bool socket_driver::received(int result, std::span<const std::byte> bytes) noexcept {
  if (result > 0) {
    connection_.receive(bytes.first(static_cast<std::size_t>(result)));
    return !ended_;
  }
  hook_.unlink();
  if (result == 0) {
    connection_.receive_end();
  } else {
    connection_.lost(errno_code(-result));
  }
  return false;
}

inline bool socket_driver::poll() noexcept {
  std::size_t all = 0;
  while (!ended_) {
    if (!connection_.wants_read()) {
      hook_.unlink();
      return all > 0;
    }
    const int result = ring_.kernel().try_recv(fd_, scratch_);
    if (result == -EAGAIN) return all > 0;
    if (!received(result, scratch_)) return true;
    const auto count = static_cast<std::size_t>(result);
    all += count;
    if (count < scratch_.size() || all >= receive_bytes_per_turn) return true;
  }
  return true;
}

inline void socket_driver::arm() noexcept {
  if (ended_ || receive_.in_flight() || !connection_.wants_read()) return;
  ring_.kernel().arm_recv(receive_, fd_, {});
}

inline void socket_driver::receive_completed() noexcept {
  const int result = receive_.result();
  const buffer_id buffer = receive_.buffer();
  if (ended_) {
    if (buffer.valid()) ring_.kernel().release(buffer);
    check_quiet();
    return;
  }
  // -ENOBUFS: the pool is empty, which the next turn has changed.
  if (result == -ENOBUFS || result == -ECANCELED || result == -EAGAIN || result == -EINTR) {
    await_input();
    return;
  }
  const bool go_on = received(result, receive_.received());
  if (buffer.valid()) ring_.kernel().release(buffer);
  if (go_on) await_input();
}

inline void socket_driver::flush() noexcept {
  while (!ended_ && !busy(send_)) {
    output& out = connection_.outgoing();
    if (out.empty()) return;
    if (!ring_.always_arm()) {
      const int result = ring_.kernel().try_send(fd_, out.parts());
      if (result >= 0) {
        connection_.sent(static_cast<std::size_t>(result));
        continue;
      }
      if (result != -EAGAIN) {
        connection_.send_failed(errno_code(-result));
        return;
      }
    }
    connection_.sending();
    ring_.kernel().arm_send(send_, fd_, out.parts());
  }
}

inline void socket_driver::send_completed() noexcept {
  const int result = send_.result();
  if (ended_) {
    check_quiet();
    return;
  }
  if (result < 0 && result != -EAGAIN && result != -ECANCELED && result != -EINTR) {
    connection_.send_failed(errno_code(-result));
    return;
  }
  if (result > 0) connection_.sent(static_cast<std::size_t>(result));
  connection_.mark_dirty();  // the rest leaves with what has come meanwhile
}
}  // namespace ringrpc::inline RINGRPC_ABI
