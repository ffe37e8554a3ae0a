// SPDX-License-Identifier: MIT
//
// What `feed` and `open` of an engine answer, and which side an engine is.
#pragma once

#include <cstdint>
#include <string_view>

#include <ringrpc/base/result.hpp>
#include <ringrpc/http2/errors.hpp>
#include <ringrpc/http2/stream_ref.hpp>

namespace ringrpc::http2 {
/// Which side of the connection an engine is.
enum class role : std::uint8_t { client, server };

/// How a connection stands after bytes were fed. A plain value.
struct feed_status {
  enum class state : std::uint8_t {
    ok,       ///< go on
    closing,  ///< GOAWAY was exchanged and no stream is left: send what is queued, then close
    fatal,    ///< the peer broke the protocol or a limit: as closing, then `fail(code)`
  };
  state now = state::ok;
  /// Why, when fatal; it is in the GOAWAY that is queued.
  error_code code = error_code::no_error;
  /// The same for people; empty unless fatal. Lives as long as the engine.
  std::string_view text{};

  [[nodiscard]] constexpr bool ok() const noexcept { return now == state::ok; }
  [[nodiscard]] constexpr bool fatal() const noexcept { return now == state::fatal; }
};

/// Why `open` made no stream.
enum class open_refusal : std::uint8_t {
  no_slot,        ///< the peer's limit of streams: ask again after an on_closed
  no_memory,      ///< for the stream; others go on
  going_away,     ///< GOAWAY was sent or received, or the connection ends: use another one
  ids_exhausted,  ///< `limits::stream_id_max` is reached: use another connection
};
/// A new stream, or why there is none.
using open_result = basic_result<stream_ref, open_refusal>;
}  // namespace ringrpc::http2
