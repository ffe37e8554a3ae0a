// SPDX-License-Identifier: MIT
//
// The server side of a transport: what gives a server its connections.
#pragma once

#include <concepts>
#include <string>
#include <utility>

#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/transport/byte_stream.hpp>

namespace ringrpc {
class ring;

/// A listener. To accept a connection is one thing, to make it usable another:
/// one client that is silent in a handshake must not stop all others. A model
/// promises, beyond what the compiler can see:
///
/// * Thread: all members are used on the thread of one ring, on which its tasks
///   run. It is not moved or destroyed while a task of it runs.
/// * `accept()`: waits for the next connection and returns it raw, in the order
///   of arrival. It never waits for the peer to say something. One is pending at
///   most. `operation_canceled` after `stop()` or a stop of the awaiting
///   coroutine; EMFILE, ENFILE, ENOBUFS, ENOMEM where resources are short and a
///   later try may succeed; any other error is about one connection only.
/// * `establish(accepted)`: whatever the transport does before HTTP/2 (handshake,
///   policy on peers). Many run at once. The server limits its time by a stop. A
///   failure has closed the connection, without a byte of HTTP/2.
/// * `stop()`: at once and for good: a pending `accept` ends, later ones end at
///   once, and new clients are refused. Connections are not touched. Idempotent.
/// * `text()`: the address for logs and errors, such as `unix:/run/x.sock`.
template <class L>
concept listener =
    std::movable<L> && std::movable<typename L::accepted_type> &&
    byte_stream<typename L::stream_type> &&
    requires(L& from, const L& unchanged, typename L::accepted_type accepted) {
      { from.accept() } -> std::same_as<task<io_result<typename L::accepted_type>>>;
      { from.establish(std::move(accepted)) } -> std::same_as<
          task<io_result<typename L::stream_type>>>;
      { from.stop() } noexcept;
      { unchanged.text() } -> std::convertible_to<std::string>;
    };

/// Something that opens a listener: where to listen, and how. `open(ring)` binds
/// and listens, or throws with a text that says what is wrong and what would be
/// right; nothing is left then.
template <class A>
concept listen_address = requires(const A& where, ring& home) {
  { where.open(home) } -> listener;
};
}  // namespace ringrpc
