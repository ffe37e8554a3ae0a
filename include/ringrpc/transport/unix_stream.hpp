// SPDX-License-Identifier: MIT
//
// The byte stream over a connected stream socket. Made by `unix_connector`, by
// `unix_listener` and by `socket_pair`; any other stream socket will do too.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/transport/byte_stream.hpp>
#include <ringrpc/transport/owned_socket.hpp>
#include <ringrpc/transport/peer_info.hpp>
#include <ringrpc/transport/pending_count.hpp>

namespace ringrpc {
/// A connected socket as a `byte_stream`; see there for what members promise.
/// Move-only, of one ring. May be destroyed while a read or write is pending: that
/// ends as if aborted, and the socket is closed after it. A `socket_driver` uses
/// `native_socket()` itself; its operations are its own affair, and `close()` is
/// called after they ended.
class unix_stream {
public:
  /// @param socket  connected and non-blocking. @param peer  who is at its other end.
  unix_stream(owned_socket socket, peer_info peer)
      : state_(std::make_shared<state>(std::move(socket), std::move(peer))) {}
  unix_stream(unix_stream&&) noexcept = default;
  unix_stream& operator=(unix_stream&& other) noexcept {
    if (this != &other) {
      abort();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~unix_stream() { abort(); }

  /// Reads at least one byte; 0 is the end of the stream.
  /// @param into  not empty; must stay until the read has ended.
  [[nodiscard]] task<io_result<std::size_t>> read_some(std::span<std::byte> into) {
    return read(state_, into);
  }
  /// Writes at least one byte, maybe not all; EPIPE where the peer reads no more.
  /// @param from  at least one byte in sum; parts and bytes must stay until the
  ///              write has ended.
  [[nodiscard]] task<io_result<std::size_t>> write_some(std::span<const ::iovec> from) {
    return write(state_, from);
  }
  /// The peer reads the end after what was written.
  [[nodiscard]] task<io_result<void>> shutdown_write() { return half_close(state_); }
  /// Ends both directions at once. The peer still reads what was written before.
  void abort() noexcept {
    if (state_) state_->socket.shutdown();
  }
  /// Waits for a pending read and write, then closes the socket.
  [[nodiscard]] task<> close() { return close(state_); }

  /// Who is at the other end.
  [[nodiscard]] const peer_info& peer() const noexcept { return state_->peer; }
  /// The socket, which stays this object's.
  [[nodiscard]] int native_socket() const noexcept { return state_->socket.get(); }

private:
  // Shared with the tasks, so that the socket outlives what is pending on it.
  struct state {
    state(owned_socket connected, peer_info other) noexcept
        : socket(std::move(connected)), peer(std::move(other)) {}
    owned_socket socket;
    peer_info peer;
    pending_count pending;
  };

  static task<io_result<std::size_t>> read(std::shared_ptr<state> of, std::span<std::byte> into) {
    const pending_count::entry pending{of->pending};
    co_return co_await of->socket.home().read(of->socket.get(), into);
  }
  static task<io_result<std::size_t>> write(std::shared_ptr<state> of,
                                            std::span<const ::iovec> from) {
    const pending_count::entry pending{of->pending};
    co_return co_await of->socket.home().write_some(of->socket.get(), from);
  }
  static task<io_result<void>> half_close(std::shared_ptr<state> of) {
    const int result = of->socket.home().kernel().shutdown_write(of->socket.get());
    if (result < 0) co_return io_failure(-result);
    co_return io_result<void>{};
  }
  static task<> close(std::shared_ptr<state> of) {
    co_await of->pending.wait_for_none();
    of->socket.close();
  }

  std::shared_ptr<state> state_;
};
static_assert(byte_stream<unix_stream> && has_peer<unix_stream> && has_native_socket<unix_stream>);

/// Two streams that are connected to each other, of a real or a simulated kernel:
/// `socketpair(2)`. The peer of both is this process.
/// @return errno, such as EMFILE.
[[nodiscard]] inline io_result<std::pair<unix_stream, unix_stream>> socket_pair(ring& home) {
  int ends[2] = {-1, -1};
  const int result = home.kernel().socket_pair(ends);
  if (result < 0) return io_failure(-result);
  owned_socket first{home, ends[0]};
  owned_socket second{home, ends[1]};
  const peer_info self{"socketpair", peer_credentials::of_this_process()};
  return std::pair{unix_stream{std::move(first), self}, unix_stream{std::move(second), self}};
}
}  // namespace ringrpc
