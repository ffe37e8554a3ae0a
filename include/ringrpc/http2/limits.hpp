// SPDX-License-Identifier: MIT
//
// What the engine bears from a peer, and what it keeps. Every number is an
// option, so that a test can reach it with few bytes.
#pragma once

#include <cstdint>

namespace ringrpc::http2 {
/// A token bucket: `burst` at once, refilled by `per_second`. A `burst` of 0
/// means no limit.
struct rate {
  std::uint32_t burst;
  std::uint32_t per_second;
};

/// The engine's limits. What exceeds one ends the stream or the connection as
/// said at each. A plain value.
struct limits {
  /// Size of a decoded header list: names, values and 32 bytes per field. What
  /// goes beyond is dropped and the block is marked `too_large`. Announce the
  /// same in `settings::header_list_bytes_max`. Stops HPACK bombs (CVE-2016-6581).
  std::uint32_t header_list_bytes_max = 16 * 1024;
  /// Fields of a header list; beyond it as above.
  std::uint32_t header_fields_max = 256;
  /// CONTINUATION frames of one header block; one more ends the connection with
  /// ENHANCE_YOUR_CALM (CVE-2024-28182).
  std::uint32_t continuations_max = 8;

  /// Window of the whole connection for what the peer sends, in bytes: 65,535 to 2^31-1.
  std::uint32_t connection_window_bytes = 1024 * 1024;
  /// `on_writable` comes when a stream's queued bytes shrank below this.
  std::uint32_t queue_low_bytes = 32 * 1024;
  /// Largest DATA frame sent, whatever the peer would take: a larger one would
  /// hold up the other streams.
  std::uint32_t data_frame_bytes_max = 64 * 1024;
  /// First stream id that `open` gives out, an odd one; for tests.
  std::uint32_t stream_id_first = 1;
  /// Last stream id that `open` gives out: three quarters of what there are, so
  /// that a channel changes its connection long before the ids run out.
  std::uint32_t stream_id_max = 0x7fff'ffff / 4 * 3;

  /// Our replies (acknowledgements, resets, refusals, WINDOW_UPDATE) that the
  /// peer has not taken. Above either, whoever feeds the engine stops reading
  /// until they left; the engine only counts (`reply_bytes`, `reply_count`).
  /// Stops PING and SETTINGS floods (CVE-2019-9512, CVE-2019-9515).
  std::uint32_t reply_bytes_max = 64 * 1024;
  std::uint32_t reply_count_max = 1000;

  /// RST_STREAM frames of the peer (CVE-2023-44487); beyond it ENHANCE_YOUR_CALM
  /// ends the connection, as for the two that follow.
  rate peer_resets{10'000, 2'000};
  /// Frames that are legal but serve no call, and resets the peer made us send:
  /// malformed blocks, window overflow, PRIORITY, empty DATA, unknown frames
  /// beyond `unknown_bytes_max` (CVE-2025-8671, CVE-2019-9518).
  rate glitches{200, 50};
  /// PING frames of the peer. Honest clients probe their bandwidth with them.
  rate pings{5'000, 2'000};
  /// Payload of unknown frame types that costs no glitch, over the whole connection.
  std::uint32_t unknown_bytes_max = 1024 * 1024;
};
}  // namespace ringrpc::http2
