// SPDX-License-Identifier: MIT
//
// The typed part of a server call: the messages and the handler's coroutine, in
// one pooled object per call, reused with the memory of its messages.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/coro/run_queue.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/grpc/result.hpp>
#include <ringrpc/grpc/status.hpp>
#include <ringrpc/rpc/codec.hpp>
#include <ringrpc/rpc/detail/handler_forms.hpp>
#include <ringrpc/rpc/detail/server_call.hpp>
#include <ringrpc/rpc/method.hpp>
#include <ringrpc/rpc/reader_writer.hpp>
#include <ringrpc/transport/peer_info.hpp>
#include <ringrpc/transport/policy.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// A method that a server answers. Of one ring.
class method_entry {
public:
  explicit method_entry(std::string_view path) noexcept : path_(path) {}
  method_entry(const method_entry&) = delete;
  method_entry& operator=(const method_entry&) = delete;
  virtual ~method_entry() = default;
  [[nodiscard]] std::string_view path() const noexcept { return path_; }
  /// Who may call it; null: whoever may connect. @param policy  must outlive this.
  void restrict_to(const peer_policy* policy) noexcept { policy_ = policy; }
  /// Why `peer` may not call it, if so.
  [[nodiscard]] std::optional<status> refusal_of(const peer_info& peer) const noexcept {
    if (policy_ == nullptr || policy_->allows(peer)) return std::nullopt;
    if (!peer.has_credentials()) {
      return unauthenticated("nothing is known of the caller, and the method is not for everyone");
    }
    return permission_denied("the server's policy does not allow this peer to call the method");
  }
  /// A call object, new or reused. @throws std::bad_alloc  where memory is short.
  [[nodiscard]] virtual server_call& make_call(server_call_host& host) = 0;

private:
  std::string_view path_;  // static storage
  const peer_policy* policy_ = nullptr;
};

/// Runs one handler coroutine of result type `R` and tells `Frame::ended`.
template <class Frame, class R>
class handler_run : private run_node {
public:
  explicit handler_run(Frame& of) noexcept
      : run_node([](run_node& self) noexcept {
          static_cast<handler_run&>(self).of_.ended();
        }),
        of_(of) {}
  /// @param make  makes the handler's task; what it throws is as if the task threw.
  template <class Make>
  void start(const environment& where, Make&& make) noexcept {
    try {
      if (!task_.start(make(), where, *this)) return;
    } catch (...) {
      failed_.emplace(of_.status_of_exception());
    }
    of_.ended();
  }
  /// What the handler returned; its frame is gone afterwards.
  R take() noexcept {
    if (failed_) {
      status why = std::move(*failed_);
      failed_.reset();
      return R{std::move(why)};
    }
    try {
      return task_.take();
    } catch (...) {
      return R{of_.status_of_exception()};
    }
  }

private:
  Frame& of_;
  running_task<R> task_;
  std::optional<status> failed_;
};

/// Call objects that wait for another call: at most `kept_max`, and none whose
/// messages were large.
template <class Frame>
class frame_pool {
public:
  static constexpr std::size_t kept_max = 64;
  frame_pool() noexcept = default;
  frame_pool(const frame_pool&) = delete;
  frame_pool& operator=(const frame_pool&) = delete;
  ~frame_pool() {
    while (Frame* one = take()) delete one;
  }
  Frame* take() noexcept {
    if (kept_ == 0) return nullptr;
    --kept_;
    return static_cast<Frame*>(free_.pop_front());
  }
  void give_back(Frame& one) noexcept {
    if (kept_ == kept_max) {
      delete &one;
      return;
    }
    ++kept_;
    free_.push_front(one);
  }

private:
  intrusive_list<stream_handler> free_;
  std::size_t kept_ = 0;
};

// What a frame holds for each direction: one message, or an end of a stream.

template <class T>
struct single_input {
  explicit single_input(call_stream&) {}
  const T& argument() const noexcept { return message; }
  void clear() { codec<T>::clear(message); }
  void release() { message = T{}; }
  T message{};
};
template <class T>
struct streamed_input {
  explicit streamed_input(call_stream& of) : in(of) {}
  reader<T>& argument() noexcept { return in; }
  void clear() { in.clear(); }
  void release() { in.clear(); }
  reader<T> in;
};
template <class T>
struct single_output {
  explicit single_output(call_stream&) {}
  T& argument() noexcept { return message; }
  void clear() { codec<T>::clear(message); }
  T message{};
};
template <class T>
struct streamed_output {
  explicit streamed_output(call_stream& of) : out(of) {}
  writer<T>& argument() noexcept { return out; }
  void clear() noexcept {}
  writer<T> out;
};

