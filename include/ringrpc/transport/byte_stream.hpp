// SPDX-License-Identifier: MIT
//
// What HTTP/2 runs on: an ordered, reliable, two-way stream of bytes. A socket
// is one, and so is whatever a user writes that has these five members.
#pragma once

#include <sys/uio.h>

#include <concepts>
#include <cstddef>
#include <span>
#include <utility>

#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/transport/peer_info.hpp>

namespace ringrpc {
namespace detail {
template <class A>
decltype(auto) awaiter_of(A&& awaited) {
  if constexpr (requires { static_cast<A&&>(awaited).operator co_await(); }) {
    return static_cast<A&&>(awaited).operator co_await();
  } else if constexpr (requires { operator co_await(static_cast<A&&>(awaited)); }) {
    return operator co_await(static_cast<A&&>(awaited));
  } else {
    return static_cast<A&&>(awaited);
  }
}
}  // namespace detail

/// Whether `co_await` of an `A` gives a `T`: a task, or any awaiter.
template <class A, class T>
concept awaits = requires(A&& awaited) {
  { detail::awaiter_of(static_cast<A&&>(awaited)).await_resume() } -> std::same_as<T>;
};

/// A byte stream. A model promises, beyond what the compiler can see:
///
/// * Thread: all members are used on the thread of one ring, and coroutines are
///   resumed there.
/// * One read and one write may be pending at once, never two of a kind. What
///   they are given (`into`, the parts and their bytes) stays until they ended.
///   A stream is not moved while one is pending.
/// * `read_some(into)`: at least one byte, as soon as there is one; 0 is the end
///   of the stream, again and again. `into` is not empty.
/// * `write_some(from)`: at least one byte, maybe fewer than all. `from` has a
///   byte at least. Bytes arrive in the order of the writes.
/// * An error is final: no later read (or write) gives bytes. A write that fails
///   says nothing of reads: what the peer sent before can still be read.
/// * A stop of the awaiting coroutine ends a pending read or write with
///   `operation_canceled`, and loses no byte: what was read is returned.
/// * `shutdown_write()`: after what was written the peer reads 0. A stream that
///   has no half-close does nothing and succeeds. No write is pending.
/// * `abort()`: at once, at any time, any number of times: pending reads and
///   writes end soon (0, EPIPE or `operation_canceled`), and so does the peer's.
/// * `close()`: waits for pending reads and writes, which `abort` may have to end
///   first; then nothing of the stream is left. No member but the destructor is
///   called afterwards. The destructor alone does the same without waiting.
///
/// Optional members: `peer() -> peer_info` says who is at the other end;
/// `native_socket() -> int` gives a stream socket that the ring may read and
/// write itself, in place of `read_some` and `write_some`.
template <class S>
concept byte_stream =
    std::movable<S> &&
    requires(S& stream, std::span<std::byte> into, std::span<const ::iovec> from) {
      { stream.read_some(into) } -> awaits<io_result<std::size_t>>;
      { stream.write_some(from) } -> awaits<io_result<std::size_t>>;
      { stream.shutdown_write() } -> awaits<io_result<void>>;
      { stream.abort() } noexcept;
      { stream.close() } -> awaits<void>;
    };

/// A stream, or anything else, that says who its peer is.
template <class S>
concept has_peer = requires(const S& stream) {
  { stream.peer() } -> std::convertible_to<peer_info>;
};

/// A stream whose socket the ring may use itself. The descriptor stays the
/// stream's: it is open until `close()` or destruction and the same each time.
template <class S>
concept has_native_socket = requires(const S& stream) {
  { stream.native_socket() } -> std::same_as<int>;
};

/// The peer of a stream; an unknown one where the stream does not say.
template <class S>
[[nodiscard]] peer_info peer_of(const S& stream) {
  if constexpr (has_peer<S>) {
    return stream.peer();
  } else {
    return {};
  }
}
}  // namespace ringrpc
