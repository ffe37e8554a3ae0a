// SPDX-License-Identifier: MIT
//
// Cuts a stream of bytes into frames, so that each frame's header can be judged
// before the HTTP/2 library sees a byte of it: nghttp2 tells nobody of unknown
// frames, counts neither PRIORITY nor empty DATA, and is stricter than RFC 9113
// in two places. Knows lengths only; what a frame may be is frame_guard's part.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/http2/frame.hpp>

namespace ringrpc::http2 {
/// What a client sends first (RFC 9113 section 3.4).
inline constexpr std::string_view client_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Cuts bytes into frames. A plain value; keeps at most 13 bytes back.
class frame_walker {
public:
  /// Part of one frame.
  struct piece {
    std::span<const std::byte> bytes;  ///< empty: more input is needed
    bool starts = false;               ///< it begins with a frame header, see `header()`
    bool ends = false;                 ///< the frame is complete with it
  };

  /// Takes the next piece off the front of `in`: what is there of the current
  /// frame. A WINDOW_UPDATE of the right size comes in one piece.
  /// @return views `in`, or this walker until the next call.
  [[nodiscard]] piece next(std::span<const std::byte>& in) noexcept;

  /// Of the frame that the last piece belongs to.
  [[nodiscard]] const frame_header& header() const noexcept { return header_; }
  /// Whether the last piece left a frame incomplete.
  [[nodiscard]] bool inside_frame() const noexcept { return left_ > 0; }

private:
  static constexpr std::size_t window_update_bytes = frame_header::bytes + 4;
  /// How many bytes must be together before a piece is given out.
  [[nodiscard]] static std::size_t wanted(const std::byte* start, std::size_t have) noexcept {
    if (have < frame_header::bytes) return frame_header::bytes;
    const frame_header h = read_frame_header(start);
    return h.is(frame_type::window_update) && h.length == 4 ? window_update_bytes
                                                            : frame_header::bytes;
  }
  piece start(const std::byte* from, std::size_t have) noexcept {
    header_ = read_frame_header(from);
    const std::size_t whole = frame_header::bytes + std::size_t{header_.length};
    const std::size_t taken = std::min(have, whole);
    left_ = static_cast<std::uint32_t>(whole - taken);
    return {{from, taken}, true, left_ == 0};
  }

  frame_header header_{};
  std::uint32_t left_ = 0;  // payload bytes of the current frame that have not come
  std::size_t held_ = 0;
  std::array<std::byte, window_update_bytes> hold_;
};

inline frame_walker::piece frame_walker::next(std::span<const std::byte>& in) noexcept {
  if (left_ > 0) {
    const std::size_t taken = std::min<std::size_t>(left_, in.size());
    const std::span<const std::byte> bytes = in.first(taken);
    in = in.subspan(taken);
    left_ -= static_cast<std::uint32_t>(taken);
    return {bytes, false, left_ == 0};
  }
  if (held_ == 0 && in.size() >= wanted(in.data(), in.size())) {
    const piece whole = start(in.data(), in.size());
    in = in.subspan(whole.bytes.size());
    return whole;
  }
  // The header is cut: collect it, then give it out alone.
  std::size_t target = wanted(hold_.data(), held_);
  while (held_ < target && !in.empty()) {
    const std::size_t taken = std::min(target - held_, in.size());
    std::memcpy(hold_.data() + held_, in.data(), taken);
    held_ += taken;
    in = in.subspan(taken);
    target = wanted(hold_.data(), held_);
  }
  if (held_ < target) return {};
  held_ = 0;
  return start(hold_.data(), target);
}

/// What kind of peer starts its bytes like this, for the text of an error:
/// `HTTP/1.1`, `TLS`, or empty where it cannot be told.
[[nodiscard]] inline std::string_view spoken_protocol(std::span<const std::byte> start) noexcept {
  if (start.size() >= 2 && start[1] == std::byte{3} &&
      (start[0] == std::byte{0x16} || start[0] == std::byte{0x15})) {
    return "TLS";
  }
  constexpr std::array<std::string_view, 6> openings = {"HTTP/", "GET ",  "POST ",
                                                        "PUT ",  "HEAD ", "OPTIONS "};
  for (const std::string_view opening : openings) {
    if (as_text(start).starts_with(opening.substr(0, start.size())) && start.size() >= 4) {
      return "HTTP/1.1";
    }
  }
  return {};
}
}  // namespace ringrpc::http2
