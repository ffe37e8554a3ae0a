// SPDX-License-Identifier: MIT
//
// How a channel finds connections for its calls. Part of channel_core.hpp, split
// off for its length.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include <ringrpc/grpc/result.hpp>
#include <ringrpc/grpc/user_agent.hpp>
#include <ringrpc/ring/log.hpp>
#include <ringrpc/rpc/detail/channel_core.hpp>
#include <ringrpc/rpc/detail/checked_compression.hpp>
#include <ringrpc/rpc/detail/engine_limits.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
inline std::string checked_user_agent(std::string_view application) {
  result<std::string> made = make_user_agent(application);
  if (!made) throw std::invalid_argument(std::string{made.status().message()});
  return *std::move(made);
}

inline channel_core::channel_core(ring& home, std::string target, const channel_options& options,
                                  std::unique_ptr<connector> connects)
    : home_(home),
      target_(std::move(target)),
      authority_(options.authority),
      user_agent_(checked_user_agent(options.application)),
      options_(options),
      connects_(std::move(connects)),
      backoff_(options_.backoff),
      retry_(*this),
      run_end_(*this) {
  options_.authority = authority_;
  options_.application = {};  // in user_agent_
  options_.connection.compression = checked_compression(options.connection);
  ended_.set();
}

inline channel_core::~channel_core() {
  while (stream_handler* one = free_calls_.pop_front()) delete static_cast<client_call*>(one);
}

inline client_call& channel_core::make_call(const client_method& method,
                                            const call_options& options) {
  client_call* call = nullptr;
  if (stream_handler* kept = free_calls_.pop_front()) {
    --kept_calls_;
    call = static_cast<client_call*>(kept);
  } else {
    call = new client_call{home_, options_.connection.receive_message_bytes_max};
  }
  if (open_calls_++ == 0) self_ = shared_from_this();
  call->begin(*this, method, options, options_.connection);
  return *call;
}

inline void channel_core::recycle(client_call& call) noexcept {
  std::shared_ptr<channel_core> last;  // `this` may end with it
  if (--open_calls_ == 0) last = std::move(self_);
  if (kept_calls_ == kept_calls_max || state_ == channel_state::shutdown) {
    delete &call;
    return;
  }
  ++kept_calls_;
  free_calls_.push_front(call);
}

inline void channel_core::carry(client_call& call) noexcept {
  if (state_ == channel_state::shutdown) {
    call.finish(cancelled("the channel is closed"));
    return;
  }
  if (waiting_.empty() && put_on_connection(call)) return;
  if (state_ == channel_state::transient_failure && !call.wait_for_ready()) {
    call.finish(unavailable_status());
    return;
  }
  if (!run_end_.linked() && !run_end_.arm(home_.where().stop)) {
    call.finish(cancelled("the ring's run has ended"));
    return;
  }
  waiting_.push_back(call);
  begin_connecting();
}

inline bool channel_core::put_on_connection(client_call& call) noexcept {
  if (current_ == nullptr || !current_->ready()) return false;
  const std::optional<http2::open_refusal> refused =
      call.open_on(*current_, options_.authority, fields_);
  if (!refused) return true;
  // no_slot: one becomes free when a stream ends. Else another connection is needed.
  if (*refused != http2::open_refusal::no_slot) {
    client_connection& spent = *current_;
    current_ = nullptr;
    state_ = channel_state::idle;
    spent.drain();
  }
  return false;
}

inline void channel_core::pump() noexcept {
  while (stream_handler* first = waiting_.front()) {
    client_call& call = static_cast<client_call&>(*first);
    call.unlink();
    if (!put_on_connection(call)) {
      if (!call.done()) waiting_.push_front(call);
      break;
    }
  }
  if (!waiting_.empty()) begin_connecting();
}

inline void channel_core::begin_connecting() noexcept {
  if (current_ != nullptr || state_ != channel_state::idle) return;
  state_ = channel_state::connecting;
  next_attempt_ = saturating_add(home_.now(), backoff_.next(home_.random()));
  ++tasks_;
  ended_.reset();
  try {
    home_.spawn(connects_->run(shared_from_this()));
  } catch (...) {
    --tasks_;
    attempt_failed("no memory for a connection");
  }
}

inline void channel_core::connect_failed(std::error_code why) noexcept {
  try {
    attempt_failed(why.message());
  } catch (...) {
    attempt_failed("memory is short");
  }
}

// The ring's run has ended, which says nothing about the server.
inline void channel_core::connect_stopped() noexcept {
  if (state_ == channel_state::connecting) state_ = channel_state::idle;
}

inline void channel_core::attempt_failed(std::string_view why) noexcept {
  if (state_ == channel_state::shutdown) return;
  last_failure_ = {};
  last_failure_.append(why);
  ++attempt_;
  state_ = channel_state::transient_failure;
  home_.arm(retry_, std::max(next_attempt_, home_.now()));
  fail_waiting();
}

inline void channel_core::fail_waiting() noexcept {
  const status why = unavailable_status();
  stream_handler* next = nullptr;
  for (stream_handler* one = waiting_.front(); one != nullptr; one = next) {
    next = waiting_.next(*one);
    client_call& call = static_cast<client_call&>(*one);
    if (!call.wait_for_ready()) call.finish(why);  // leaves the list
  }
}

inline void channel_core::end_waiting(std::string_view why) noexcept {
  const status end = cancelled(why);
  while (stream_handler* first = waiting_.front()) static_cast<client_call&>(*first).finish(end);
}

inline status channel_core::unavailable_status() const noexcept {
  return unavailable(waiting_text().view());
}

inline short_text<512> channel_core::waiting_text() const noexcept {
  short_text<512> text;
  if (current_ != nullptr && current_->ready()) {
    text.append("all streams that ").append(target_).append(" allows are in use");
  } else if (last_failure_.view().empty()) {
    text.append("connecting to ").append(target_);
  } else {
    text.append("cannot connect to ").append(target_).append(": ").append(last_failure_.view());
  }
  return text;
}

inline void channel_core::retry_due() noexcept {
  if (state_ != channel_state::transient_failure) return;
  state_ = channel_state::idle;
  if (!waiting_.empty()) begin_connecting();
}

inline void channel_core::connected(client_connection& one) noexcept {
  connections_.push_back(one);
  if (state_ == channel_state::shutdown) {
    one.drain();
  } else {
    current_ = &one;
  }
}

inline void channel_core::connection_ready(client_connection& one) noexcept {
  if (current_ != &one) return;
  state_ = channel_state::ready;
  ready_since_ = home_.now();
  last_failure_ = {};
  proven_ = false;
  pump();
}

inline void channel_core::connection_down(client_connection& one) noexcept {
  if (current_ != &one) return;
  current_ = nullptr;
  // A server that lets us connect and does nothing more is not asked again and again
  // without a pause; once is well meant.
  if (proven_ || saturating_add(ready_since_, options_.backoff.initial) <= home_.now()) {
    unproven_ = 0;
  }
  if (one.retired() || (one.ready() && unproven_++ < 2)) {
    attempt_ = 1;
    backoff_.reset();
    state_ = channel_state::idle;
    if (!waiting_.empty()) begin_connecting();
  } else {
    short_text<failure_bytes_max> why;
    if (!one.ready() && one.was_lost()) {
      why.append("it closed the connection before its SETTINGS, as a server does that refuses "
                 "a peer: ");
    }
    why.append(one.end_text().empty() ? "it ended the connection" : one.end_text());
    attempt_failed(why.view());
  }
}

inline void channel_core::stream_slot_free(client_connection& one) noexcept {
  if (current_ == &one) pump();
}

// gRFC A8. Connections that this server had before may say so, too.
inline void channel_core::connection_pinged_too_often(client_connection& one) noexcept {
  const duration used = one.keepalive_time();
  const duration doubled = used > duration::max() / 2 ? duration::max() : used * 2;
  if (options_.keepalive_time >= doubled) return;
  options_.keepalive_time = doubled;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(doubled).count();
  short_text<512> text;
  text.append(target_).append(" says ").append(too_many_pings);
  text.append(": keepalive_time is ").append(static_cast<std::uint64_t>(seconds));
  home_.log(log_level::warning, text.append(" s from now on").view());
}

inline void channel_core::connection_gone(client_connection& one) noexcept {
  static_cast<list_node&>(one).unlink();
  if (current_ == &one) connection_down(one);
}

inline void channel_core::task_ended() noexcept {
  if (--tasks_ == 0) ended_.set();
}

inline void channel_core::shut_down() noexcept {
  if (state_ == channel_state::shutdown) return;
  state_ = channel_state::shutdown;
  if (retry_.armed()) home_.disarm(retry_);  // the ring may be gone: it is off then
  retry_.unlink();
  if (tasks_ > 0) {
    if (!stop_in_use_) stop_.adopt_thread();  // the ring has no thread yet
    stop_.request_stop();
  }
  end_waiting("the channel was closed");
  current_ = nullptr;
  for (client_connection* one = connections_.front(); one != nullptr;
       one = connections_.next(*one)) {
    one->end(http2::error_code::no_error, "the channel was closed");
  }
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI
