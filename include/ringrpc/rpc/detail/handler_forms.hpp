// SPDX-License-Identifier: MIT
//
// The forms that a handler may have, chosen by concept and never by overload. A
// handler is reached through `invoke(target, context, ...)`, so that members,
// functions and lambdas look alike here.
#pragma once

#include <concepts>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/grpc/result.hpp>
#include <ringrpc/rpc/method.hpp>
#include <ringrpc/rpc/reader_writer.hpp>
#include <ringrpc/rpc/server_context.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// `task<result<Out>>(ctx, const In&)`.
template <class M, class Target, class Invoke>
concept value_form = requires(Invoke& invoke, Target& target, server_context& context,
                              const typename M::request_type& in) {
  {
    invoke(target, context, in)
  } -> std::same_as<task<result<typename M::response_type>>>;
};
/// `result<Out>(ctx, const In&)`: no coroutine.
template <class M, class Target, class Invoke>
concept plain_form = requires(Invoke& invoke, Target& target, server_context& context,
                              const typename M::request_type& in) {
  { invoke(target, context, in) } -> std::same_as<result<typename M::response_type>>;
};
/// `task<status>(ctx, const In&, Out& reply)`: the reply object is pooled.
template <class M, class Target, class Invoke>
concept fill_form = requires(Invoke& invoke, Target& target, server_context& context,
                             const typename M::request_type& in,
                             typename M::response_type& reply) {
  { invoke(target, context, in, reply) } -> std::same_as<task<status>>;
};
/// `task<status>(ctx, const In&, writer<Out>&)`.
template <class M, class Target, class Invoke>
concept server_streaming_form =
    requires(Invoke& invoke, Target& target, server_context& context,
             const typename M::request_type& in, writer<typename M::response_type>& out) {
      { invoke(target, context, in, out) } -> std::same_as<task<status>>;
    };
/// `task<result<Out>>(ctx, reader<In>&)`.
template <class M, class Target, class Invoke>
concept client_streaming_form = requires(Invoke& invoke, Target& target, server_context& context,
                                         reader<typename M::request_type>& in) {
  {
    invoke(target, context, in)
  } -> std::same_as<task<result<typename M::response_type>>>;
};
/// `task<status>(ctx, reader<In>&, writer<Out>&)`.
template <class M, class Target, class Invoke>
concept bidi_streaming_form =
    requires(Invoke& invoke, Target& target, server_context& context,
             reader<typename M::request_type>& in, writer<typename M::response_type>& out) {
      { invoke(target, context, in, out) } -> std::same_as<task<status>>;
    };

/// Whether `invoke(target, ...)` is a handler of `M` in one of its forms.
template <class M, class Target, class Invoke>
consteval bool is_handler_of() {
  if constexpr (M::kind == method_kind::unary) {
    return value_form<M, Target, Invoke> || plain_form<M, Target, Invoke> ||
           fill_form<M, Target, Invoke>;
  } else if constexpr (M::kind == method_kind::server_streaming) {
    return server_streaming_form<M, Target, Invoke>;
  } else if constexpr (M::kind == method_kind::client_streaming) {
    return client_streaming_form<M, Target, Invoke>;
  } else {
    return bidi_streaming_form<M, Target, Invoke>;
  }
}

/// Fails to compile, and says what a handler looks like, where it is none.
template <class M, class Target, class Invoke>
consteval void check_handler() {
  constexpr bool is_handler = is_handler_of<M, Target, Invoke>();
  if constexpr (M::kind == method_kind::unary) {
    static_assert(is_handler,
                  "a unary handler is task<result<Reply>>(server_context&, const Request&), "
                  "task<status>(server_context&, const Request&, Reply&) or "
                  "result<Reply>(server_context&, const Request&)");
  } else if constexpr (M::kind == method_kind::server_streaming) {
    static_assert(is_handler,
                  "a server-streaming handler is "
                  "task<status>(server_context&, const Request&, writer<Reply>&)");
  } else if constexpr (M::kind == method_kind::client_streaming) {
    static_assert(is_handler,
                  "a client-streaming handler is "
                  "task<result<Reply>>(server_context&, reader<Request>&)");
  } else {
    static_assert(is_handler,
                  "a bidirectional handler is "
                  "task<status>(server_context&, reader<Request>&, writer<Reply>&)");
  }
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI
