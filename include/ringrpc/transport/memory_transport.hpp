// SPDX-License-Identifier: MIT
//
// A listener and a connection factory that meet in memory: a user's unit test
// runs its real server and its real client in one thread, without a file.
#pragma once

#include <cerrno>
#include <cstddef>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <ringrpc/base/fatal.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/transport/connection_factory.hpp>
#include <ringrpc/transport/listener.hpp>
#include <ringrpc/transport/memory_stream.hpp>

namespace ringrpc {
namespace detail {
/// What one memory listener and those who connect to it share.
struct memory_accept_queue {
  std::deque<memory_stream> waiting;
  event changed;
  bool stopped = false;
};
/// The meeting point.
struct memory_hub {
  memory_hub(const ring& on, std::size_t bytes) noexcept : home(&on), buffer_bytes(bytes) {}
  const ring* home;
  std::size_t buffer_bytes;
  std::shared_ptr<memory_accept_queue> current;  // null: nobody has listened yet
};
}  // namespace detail

/// The server's side of a `memory_transport`, a model of `listener`. Its policy is
/// everyone: the peer is this process. Stops when it is destroyed.
class memory_listener {
public:
  using accepted_type = memory_stream;
  using stream_type = memory_stream;

  memory_listener(memory_listener&&) noexcept = default;
  memory_listener& operator=(memory_listener&& other) noexcept {
    if (this != &other) {
      stop();
      queue_ = std::move(other.queue_);
    }
    return *this;
  }
  ~memory_listener() { stop(); }

  /// The next connection.
  [[nodiscard]] task<io_result<memory_stream>> accept() { return accept(queue_); }
  /// Nothing is left to do.
  [[nodiscard]] task<io_result<memory_stream>> establish(memory_stream accepted) {
    return pass_on(std::move(accepted));
  }
  /// Ends `accept` for good; connections that wait are aborted, later ones refused.
  void stop() noexcept {
    if (!queue_ || queue_->stopped) return;
    queue_->stopped = true;
    queue_->waiting.clear();
    queue_->changed.set();
  }
  [[nodiscard]] std::string text() const { return "memory"; }

private:
  friend class memory_transport;
  explicit memory_listener(std::shared_ptr<detail::memory_accept_queue> queue) noexcept
      : queue_(std::move(queue)) {}

  static task<io_result<memory_stream>> accept(std::shared_ptr<detail::memory_accept_queue> from) {
    while (from->waiting.empty()) {
      if (from->stopped) co_return io_failure(ECANCELED);
      from->changed.reset();
      const bool changed = co_await from->changed.wait();
      if (!changed) co_return io_failure(ECANCELED);
    }
    memory_stream next = std::move(from->waiting.front());
    from->waiting.pop_front();
    co_return next;
  }
  static task<io_result<memory_stream>> pass_on(memory_stream accepted) {
    co_return std::move(accepted);
  }

  std::shared_ptr<detail::memory_accept_queue> queue_;
};
static_assert(listener<memory_listener>);

/// The client's side of a `memory_transport`, a model of `connection_factory`. A
/// copyable handle; may outlive the transport.
class memory_factory {
public:
  /// Connects at once. @return ECONNREFUSED where nobody listens (any more).
  [[nodiscard]] task<io_result<memory_stream>> connect(const connect_context& context) const {
    return connect_to(hub_, context.home);
  }
  /// What channels call their target in texts.
  [[nodiscard]] std::string text() const { return "memory"; }

private:
  friend class memory_transport;
  explicit memory_factory(std::shared_ptr<detail::memory_hub> hub) noexcept
      : hub_(std::move(hub)) {}

  static task<io_result<memory_stream>> connect_to(std::shared_ptr<detail::memory_hub> hub,
                                                   const ring* home) {
    const std::shared_ptr<detail::memory_accept_queue> to = hub->current;
    if (home != hub->home) fatal("a memory_transport connects channels of its own ring only");
    if (!to || to->stopped) co_return io_failure(ECONNREFUSED);
    std::pair<memory_stream, memory_stream> ends = memory_pair(*hub->home, hub->buffer_bytes);
    to->waiting.push_back(std::move(ends.second));
    to->changed.set();
    co_return std::move(ends.first);
  }

  std::shared_ptr<detail::memory_hub> hub_;
};
static_assert(connection_factory<memory_factory>);

/// Connects clients and a server on one ring, without a kernel:
///
///     memory_transport wire{ring};
///     server.listen(wire.listener());
///     channel channel{ring, wire.factory()};
///
/// Connections that wait to be accepted are not limited in number. Move-only in
/// effect: what it made goes on working after it has died.
class memory_transport {
public:
  /// @param home  the ring of all that connects here; must outlive that.
  /// @param buffer_bytes  what each direction of a connection holds at most; at
  ///                      least 1. Small ones make writers wait.
  explicit memory_transport(const ring& home,
                            std::size_t buffer_bytes = memory_buffer_bytes_default)
      : hub_(std::make_shared<detail::memory_hub>(home, buffer_bytes)) {}

  /// Begins to listen. One listener at a time; after it has stopped, another one
  /// may listen, as a server that was started again.
  /// @throws std::logic_error  while another one listens.
  [[nodiscard]] memory_listener listener() {
    if (hub_->current && !hub_->current->stopped) {
      throw std::logic_error{"this memory_transport has a listener; stop that one first"};
    }
    hub_->current = std::make_shared<detail::memory_accept_queue>();
    return memory_listener{hub_->current};
  }
  /// What a channel connects with; any number of channels.
  [[nodiscard]] memory_factory factory() const { return memory_factory{hub_}; }

private:
  std::shared_ptr<detail::memory_hub> hub_;
};
}  // namespace ringrpc