/// Everything of a call that depends on the method's types and its handler.
/// @tparam Entry  the typed method entry that made it.
template <class M, class Entry>
class handler_frame final : public server_call {
  using request = typename M::request_type;
  using response = typename M::response_type;
  static constexpr bool single_in =
      M::kind == method_kind::unary || M::kind == method_kind::server_streaming;
  static constexpr bool single_out =
      M::kind == method_kind::unary || M::kind == method_kind::client_streaming;
  static constexpr bool passes_output = !single_out || Entry::fills;
  using result_type = std::conditional_t<passes_output, status, result<response>>;

public:
  handler_frame(Entry& entry, server_call_host& host)
      : server_call(host.over.home().memory(), host.over.options().receive_message_bytes_max),
        entry_(entry),
        in_(*this),
        out_(*this),
        run_(*this) {}

  /// A new stream, in feed.
  void begin() noexcept {
    if constexpr (single_in) expect_single(message_ops_of<request>, &in_.message);
  }
  /// The handler's coroutine has ended.
  void ended() noexcept { finish(run_.take()); }

private:
  bool takes_single() const noexcept final { return single_in; }
  std::optional<status> no_handler() const noexcept final { return entry_.refusal_of(peer()); }
  void start_handler() noexcept final {
    if constexpr (Entry::plain) {
      finish(call_plain());
    } else {
      run_.start(handler_environment(), [this] { return call_handler(); });
    }
  }
  auto call_handler() {
    server_context& context = *this;
    if constexpr (passes_output) {
      return entry_.invoke(context, in_.argument(), out_.argument());
    } else {
      return entry_.invoke(context, in_.argument());
    }
  }
  result_type call_plain() noexcept {
    try {
      return call_handler();
    } catch (...) {
      return result_type{this->status_of_exception()};
    }
  }
  void finish(result_type end) noexcept {
    if constexpr (!single_out) {
      handler_ended(std::move(end));
    } else if constexpr (Entry::fills) {
      if (end.ok()) {
        release_large_request();
        handler_ended(message_ops_of<response>, &out_.message);
      } else {
        handler_ended(std::move(end));
      }
    } else if (end.has_value()) {
      try {
        out_.message = std::move(*end);
      } catch (...) {
        return handler_ended(this->status_of_exception());
      }
      release_large_request();
      handler_ended(message_ops_of<response>, &out_.message);
    } else {
      handler_ended(end.status());
    }
  }
  /// The reply may wait long for a peer that does not read: not with its request beside it.
  void release_large_request() noexcept {
    if (largest_message_bytes() <= reused_bytes_max) return;
    try {
      in_.release();
    } catch (...) {
      // no memory for an empty one: it stays
    }
  }
  void recycle() noexcept final {
    // The memory of large messages is not kept: a peer could have it held many times.
    const bool small = largest_message_bytes() <= reused_bytes_max && reply_is_small();
    clear_call();
    if (small && clear_messages()) {
      entry_.frames().give_back(*this);
    } else {
      delete this;
    }
  }
  /// Also of a reply that was never sent.
  bool reply_is_small() const noexcept {
    if constexpr (single_out) {
      try {
        return message_ops_of<response>.size(&out_.message) <= reused_bytes_max;
      } catch (...) {
        return false;
      }
    } else {
      return true;
    }
  }
  bool clear_messages() noexcept {
    try {
      in_.clear();
      out_.clear();
      return true;
    } catch (...) {
      return false;
    }
  }

  static constexpr std::size_t reused_bytes_max = 16 * 1024;

  Entry& entry_;
  std::conditional_t<single_in, single_input<request>, streamed_input<request>> in_;
  std::conditional_t<single_out, single_output<response>, streamed_output<response>> out_;
  handler_run<handler_frame, result_type> run_;
};

/// A method with its handler, reached through `invoke(target, ...)`. Both are
/// borrowed or owned as their types say.
template <class M, class Target, class Invoke>
class typed_method_entry final : public method_entry {
public:
  using frame = handler_frame<M, typed_method_entry>;
  static constexpr bool plain = [] {
    if constexpr (M::kind == method_kind::unary) return plain_form<M, Target, Invoke>;
    return false;
  }();
  static constexpr bool fills = [] {
    if constexpr (M::kind == method_kind::unary) {
      return !plain && !value_form<M, Target, Invoke> && fill_form<M, Target, Invoke>;
    }
    return false;
  }();

  typed_method_entry(Target& target, Invoke invoke)
      : method_entry(M::path), target_(target), invoke_(std::move(invoke)) {}

  server_call& make_call(server_call_host& host) override {
    frame* one = frames_.take();
    if (one == nullptr) one = new frame{*this, host};
    one->begin();
    return *one;
  }
  template <class... Arguments>
  auto invoke(Arguments&... arguments) {
    return invoke_(target_, arguments...);
  }
  frame_pool<frame>& frames() noexcept { return frames_; }

private:
  Target& target_;
  Invoke invoke_;
  frame_pool<frame> frames_;
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI
