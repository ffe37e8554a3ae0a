// SPDX-License-Identifier: MIT
//
// The first half of a server call: from its headers to the start of its handler.
// Part of server_call.hpp, split off for its length.
#pragma once

#include <ringrpc/rpc/detail/server_call.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
inline server_call::server_call(memory_pool& pool, std::uint32_t message_bytes_max) noexcept
    : call_stream(pool, message_bytes_max, true), start_(*this), deadline_timer_(*this) {}

inline void server_call::open(server_call_host& host, http2::stream_ref stream,
                              std::string_view method) noexcept {
  host_ = &host;
  ring_ = &host.over.home();
  peer_ = &host.peer;
  method_ = method;
  stop_.emplace();
  stop_token_ = stop_->token();
  environment_ = {ring_->where().queue, stop_token_, ring_};
  attach(host.over, stream);
  stream_known_ = true;
  slot_held_ = true;
  ++host.handlers;
  ++host.calls;
  host.no_calls.reset();
  host.all.push_back(*this);
}

inline void server_call::reduce(const http2::header_block& block,
                                http2::block_kind kind) noexcept {
  if (kind == http2::block_kind::request) {
    head_ = reduce_request(block, *host_->over.options().encodings, request_);
  }
  // Request trailers are legal and mean nothing to gRPC.
}

inline bool server_call::set_compression(std::string_view name) noexcept {
  if (headers_sent_ || answered_) return false;
  if (name.empty() || name == "identity") {
    encode_with(nullptr);
    return true;
  }
  const encoding_registry& known = *host_->over.options().encodings;
  if (known.find(name) == nullptr || !head_.accepted.contains(known.index_of(name))) return false;
  encode_with(known.find(name));
  return true;
}

inline void server_call::headers_received(http2::block_kind kind, bool end) noexcept {
  if (kind == http2::block_kind::trailers) {
    if (end) end_input();
    return;
  }
  if (!head_.refused) {
    if (std::optional<status> missing = no_handler()) head_.refuse(200, std::move(*missing));
  }
  if (!head_.refused && head_.timeout) {
    deadline_ = saturating_add(ring_->now(), *head_.timeout);
    if (*head_.timeout <= duration::zero()) {
      head_.refuse(200, deadline_exceeded("the deadline had passed when the call arrived"));
    }
  }
  if (head_.refused) {
    const refusal why = std::move(*head_.refused);
    if (end) end_input();
    free_slot();
    answer_refusal(why);
    release_if_done();
    return;
  }
  decode_with(head_.encoding);
  if (const std::string_view usual = host_->over.options().compression; !usual.empty()) {
    static_cast<void>(set_compression(usual));
  }
  if (deadline_ != never) host_->fresh_deadlines.push_back(*this);
  if (!takes_single()) start();
  if (end) end_input();
}

inline void server_call::input_complete() noexcept {
  // A refusal has its own answer, also where no message came at all.
  if (!takes_single() || answered_ || head_.refused) return;
  if (!has_single()) {
    input_failed(unimplemented("no request message where exactly one is expected"));
    return;
  }
  start();
}

inline void server_call::start() noexcept {
  if (answered_ || handler_ != handler_state::none) return;
  handler_ = handler_state::waiting;
  if (++host_->started > server_call_host::started_max) {
    ring_->queue().push(start_);
  } else {
    run_handler();
  }
}

inline void server_call::run_handler() noexcept {
  handler_ = handler_state::running;
  start_handler();
}

inline void server_call::stop_handler() noexcept {
  if (handler_ == handler_state::waiting) {
    // Its turn has not come, and will not.
    start_.unlink();
    handler_ = handler_state::ended;
    free_slot();
    return;
  }
  stop_->request_stop();
}

inline void server_call_host::arm_deadlines() noexcept {
  while (fresh_deadline* one = fresh_deadlines.pop_front()) {
    static_cast<server_call*>(one)->arm_deadline();
  }
}

inline void server_call::deadline_passed() noexcept {
  input_failed(deadline_exceeded("the deadline passed at the server"));
  if (handler_ == handler_state::replying) {
    try_reply();  // its reply waits for room no longer, and its slot is free
  } else {
    release_if_done();
  }
}

inline void server_call::input_failed(status why) noexcept {
  answer(why);
  stop_handler();
  if (handler_ == handler_state::none) free_slot();
}

inline void server_call::output_failed(status why) noexcept {
  answer(why);
  stop_handler();
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI
