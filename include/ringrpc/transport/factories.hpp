// SPDX-License-Identifier: MIT
//
// Connection factories made of others: with a limit on time, with another one to fall back
// on, with a check before anything is sent.
#pragma once

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/detail/with_deadline.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/transport/byte_stream.hpp>
#include <ringrpc/transport/connection_factory.hpp>
#include <ringrpc/transport/either_stream.hpp>

// g++ 12 says of coroutine templates that their frames use the anonymous namespace
// where a user's type does; a frame is not seen outside of its unit.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

namespace ringrpc {
namespace detail {
/// What a factory calls its target, if it says.
template <class F>
std::string text_of_factory(const F& factory) {
  if constexpr (requires { std::string{factory.text()}; }) {
    return std::string{factory.text()};
  } else {
    return "custom transport";
  }
}
/// Connects with the stop token and deadline of the task that it runs in.
template <class F>
task<io_result<stream_of<F>>> connect_inside(F& factory, connect_context context) {
  const environment& here = co_await this_environment();
  context.stop = here.stop;
  task<io_result<stream_of<F>>> connecting = connect(factory, context);
  co_return co_await std::move(connecting);
}

template <connection_factory F>
class timed_factory {
public:
  timed_factory(F inner, duration limit) : inner_(std::move(inner)), limit_(limit) {}
  [[nodiscard]] task<io_result<stream_of<F>>> connect(const connect_context& context) {
    ring& home = *context.home;
    connect_context inner = context;
    inner.deadline = std::min(context.deadline, saturating_add(home.now(), limit_));
    task<io_result<stream_of<F>>> connecting = connect_inside(inner_, inner);
    io_result<stream_of<F>> made = co_await with_deadline(std::move(connecting), inner.deadline);
    const bool ended = !made && made.error() == std::errc::operation_canceled;
    if (ended && !context.stop.stop_requested() && inner.deadline <= home.now()) {
      co_return io_failure(ETIMEDOUT);
    }
    co_return std::move(made);
  }
  [[nodiscard]] std::string text() const { return text_of_factory(inner_); }

private:
  F inner_;
  duration limit_;
};

template <connection_factory F, connection_factory G>
class fallback_factory {
public:
  using stream = std::conditional_t<std::is_same_v<stream_of<F>, stream_of<G>>, stream_of<F>,
                                    either_stream<stream_of<F>, stream_of<G>>>;
  fallback_factory(F first, G second) : first_(std::move(first)), second_(std::move(second)) {}
  [[nodiscard]] task<io_result<stream>> connect(const connect_context& context) {
    task<io_result<stream_of<F>>> one = ringrpc::connect(first_, context);
    io_result<stream_of<F>> made = co_await std::move(one);
    if (made) co_return stream{std::move(*made)};
    if (context.stop.stop_requested()) co_return failure{made.error()};
    task<io_result<stream_of<G>>> other = ringrpc::connect(second_, context);
    io_result<stream_of<G>> second = co_await std::move(other);
    if (!second) co_return failure{second.error()};
    co_return stream{std::move(*second)};
  }
  [[nodiscard]] std::string text() const {
    return text_of_factory(first_) + ", or " + text_of_factory(second_);
  }

private:
  F first_;
  G second_;
};

template <connection_factory F, class Check>
class checked_factory {
public:
  checked_factory(F inner, Check check) : inner_(std::move(inner)), check_(std::move(check)) {}
  [[nodiscard]] task<io_result<stream_of<F>>> connect(const connect_context& context) {
    task<io_result<stream_of<F>>> connecting = ringrpc::connect(inner_, context);
    io_result<stream_of<F>> made = co_await std::move(connecting);
    if (!made) co_return failure{made.error()};
    std::error_code refused;
    if constexpr (std::convertible_to<std::invoke_result_t<Check&, stream_of<F>&>,
                                      std::error_code>) {
      refused = check_(*made);
    } else {
      task<std::error_code> checking = check_(*made);
      refused = co_await std::move(checking);
    }
    if (!refused) co_return std::move(made);
    made->abort();
    co_await made->close();
    co_return failure{refused};
  }
  [[nodiscard]] std::string text() const { return text_of_factory(inner_); }

private:
  F inner_;
  Check check_;
};
}  // namespace detail

/// A factory that gives each attempt of `inner` so much time at most; then it is stopped and
/// the attempt has failed with ETIMEDOUT. For what comes before others, as in
/// `first_of(with_timeout(a, 200ms), b)`; a channel's own limit is
/// `backoff_options::connect_time`.
template <connection_factory F>
[[nodiscard]] auto with_timeout(F inner, duration limit) {
  return detail::timed_factory<F>{std::move(inner), limit};
}

/// A factory that tries `first`, and where that fails `second` and so on, each time anew. The
/// error is that of the last. All have what is left of one deadline.
template <connection_factory F, connection_factory G>
[[nodiscard]] auto first_of(F first, G second) {
  return detail::fallback_factory<F, G>{std::move(first), std::move(second)};
}
template <connection_factory F, connection_factory G, connection_factory... More>
  requires(sizeof...(More) > 0)
[[nodiscard]] auto first_of(F first, G second, More... more) {
  return first_of(std::move(first), first_of(std::move(second), std::move(more)...));
}

/// A factory that asks `check` of each stream that `inner` makes, before a byte of HTTP/2 is
/// sent. @param check  `std::error_code(Stream&)`, or a coroutine `task<std::error_code>(Stream&)`
///        that may talk to the peer first (what it reads too much of is lost). An error refuses
///        the connection: it is closed, and the attempt has failed with it.
template <connection_factory F, class Check>
  requires std::invocable<Check&, stream_of<F>&>
[[nodiscard]] auto on_connect(F inner, Check check) {
  return detail::checked_factory<F, Check>{std::move(inner), std::move(check)};
}
}  // namespace ringrpc

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
