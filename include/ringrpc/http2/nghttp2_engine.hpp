// SPDX-License-Identifier: MIT
//
// The engine on nghttp2_session (libnghttp2 1.52 or later): what it receives, and the
// events. nghttp2 keeps framing, HPACK and the state of streams; validation of
// header blocks, windows, limits and turns are ours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/http2/engine.hpp>
#include <ringrpc/http2/header_collector.hpp>
#include <ringrpc/http2/header_rules.hpp>
#include <ringrpc/http2/nghttp2_gate.hpp>

namespace ringrpc::http2 {
/// A model of the concept `engine`; see there for its members. Immovable.
template <class Sink>
class nghttp2_engine final : public nghttp2_gate {
public:
  nghttp2_engine(role side, const settings& ours, const limits& bounds, memory_pool& pool,
                 Sink& sink)
      : nghttp2_gate(side, ours, bounds, pool, *make_callbacks()),
        sink_(sink),
        collector_(pool, bounds) {}

  feed_status feed(std::span<const std::byte> bytes, time_point now) noexcept;
  void fail(error_code code) noexcept;

private:
  // Callbacks of nghttp2; `user` is the core.
  static callbacks_handle make_callbacks();
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept;
  static int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t flags, void* user) noexcept;
  static int on_frame_recv(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept;
  static int on_data_chunk(nghttp2_session*, std::uint8_t, std::int32_t id,
                           const std::uint8_t* data, std::size_t size, void* user) noexcept;
  static int on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t code,
                             void* user) noexcept;
  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* header,
                       std::size_t length, nghttp2_data_source* source, void* user) noexcept;
  [[nodiscard]] static nghttp2_engine& engine_of(void* user) noexcept {
    return static_cast<nghttp2_engine&>(core_of(user));
  }

  void receive(std::span<const std::byte> bytes) noexcept;

  // In nghttp2's callbacks.
  void begin_request(std::int32_t id) noexcept;
  void receive_block(stream& s, bool end_stream) noexcept;
  void receive_settings() noexcept;
  void receive_reset(stream& s, error_code code) noexcept;
  void end_data_frame(const nghttp2_data& frame) noexcept;
  void deliver_data(bool end_stream) noexcept;
  void malformed(stream& s) noexcept;
  void tell_reset(stream& s, error_code code) noexcept {
    if (!s.told || s.reset_told || s.sink_reset) return;
    s.reset_told = true;
    sink_.on_reset(s.ref, s.user, code);
  }

  Sink& sink_;
  header_collector collector_;
  stream* block_stream_ = nullptr;         // whose header block is collected
  stream* data_stream_ = nullptr;          // whose DATA waits in data_ until it is known ...
  std::span<const std::byte> data_;        // ... whether END_STREAM comes with it
};

template <class Sink>
callbacks_handle nghttp2_engine<Sink>::make_callbacks() {
  nghttp2_session_callbacks* made = nullptr;
  if (nghttp2_session_callbacks_new(&made) != 0) throw std::bad_alloc{};
  nghttp2_session_callbacks_set_on_begin_headers_callback(made, &on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(made, &on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(made, &on_frame_recv);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, &on_data_chunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(made, &on_stream_close);
  nghttp2_session_callbacks_set_before_frame_send_callback(made, &before_frame_send);
  nghttp2_session_callbacks_set_on_frame_send_callback(made, &on_frame_send);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(made, &on_frame_not_send);
  nghttp2_session_callbacks_set_send_data_callback(made, &send_data);
  nghttp2_session_callbacks_set_data_source_read_length_callback(made, &read_length);
  return callbacks_handle{made};
}

template <class Sink>
feed_status nghttp2_engine<Sink>::feed(std::span<const std::byte> bytes, time_point now) noexcept {
  if (failed_) return {.now = feed_status::state::closing};
  now_ = now;
  if (!over_) take_preface(bytes);
  while (!over_ && !bytes.empty()) {
    const frame_walker::piece piece = walker_.next(bytes);
    if (piece.bytes.empty()) break;
    if (piece.starts) judge(piece.bytes);
    if (!status_.fatal()) receive(piece.bytes);
    conclude();
  }
  if (over_) return status_;
  if (nghttp2_session_want_read(session_.get()) != 0) return {};
  return {.now = feed_status::state::closing};
}

template <class Sink>
void nghttp2_engine<Sink>::fail(error_code code) noexcept {
  if (failed_) return;
  failed_ = true;
  if (!status_.fatal()) status_ = {feed_status::state::closing, code, {}};
  raw_.clear();
  collector_.clear();
  streams_.for_each([this](stream& s) {
    if (s.told) sink_.on_closed(s.ref, s.user);
    release(s);
  });
}

template <class Sink>
void nghttp2_engine<Sink>::receive(std::span<const std::byte> bytes) noexcept {
  const auto taken = nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  deliver_data(false);
  if (taken >= 0) return;
  if (taken == NGHTTP2_ERR_FLOODED) {
    condemn(error_code::enhance_your_calm, "too many PING or SETTINGS frames await our answer");
  } else {
    condemn(error_code::internal_error, taken == NGHTTP2_ERR_NOMEM
                                            ? "memory is short"
                                            : "the HTTP/2 library cannot go on");
  }
}

template <class Sink>
int nghttp2_engine<Sink>::on_begin_headers(nghttp2_session*, const nghttp2_frame* frame,
                                           void* user) noexcept {
  nghttp2_engine& self = engine_of(user);
  self.collector_.clear();
  self.block_stream_ = nullptr;
  if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    self.begin_request(frame->hd.stream_id);
  } else if (stream* s = self.stream_of(frame->hd.stream_id); s != nullptr && !s->over()) {
    self.block_stream_ = s;
  }
  return 0;
}

template <class Sink>
void nghttp2_engine<Sink>::begin_request(std::int32_t id) noexcept {
  stream* s = nullptr;
  // Wire rule 36. A slot is held until the stream is closed; how long a call's slot is
  // held is the layer above's affair.
  if (id <= goaway_last_id_ && streams_.used() < ours_.concurrent_streams_max) {
    s = streams_.acquire(id);
  }
  if (s == nullptr) {
    reset_id(id, error_code::refused_stream);
    condemn(guard_.reset(now_));
    return;
  }
  nghttp2_session_set_stream_user_data(session_.get(), id, s);
  block_stream_ = s;
}

template <class Sink>
int nghttp2_engine<Sink>::on_header(nghttp2_session*, const nghttp2_frame*,
                                    const std::uint8_t* name, std::size_t name_size,
                                    const std::uint8_t* value, std::size_t value_size,
                                    std::uint8_t flags, void* user) noexcept {
  nghttp2_engine& self = engine_of(user);
  if (self.block_stream_ == nullptr) return 0;
  if (!self.collector_.add({reinterpret_cast<const char*>(name), name_size},
                           {reinterpret_cast<const char*>(value), value_size},
                           (flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0)) {
    self.fail_stream(*self.block_stream_, error_code::internal_error);
    self.block_stream_ = nullptr;
  }
  return 0;
}

template <class Sink>
int nghttp2_engine<Sink>::on_frame_recv(nghttp2_session*, const nghttp2_frame* frame,
                                        void* user) noexcept {
  nghttp2_engine& self = engine_of(user);
  const bool ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
      if (self.block_stream_ != nullptr) {
        self.receive_block(*self.block_stream_, (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
        self.block_stream_ = nullptr;
      }
      self.collector_.clear();
      break;
    case NGHTTP2_DATA: self.end_data_frame(frame->data); break;
    case NGHTTP2_RST_STREAM:
      if (stream* s = self.stream_of(frame->hd.stream_id); s != nullptr) {
        self.receive_reset(*s, static_cast<error_code>(frame->rst_stream.error_code));
      }
      break;
    case NGHTTP2_SETTINGS:
      if (ack) {
        self.sink_.on_settings_ack();
      } else {
        self.receive_settings();
      }
      break;
    case NGHTTP2_PING:
      if (ack) {
        std::uint64_t opaque = 0;
        for (const std::uint8_t byte : frame->ping.opaque_data) opaque = (opaque << 8) | byte;
        self.sink_.on_ping_ack(opaque);
      } else {
        self.sink_.on_ping();
      }
      break;
    case NGHTTP2_GOAWAY:
      self.goaway_received_ = true;
      self.sink_.on_goaway(frame->goaway.last_stream_id,
                           static_cast<error_code>(frame->goaway.error_code),
                           {reinterpret_cast<const char*>(frame->goaway.opaque_data),
                            frame->goaway.opaque_data_len});
      break;
    default: break;
  }
  return 0;
}

template <class Sink>
void nghttp2_engine<Sink>::receive_block(stream& s, bool end_stream) noexcept {
  header_block block{.fields = collector_.fields(), .too_large = collector_.too_large()};
  block_kind kind = side_ == role::server ? block_kind::request : block_kind::response;
  if (s.final_headers) kind = block_kind::trailers;
  const block_findings found = check_block(block.fields, kind, block.too_large);
  if (!found.malformed.empty()) return malformed(s);
  if (kind == block_kind::trailers) {
    if (!end_stream) return malformed(s);  // wire rule 26
  } else if (kind == block_kind::response && found.status < 200) {
    if (end_stream) return malformed(s);  // RFC 9113 section 8.1
    kind = block_kind::informational;
  } else {
    s.final_headers = true;
    s.content_length = found.content_length;
  }
  // RFC 9113 section 8.1.1.
  if (end_stream && s.content_length >= 0 && s.content_length != s.body_bytes) {
    return malformed(s);
  }
  block.duplicate_authority = found.duplicate_authority;
  if (kind == block_kind::request) last_told_id_ = s.ref.id;
  s.told = true;
  s.remote_ended = end_stream;
  sink_.on_headers(s.ref, s.user, block, kind, end_stream);
}

template <class Sink>
void nghttp2_engine<Sink>::malformed(stream& s) noexcept {
  condemn(guard_.glitch(now_));
  tell_reset(s, error_code::protocol_error);
  fail_stream(s, error_code::protocol_error);
}

template <class Sink>
void nghttp2_engine<Sink>::receive_reset(stream& s, error_code code) noexcept {
  s.peer_reset = true;
  tell_reset(s, code);
}

template <class Sink>
void nghttp2_engine<Sink>::receive_settings() noexcept {
  const auto value = [this](nghttp2_settings_id id) noexcept {
    return nghttp2_session_get_remote_settings(session_.get(), id);
  };
  peer_ = {.header_table_bytes = value(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE),
           .concurrent_streams_max = value(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS),
           .initial_window_bytes = value(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE),
           .frame_bytes_max = value(NGHTTP2_SETTINGS_MAX_FRAME_SIZE),
           .header_list_bytes_max = value(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE)};
  settings_received_ = true;
  sink_.on_settings(peer_);
}

template <class Sink>
int nghttp2_engine<Sink>::on_data_chunk(nghttp2_session*, std::uint8_t, std::int32_t id,
                                        const std::uint8_t* data, std::size_t size,
                                        void* user) noexcept {
  nghttp2_engine& self = engine_of(user);
  stream* s = self.stream_of(id);
  if (s != nullptr && !s->over()) {
    s->body_bytes += static_cast<std::int64_t>(size);
    s->window_delta_bytes -= static_cast<std::int64_t>(size);
    const bool too_long = s->content_length >= 0 && s->body_bytes > s->content_length;
    if (too_long || !s->final_headers) self.malformed(*s);
  }
  self.data_stream_ = s;
  self.data_ = {reinterpret_cast<const std::byte*>(data), size};
  return 0;
}

template <class Sink>
void nghttp2_engine<Sink>::end_data_frame(const nghttp2_data& frame) noexcept {
  stream* s = stream_of(frame.hd.stream_id);
  if (s == nullptr || s->over()) return;
  const bool end_stream = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (end_stream) {
    if (s->content_length >= 0 && s->content_length != s->body_bytes) return malformed(*s);
    s->remote_ended = true;
  }
  if (!data_.empty()) {
    deliver_data(end_stream);
  } else if (end_stream) {
    sink_.on_data(s->ref, s->user, {}, 0, true);
  }
  if (frame.padlen > 0) {
    // nghttp2 has credited the padding, but may wait long before it tells the peer.
    s->unsent_credit_bytes += static_cast<std::uint32_t>(frame.padlen);
    update_window_if_low(*s);
  }
}

template <class Sink>
void nghttp2_engine<Sink>::deliver_data(bool end_stream) noexcept {
  if (data_.empty()) return;
  const std::span<const std::byte> bytes = data_;
  stream* s = data_stream_;
  data_ = {};
  data_stream_ = nullptr;
  if (s == nullptr || s->over()) {
    // No sink will see it, so nobody else would give the credit back.
    nghttp2_session_consume_connection(session_.get(), bytes.size());
    return;
  }
  sink_.on_data(s->ref, s->user, bytes, static_cast<std::uint32_t>(bytes.size()), end_stream);
  update_window_if_low(*s);
}

template <class Sink>
int nghttp2_engine<Sink>::on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t code,
                                          void* user) noexcept {
  nghttp2_engine& self = engine_of(user);
  stream* s = self.stream_of(id);
  const bool reset = s == nullptr || s->reset_by_us || code != NGHTTP2_NO_ERROR;
  self.closed_streams_.add(id, s != nullptr && s->peer_reset ? closed_by::peer_reset
                               : reset                       ? closed_by::our_reset
                                                             : closed_by::both_ends);
  if (s == nullptr) return 0;
  if (self.block_stream_ == s) self.block_stream_ = nullptr;
  if (self.data_stream_ == s) self.data_stream_ = nullptr;
  if (s->failure != error_code::no_error) {
    self.tell_reset(*s, s->failure);
  } else if (code != NGHTTP2_NO_ERROR) {
    self.tell_reset(*s, static_cast<error_code>(code));
  }
  if (s->told) self.sink_.on_closed(s->ref, s->user);
  self.release(*s);
  return 0;
}

template <class Sink>
int nghttp2_engine<Sink>::send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* header,
                                    std::size_t length, nghttp2_data_source* source,
                                    void* user) noexcept {
  nghttp2_engine& self = engine_of(user);
  stream& s = *static_cast<stream*>(source->ptr);
  self.write_data(s, header, length);
  if (length > 0 && s.queue.size() < self.limits_.queue_low_bytes && !s.over()) {
    self.sink_.on_writable(s.ref, s.user);
  }
  return 0;
}
}  // namespace ringrpc::http2
