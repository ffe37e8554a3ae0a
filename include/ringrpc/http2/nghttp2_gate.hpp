// SPDX-License-Identifier: MIT
//
// What stands in front of nghttp2 when bytes come in: the client's preface, and each
// frame judged by its header and by the state of its stream, before nghttp2 sees a
// byte of it. Here are the places where RFC 9113 asks for another answer than
// nghttp2 gives.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/http2/closed_streams.hpp>
#include <ringrpc/http2/frame.hpp>
#include <ringrpc/http2/frame_walker.hpp>
#include <ringrpc/http2/nghttp2_sender.hpp>

namespace ringrpc::http2 {
/// The gate. See the concept `engine` for the public member.
class nghttp2_gate : public nghttp2_sender {
public:
  [[nodiscard]] bool block_open() const noexcept {
    return guard_.block_open() || (in_block_ && walker_.inside_frame());
  }

protected:
  nghttp2_gate(role side, const settings& ours, const limits& bounds, memory_pool& pool,
               const nghttp2_session_callbacks& callbacks)
      : nghttp2_sender(side, ours, bounds, pool, callbacks) {
    if (side == role::server) preface_expected_ = client_preface;
  }

  /// Takes what there is of the client's preface off the front of `bytes`.
  void take_preface(std::span<const std::byte>& bytes) noexcept;
  /// Judges the frame whose header `walker_` has; condemns the connection, or resets
  /// the stream and lets nghttp2 ignore the frame.
  /// @param start  its first bytes, at least the header.
  void judge(std::span<const std::byte> start) noexcept;

  frame_walker walker_;

private:
  void judge_stream(const frame_header& header) noexcept;
  void refuse_frame(std::int32_t id, error_code code) noexcept;
  [[nodiscard]] bool never_opened(std::int32_t id) const noexcept;

  std::string_view preface_expected_;  // of the client's, what has not come yet
  std::int32_t highest_id_ = 0;        // of the peer's streams
  bool in_block_ = false;              // the current frame carries header fields
};

// RFC 9113 section 3.4.
inline void nghttp2_gate::take_preface(std::span<const std::byte>& bytes) noexcept {
  const std::size_t count = std::min(bytes.size(), preface_expected_.size());
  if (count == 0) return;
  if (as_text(bytes.first(count)) == preface_expected_.substr(0, count)) {
    preface_expected_.remove_prefix(count);
    bytes = bytes.subspan(count);
    return;
  }
  const std::string_view spoken = spoken_protocol(bytes);
  condemn(error_code::protocol_error,
          spoken == "TLS"          ? "the client speaks TLS here, not HTTP/2 in clear"
          : spoken == "HTTP/1.1" ? "the client speaks HTTP/1.1, not HTTP/2"
                                 : "this is not the preface of an HTTP/2 client");
  conclude();
}

inline void nghttp2_gate::judge(std::span<const std::byte> start) noexcept {
  const frame_header& header = walker_.header();
  const bool block_was_open = guard_.block_open();
  in_block_ = header.is(frame_type::headers) || header.is(frame_type::continuation) ||
              header.is(frame_type::push_promise);
  if (const breach found = guard_.check(header, now_)) {
    const std::string_view spoken =
        settings_received_ ? std::string_view{} : spoken_protocol(start);
    condemn(found.code, spoken == "TLS"        ? "the peer speaks TLS here, not HTTP/2 in clear"
                        : spoken == "HTTP/1.1" ? "the peer speaks HTTP/1.1, not HTTP/2"
                                               : found.text);
    return;
  }
  if (block_was_open) return;  // only CONTINUATION may come, nghttp2 sees to that
  if (header.is(frame_type::data) || header.is(frame_type::headers)) {
    judge_stream(header);
  } else if (header.is(frame_type::window_update) && header.length == 4 && header.stream_id != 0) {
    // RFC 9113 section 6.9: an error of the stream. nghttp2 would end the connection.
    const bool open =
        nghttp2_session_get_stream_remote_close(session_.get(), header.stream_id) >= 0;
    const std::uint32_t increment = load_be32(start.data() + frame_header::bytes) & 0x7fff'ffff;
    if (open && increment == 0) refuse_frame(header.stream_id, error_code::protocol_error);
  }
}

inline void nghttp2_gate::judge_stream(const frame_header& header) noexcept {
  const std::int32_t id = header.stream_id;
  const int ended = nghttp2_session_get_stream_remote_close(session_.get(), id);
  if (ended == 0) return;
  // RFC 9113 section 5.1, half-closed (remote): an error of the stream. nghttp2 would
  // end the connection.
  if (ended > 0) return refuse_frame(id, error_code::stream_closed);
  if (never_opened(id)) {
    if (header.is(frame_type::headers)) highest_id_ = std::max(highest_id_, id);
    return;  // a new stream, or nghttp2 refuses it
  }
  const closed_by how = closed_streams_.find(id);
  if (side_ == role::client && (how == closed_by::both_ends || how == closed_by::peer_reset)) {
    // RFC 9113 section 5.1 allows to ignore it. C-core's servers end a call twice when
    // they pass its deadline before they have read our reset of it.
    return condemn(guard_.reset(now_));
  }
  switch (how) {
    case closed_by::both_ends:
      return condemn(error_code::stream_closed, "a frame for a stream that both sides had ended");
    case closed_by::peer_reset: return refuse_frame(id, error_code::stream_closed);
    case closed_by::our_reset: return;  // it was on its way: nghttp2 ignores it
    case closed_by::unknown: break;
  }
  // RFC 9113 section 5.1.1. DATA may still be on its way to a stream we reset long ago.
  if (side_ == role::server && header.is(frame_type::headers)) {
    condemn(error_code::protocol_error, "a new stream has a lower id than one before it");
  }
}

inline bool nghttp2_gate::never_opened(std::int32_t id) const noexcept {
  if ((id & 1) == 0) return true;  // no stream is ever pushed
  return side_ == role::server ? id > highest_id_ : id >= next_id();
}

// Resets the stream and lets nghttp2 close it now, so that it ignores the frame (but
// counts DATA and decodes HEADERS) that is about to be given to it.
inline void nghttp2_gate::refuse_frame(std::int32_t id, error_code code) noexcept {
  condemn(guard_.glitch(now_));
  if (status_.fatal()) return;
  if (stream* s = stream_of(id); s != nullptr) {
    fail_stream(*s, code);
  } else {
    reset_id(id, code);
  }
  drain();
}
}  // namespace ringrpc::http2
