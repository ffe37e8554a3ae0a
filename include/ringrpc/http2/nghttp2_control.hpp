// SPDX-License-Identifier: MIT
//
// The control frames of the nghttp2 engine: credit for what the peer sent, GOAWAY,
// PING and SETTINGS.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include <ringrpc/http2/nghttp2_core.hpp>

namespace ringrpc::http2 {
/// Control frames. See the concept `engine` for the public members.
///
/// Stream windows are counted here, not by nghttp2's consume functions: those send
/// WINDOW_UPDATE at half of a window that a raise enlarged for good, and a peer
/// whose window was raised for one large message would wait for ever after it.
class nghttp2_control : public nghttp2_core {
public:
  void credit_stream(const stream_ref& r, std::uint32_t bytes) noexcept;
  void credit_connection(std::uint32_t bytes) noexcept {
    if (alive()) nghttp2_session_consume_connection(session_.get(), bytes);
  }
  void raise_window(const stream_ref& r, std::uint32_t bytes) noexcept;
  [[nodiscard]] std::int64_t receive_window(const stream_ref& r) const noexcept;

  void goaway(std::int32_t last_id, error_code code, std::string_view text) noexcept;
  void ping(std::uint64_t opaque) noexcept;
  void update_settings(const settings& ours) noexcept;

protected:
  using nghttp2_core::nghttp2_core;

  /// Queues WINDOW_UPDATE for what was credited, once the peer has less than half of
  /// the initial window left.
  void update_window_if_low(stream& s) noexcept;

private:
  [[nodiscard]] std::uint32_t initial_window() const noexcept {
    return nghttp2_session_get_local_settings(session_.get(), NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
  }
  /// What the peer should have left on the stream: 0 to 2^31-1.
  [[nodiscard]] std::int64_t window_target(const stream& s) const noexcept {
    return std::clamp<std::int64_t>(std::int64_t{initial_window()} + s.window_delta_bytes, 0,
                                    id_max);
  }
  void send_credit(stream& s) noexcept;
};

inline void nghttp2_control::credit_stream(const stream_ref& r, std::uint32_t bytes) noexcept {
  stream* s = streams_.find(r);
  if (s == nullptr || !alive() || s->over() || s->remote_ended) return;
  s->window_delta_bytes += bytes;
  s->unsent_credit_bytes += bytes;
  update_window_if_low(*s);
}

inline void nghttp2_control::raise_window(const stream_ref& r, std::uint32_t bytes) noexcept {
  stream* s = streams_.find(r);
  if (s == nullptr || !alive() || s->over() || s->remote_ended) return;
  s->window_delta_bytes += bytes;
  send_credit(*s);
}

inline std::int64_t nghttp2_control::receive_window(const stream_ref& r) const noexcept {
  const stream* s = streams_.find(r);
  if (s == nullptr || s->over() || s->remote_ended) return 0;
  // A peer that has not read our SETTINGS yet begins with 65,535 bytes, and takes away from
  // them what we announced less (RFC 9113 section 6.9.2): that is not there to count on.
  const std::int64_t initial = std::min(initial_window(), ours_.initial_window_bytes);
  return std::min<std::int64_t>(initial + s->window_delta_bytes, id_max);
}

inline void nghttp2_control::update_window_if_low(stream& s) noexcept {
  if (s.unsent_credit_bytes == 0 || s.remote_ended || s.over()) return;
  // Credit may wait while the peer has half a window left. Not longer: the layer above
  // counts with all it has credited, and would wait for a message that it knows to fit.
  const std::int64_t half = std::max<std::int64_t>(initial_window() / 2, 1);
  if (nghttp2_session_get_stream_local_window_size(session_.get(), s.ref.id) < half) {
    send_credit(s);
  }
}

inline void nghttp2_control::send_credit(stream& s) noexcept {
  // nghttp2 knows what the peer has left, padding included; we know what it should have.
  const std::int64_t left =
      nghttp2_session_get_stream_local_window_size(session_.get(), s.ref.id);
  const std::int64_t target = window_target(s);
  s.unsent_credit_bytes = 0;
  if (target <= left) return;
  if (nghttp2_submit_window_update(session_.get(), NGHTTP2_FLAG_NONE, s.ref.id,
                                   static_cast<std::int32_t>(target - left)) != 0) {
    fail_stream(s, error_code::internal_error);
  }
}

inline void nghttp2_control::goaway(std::int32_t last_id, error_code code,
                                   std::string_view text) noexcept {
  if (!alive()) return;
  text = text.substr(0, goaway_text_bytes_max);
  if (last_id == id_max) {
    // The notice of a drain (RFC 9113 section 6.8) is none of nghttp2's business, which
    // would refuse new streams after it. It may neither come before our SETTINGS nor
    // into a header block.
    if (!settings_sent_ || sending_block_) drain();
    write_goaway(last_id, code, text);
    return;
  }
  if (last_id < 0) return;
  goaway_last_id_ = std::min(goaway_last_id_, last_id);
  if (nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, goaway_last_id_,
                            static_cast<std::uint32_t>(code),
                            reinterpret_cast<const std::uint8_t*>(text.data()), text.size()) == 0) {
    ++own_queued_;
    ++own_goaways_;
  }
}

inline void nghttp2_control::ping(std::uint64_t opaque) noexcept {
  if (!alive()) return;
  std::array<std::uint8_t, 8> bytes;
  for (std::uint8_t& byte : bytes) {
    byte = static_cast<std::uint8_t>(opaque >> 56);
    opaque <<= 8;
  }
  if (nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, bytes.data()) == 0) ++own_queued_;
}

inline void nghttp2_control::update_settings(const settings& ours) noexcept {
  if (!alive()) return;
  std::array<nghttp2_settings_entry, 5> entries;
  std::size_t count = 0;
  const auto announce = [&](std::int32_t id, std::uint32_t before, std::uint32_t after) {
    if (before != after) entries[count++] = {id, after};
  };
  announce(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, ours_.header_table_bytes, ours.header_table_bytes);
  if (side_ == role::server && ours_.concurrent_streams_max != ours.concurrent_streams_max) {
    entries[count++] = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, id_max};  // see nghttp2_core
  }
  announce(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, ours_.initial_window_bytes,
           ours.initial_window_bytes);
  announce(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, ours_.frame_bytes_max, ours.frame_bytes_max);
  announce(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, ours_.header_list_bytes_max,
           ours.header_list_bytes_max);
  ours_ = ours;
  if (count > 0) submit_settings({entries.data(), count});
}
}  // namespace ringrpc::http2
