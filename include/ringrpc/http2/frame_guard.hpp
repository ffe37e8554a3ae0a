// SPDX-License-Identifier: MIT
//
// Judges frames by their headers alone, in the order they come: the first must
// be SETTINGS, header blocks may have so many CONTINUATION frames, and frames
// that serve no call may come so often. The flood limits of the engine.
#pragma once

#include <cstdint>
#include <string_view>

#include <ringrpc/base/time.hpp>
#include <ringrpc/http2/errors.hpp>
#include <ringrpc/http2/frame.hpp>
#include <ringrpc/http2/limits.hpp>
#include <ringrpc/http2/rate_limiter.hpp>

namespace ringrpc::http2 {
/// Why a connection must end. `text` has static storage; empty: it need not.
struct breach {
  error_code code = error_code::no_error;
  std::string_view text{};
  explicit constexpr operator bool() const noexcept { return !text.empty(); }
};

/// The judge of one connection's incoming frames. A plain value.
class frame_guard {
public:
  explicit constexpr frame_guard(const limits& bounds) noexcept
      : peer_resets_(bounds.peer_resets),
        glitches_(bounds.glitches),
        pings_(bounds.pings),
        continuations_max_(bounds.continuations_max),
        unknown_bytes_left_(bounds.unknown_bytes_max) {}

  /// Judges the next frame. @param now  never goes backwards.
  /// @return the breach that ends the connection, if any.
  [[nodiscard]] constexpr breach check(const frame_header& header, time_point now) noexcept;
  /// Counts a breach that ended no more than a stream, against `limits::glitches`.
  [[nodiscard]] constexpr breach glitch(time_point now) noexcept {
    if (glitches_.take(now)) return {};
    return {error_code::enhance_your_calm, "too many frames that break rules or serve no call"};
  }
  /// Counts a stream that was refused or that the peer reset, against `limits::peer_resets`.
  [[nodiscard]] constexpr breach reset(time_point now) noexcept {
    if (peer_resets_.take(now)) return {};
    return {error_code::enhance_your_calm, "too many streams were reset or refused"};
  }

  /// Whether the last frame left a header block without END_HEADERS.
  [[nodiscard]] constexpr bool block_open() const noexcept { return block_open_; }

private:
  rate_limiter peer_resets_;
  rate_limiter glitches_;
  rate_limiter pings_;
  std::uint32_t continuations_max_;
  std::uint32_t unknown_bytes_left_;
  std::uint32_t continuations_ = 0;
  bool first_ = true;
  bool block_open_ = false;
};

constexpr breach frame_guard::check(const frame_header& header, time_point now) noexcept {
  // RFC 9113 section 3.4: the preface of both sides ends with SETTINGS.
  if (first_) {
    if (!header.is(frame_type::settings) || header.has(frame_flag::ack)) {
      return {error_code::protocol_error, "the first frame is not SETTINGS"};
    }
    first_ = false;
  }
  const bool ends_block = header.has(frame_flag::end_headers);
  switch (header.type) {
    case static_cast<std::uint8_t>(frame_type::headers):
    case static_cast<std::uint8_t>(frame_type::push_promise):
      block_open_ = !ends_block;
      continuations_ = 0;
      return {};
    case static_cast<std::uint8_t>(frame_type::continuation):
      if (block_open_ && ++continuations_ > continuations_max_) {
        return {error_code::enhance_your_calm, "a header block has too many CONTINUATION frames"};
      }
      if (ends_block) block_open_ = false;
      return {};
    case static_cast<std::uint8_t>(frame_type::rst_stream): return reset(now);
    case static_cast<std::uint8_t>(frame_type::ping):
      if (header.has(frame_flag::ack) || pings_.take(now)) return {};
      return {error_code::enhance_your_calm, "too many PING frames"};
    case static_cast<std::uint8_t>(frame_type::data):
      if (header.length == 0 && !header.has(frame_flag::end_stream)) return glitch(now);
      return {};
    case static_cast<std::uint8_t>(frame_type::priority):
      // RFC 9113 section 6.3; nghttp2 looks at none of them.
      if (header.stream_id == 0) return {error_code::protocol_error, "PRIORITY on stream 0"};
      return glitch(now);
    case static_cast<std::uint8_t>(frame_type::settings):
    case static_cast<std::uint8_t>(frame_type::goaway):
    case static_cast<std::uint8_t>(frame_type::window_update): return {};
    default: break;
  }
  // RFC 9113 section 5.5: unknown types are ignored, which is no reason to read them for ever.
  if (header.length <= unknown_bytes_left_) {
    unknown_bytes_left_ -= header.length;
    return {};
  }
  return glitch(now);
}
}  // namespace ringrpc::http2
