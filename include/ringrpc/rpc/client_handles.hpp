// SPDX-License-Identifier: MIT
//
// What a client holds of its calls, one type per kind of method. A handle is
// move-only; dropping it cancels the call and never waits.
#pragma once

#include <coroutine>
#include <string>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/fatal.hpp>
#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/grpc/metadata.hpp>
#include <ringrpc/grpc/result.hpp>
#include <ringrpc/grpc/status.hpp>
#include <ringrpc/rpc/codec.hpp>
#include <ringrpc/rpc/detail/call_stream.hpp>
#include <ringrpc/rpc/detail/client_call.hpp>
#include <ringrpc/rpc/method.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// What all handles can do. Of the channel's ring and its thread; may outlive the
/// channel, whose end ends the call. One that was moved from has no call: it can be
/// moved, assigned to, cancelled without effect and destroyed; any other use ends the
/// process. Must not be moved while something of it is awaited.
class client_call_handle {
public:
  client_call_handle(client_call_handle&& other) noexcept
      : call_(std::exchange(other.call_, nullptr)) {}
  client_call_handle& operator=(client_call_handle&& other) noexcept {
    if (this != &other) {
      drop();
      call_ = std::exchange(other.call_, nullptr);
    }
    return *this;
  }

  /// Cancels the call, at once and at both ends; its status is CANCELLED then,
  /// unless it had ended.
  void cancel() noexcept {
    if (call_ != nullptr) call_->cancel();
  }
  /// The metadata of the response; complete when the first message has come.
  [[nodiscard]] const metadata& headers() const noexcept { return call().headers(); }
  /// The metadata that came with the status; complete when the call has ended.
  [[nodiscard]] const metadata& trailers() const noexcept { return call().trailers(); }

  /// Whether the message that was read last, or the response, came compressed.
  [[nodiscard]] bool message_compressed() const noexcept { return call().was_compressed(); }

protected:
  /// For the library: takes over a reference.
  explicit client_call_handle(detail::client_call& call) noexcept : call_(&call) {}
  ~client_call_handle() { drop(); }
  [[nodiscard]] bool has_call() const noexcept { return call_ != nullptr; }
  [[nodiscard]] detail::client_call& call() const noexcept {
    if (call_ == nullptr) fatal("a call handle was used that had been moved from");
    return *call_;
  }

private:
  void drop() noexcept {
    if (call_ != nullptr) std::exchange(call_, nullptr)->drop();
  }

  detail::client_call* call_;
};
}  // namespace ringrpc::inline RINGRPC_ABI

namespace ringrpc::detail::inline RINGRPC_ABI {
/// Awaits the end of a call; `Deliver` makes the result of it.
template <class Deliver>
class [[nodiscard]] end_awaiter {
public:
  end_awaiter(client_call& of, Deliver deliver) noexcept
      : call_(of), wait_(of), deliver_(deliver) {}
  bool await_ready() const noexcept { return call_.done() && call_.end().ok(); }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> caller) noexcept {
    wait_.suspend(caller);
  }
  auto await_resume() { return deliver_(); }

private:
  client_call& call_;
  completion_wait wait_;
  Deliver deliver_;
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI

namespace ringrpc::inline RINGRPC_ABI {
/// A unary call under way: `result<Reply> reply = co_await call;`, once.
template <message Response>
class [[nodiscard]] unary_call : public client_call_handle {
public:
  /// For the library: takes over a reference; the response is parsed into this.
  explicit unary_call(detail::client_call& call) noexcept : client_call_handle(call) { expect(); }
  unary_call(unary_call&& other) noexcept(std::is_nothrow_move_constructible_v<Response>)
      : client_call_handle(std::move(other)), reply_(std::move(other.reply_)) {
    expect();
  }
  unary_call& operator=(unary_call&& other) {
    client_call_handle::operator=(std::move(other));
    reply_ = std::move(other.reply_);
    expect();
    return *this;
  }

  /// Waits for the end: the response, or why there is none. A stop of the awaiting
  /// coroutine cancels the call. There is one result: awaiting it again ends the process.
  auto operator co_await() noexcept {
    return detail::end_awaiter<deliver>{call(), deliver{*this}};
  }

private:
  struct deliver {
    unary_call& of;
    result<Response> operator()() const {
      of.call().deliver();
      if (!of.call().end().ok()) return of.call().end();
      return std::move(of.reply_);
    }
  };
  void expect() noexcept {
    if (has_call()) call().expect_response(message_ops_of<Response>, &reply_);
  }

