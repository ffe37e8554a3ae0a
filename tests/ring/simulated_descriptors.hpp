// SPDX-License-Identifier: MIT
//
// The descriptors of a simulated kernel and the system calls on them: no faults,
// no clock, nothing blocks.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <ringrpc/ring/socket_address.hpp>

#include "simulated_socket.hpp"

namespace ringrpc::testing {
/// The address of a Unix socket. @param path  at most 107 bytes; no file is touched.
inline socket_address unix_address(std::string_view path) {
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = path.copy(address.sun_path, sizeof address.sun_path - 1);
  return {&address, static_cast<::socklen_t>(offsetof(::sockaddr_un, sun_path) + length + 1)};
}

/// A descriptor table. All results are those of the system calls: -EBADF for what
/// is not open, and so on.
class simulated_descriptors {
public:
  /// Numbers count from here, the lowest free one first, so that they are reused as
  /// soon as they can be.
  static constexpr int first = 1'000'000;

  simulated_descriptors(std::size_t descriptors_max, std::size_t buffer_bytes)
      : descriptors_max_(descriptors_max), buffer_bytes_(buffer_bytes) {}

  /// An unconnected stream socket, or -EMFILE.
  int socket() { return add({.is = kind::unconnected}); }
  /// A listening socket, or -EADDRINUSE, -EMFILE.
  int listen(const socket_address& address, std::size_t backlog);
  /// A connected pair; 0 or -EMFILE.
  int socket_pair(int (&fds)[2]) { return pair(fds, kind::stream); }
  /// pipe(2): `fds[0]` is read, `fds[1]` written, neither is a socket; 0 or -EMFILE.
  int pipe(int (&fds)[2]) { return pair(fds, kind::pipe); }

  int receive(int fd, std::span<std::byte> into) const;
  /// @param skip       bytes of `from` that were sent before.
  /// @param bytes_max  at most so many of the rest.
  int send(int fd, std::span<const ::iovec> from, std::size_t skip, std::size_t bytes_max) const;
  int read(int fd, std::span<std::byte> into) const;
  int write(int fd, std::span<const ::iovec> from, std::size_t bytes_max) const;
  int accept(int fd);
  int connect(int fd, const socket_address& to);
  int shutdown(int fd) const;
  int shutdown_write(int fd) const;
  /// `fd` is open.
  void close(int fd);
  /// What poll(2) finds; POLLNVAL where `fd` is not open.
  [[nodiscard]] short events(int fd) const;

  // Whether an operation that waits would go on: with bytes, a connection, an end
  // or an error. A sleeping sender wakes later than a plain send finds room.
  [[nodiscard]] bool can_receive(int fd) const { return can_take(fd, kind::stream); }
  [[nodiscard]] bool can_send(int fd) const { return can_give(fd, kind::stream); }
  [[nodiscard]] bool can_read(int fd) const { return can_take(fd, kind::pipe); }
  [[nodiscard]] bool can_write(int fd) const { return can_give(fd, kind::pipe); }
  [[nodiscard]] bool can_accept(int fd) const {
    return kind_of(fd) != kind::listener || at(fd).listener->acceptable();
  }

  /// What tells a use of `fd` that would race with an operation: those in flight.
  struct in_flight {
    unsigned receiving = 0, sending = 0, other = 0;
  };
  /// Null where `fd` is not open.
  [[nodiscard]] in_flight* operations(int fd) { return is_open(fd) ? &at(fd).operations : nullptr; }
  /// The connection of a connected `fd` and which end of it that is; null otherwise.
  [[nodiscard]] std::pair<simulated_connection*, int> connection(int fd) const {
    if (!is_open(fd)) return {nullptr, 0};
    return {at(fd).connection.get(), at(fd).end};
  }

  [[nodiscard]] bool is_open(int fd) const {
    const int index = fd - first;
    return index >= 0 && static_cast<std::size_t>(index) < table_.size() &&
           table_[static_cast<std::size_t>(index)].is != kind::closed;
  }
  [[nodiscard]] std::size_t open_count() const noexcept { return open_; }
  /// One behind the last number that was ever given out.
  [[nodiscard]] int end() const noexcept { return first + static_cast<int>(table_.size()); }
  [[nodiscard]] byte_counts total_counts() const noexcept { return totals_; }
  [[nodiscard]] std::size_t waiting(int fd) const { return at(fd).listener->waiting(); }
  [[nodiscard]] bool is_listener(int fd) const {
    return is_open(fd) && at(fd).is == kind::listener;
  }

private:
  enum class kind : unsigned char { closed, unconnected, stream, pipe, listener };
  struct entry {
    kind is = kind::closed;
    int end = 0;
    std::shared_ptr<simulated_connection> connection{};
    std::shared_ptr<simulated_listener> listener{};
    in_flight operations{};
  };

  entry& at(int fd) { return table_[static_cast<std::size_t>(fd - first)]; }
  const entry& at(int fd) const { return table_[static_cast<std::size_t>(fd - first)]; }
  kind kind_of(int fd) const { return is_open(fd) ? at(fd).is : kind::closed; }
  // Whatever fails at once can go on.
  bool can_take(int fd, kind from) const {
    return kind_of(fd) != from || wrong_end(fd, 0) ||
           at(fd).connection->from(1 - at(fd).end).readable();
  }
  bool can_give(int fd, kind to) const {
    return kind_of(fd) != to || wrong_end(fd, 1) || at(fd).connection->from(at(fd).end).writable();
  }
  bool wrong_end(int fd, int end) const { return at(fd).is == kind::pipe && at(fd).end != end; }
  bool full(std::size_t wanted = 1) const { return open_ + wanted > descriptors_max_; }
  std::shared_ptr<simulated_connection> new_connection() {
    return std::make_shared<simulated_connection>(buffer_bytes_, totals_);
  }
  int add(entry one);
  int pair(int (&fds)[2], kind is);

