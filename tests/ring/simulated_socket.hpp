// SPDX-License-Identifier: MIT
//
// Connections of a simulated kernel: what AF_UNIX stream sockets do (unix(7), and
// net/unix/af_unix.c where the manual is silent), without faults, clock or
// descriptors. Results are those of the system calls: a count, or -errno.
#pragma once

#include <poll.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <ringrpc/ring/socket_address.hpp>

namespace ringrpc::testing {
/// Bytes since the beginning. Always: sent = received + discarded + still queued.
struct byte_counts {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t discarded = 0;  // queued when their reader closed or vanished
};

/// One direction of a connection: a bounded queue of bytes.
class simulated_direction {
public:
  /// @param totals  also counts; of all connections.
  simulated_direction(std::size_t bytes_max, byte_counts& totals)
      : totals_(totals), bytes_max_(bytes_max) {}

  [[nodiscard]] std::size_t queued() const noexcept { return bytes_.size() - taken_; }
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  [[nodiscard]] bool reset() const noexcept { return reset_; }
  /// Whether a read answers anything but -EAGAIN.
  [[nodiscard]] bool readable() const noexcept { return queued() > 0 || ended_ || reset_; }
  /// Whether poll(2) says so and a sleeping writer wakes: not before the reader has
  /// taken three quarters of a full buffer (unix_writable). A plain send goes on earlier.
  [[nodiscard]] bool writable() const noexcept { return ended_ || queued() * 4 <= bytes_max_; }
  [[nodiscard]] byte_counts counts() const noexcept { return counts_; }

  /// What was queued before the end comes first, then once the reset, then 0.
  int read(std::span<std::byte> into) {
    if (queued() == 0) {
      if (reset_) {
        reset_ = false;
        return -ECONNRESET;
      }
      return ended_ ? 0 : -EAGAIN;
    }
    const std::size_t bytes = std::min(into.size(), queued());
    std::memcpy(into.data(), bytes_.data() + taken_, bytes);
    taken_ += bytes;
    counts_.received += bytes;
    totals_.received += bytes;
    if (queued() == 0) clear();
    return static_cast<int>(bytes);
  }

  /// @param skip      bytes of `from` that were sent before.
  /// @param bytes_max  at most so many of the rest.
  int write(std::span<const ::iovec> from, std::size_t skip, std::size_t bytes_max) {
    if (ended_) return -EPIPE;
    std::size_t left = std::min(bytes_max, bytes_max_ - queued());
    if (left == 0) return -EAGAIN;
    forget_taken();
    std::size_t moved = 0;
    for (const ::iovec& part : from) {
      const std::size_t skipped = std::min(skip, part.iov_len);
      skip -= skipped;
      const std::size_t bytes = std::min(left, part.iov_len - skipped);
      const std::byte* data = static_cast<const std::byte*>(part.iov_base) + skipped;
      bytes_.insert(bytes_.end(), data, data + bytes);
      left -= bytes;
      moved += bytes;
    }
    counts_.sent += moved;
    totals_.sent += moved;
    return static_cast<int>(moved);
  }

  /// No more bytes come: the writer gets EPIPE, the reader the end after the rest.
  void end() noexcept { ended_ = true; }
  /// The reader gets ECONNRESET before the end.
  void end_by_reset() noexcept { ended_ = reset_ = true; }
  /// Nobody will read the rest.
  /// @return whether there was any.
  bool discard() noexcept {
    const bool any = queued() > 0;
    counts_.discarded += queued();
    totals_.discarded += queued();
    clear();
    return any;
  }

private:
  void clear() noexcept {
    bytes_.clear();
    taken_ = 0;
  }
  // Where the reader never catches up, what it has taken would pile up.
  void forget_taken() {
    if (taken_ <= bytes_max_) return;
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
  }

  std::vector<std::byte> bytes_;
  std::size_t taken_ = 0;  // of the front of bytes_
  byte_counts counts_;
  byte_counts& totals_;
  std::size_t bytes_max_;
  bool ended_ = false;
  bool reset_ = false;
};

/// Two ends, 0 and 1, and a direction from each to the other.
class simulated_connection {
public:
  simulated_connection(std::size_t buffer_bytes, byte_counts& totals)
      : from_{{buffer_bytes, totals}, {buffer_bytes, totals}} {}

  [[nodiscard]] const simulated_direction& from(int end) const noexcept { return from_[end]; }

  int read(int end, std::span<std::byte> into) { return from_[1 - end].read(into); }
  int write(int end, std::span<const ::iovec> parts, std::size_t skip, std::size_t bytes_max) {
    std::optional<std::uint64_t>& doom = dies_after_[end];
    if (doom) bytes_max = std::min<std::uint64_t>(bytes_max, *doom);
    const int sent = from_[end].write(parts, skip, bytes_max);
    if (doom && sent > 0) {
      *doom -= static_cast<std::uint64_t>(sent);
      if (*doom == 0) vanish(end);
    }
    return sent;
  }
  void shutdown_write(int end) noexcept { from_[end].end(); }
  void shutdown(int end) noexcept {
    from_[end].end();
    from_[1 - end].end();  // what has arrived can still be read
  }
  /// The peer reads a reset where bytes of it were never read, or `always_reset`.
  void close(int end, bool always_reset = false) noexcept {
    const bool unread = from_[1 - end].discard();
    from_[1 - end].end();
    if (!unread && !always_reset) return from_[end].end();
    from_[end].end_by_reset();
  }
  /// The process behind `end` dies as soon as it has sent that many more bytes.
  /// Whoever holds the descriptor nevertheless reads ECONNRESET.
  void kill(int end, std::uint64_t after_bytes) noexcept {
    if (after_bytes == 0) return vanish(end);
    dies_after_[end] = after_bytes;
  }
  /// The events of poll(2) at `end`.
  [[nodiscard]] short events(int end) const noexcept {
    const simulated_direction& in = from_[1 - end];
    const simulated_direction& out = from_[end];
    int found = 0;
    if (in.readable()) found |= POLLIN;
    if (in.ended()) found |= POLLRDHUP;
    if (in.ended() && out.ended()) found |= POLLHUP;
    if (in.reset()) found |= POLLERR;
    if (out.writable()) found |= POLLOUT;
    return static_cast<short>(found);
  }

private:
  void vanish(int end) noexcept {
    dies_after_[end].reset();
    close(end);
    from_[1 - end].end_by_reset();
  }

  simulated_direction from_[2];
  std::optional<std::uint64_t> dies_after_[2];
};

/// A socket that listens. Its queue holds connections whose end 1 waits to be
/// accepted; their end 0 may send already.
class simulated_listener {
public:
  simulated_listener(const socket_address& address, std::size_t backlog)
      : address_(address), backlog_(backlog) {}

  [[nodiscard]] bool is_at(const socket_address& address) const noexcept {
    return address.size() == address_.size() &&
           std::memcmp(address.data(), address_.data(), address.size()) == 0;
  }
  /// As in Linux, the queue takes one more than the backlog says.
  [[nodiscard]] bool full() const noexcept { return queue_.size() > backlog_; }
  [[nodiscard]] bool listening() const noexcept { return !shut_; }
  [[nodiscard]] bool acceptable() const noexcept { return !queue_.empty() || shut_; }
  [[nodiscard]] std::size_t waiting() const noexcept { return queue_.size(); }

  void push(std::shared_ptr<simulated_connection> one) { queue_.push_back(std::move(one)); }
  /// @return null where nobody waits.
  std::shared_ptr<simulated_connection> pop() {
    if (queue_.empty()) return nullptr;
    std::shared_ptr<simulated_connection> first = std::move(queue_.front());
    queue_.pop_front();
    return first;
  }
  /// Refuses connects from now on. A waiting accept ends once the queue is empty.
  void shutdown() noexcept { shut_ = true; }
  /// Who waits is reset, always.
  void close() noexcept {
    shut_ = true;
    while (const auto waiting = pop()) waiting->close(1, true);
  }
  [[nodiscard]] short events() const noexcept {
    int found = 0;
    if (acceptable()) found |= POLLIN;
    if (shut_) found |= POLLRDHUP | POLLHUP;
    return static_cast<short>(found);
  }

private:
  socket_address address_;
  std::size_t backlog_;
  std::deque<std::shared_ptr<simulated_connection>> queue_;
  bool shut_ = false;
};
}  // namespace ringrpc::testing
