// SPDX-License-Identifier: MIT
//
// The limits of one connection, either side. Every limit is enforced against the
// peer; what it stops stands beside it.
#pragma once

#include <cstdint>
#include <string_view>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/grpc/compression.hpp>
#include <ringrpc/http2/limits.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// Limits and times of a connection. A plain value.
struct connection_options {
  /// Calls at once that the peer may have open (RFC 9113 section 5.1.2). A slot is
  /// held until the call's handler has ended, whatever the peer resets.
  std::uint32_t concurrent_streams = 256;
  /// Header list of one block, in bytes as RFC 9113 section 6.5.2 counts them.
  std::uint32_t header_list_bytes_max = 16 * 1024;
  /// One received message, in bytes; checked on its prefix, before any allocation, and
  /// again while it is decompressed.
  std::uint32_t receive_message_bytes_max = 4 * 1024 * 1024;
  /// One sent message, in bytes, before it is compressed.
  std::uint32_t send_message_bytes_max = 0x7fff'ffff;
  /// What the peer may send on the connection before credit, in bytes. It is
  /// credited on receipt, so one slow stream stalls no other.
  std::uint32_t connection_window_bytes = 1024 * 1024;
  /// The same of one stream; credited when a message is taken. Lowered to
  /// `stream_windows_bytes / concurrent_streams` where that is less.
  std::uint32_t stream_window_bytes = 64 * 1024;
  /// All stream windows together, in bytes.
  std::uint32_t stream_windows_bytes = 16 * 1024 * 1024;
  /// Memory for messages larger than their stream's window, in bytes. Never below
  /// twice `receive_message_bytes_max`.
  std::uint32_t assembly_bytes = 8 * 1024 * 1024;
  /// Queued and not yet sent, per stream and per connection, in bytes: from there
  /// on a writer waits. A stream that has nothing queued may queue one message of up to
  /// a quarter of its own bytes beyond those of the connection: streams that the peer
  /// does not read hold up no small answers on other streams.
  std::uint32_t stream_queue_bytes = 64 * 1024;
  std::uint32_t connection_queue_bytes = 1024 * 1024;
  /// What the peer may send that serves no call, so many at once and so many a second;
  /// beyond it the connection ends with ENHANCE_YOUR_CALM. A burst of 0: no limit.
  /// RST_STREAM frames (CVE-2023-44487).
  http2::rate peer_resets{10'000, 2'000};
  /// Malformed header blocks, window overflows, empty DATA, PRIORITY, unknown frames
  /// (CVE-2025-8671, CVE-2019-9518).
  http2::rate glitches{200, 50};
  /// PING frames; honest clients probe their bandwidth with them.
  http2::rate pings{5'000, 2'000};
  /// CONTINUATION frames of one header block (CVE-2024-28182).
  std::uint32_t continuations_max = 8;
  /// Our own replies (acknowledgements, resets, refusals, WINDOW_UPDATE) that the peer has
  /// not taken, in bytes and frames: from there on nothing is read (CVE-2019-9512).
  std::uint32_t reply_bytes_max = 64 * 1024;
  std::uint32_t reply_count_max = 1000;
  /// The encodings of messages that are spoken; never null. Borrowed: must outlive the
  /// channel or server, and the calls whose handles outlive that.
  const encoding_registry* encodings = &built_in_encodings;
  /// The name of the encoding of our own messages where a call says nothing, such as
  /// "gzip"; empty: none. One of `encodings`, or the channel or server cannot be made. A
  /// server compresses for those clients only that accept it.
  std::string_view compression{};
  /// Until the peer's preface and SETTINGS have come; stops slow-loris peers.
  duration handshake_time = std::chrono::seconds{5};
  /// Until a header block that has begun has ended.
  duration header_block_time = std::chrono::seconds{5};
  /// Until the peer has acknowledged our SETTINGS.
  duration settings_ack_time = std::chrono::seconds{10};
  /// From a graceful end on: how long calls that run may go on. Then their handlers are
  /// stopped and have a second to send their status.
  duration drain_time = std::chrono::seconds{30};

  /// The least window of a stream, in bytes, however many there may be: a call whose
  /// peer may not even send the prefix of a message would hang.
  static constexpr std::uint32_t stream_window_bytes_least = 1024;

  /// The initial window of a stream, in bytes.
  [[nodiscard]] constexpr std::uint32_t initial_stream_window() const noexcept {
    const std::uint32_t streams = concurrent_streams == 0 ? 1 : concurrent_streams;
    const std::uint32_t share = stream_windows_bytes / streams;
    const std::uint32_t window = share < stream_window_bytes ? share : stream_window_bytes;
    return window < stream_window_bytes_least ? stream_window_bytes_least : window;
  }
  /// The assembly budget, in bytes.
  [[nodiscard]] constexpr std::uint64_t assembly_budget() const noexcept {
    const std::uint64_t least = 2 * std::uint64_t{receive_message_bytes_max};
    return assembly_bytes < least ? least : assembly_bytes;
  }
};
}  // namespace ringrpc::inline RINGRPC_ABI