  std::vector<entry> table_;
  std::size_t open_ = 0;
  std::size_t descriptors_max_;
  std::size_t buffer_bytes_;
  byte_counts totals_;
};

inline int simulated_descriptors::add(entry one) {
  if (full()) return -EMFILE;
  std::size_t index = 0;
  while (index < table_.size() && table_[index].is != kind::closed) ++index;
  if (index == table_.size()) table_.emplace_back();
  table_[index] = std::move(one);
  ++open_;
  return first + static_cast<int>(index);
}

inline int simulated_descriptors::pair(int (&fds)[2], kind is) {
  if (full(2)) return -EMFILE;
  const auto shared = new_connection();
  for (int end : {0, 1}) fds[end] = add({.is = is, .end = end, .connection = shared});
  return 0;
}

inline int simulated_descriptors::listen(const socket_address& address, std::size_t backlog) {
  for (const entry& one : table_) {
    if (one.is == kind::listener && one.listener->is_at(address)) return -EADDRINUSE;
  }
  return add(
      {.is = kind::listener, .listener = std::make_shared<simulated_listener>(address, backlog)});
}

inline int simulated_descriptors::receive(int fd, std::span<std::byte> into) const {
  switch (kind_of(fd)) {
    case kind::closed: return -EBADF;
    case kind::pipe: return -ENOTSOCK;
    case kind::stream: return at(fd).connection->read(at(fd).end, into);
    default: return -EINVAL;
  }
}

inline int simulated_descriptors::send(int fd, std::span<const ::iovec> from, std::size_t skip,
                                       std::size_t bytes_max) const {
  switch (kind_of(fd)) {
    case kind::closed: return -EBADF;
    case kind::pipe: return -ENOTSOCK;
    case kind::stream: return at(fd).connection->write(at(fd).end, from, skip, bytes_max);
    default: return -ENOTCONN;
  }
}

inline int simulated_descriptors::read(int fd, std::span<std::byte> into) const {
  const kind is = kind_of(fd);
  if (is == kind::closed || (is == kind::pipe && at(fd).end != 0)) return -EBADF;
  if (is != kind::pipe) return -EINVAL;  // the backend's read is for what is no socket
  return at(fd).connection->read(0, into);
}

inline int simulated_descriptors::write(int fd, std::span<const ::iovec> from,
                                        std::size_t bytes_max) const {
  const kind is = kind_of(fd);
  if (is == kind::closed || (is == kind::pipe && at(fd).end != 1)) return -EBADF;
  if (is != kind::pipe) return -EINVAL;
  return at(fd).connection->write(1, from, 0, bytes_max);
}

inline int simulated_descriptors::accept(int fd) {
  const kind is = kind_of(fd);
  if (is == kind::closed) return -EBADF;
  if (is == kind::pipe) return -ENOTSOCK;
  if (is != kind::listener) return -EINVAL;
  if (full()) return -EMFILE;  // who waits goes on waiting
  auto waiting = at(fd).listener->pop();
  if (!waiting) return -EAGAIN;  // shut down or not
  return add({.is = kind::stream, .end = 1, .connection = std::move(waiting)});
}

// Looks at the listener first, then at the socket, as unix_stream_connect does.
inline int simulated_descriptors::connect(int fd, const socket_address& to) {
  const kind is = kind_of(fd);
  if (is == kind::closed) return -EBADF;
  if (is == kind::pipe) return -ENOTSOCK;
  for (const entry& one : table_) {
    if (one.is != kind::listener || !one.listener->is_at(to)) continue;
    if (!one.listener->listening()) return -ECONNREFUSED;
    if (one.listener->full()) return -EAGAIN;
    if (is == kind::stream) return -EISCONN;
    if (is == kind::listener) return -EINVAL;
    const auto made = new_connection();
    one.listener->push(made);
    at(fd).is = kind::stream;
    at(fd).connection = made;
    return 0;
  }
  return -ECONNREFUSED;
}

inline int simulated_descriptors::shutdown(int fd) const {
  switch (kind_of(fd)) {
    case kind::closed: return -EBADF;
    case kind::pipe: return -ENOTSOCK;
    case kind::unconnected: return 0;
    case kind::listener: at(fd).listener->shutdown(); return 0;
    case kind::stream: at(fd).connection->shutdown(at(fd).end); return 0;
  }
  return -EBADF;
}

inline int simulated_descriptors::shutdown_write(int fd) const {
  switch (kind_of(fd)) {
    case kind::closed: return -EBADF;
    case kind::pipe: return -ENOTSOCK;
    case kind::stream: at(fd).connection->shutdown_write(at(fd).end); return 0;
    default: return 0;
  }
}

inline void simulated_descriptors::close(int fd) {
  const entry last = std::exchange(at(fd), entry{});
  --open_;
  if (last.listener) last.listener->close();
  if (last.connection) last.connection->close(last.end);
}

inline short simulated_descriptors::events(int fd) const {
  switch (kind_of(fd)) {
    case kind::closed: return POLLNVAL;
    case kind::unconnected: return POLLOUT | POLLHUP;
    case kind::listener: return at(fd).listener->events();
    case kind::stream: return at(fd).connection->events(at(fd).end);
    case kind::pipe: break;
  }
  const simulated_direction& bytes = at(fd).connection->from(1);
  int found = 0;
  if (at(fd).end == 0) {
    if (bytes.queued() > 0) found |= POLLIN;
    if (bytes.ended()) found |= POLLHUP;
  } else {
    if (bytes.writable()) found |= POLLOUT;
    if (bytes.ended()) found |= POLLERR;
  }
  return static_cast<short>(found);
}
}  // namespace ringrpc::testing
