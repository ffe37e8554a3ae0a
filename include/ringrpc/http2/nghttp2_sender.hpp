// SPDX-License-Identifier: MIT
//
// The sending half of the nghttp2 engine: requests, responses, DATA and trailers in,
// gathered frames out.
//
// nghttp2 asks for DATA by a callback, stream by stream. It is always answered
// with "do not copy", and the payload goes straight from the stream's queue into
// the output. Turns are ours: a stream that has sent a frame's worth is deferred
// until the others had theirs, since nghttp2 serves streams of one urgency one
// after the other.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <nghttp2/nghttp2.h>

#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/base/output.hpp>
#include <ringrpc/base/result.hpp>
#include <ringrpc/base/slice.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/http2/headers.hpp>
#include <ringrpc/http2/nghttp2_control.hpp>

namespace ringrpc::http2 {
/// The sending half. See the concept `engine` for the public members.
class nghttp2_sender : public nghttp2_control {
public:
  [[nodiscard]] open_result open(const header_list& list, bool end_stream, void* user) noexcept;
  void headers(const stream_ref& r, const header_list& list, bool end_stream) noexcept;
  void data(const stream_ref& r, const slice& part, bool end_stream) noexcept;
  void trailers(const stream_ref& r, const header_list& list) noexcept;
  void reset(const stream_ref& r, error_code code) noexcept;

  [[nodiscard]] std::uint32_t queued(const stream_ref& r) const noexcept {
    const stream* s = streams_.find(r);
    return s == nullptr ? 0 : s->queue.size();
  }
  [[nodiscard]] std::uint32_t queued() const noexcept { return queued_bytes_; }
  [[nodiscard]] bool wants_write() const noexcept {
    if (failed_) return false;
    return !raw_.empty() || (!over_ && (!waiting_.empty() ||
                                        nghttp2_session_want_write(session_.get()) != 0));
  }

  [[nodiscard]] std::uint32_t call_frames() const noexcept { return call_frames_; }

  std::uint32_t gather(output& out, std::uint32_t bytes, time_point now) noexcept;

protected:
  using nghttp2_control::nghttp2_control;

  /// nghttp2's type for signed sizes, which newer versions rename.
  using signed_size = std::make_signed_t<std::size_t>;

