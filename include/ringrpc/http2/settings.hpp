// SPDX-License-Identifier: MIT
//
// The SETTINGS of one side of a connection (RFC 9113 section 6.5.2), as far as
// they mean something here.
#pragma once

#include <cstdint>

namespace ringrpc::http2 {
/// What one side announced. The member initialisers are the values that hold
/// before the first SETTINGS frame. A plain value.
struct settings {
  /// No limit was announced.
  static constexpr std::uint32_t unlimited = 0xffff'ffff;

  /// HPACK dynamic table the announcer decodes with, in bytes (RFC 7541 section 4.2).
  std::uint32_t header_table_bytes = 4096;
  /// Streams the announcer's peer may have open. For the streams a client opens
  /// before the server's SETTINGS arrived, 100 is assumed.
  std::uint32_t concurrent_streams_max = unlimited;
  /// Flow-control window that a new stream starts with, in bytes, at most 2^31-1.
  std::uint32_t initial_window_bytes = 65'535;
  /// Largest frame payload the announcer takes, 16,384 to 16,777,215 bytes.
  std::uint32_t frame_bytes_max = 16'384;
  /// Largest header list, counted as names, values and 32 bytes per field. Advisory.
  std::uint32_t header_list_bytes_max = unlimited;

  friend constexpr bool operator==(const settings&, const settings&) noexcept = default;
};

/// What ringrpc announces by default, both roles: 256 streams of 64 KiB windows
/// fill the 16 MiB that a connection may hold in them; header lists as
/// `limits::header_list_bytes_max`; frames as large as a window. A client
/// announces no stream limit, for nothing is pushed to it.
inline constexpr settings default_settings{
    .header_table_bytes = 4096,
    .concurrent_streams_max = 256,
    .initial_window_bytes = 64 * 1024,
    .frame_bytes_max = 64 * 1024,
    .header_list_bytes_max = 16 * 1024,
};
}  // namespace ringrpc::http2
