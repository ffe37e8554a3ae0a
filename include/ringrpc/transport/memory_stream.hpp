// SPDX-License-Identifier: MIT
//
// Two byte streams that are connected in memory, for tests of what speaks over a
// byte stream: no descriptors, no system calls, on a ring of any kernel. Buffers
// are bounded as those of a socket are, so a writer has to wait for its reader.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include <ringrpc/base/fatal.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/transport/byte_stream.hpp>
#include <ringrpc/transport/peer_info.hpp>
#include <ringrpc/transport/pending_count.hpp>

namespace ringrpc {
class ring;

/// How many bytes each direction of a memory stream holds at most, by default.
inline constexpr std::size_t memory_buffer_bytes_default = 64 * 1024;

namespace detail {
/// One direction: a ring buffer and who waits at its ends.
class memory_pipe {
public:
  explicit memory_pipe(std::size_t capacity)
      : bytes_(std::make_unique_for_overwrite<std::byte[]>(capacity)), capacity_(capacity) {}

  /// Moves out what there is and fits. @return how many bytes.
  std::size_t take(std::span<std::byte> into) noexcept;
  /// Moves in what fits. @return how many bytes.
  std::size_t put(std::span<const ::iovec> from) noexcept;
  /// The writer writes no more: the reader gets what there is, then the end.
  void end() noexcept {
    ended_ = true;
    changed_.set();
  }
  /// The reader reads no more: what there is goes, writes fail.
  void refuse() noexcept {
    refused_ = ended_ = true;
    used_ = 0;
    changed_.set();
  }
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  [[nodiscard]] bool refused() const noexcept { return refused_; }

  /// Waits until somebody moved bytes or ended something. A reader and a writer
  /// never wait at once: one waits for bytes and the other for room.
  [[nodiscard]] event::waiter change() noexcept {
    changed_.reset();
    return changed_.wait();
  }

private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t capacity_;
  std::size_t first_ = 0;
  std::size_t used_ = 0;
  event changed_;
  bool ended_ = false;
  bool refused_ = false;
};

inline std::size_t memory_pipe::take(std::span<std::byte> into) noexcept {
  std::size_t taken = 0;
  while (taken < into.size() && used_ > 0) {
    const std::size_t part = std::min({into.size() - taken, used_, capacity_ - first_});
    std::memcpy(into.data() + taken, bytes_.get() + first_, part);
    first_ = (first_ + part) % capacity_;
    used_ -= part;
    taken += part;
  }
  if (taken > 0) changed_.set();
  return taken;
}

inline std::size_t memory_pipe::put(std::span<const ::iovec> from) noexcept {
  std::size_t put = 0;
  for (const ::iovec& one : from) {
    for (std::size_t done = 0; done < one.iov_len && used_ < capacity_;) {
      const std::size_t last = (first_ + used_) % capacity_;
      const std::size_t part =
          std::min({one.iov_len - done, capacity_ - used_, capacity_ - last});
      std::memcpy(bytes_.get() + last, static_cast<const std::byte*>(one.iov_base) + done, part);
      used_ += part;
      done += part;
      put += part;
    }
  }
  if (put > 0) changed_.set();
  return put;
}

/// What the two streams of a pair share.
struct memory_link {
  struct end {
    explicit end(std::size_t buffer_bytes) : incoming(buffer_bytes) {}
    memory_pipe incoming;
    pending_count pending;
  };
  memory_link(const ring& on, std::size_t buffer_bytes, peer_info both)
      : home(&on), peer(std::move(both)), ends{end{buffer_bytes}, end{buffer_bytes}} {}

  const ring* home;
  peer_info peer;
  end ends[2];
};
}  // namespace detail

/// One end of a `memory_pair`, a model of `byte_stream`; see there for what
/// members promise. Move-only, of one ring. May be destroyed while a read or write
/// is pending, which ends then.
class memory_stream {
public:
  memory_stream(memory_stream&&) noexcept = default;
  memory_stream& operator=(memory_stream&& other) noexcept {
    if (this != &other) {
      abort();
      link_ = std::move(other.link_);
      side_ = other.side_;
    }
    return *this;
  }
  ~memory_stream() { abort(); }

  /// Reads at least one byte; 0 is the end of the stream.
  /// @param into  not empty; must stay until the read has ended.
  [[nodiscard]] task<io_result<std::size_t>> read_some(std::span<std::byte> into) {
    return read(link_, side_, into);
  }
  /// Writes at least one byte, and no more than there is room for; EPIPE where the
  /// peer reads no more, or after `shutdown_write`.
  /// @param from  at least one byte in sum; must stay until the write has ended.
  [[nodiscard]] task<io_result<std::size_t>> write_some(std::span<const ::iovec> from) {
    return write(link_, side_, from);
  }
  /// The peer reads the end after what was written.
  [[nodiscard]] task<io_result<void>> shutdown_write() { return half_close(link_, side_); }
  /// Ends both directions at once. The peer still reads what was written before.
  void abort() noexcept {
    if (!link_) return;
    incoming(*link_, side_).refuse();
    outgoing(*link_, side_).end();
  }
  /// Waits for a pending read and write, then ends both directions.
  [[nodiscard]] task<> close() { return close(link_, side_); }
  /// This process, for that is where the peer is: `memory uid=1000 pid=4242`.
  [[nodiscard]] const peer_info& peer() const noexcept { return link_->peer; }

private:
  friend std::pair<memory_stream, memory_stream> memory_pair(const ring& home,
                                                             std::size_t buffer_bytes);
  using link = detail::memory_link;
  memory_stream(std::shared_ptr<link> of, unsigned side) noexcept
      : link_(std::move(of)), side_(side) {}

  static detail::memory_pipe& incoming(link& of, unsigned side) noexcept {
    return of.ends[side].incoming;
  }
  static detail::memory_pipe& outgoing(link& of, unsigned side) noexcept {
    return of.ends[1 - side].incoming;
  }
  static void check_home(const link& of, const environment& here) noexcept {
    if (here.home != of.home) fatal("a memory stream was used on another ring than its own");
  }
  static task<io_result<std::size_t>> read(std::shared_ptr<link> of, unsigned side,
                                           std::span<std::byte> into);
  static task<io_result<std::size_t>> write(std::shared_ptr<link> of, unsigned side,
                                            std::span<const ::iovec> from);
  static task<io_result<void>> half_close(std::shared_ptr<link> of, unsigned side) {
    detail::memory_pipe& to = outgoing(*of, side);
    to.end();
    co_return io_result<void>{};
  }
  static task<> close(std::shared_ptr<link> of, unsigned side) {
    co_await of->ends[side].pending.wait_for_none();
    incoming(*of, side).refuse();
    outgoing(*of, side).end();
  }

  std::shared_ptr<link> link_;  // shared with the peer and with the tasks
  unsigned side_;               // 0 or 1
};
static_assert(byte_stream<memory_stream> && has_peer<memory_stream>);

/// Two streams that are connected to each other.
/// @param home  the ring both are used on; must outlive them.
/// @param buffer_bytes  what each direction holds at most; at least 1.
[[nodiscard]] inline std::pair<memory_stream, memory_stream> memory_pair(
    const ring& home, std::size_t buffer_bytes = memory_buffer_bytes_default) {
  const auto shared = std::make_shared<detail::memory_link>(
      home, std::max<std::size_t>(buffer_bytes, 1),
      peer_info{"memory", peer_credentials::of_this_process()});
  return {memory_stream{shared, 0}, memory_stream{shared, 1}};
}

inline task<io_result<std::size_t>> memory_stream::read(std::shared_ptr<link> of, unsigned side,
                                                        std::span<std::byte> into) {
  const environment& here = co_await this_environment();
  check_home(*of, here);
  const pending_count::entry pending{of->ends[side].pending};
  detail::memory_pipe& from = incoming(*of, side);
  for (;;) {
    const std::size_t taken = from.take(into);
    if (taken > 0 || from.ended()) co_return taken;
    const bool changed = co_await from.change();
    if (!changed) co_return io_failure(ECANCELED);
  }
}

inline task<io_result<std::size_t>> memory_stream::write(std::shared_ptr<link> of, unsigned side,
                                                         std::span<const ::iovec> from) {
  const environment& here = co_await this_environment();
  check_home(*of, here);
  const pending_count::entry pending{of->ends[side].pending};
  detail::memory_pipe& to = outgoing(*of, side);
  for (;;) {
    if (to.refused() || to.ended()) co_return io_failure(EPIPE);
    const std::size_t put = to.put(from);
    if (put > 0) co_return put;
    const bool changed = co_await to.change();
    if (!changed) co_return io_failure(ECANCELED);
  }
}
}  // namespace ringrpc