  Response reply_{};
};

/// A unary call whose response is parsed into the caller's message: `status end =
/// co_await call;`. The message must live until the call has ended or the handle
/// is gone; its content is unspecified unless the status is OK.
class [[nodiscard]] unary_fill_call : public client_call_handle {
public:
  explicit unary_fill_call(detail::client_call& call) noexcept : client_call_handle(call) {}

  auto operator co_await() noexcept {
    return detail::end_awaiter<deliver>{call(), deliver{call()}};
  }

private:
  struct deliver {
    detail::client_call& of;
    status operator()() const noexcept { return of.end(); }
  };
};
}  // namespace ringrpc::inline RINGRPC_ABI

namespace ringrpc::detail::inline RINGRPC_ABI {
/// The end of a call with a stream of responses.
struct deliver_status {
  client_call& of;
  status operator()() const noexcept { return of.end(); }
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI

namespace ringrpc::inline RINGRPC_ABI {
/// A server-streaming call under way.
template <message Response>
class [[nodiscard]] server_stream_call : public client_call_handle {
public:
  explicit server_stream_call(detail::client_call& call) noexcept : client_call_handle(call) {}
  server_stream_call(server_stream_call&&) = default;
  server_stream_call& operator=(server_stream_call&&) = default;

  /// `while (T* m = co_await call.read())`: the next message, valid until the next
  /// read and yours to move from; null at the end, for which see `finish`.
  [[nodiscard]] message_read<Response> read() noexcept {
    return message_read<Response>{call(), message_};
  }
  /// Waits for the status; what was not read is dropped, and so is what still comes: of a
  /// stream that does not end by itself, `cancel()` first.
  [[nodiscard]] auto finish() noexcept {
    call().stop_reading();
    return detail::end_awaiter<detail::deliver_status>{call(), detail::deliver_status{call()}};
  }

private:
  Response message_{};
};

/// A client-streaming call under way.
template <message Request, message Response>
class [[nodiscard]] client_stream_call : public client_call_handle {
public:
  explicit client_stream_call(detail::client_call& call) noexcept : client_call_handle(call) {
    expect();
  }
  client_stream_call(client_stream_call&& other) noexcept(
      std::is_nothrow_move_constructible_v<Response>)
      : client_call_handle(std::move(other)), reply_(std::move(other.reply_)) {
    expect();
  }
  client_stream_call& operator=(client_stream_call&& other) {
    client_call_handle::operator=(std::move(other));
    reply_ = std::move(other.reply_);
    expect();
    return *this;
  }

  /// `bool queued = co_await call.write(m);`: waits for room, then serialises `m`,
  /// which must live until the await is over. False: the call is over.
  [[nodiscard]] message_write write(const Request& message, write_options options = {}) noexcept {
    return message_write{call(), message_ops_of<Request>, &message, options};
  }
  /// Such a message needs a name, see `channel::call`.
  message_write write(const Request&& message, write_options options = {}) noexcept
    requires(!frame_safe<Request>)
  = delete;
  /// No more messages follow.
  void writes_done() noexcept { call().writes_done(); }
  /// `writes_done`, then waits for the end: the response, or why there is none. Once.
  [[nodiscard]] auto finish() noexcept {
    writes_done();
    return detail::end_awaiter<deliver>{call(), deliver{*this}};
  }

private:
  struct deliver {
    client_stream_call& of;
    result<Response> operator()() const {
      of.call().deliver();
      if (!of.call().end().ok()) return of.call().end();
      return std::move(of.reply_);
    }
  };
  void expect() noexcept {
    if (has_call()) call().expect_response(message_ops_of<Response>, &reply_);
  }

  Response reply_{};
};

/// A bidirectional call under way: reads and writes are independent.
template <message Request, message Response>
class [[nodiscard]] bidi_stream_call : public server_stream_call<Response> {
public:
  using server_stream_call<Response>::server_stream_call;

  /// As that of `client_stream_call`.
  [[nodiscard]] message_write write(const Request& message, write_options options = {}) noexcept {
    return message_write{this->call(), message_ops_of<Request>, &message, options};
  }
  message_write write(const Request&& message, write_options options = {}) noexcept
    requires(!frame_safe<Request>)
  = delete;
  /// No more messages follow.
  void writes_done() noexcept { this->call().writes_done(); }
  /// `writes_done`, then waits for the status; what was not read is dropped.
  [[nodiscard]] auto finish() noexcept {
    writes_done();
    return server_stream_call<Response>::finish();
  }
};

// Temporaries of awaited expressions.
static_assert(frame_safe<unary_call<std::string>> && frame_safe<unary_fill_call> &&
              frame_safe<message_read<std::string>> && frame_safe<message_write>);
}  // namespace ringrpc::inline RINGRPC_ABI