  /// Callbacks of nghttp2.
  static signed_size read_data(nghttp2_session*, std::int32_t id, std::uint8_t*, std::size_t length,
                               std::uint32_t* flags, nghttp2_data_source* source,
                               void* user) noexcept;
  static signed_size read_length(nghttp2_session*, std::uint8_t, std::int32_t id, std::int32_t,
                                 std::int32_t, std::uint32_t peer_max, void* user) noexcept;
  static int before_frame_send(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept;
  static int on_frame_send(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept;
  static int on_frame_not_send(nghttp2_session*, const nghttp2_frame* frame, int error,
                               void* user) noexcept;

  /// Copies the DATA frame that `read_data` promised into the output.
  void write_data(stream& s, const std::uint8_t* header, std::size_t length) noexcept;
  /// Lets a stream send again whose queue was empty.
  void wake(stream& s) noexcept;
private:
  /// Room that is kept for a frame that nghttp2 hands out whole: header blocks are
  /// cut at 16,384 bytes.
  static constexpr std::size_t frame_room = 17 * 1024;

  [[nodiscard]] static nghttp2_sender& sender_of(void* user) noexcept {
    return static_cast<nghttp2_sender&>(core_of(user));
  }
  void next_round() noexcept;
  void sent_end(stream& s) noexcept;
  [[nodiscard]] bool output_full() const noexcept {
    return out_->size() >= gather_end_ || out_->copy_room() < frame_room || out_->part_room() < 2;
  }

  intrusive_list<stream> waiting_;  // had their turn in this round
  std::uint32_t round_ = 1;
  std::uint32_t call_frames_ = 0;  // HEADERS and DATA that nghttp2 gave out
  bool paused_ = false;         // read_data saw that the output is full
  output* out_ = nullptr;       // while gathering
  std::size_t gather_end_ = 0;  // size of the output that is enough
};

inline open_result nghttp2_sender::open(const header_list& list, bool end_stream,
                                        void* user) noexcept {
  if (side_ == role::server || !alive() || goaway_received_ || goaway_last_id_ != id_max ||
      memory_.was_short()) {
    return failure{open_refusal::going_away};
  }
  if (static_cast<std::uint32_t>(next_id()) > limits_.stream_id_max) {
    return failure{open_refusal::ids_exhausted};
  }
  constexpr std::uint32_t assumed_max = 100;  // wire rule 36
  if (streams_.used() >= (settings_received_ ? peer_.concurrent_streams_max : assumed_max)) {
    return failure{open_refusal::no_slot};
  }
  const nghttp2_fields fields{pool_, list};
  stream* s = fields.data() == nullptr ? nullptr : streams_.acquire(next_id());
  if (s == nullptr) return failure{open_refusal::no_memory};
  nghttp2_data_provider provider{};
  provider.source.ptr = s;
  provider.read_callback = &read_data;
  const std::int32_t id =
      nghttp2_submit_request(session_.get(), nullptr, fields.data(), fields.size(),
                             end_stream ? nullptr : &provider, s);
  if (id != s->ref.id) {
    streams_.release(*s);
    return failure{open_refusal::no_memory};
  }
  ++own_queued_;
  s->user = user;
  s->told = true;
  s->headers_queued = true;
  if (end_stream) s->end = send_end::headers;
  return s->ref;
}

inline void nghttp2_sender::headers(const stream_ref& r, const header_list& list,
                                    bool end_stream) noexcept {
  stream* s = streams_.find(r);
  if (s == nullptr || !alive() || s->over()) return;
  const nghttp2_fields fields{pool_, list};
  nghttp2_data_provider provider{};
  provider.source.ptr = s;
  provider.read_callback = &read_data;
  if (side_ == role::client || s->headers_queued || fields.data() == nullptr ||
      nghttp2_submit_response(session_.get(), r.id, fields.data(), fields.size(),
                              end_stream ? nullptr : &provider) != 0) {
    fail_stream(*s, error_code::internal_error);
    return;
  }
  ++own_queued_;
  s->headers_queued = true;
  if (end_stream) s->end = send_end::headers;
}

inline void nghttp2_sender::data(const stream_ref& r, const slice& part, bool end_stream) noexcept {
  stream* s = streams_.find(r);
  if (s == nullptr || !alive() || s->over()) return;
  if (!s->headers_queued || s->end != send_end::open || !s->queue.append(pool_, part)) {
    fail_stream(*s, error_code::internal_error);
    return;
  }
  queued_bytes_ += part.size;
  if (end_stream) s->end = send_end::last_data;
  if (end_stream || part.size > 0) wake(*s);
}

inline void nghttp2_sender::trailers(const stream_ref& r, const header_list& list) noexcept {
  stream* s = streams_.find(r);
  if (s == nullptr || !alive() || s->over()) return;
  if (!s->headers_queued || s->end != send_end::open || !s->trailers.store(pool_, list)) {
    fail_stream(*s, error_code::internal_error);
    return;
  }
  s->end = send_end::trailers;
  wake(*s);
}

inline void nghttp2_sender::reset(const stream_ref& r, error_code code) noexcept {
  stream* s = streams_.find(r);
  if (s == nullptr || !alive()) return;
  s->sink_reset = true;
  if (s->over()) return;
  // Wire rule 27: the end that is queued leaves first. nghttp2 would send the
  // RST_STREAM alone.
  if (code == error_code::no_error && s->end != send_end::open && s->end != send_end::sent) {
    s->reset_after_end = true;
    return;
  }
  reset_stream(*s, code);
}

inline std::uint32_t nghttp2_sender::gather(output& out, std::uint32_t bytes,
                                            time_point now) noexcept {
  now_ = now;
  if (failed_ || out.append(0) == nullptr) return 0;  // the arena, so that copies cannot fail
  const std::size_t start = out.size();
  out_ = &out;
  gather_end_ = start + bytes;
  while (out.size() < gather_end_) {
    if (!raw_.empty()) {
      const std::size_t count = std::min(out.copy_room(), raw_.size());
      if (count == 0 || !out.append_copy(raw_.bytes().first(count))) break;
      raw_.consume(count);
      continue;
    }
    if (over_ || output_full()) break;
    paused_ = false;
    const std::uint8_t* chunk = nullptr;
    const auto size = nghttp2_session_mem_send(session_.get(), &chunk);
    if (size > 0) {
      const std::size_t count = static_cast<std::size_t>(size);
      std::byte* copy = out.append(count);
      std::memcpy(copy, chunk, count);
      inspect_sent({copy, count});
      continue;
    }
    if (size < 0) condemn(error_code::internal_error, "the HTTP/2 library cannot send");
    if (memory_.was_short()) condemn(error_code::internal_error, "memory is short");
    if (status_.fatal()) {
      conclude(size == 0);
      continue;
    }
    if (paused_ || waiting_.empty()) break;
    next_round();
  }
  out_ = nullptr;
  return static_cast<std::uint32_t>(out.size() - start);
}

inline void nghttp2_sender::next_round() noexcept {
  ++round_;
  while (stream* s = waiting_.pop_front()) {
    s->pause = send_pause::none;
    nghttp2_session_resume_data(session_.get(), s->ref.id);
  }
}

inline void nghttp2_sender::wake(stream& s) noexcept {
  if (s.pause != send_pause::empty) return;
  s.pause = send_pause::none;
  nghttp2_session_resume_data(session_.get(), s.ref.id);
}

inline void nghttp2_sender::sent_end(stream& s) noexcept {
  s.end = send_end::sent;
  // Not where the peer has ended too: nothing may follow on a closed stream.
  if (s.reset_after_end && !s.remote_ended && !s.over()) {
    reset_stream(s, error_code::no_error);
  }
}

inline nghttp2_sender::signed_size nghttp2_sender::read_data(
    nghttp2_session* session, std::int32_t id, std::uint8_t*, std::size_t length,
    std::uint32_t* flags, nghttp2_data_source* source, void* user) noexcept {
  nghttp2_sender& self = sender_of(user);
  stream& s = *static_cast<stream*>(source->ptr);
  if (self.draining_) return NGHTTP2_ERR_PAUSE;
  if (s.queue.empty() && s.end == send_end::open) {
    s.pause = send_pause::empty;
    return NGHTTP2_ERR_DEFERRED;
  }
  if (s.turn != self.round_) {
    s.turn = self.round_;
    s.turn_bytes = 0;
  }
  if (s.turn_bytes >= self.limits_.data_frame_bytes_max) {
    s.pause = send_pause::turn;
    self.waiting_.push_back(s);
    return NGHTTP2_ERR_DEFERRED;
  }
  std::uint32_t count = 0;
  if (!self.output_full()) {
    const std::uint32_t most =
        static_cast<std::uint32_t>(std::min<std::size_t>(length, s.queue.size()));
    count = s.queue.fitting(most, *self.out_, frame_header::bytes + frame_room);
  }
  if (self.output_full() || (count == 0 && !s.queue.empty())) {
    self.paused_ = true;
    return NGHTTP2_ERR_PAUSE;
  }
  s.turn_bytes += count;
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (count < s.queue.size() || s.end == send_end::open) return static_cast<signed_size>(count);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (s.end == send_end::trailers) {
    // Only here: submitted earlier they would overtake the DATA.
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const nghttp2_fields fields{self.pool_, s.trailers.list()};
    if (fields.data() == nullptr ||
        nghttp2_submit_trailer(session, id, fields.data(), fields.size()) != 0) {
      s.failure = error_code::internal_error;
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    ++self.own_queued_;
    s.trailers.reset();
  }
  return static_cast<signed_size>(count);
}

inline nghttp2_sender::signed_size nghttp2_sender::read_length(
    nghttp2_session*, std::uint8_t, std::int32_t id, std::int32_t, std::int32_t,
    std::uint32_t peer_max, void* user) noexcept {
  nghttp2_sender& self = sender_of(user);
  // nghttp2 grows its frame buffer to what is answered, and keeps it.
  const stream* s = self.stream_of(id);
  const std::uint32_t queued = s == nullptr ? 1 : std::max(s->queue.size(), 1U);
  return static_cast<signed_size>(
      std::min({queued, peer_max, std::max(self.limits_.data_frame_bytes_max, 1U)}));
}

inline void nghttp2_sender::write_data(stream& s, const std::uint8_t* header,
                                       std::size_t length) noexcept {
  std::memcpy(out_->append(frame_header::bytes), header, frame_header::bytes);
  const std::uint32_t count = static_cast<std::uint32_t>(length);
  s.queue.move_to(*out_, pool_, count);
  queued_bytes_ -= count;
}

inline int nghttp2_sender::before_frame_send(nghttp2_session*, const nghttp2_frame* frame,
                                             void* user) noexcept {
  nghttp2_sender& self = sender_of(user);
  if (frame->hd.type == NGHTTP2_GOAWAY && self.own_goaways_ == 0) {
    // nghttp2 gives up. `conclude` writes the GOAWAY, for nghttp2 leaves the reason out
    // of half of them.
    const auto code = static_cast<error_code>(frame->goaway.error_code);
    const std::size_t size = std::min(frame->goaway.opaque_data_len, self.text_.size());
    if (size > 0) std::memcpy(self.text_.data(), frame->goaway.opaque_data, size);
    self.condemn(code, size > 0 ? std::string_view{self.text_.data(), size} : reason_of(code));
    return NGHTTP2_ERR_CANCEL;
  }
  if (frame->hd.type == NGHTTP2_WINDOW_UPDATE && frame->hd.stream_id != 0) {
    const stream* s = self.stream_of(frame->hd.stream_id);
    if (s != nullptr && s->remote_ended) return NGHTTP2_ERR_CANCEL;  // some peers choke on it
  }
  return 0;
}

inline int nghttp2_sender::on_frame_send(nghttp2_session*, const nghttp2_frame* frame,
                                        void* user) noexcept {
  nghttp2_sender& self = sender_of(user);
  const bool ends_stream = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame->hd.type) {
    case NGHTTP2_DATA:
    case NGHTTP2_HEADERS:
      ++self.call_frames_;
      if (frame->hd.type == NGHTTP2_HEADERS) --self.own_queued_;
      if (ends_stream) {
        if (stream* s = self.stream_of(frame->hd.stream_id); s != nullptr) self.sent_end(*s);
      }
      break;
    case NGHTTP2_SETTINGS:
    case NGHTTP2_PING:
      if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) break;
      --self.own_queued_;
      if (frame->hd.type == NGHTTP2_SETTINGS) self.settings_sent_ = true;
      break;
    case NGHTTP2_GOAWAY:
      --self.own_queued_;
      --self.own_goaways_;
      break;
    default: break;
  }
  return 0;
}

inline int nghttp2_sender::on_frame_not_send(nghttp2_session*, const nghttp2_frame* frame,
                                             int error, void* user) noexcept {
  nghttp2_sender& self = sender_of(user);
  if (frame->hd.type == NGHTTP2_HEADERS) {
    --self.own_queued_;
    stream* s = self.stream_of(frame->hd.stream_id);
    if (s == nullptr || s->over()) return 0;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
      self.fail_stream(*s, error_code::internal_error);
    } else if (error == NGHTTP2_ERR_FRAME_SIZE_ERROR) {
      s->failure = error_code::internal_error;  // nghttp2 closes it; no other peer would take it
    }
  } else if ((frame->hd.type == NGHTTP2_SETTINGS || frame->hd.type == NGHTTP2_PING) &&
             (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
    --self.own_queued_;
  }
  return 0;
}
}  // namespace ringrpc::http2
