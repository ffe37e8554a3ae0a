// SPDX-License-Identifier: MIT
//
// The limits of a connection in the engine's terms, and the constants of the
// connection itself.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/http2/limits.hpp>
#include <ringrpc/http2/results.hpp>
#include <ringrpc/http2/settings.hpp>
#include <ringrpc/rpc/connection_options.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// Frames are gathered up to about this many bytes per send.
inline constexpr std::uint32_t gather_bytes = 256 * 1024;
/// How long the last output of a connection, its GOAWAY among it, may take to
/// leave, and how long the peer's end is awaited then.
inline constexpr duration last_output_time = std::chrono::seconds{1};
/// The last stream id of a GOAWAY that only gives notice (RFC 9113 section 6.8).
inline constexpr std::int32_t notice_stream_id = 0x7fff'ffff;
/// How long the answer to that PING is awaited before the drain goes on without it.
inline constexpr duration drain_ping_time = std::chrono::seconds{5};
/// The PING whose answer says that the notice has been seen.
inline constexpr std::uint64_t drain_ping = 0x7269'6e67'7270'6301;
/// The PING of keepalive.
inline constexpr std::uint64_t keepalive_ping = 0x7269'6e67'7270'6302;
/// The GOAWAY text of every gRPC server that wants fewer PINGs (gRFC A8).
inline constexpr std::string_view too_many_pings = "too_many_pings";

inline http2::settings settings_of(http2::role role, const connection_options& options) noexcept {
  http2::settings ours = http2::default_settings;
  ours.concurrent_streams_max =
      role == http2::role::server ? options.concurrent_streams : http2::settings::unlimited;
  ours.initial_window_bytes = options.initial_stream_window();
  ours.header_list_bytes_max = options.header_list_bytes_max;
  return ours;
}

inline http2::limits limits_of(const connection_options& options,
                               std::uint32_t stream_id_first) noexcept {
  http2::limits bounds;
  bounds.stream_id_first = stream_id_first;
  bounds.header_list_bytes_max = options.header_list_bytes_max;
  bounds.connection_window_bytes = std::max(options.connection_window_bytes, 65'535u);
  bounds.queue_low_bytes = options.stream_queue_bytes / 2;
  bounds.peer_resets = options.peer_resets;
  bounds.glitches = options.glitches;
  bounds.pings = options.pings;
  bounds.continuations_max = options.continuations_max;
  bounds.reply_bytes_max = options.reply_bytes_max;
  bounds.reply_count_max = options.reply_count_max;
  return bounds;
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI
