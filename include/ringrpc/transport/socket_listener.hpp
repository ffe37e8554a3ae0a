// SPDX-License-Identifier: MIT
//
// The listener over any listening stream socket.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include <ringrpc/base/result.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/detail/with_deadline.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/socket_address.hpp>
#include <ringrpc/transport/inet_address.hpp>
#include <ringrpc/transport/listener.hpp>
#include <ringrpc/transport/owned_socket.hpp>
#include <ringrpc/transport/peer_info.hpp>
#include <ringrpc/transport/policy.hpp>
#include <ringrpc/transport/socket_connector.hpp>
#include <ringrpc/transport/transport_error.hpp>
#include <ringrpc/transport/unix_stream.hpp>

namespace ringrpc {
/// A connection that was accepted and not yet judged. Move-only; destroying it
/// closes the connection, and the peer reads the end at once.
class accepted_socket {
public:
  /// @param socket  connected. @param peer  whom the kernel names.
  accepted_socket(owned_socket socket, peer_info peer) noexcept
      : socket_(std::move(socket)), peer_(std::move(peer)) {}

  /// Who connected, for what is logged of a refusal.
  [[nodiscard]] const peer_info& peer() const noexcept { return peer_; }
  /// Gives up the socket.
  [[nodiscard]] owned_socket take_socket() && noexcept { return std::move(socket_); }

private:
  owned_socket socket_;
  peer_info peer_;
};

/// See `listener` for what members promise. May be destroyed while `accept` is
/// pending: that ends with `operation_canceled`.
class socket_listener {
public:
  using accepted_type = accepted_socket;
  using stream_type = unix_stream;

  /// Whether another process has the listening socket, too: then it goes on listening, and
  /// who waits in its queue is left to that process.
  enum class sharing : bool { alone, shared };

  /// @param listening  of any family, non-blocking. @param text  its address, for logs.
  /// @param policy  whom `establish` lets pass.
  socket_listener(owned_socket listening, std::string text, peer_policy policy,
                  sharing how = sharing::alone)
      : state_(std::make_shared<state>(std::move(listening), std::move(text),
                                       std::move(policy), how)) {}
  socket_listener(socket_listener&&) noexcept = default;
  socket_listener& operator=(socket_listener&& other) noexcept {
    if (this != &other) {
      stop();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~socket_listener() { stop(); }

  /// The next connection, with the credentials that its peer had at connect(2).
  [[nodiscard]] task<io_result<accepted_socket>> accept() { return accept(state_); }
  /// Applies the policy. @return `transport_error::peer_refused`; the peer reads
  /// the end then, and nothing else.
  [[nodiscard]] task<io_result<unix_stream>> establish(accepted_socket accepted) {
    return establish(state_, std::move(accepted));
  }
  /// Ends `accept` for good; clients are refused from now on, and who had connected and was
  /// not accepted yet reads the end.
  void stop() noexcept;
  /// The address.
  [[nodiscard]] const std::string& text() const noexcept { return state_->text; }
  /// The listening socket, which stays this object's.
  [[nodiscard]] int native_socket() const noexcept { return state_->socket.get(); }

private:
  // Shared with the tasks, so that the socket outlives a pending accept.
  struct state {
    state(owned_socket listening, std::string address, peer_policy allowed,
          sharing how) noexcept
        : socket(std::move(listening)),
          text(std::move(address)),
          policy(std::move(allowed)),
          shared(how == sharing::shared) {}
    owned_socket socket;
    std::string text;
    peer_policy policy;
    stop_source ending{detail::of_no_thread{}};  // of a pending accept, in its thread
    bool shared;
    bool accepting = false;
    bool stopped = false;
  };

  /// `unix:/run/x` for each client of it, of TCP where the client is.
  static std::string peer_text(const state& of, const owned_socket& socket) {
    ::sockaddr_storage peer{};
    ::socklen_t bytes = sizeof peer;
    if (::getpeername(socket.get(), reinterpret_cast<::sockaddr*>(&peer), &bytes) != 0) {
      return of.text;
    }
    if (peer.ss_family != AF_INET && peer.ss_family != AF_INET6) return of.text;
    detail::set_no_delay(socket, peer.ss_family);
    return inet_text(socket_address{&peer, bytes});
  }
  static task<io_result<int>> accept_raw(ring& home, int listening) {
    co_return co_await home.accept(listening);
  }
  static task<io_result<accepted_socket>> accept(std::shared_ptr<state> of) {
    ring& home = of->socket.home();
    if (of->stopped) co_return io_failure(ECANCELED);
    io_result<int> accepted{io_failure(ECANCELED)};
    if (of->shared) {
      task<io_result<int>> next = accept_raw(home, of->socket.get());
      if (!std::exchange(of->accepting, true)) of->ending.adopt_thread();
      accepted = co_await detail::with_deadline(std::move(next), never, of->ending.token());
    } else {
      accepted = co_await home.accept(of->socket.get());
    }
    owned_socket socket{home, accepted ? *accepted : -1};
    if (of->stopped) co_return io_failure(ECANCELED);
    if (!accepted) co_return failure{accepted.error()};
    io_result<peer_info> peer = peer_info::of_socket(peer_text(*of, socket), socket.get());
    if (!peer) co_return failure{peer.error()};
    co_return accepted_socket{std::move(socket), std::move(*peer)};
  }
  static task<io_result<unix_stream>> establish(std::shared_ptr<state> of,
                                                accepted_socket accepted) {
    const peer_info peer = accepted.peer();
    owned_socket socket = std::move(accepted).take_socket();
    if (!of->policy.allows(peer)) {
      co_return failure<std::error_code>{transport_error::peer_refused};
    }
    co_return unix_stream{std::move(socket), peer};
  }

  std::shared_ptr<state> state_;
};

inline void socket_listener::stop() noexcept {
  if (!state_ || state_->stopped) return;
  state_->stopped = true;
  owned_socket& listening = state_->socket;
  if (state_->shared) {
    // shutdown(2) would end it for the other process.
    if (state_->accepting) state_->ending.request_stop();
    return;
  }
  listening.shutdown();
  // Nobody can join the queue any more. Whoever is in it would only learn of the end when
  // the listener dies, which may be after a long drain.
  backend& kernel = listening.home().kernel();
  for (;;) {
    const int queued = kernel.try_accept(listening.get(), nullptr);
    if (queued >= 0) {
      kernel.close(queued);
    } else if (queued != -ECONNABORTED) {
      return;  // -EAGAIN or -EINVAL: it is empty
    }
  }
}
static_assert(listener<socket_listener> && has_peer<accepted_socket>);
}  // namespace ringrpc
