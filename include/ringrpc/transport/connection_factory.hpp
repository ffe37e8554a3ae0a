// SPDX-License-Identifier: MIT
//
// The client side of a transport: what makes a byte stream each time a channel
// wants a connection.
#pragma once

#include <string_view>
#include <utility>

#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/transport/byte_stream.hpp>

namespace ringrpc {
class ring;

/// What a channel tells its connection factory. Owned by the channel and valid,
/// with all it points to, until the factory's task has ended. Safe in braces.
struct connect_context {
  std::string_view target{};     ///< as the channel was given it, such as `unix:/run/x.sock`
  std::string_view authority{};  ///< the `:authority` of calls on the connection
  unsigned attempt = 1;          ///< the first is 1; counted since the last success
  time_point deadline = never;   ///< when the channel gives up; it stops the task then, too
  stop_token stop{};             ///< the same as the task's own
  ring* home = nullptr;          ///< the channel's ring, on which the task runs; never null in use
};

namespace detail {
template <class F>
concept has_connect_member = requires(F& factory, const connect_context& context) {
  factory.connect(context);
};
template <class F>
concept is_connect_call = requires(F& factory, const connect_context& context) {
  factory(context);
};
template <class T>
struct connected;
template <class S>
struct connected<task<io_result<S>>> {
  using stream_type = S;
};
}  // namespace detail

/// Asks a factory for a byte stream: `factory.connect(context)` if it has such a
/// member, else `factory(context)`. `factory` and `context` must live until the
/// task has ended.
template <class F>
  requires(detail::has_connect_member<F> || detail::is_connect_call<F>)
[[nodiscard]] auto connect(F& factory, const connect_context& context) {
  if constexpr (detail::has_connect_member<F>) {
    return factory.connect(context);
  } else {
    return factory(context);
  }
}

/// A connection factory: a class with `connect(const connect_context&)`, or a
/// lambda coroutine that takes the context; either gives a
/// `task<io_result<S>>` of a byte stream S.
///
/// * Thread: it is called, and its task runs, on the thread of the channel's
///   ring. The channel owns it and has one task of it running at most.
/// * It is called again for each new connection, after failures too; the channel
///   does the waiting in between.
/// * The task ends by `context.deadline` and soon after a stop. Its stream is
///   ready to carry HTTP/2: handshakes are over, and the peer is one that may be
///   trusted. Bytes that a handshake read too many of come out of `read_some`.
/// * Failure is an error_code, which the channel reports with the target in
///   front; the text of its category must be fit for a user. An exception counts
///   as a failure, too. Nothing is left of a failed attempt.
///
/// The channel keeps the factory, a lambda with its captures too, until its last task
/// has ended. What is captured by reference must outlive that: `co_await channel.close()`.
template <class F>
concept connection_factory = requires(F& factory, const connect_context& context) {
  typename detail::connected<decltype(connect(factory, context))>::stream_type;
  requires byte_stream<
      typename detail::connected<decltype(connect(factory, context))>::stream_type>;
};

/// The type of the streams that a factory makes.
template <connection_factory F>
using stream_of = typename detail::connected<decltype(connect(
    std::declval<F&>(), std::declval<const connect_context&>()))>::stream_type;
}  // namespace ringrpc
