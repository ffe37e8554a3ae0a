// SPDX-License-Identifier: MIT
//
// The client's view of a target: calls go in, connections are made by a factory
// when calls need one, and made again when they are lost.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/fatal.hpp>
#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/rpc/call_options.hpp>
#include <ringrpc/rpc/channel_options.hpp>
#include <ringrpc/rpc/client_handles.hpp>
#include <ringrpc/rpc/detail/channel_connect.hpp>
#include <ringrpc/rpc/detail/channel_core.hpp>
#include <ringrpc/rpc/detail/client_method.hpp>
#include <ringrpc/rpc/method.hpp>
#include <ringrpc/transport/connection_factory.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// Of one ring and its thread. Cheap to keep: it connects with the first call.
/// May be destroyed at any time, which ends its calls with CANCELLED and never
/// waits; `co_await close()` does. Move-only; one that was moved from can be assigned to
/// and destroyed, any other use ends the process.
class channel {
public:
  /// @param home    must outlive the channel's connections, as its own `run` sees to.
  /// @param target  such as `unix:/run/user/1000/greeter.sock`.
  /// @throws std::invalid_argument  a target that cannot be: which part, and what
  ///         would be right.
  channel(ring& home, std::string_view target, const channel_options& options = {});
  /// @param factory  makes the byte streams; called again for each connection, one
  ///                 call at a time. Kept by the channel. Its `text()`, if it has one,
  ///                 is the target in texts, else "custom transport".
  /// @throws std::invalid_argument  an `application` that cannot stand in user-agent, or a
  ///         `compression` that is not among the `encodings`, as the other constructor
  ///         does, too.
  template <connection_factory Factory>
  channel(ring& home, Factory factory, const channel_options& options = {})
      : core_(detail::make_channel_core(home, options, std::move(factory))) {}
  channel(channel&&) noexcept = default;
  channel& operator=(channel&& other) noexcept {
    if (this != &other) {
      if (core_ != nullptr) core_->shut_down();
      core_ = std::move(other.core_);
    }
    return *this;
  }
  ~channel() {
    if (core_ != nullptr) core_->shut_down();
  }

  /// Its connectivity at this moment.
  [[nodiscard]] channel_state state() const noexcept { return core().state(); }
  /// Ends all calls and connections, and waits until nothing of them is left.
  [[nodiscard]] task<> close() {
    static_cast<void>(core());
    return close(core_);
  }

  // Calls, by method. Each starts when it is made: the request is serialised here
  // and now, and may die at once. Two calls that are made before the first is
  // awaited run at the same time. Failures come as the call's status.

  template <rpc_method M>
    requires(M::kind == method_kind::unary)
  [[nodiscard]] unary_call<typename M::response_type> call(
      const typename M::request_type& request, const call_options& options = {}) {
    detail::client_call& one = make<M>(options);
    unary_call<typename M::response_type> handle{one};
    start_with(one, message_ops_of<typename M::request_type>, &request);
    return handle;
  }
  /// The same with the response parsed into `reply`: nothing is allocated.
  template <rpc_method M>
    requires(M::kind == method_kind::unary)
  [[nodiscard]] unary_fill_call call(const typename M::request_type& request,
                                     typename M::response_type& reply,
                                     const call_options& options = {}) {
    detail::client_call& one = make<M>(options);
    unary_fill_call handle{one};
    one.expect_response(message_ops_of<typename M::response_type>, &reply);
    start_with(one, message_ops_of<typename M::request_type>, &request);
    return handle;
  }
  template <rpc_method M>
    requires(M::kind == method_kind::server_streaming)
  [[nodiscard]] server_stream_call<typename M::response_type> call(
      const typename M::request_type& request, const call_options& options = {}) {
    detail::client_call& one = make<M>(options);
    server_stream_call<typename M::response_type> handle{one};
    start_with(one, message_ops_of<typename M::request_type>, &request);
    return handle;
  }
  template <rpc_method M>
    requires(M::kind == method_kind::client_streaming)
  [[nodiscard]] client_stream_call<typename M::request_type, typename M::response_type> call(
      const call_options& options = {}) {
    detail::client_call& one = make<M>(options);
    client_stream_call<typename M::request_type, typename M::response_type> handle{one};
    one.start();
    return handle;
  }
  template <rpc_method M>
    requires(M::kind == method_kind::bidi_streaming)
  [[nodiscard]] bidi_stream_call<typename M::request_type, typename M::response_type> call(
      const call_options& options = {}) {
    detail::client_call& one = make<M>(options);
    bidi_stream_call<typename M::request_type, typename M::response_type> handle{one};
    one.start();
    return handle;
  }

  // A message that g++ 12 would destroy twice inside an awaited expression (an aggregate
  // whose members have destructors) needs a name: `put_request r{...}; call<put>(r)`.

  template <rpc_method M>
    requires(!frame_safe<typename M::request_type>)
  void call(const typename M::request_type&& request, const call_options& options = {}) = delete;
  template <rpc_method M>
    requires(!frame_safe<typename M::request_type>)
  void call(const typename M::request_type&& request, typename M::response_type& reply,
            const call_options& options = {}) = delete;

private:
  template <rpc_method M>
  detail::client_call& make(const call_options& options) {
    return core().make_call(detail::client_method_of<M>(), options);
  }
  [[nodiscard]] detail::channel_core& core() const noexcept {
    if (core_ == nullptr) fatal("a channel was used that had been moved from");
    return *core_;
  }
  static task<> close(std::shared_ptr<detail::channel_core> core);
  void start_with(detail::client_call& one, const message_ops& ops, const void* request) noexcept;

  std::shared_ptr<detail::channel_core> core_;
};

inline channel::channel(ring& home, std::string_view target, const channel_options& options)
    : core_(detail::make_channel_core(home, target, options)) {}

inline task<> channel::close(std::shared_ptr<detail::channel_core> core) {
  core->shut_down();
  const bool ended = co_await core->ended().wait_ignoring_stop();
  static_cast<void>(ended);
}

inline void channel::start_with(detail::client_call& one, const message_ops& ops,
                                const void* request) noexcept {
  if (one.done()) return;
  const std::size_t bytes_max = core().options().connection.send_message_bytes_max;
  try {
    buffer_handle block =
        detail::serialise_message(core().home().memory(), ops, request, bytes_max);
    if (!block) {
      one.finish(resource_exhausted("message is larger than send_message_bytes_max"));
      return;
    }
    one.set_request(std::move(block));
  } catch (const std::bad_alloc&) {
    one.finish(resource_exhausted("no memory for a message to send"));
    return;
  } catch (...) {
    one.finish(internal("the codec could not serialise a message"));
    return;
  }
  one.start();
}
}  // namespace ringrpc::inline RINGRPC_ABI
