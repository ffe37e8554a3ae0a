// SPDX-License-Identifier: MIT
//
// The first half of a client call: from its options to its stream. Part of
// client_call.hpp, split off for its length.
#pragma once

#include <algorithm>
#include <array>

#include <ringrpc/grpc/timeout.hpp>
#include <ringrpc/grpc/user_agent.hpp>
#include <ringrpc/rpc/detail/client_call.hpp>
#include <ringrpc/rpc/detail/wire_fields.hpp>
#include <ringrpc/rpc/server_context.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
inline client_call::client_call(ring& home, std::uint32_t message_bytes_max) noexcept
    : call_stream(home.memory(), message_bytes_max),
      home_(home),
      deadline_timer_(*this),
      stopped_(*this),
      parent_stopped_(*this) {}

inline void client_call::begin(call_carrier& carrier, const client_method& method,
                               const call_options& options,
                               std::uint32_t message_bytes_max) noexcept {
  reset_stream(options.receive_message_bytes_max != 0 ? options.receive_message_bytes_max
                                                      : message_bytes_max);
  carrier_ = &carrier;
  method_ = &method;
  references_ = 1;
  wait_for_ready_ = options.wait_for_ready;
  deadline_ = std::min(options.deadline, saturating_add(home_.now(), options.timeout));
  if (options.parent != nullptr) {
    deadline_ = std::min(deadline_, options.parent->deadline());
    if (!parent_stopped_.arm(options.parent->stop_token())) {
      return finish(cancelled("the call that this one is made for was stopped"));
    }
  }
  // After a finish nothing may be armed: who has the object next would be stopped.
  if (!stopped_.arm(options.stop)) {
    return finish(cancelled("the call was stopped before it began"));
  }
  if (options.metadata != nullptr) {
    const status copied = request_metadata_.append(*options.metadata);
    if (!copied.ok()) return finish(copied);
  }
  if (deadline_ == never) return;
  if (deadline_ <= home_.now()) {
    finish(deadline_exceeded("the deadline had passed before the call began"));
  } else {
    home_.arm(deadline_timer_, deadline_);
  }
}

inline void client_call::start() noexcept {
  if (!done_) carrier_->carry(*this);
}

inline std::optional<http2::open_refusal> client_call::open_on(connection& over,
                                                               std::string_view authority,
                                                               field_list& fields) noexcept {
  const bool streams_in = method_->kind == method_kind::client_streaming ||
                          method_->kind == method_kind::bidi_streaming;
  std::array<char, timeout_text_bytes_max> timeout_text;
  const http2::header_template* fixed = &method_->all;
  try {
    fields.clear();
    const bool usual = authority == default_authority;
    if (!usual) {
      fixed = nullptr;
      for (const http2::header_field& field : method_->pseudo.fields) {
        fields.add(field.name, field.name == ":authority" ? authority : field.value);
      }
    } else if (deadline_ != never) {
      fixed = &method_->pseudo;
    }
    if (deadline_ != never) {
      // Right after the pseudo fields, and differing each time: never indexed.
      fields.add("grpc-timeout", encode_timeout(deadline_ - home_.now(), timeout_text), true);
    }
    if (fixed != &method_->all) {
      const std::size_t pseudo = method_->pseudo.fields.size();
      for (const http2::header_field& field : method_->all.fields.subspan(pseudo)) {
        fields.add(field.name, field.value);
      }
    }
    fields.add(request_metadata_);
  } catch (...) {
    finish(resource_exhausted("no memory for the call's headers"));
    return std::nullopt;
  }
  const http2::header_list block{fixed, fields.fields()};
  if (!is_taken_by(over.engine().peer_settings(), block)) {
    finish(resource_exhausted("the metadata is larger than the server takes"));
    return std::nullopt;
  }
  if (!over.prepare_stream()) {
    finish(resource_exhausted("no memory for the call"));
    return std::nullopt;
  }
  const http2::open_result opened =
      over.engine().open(block, false, static_cast<stream_handler*>(this));
  if (!opened && opened.error() == http2::open_refusal::no_memory) {
    finish(resource_exhausted("no memory for the call"));
    return std::nullopt;
  }
  if (!opened) return opened.error();
  attach(over, *opened);
  over.stream_opened();
  ++references_;
  sent_before_ = over.sent_bytes();
  if (!streams_in) {
    queue_block(over, *opened, *request_.get(), true);
    writes_done_ = true;
  } else if (writes_done_) {
    over.engine().data(*opened, slice{}, true);
  } else {
    room_available();  // a write may have been waiting for the connection
  }
  over.mark_dirty();
  return std::nullopt;
}

inline void client_call::writes_done() noexcept {
  if (writes_done_) return;
  writes_done_ = true;
  end_output();
  if (done_ || over() == nullptr) return;
  over()->engine().data(stream(), slice{}, true);
  over()->mark_dirty();
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI
