// SPDX-License-Identifier: MIT
//
// The first half of a client call: from its options to its stream. Part of
// client_call.hpp, split off for its length.
#pragma once

#include <algorithm>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include <ringrpc/grpc/compression.hpp>
#include <ringrpc/grpc/user_agent.hpp>
#include <ringrpc/rpc/detail/client_call.hpp>
#include <ringrpc/rpc/detail/message_io.hpp>
#include <ringrpc/rpc/detail/wire_fields.hpp>
#include <ringrpc/rpc/server_context.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
inline client_call::client_call(ring& home, std::uint32_t message_bytes_max) noexcept
    : call_stream(home.memory(), message_bytes_max, false),
      home_(home),
      deadline_timer_(*this),
      stopped_(*this),
      parent_stopped_(*this) {}

inline void client_call::begin(call_carrier& carrier, const client_method& method,
                               const call_options& options,
                               const connection_options& usual) noexcept {
  reset_stream(options.receive_message_bytes_max != 0 ? options.receive_message_bytes_max
                                                      : usual.receive_message_bytes_max);
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
  const std::string_view compression =
      options.compression.empty() ? usual.compression : options.compression;
  status found = find_encoding(compression, *usual.encodings);
  if (!found.ok()) return finish(std::move(found));
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

/// What `name` means. @return INTERNAL for one that is not known.
inline status client_call::find_encoding(std::string_view name,
                                         const encoding_registry& known) noexcept {
  wanted_ = nullptr;
  if (name.empty() || name == "identity") return status{};
  wanted_ = known.find(name);
  if (wanted_ != nullptr) return status{};
  short_text<256> text;
  text.append("the call's compression is ").append_quoted(name).append(", the channel has ");
  return internal(text.append(known.accept_value()).view());
}

/// How the messages of this call are compressed on `over` (wire rule 22).
inline void client_call::choose_encoding(const connection& over) noexcept {
  encode_with(wanted_);
  const std::optional<encoding_set>& taken = over.peer_encodings();
  if (wanted_ == nullptr || !taken) return;
  const encoding_registry& known = *over.options().encodings;
  if (!taken->contains(known.index_of(wanted_->name()))) encode_with(nullptr);
}

/// The call's header fields: a template, and `fields` behind it.
inline const http2::header_template* client_call::collect_fields(const connection& over,
                                                                 std::string_view authority,
                                                                 field_list& fields) {
  const std::size_t pseudo = method_->pseudo.fields.size();
  const encoding_registry& known = *over.options().encodings;
  const bool usual = authority == default_authority;
  const std::string_view agent = carrier_->user_agent();
  fields.clear();
  if (usual && deadline_ == never && encodes_with() == nullptr && &known == &built_in_encodings &&
      agent.size() == ringrpc::user_agent.size()) {
    fields.add(request_metadata_);
    return &method_->all;
  }
  if (!usual) {
    for (const http2::header_field& field : method_->pseudo.fields) {
      fields.add(field.name, field.name == ":authority" ? authority : field.value);
    }
  }
  if (deadline_ != never) {
    // Right after the pseudo fields, and differing each time: never indexed.
    fields.add("grpc-timeout", encode_timeout(deadline_ - home_.now(), timeout_text_), true);
  }
  for (const http2::header_field& field : method_->all.fields.subspan(pseudo)) {
    if (field.name == accept_encoding_name) continue;  // of this channel, below
    if (field.name != "user-agent") {
      fields.add(field.name, field.value);
      continue;
    }
    if (encodes_with() != nullptr) fields.add("grpc-encoding", encodes_with()->name());
    if (!known.encodings().empty()) fields.add(accept_encoding_name, known.accept_value());
    fields.add(field.name, agent);
  }
  fields.add(request_metadata_);
  return usual ? &method_->pseudo : nullptr;
}

/// The one message of a call that has one, and the end of the client's side.
inline void client_call::send_request(connection& over) noexcept {
  try {
    if (encodes_with() != nullptr) {
      queue_compressed_block(over, stream(), *request_.get(), *encodes_with(), true);
    } else {
      queue_block(over, stream(), *request_.get(), true);
    }
  } catch (const std::bad_alloc&) {
    finish(resource_exhausted("no memory to compress the request"));
  } catch (...) {
    finish(internal("the encoding could not compress the request"));
  }
}

inline std::optional<http2::open_refusal> client_call::open_on(connection& over,
                                                               std::string_view authority,
                                                               field_list& fields) noexcept {
  const bool streams_in = method_->kind == method_kind::client_streaming ||
                          method_->kind == method_kind::bidi_streaming;
  choose_encoding(over);
  const http2::header_template* fixed = nullptr;
  try {
    fixed = collect_fields(over, authority, fields);
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
    writes_done_ = true;
    send_request(over);
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
