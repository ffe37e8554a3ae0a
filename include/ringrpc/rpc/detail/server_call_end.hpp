// SPDX-License-Identifier: MIT
//
// The second half of a server call: what it sends and how it ends. Part of
// server_call.hpp, split off for its length.
#pragma once

#include <new>

#include <ringrpc/ring/detail/exception_text.hpp>
#include <ringrpc/ring/log.hpp>
#include <ringrpc/rpc/detail/server_call.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
inline bool server_call::send_headers() noexcept {
  if (headers_sent_ || answered_ || over() == nullptr) return false;
  try {
    field_list& extra = host_->fields;
    extra.clear();
    if (encodes_with() != nullptr) extra.add("grpc-encoding", encodes_with()->name());
    add_accepted(extra);
    extra.add(headers_);
    const http2::header_list block{&response_template_of(head_.answer_type), extra.fields()};
    if (!is_taken_by(over()->engine().peer_settings(), block)) {
      headers_.clear();
      output_failed(resource_exhausted("the response's metadata is larger than the client takes"));
      return false;
    }
    over()->engine().headers(stream(), block, false);
  } catch (...) {
    // Messages may not go without them, least of all compressed ones.
    output_failed(resource_exhausted("no memory for the response's headers"));
    return false;
  }
  headers_sent_ = true;
  over()->mark_dirty();
  return true;
}

/// What came in an encoding that was not agreed on tells that the client may not know
/// which are (wire rule 21).
inline void server_call::add_accepted(field_list& to) const {
  if (head_.encoding == nullptr) return;
  to.add(accept_encoding_name, over()->options().encodings->accept_value());
}

// Wire rule 29: its own status for a status_error, RESOURCE_EXHAUSTED for bad_alloc, else
// UNKNOWN, whose text stays here: what an exception says is not for strangers.
inline status server_call::status_of_exception() noexcept {
  status end = unknown("the handler ended with an exception");
  bool meant = false;
  try {
    throw;
  } catch (const status_error& failed) {
    meant = !failed.status().ok();
    if (meant) end = failed.status();
  } catch (const std::bad_alloc&) {
    end = resource_exhausted("no memory in the handler");
  } catch (...) {
  }
  if (!meant && host_->exceptions.pass(ring_->now())) {
    ring_->log(log_level::error, text_of_current_exception("the handler of ", method_).view());
  }
  return end;
}

inline void server_call::handler_ended(status end) noexcept {
  handler_ = handler_state::ended;
  free_slot();
  answer(end);
  release_if_done();
}

inline void server_call::handler_ended(const message_ops& ops, const void* reply) noexcept {
  handler_ = handler_state::replying;
  reply_ops_ = &ops;
  reply_ = reply;
  try_reply();
}

inline void server_call::try_reply() noexcept {
  status end;
  if (!answered_ && over() != nullptr) {
    if (!has_room_for(*reply_ops_, reply_)) {
      over()->await_room(*this);  // the slot stays held
      return;
    }
    // Free before the trailers leave, or a client at its limit would be refused.
    free_slot();
    send_headers();
    if (!answered_) end = queue(*reply_ops_, reply_, true, false);
  }
  reply_ = nullptr;
  handler_ended(std::move(end));
}

inline void server_call::room_available() noexcept {
  if (handler_ == handler_state::replying) {
    try_reply();
  } else {
    call_stream::room_available();
  }
}

inline void server_call::answer(const status& end) noexcept {
  if (answered_ || over() == nullptr) return;
  answered_ = true;
  disarm_deadline();
  const bool early = !input_ended();
  try {
    queue_end(end);
    // The client need not send the rest (wire rule 27).
    if (early) over()->engine().reset(stream(), http2::error_code::no_error);
  } catch (...) {
    over()->engine().reset(stream(), http2::error_code::internal_error);
  }
  over()->mark_dirty();
  close_output();
  close_input();
}

inline void server_call::queue_end(const status& end) {
  field_list& extra = host_->fields;
  extra.clear();
  const http2::header_template* fixed = nullptr;
  ringrpc::metadata both;  // `extra` refers to it
  if (!headers_sent_) {
    // Nothing was sent yet: one block says all (wire rule 23, Trailers-Only).
    fixed = &response_template_of(head_.answer_type);
    add_accepted(extra);
    extra.add(end);
    both = headers_;
    if (!both.append(trailers_).ok()) throw std::bad_alloc{};
    extra.add(both);
  } else if (end.ok()) {
    fixed = &ok_trailers_template;
    extra.add(trailers_);
  } else {
    extra.add(end);
    extra.add(trailers_);
  }
  const http2::header_list block{fixed, extra.fields()};
  const bool has_metadata = !trailers_.empty() || (!headers_sent_ && !headers_.empty());
  const bool taken = is_taken_by(over()->engine().peer_settings(), block);
  if (!taken && !end.details().empty()) {
    queue_end(status{end.code(), end.message()});  // the least that can be done without
  } else if (!taken && has_metadata) {
    headers_.clear();
    trailers_.clear();
    queue_end(resource_exhausted("the response's metadata is larger than the client takes"));
  } else if (!taken && !end.message().empty()) {
    queue_end(status{end.code()});  // the text is what can be done without
  } else if (headers_sent_) {
    over()->engine().trailers(stream(), block);
  } else {
    headers_sent_ = true;
    over()->engine().headers(stream(), block, true);
  }
}

inline void server_call::answer_refusal(const refusal& why) noexcept {
  if (answered_ || over() == nullptr) return;
  if (why.http_status == 200 && !why.lists_encodings) {
    answer(why.why);
    return;
  }
  answered_ = true;
  const bool early = !input_ended();
  try {
    field_list& extra = host_->fields;
    extra.clear();
    const std::string http_status = std::to_string(why.http_status);
    extra.add(":status", http_status);
    if (!why.why.ok()) {
      extra.add("content-type", head_.answer_type);
      extra.add(why.why);
    }
    if (why.lists_encodings) {
      extra.add(accept_encoding_name, over()->options().encodings->accept_value());
    }
    over()->engine().headers(stream(), http2::header_list{nullptr, extra.fields()}, true);
    if (early) over()->engine().reset(stream(), http2::error_code::no_error);
  } catch (...) {
    over()->engine().reset(stream(), http2::error_code::internal_error);
  }
  over()->mark_dirty();
  close_output();
  close_input();
}

inline void server_call::reset_received(http2::error_code) noexcept {
  answered_ = true;  // nobody would hear it
  disarm_deadline();
  close_output();
  close_input();
  if (handler_ == handler_state::none) free_slot();
  stop_handler();
  if (handler_ == handler_state::replying) try_reply();
}

inline void server_call::stream_closed() noexcept {
  if (!answered_) {
    answered_ = true;
    disarm_deadline();
    close_output();
    close_input();
    if (handler_ == handler_state::none) free_slot();
    stop_handler();
  }
  detach();
  stream_known_ = false;
  if (handler_ == handler_state::replying) {
    try_reply();  // releases
  } else {
    release_if_done();
  }
}

inline void server_call::free_slot() noexcept {
  if (!slot_held_) return;
  slot_held_ = false;
  --host_->handlers;
}

inline void server_call::release_if_done() noexcept {
  if (stream_known_ || handler_ == handler_state::running || handler_ == handler_state::waiting ||
      handler_ == handler_state::replying) {
    return;
  }
  server_call_host& host = *host_;
  listed_call::unlink();
  recycle();
  if (--host.calls == 0) host.no_calls.set();
}

inline void server_call::clear_call() noexcept {
  reset_stream(host_->over.options().receive_message_bytes_max);
  request_.clear();
  headers_.clear();
  trailers_.clear();
  head_ = {};
  deadline_ = never;
  stop_token_ = {};
  stop_.reset();
  handler_ = handler_state::none;
  headers_sent_ = answered_ = false;
  host_ = nullptr;
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI
