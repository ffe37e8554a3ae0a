// SPDX-License-Identifier: MIT
//
// What RST_STREAM says about a call (PROTOCOL-HTTP2.md, "Errors"). HTTP/2 codes are
// plain numbers here, because this layer knows no HTTP engine.
#pragma once

#include <array>
#include <cstdint>

#include <ringrpc/grpc/status_code.hpp>

namespace ringrpc {
/// One error code of RFC 9113 section 7 and the status of a call that it ended.
struct reset_row {
  std::uint32_t error_code;
  status_code code;
};
/// PROTOCOL-HTTP2.md, "Errors", but for the rows that say otherwise.
inline constexpr std::array status_of_reset_rows{
    reset_row{0x0, status_code::internal},            // NO_ERROR
    reset_row{0x1, status_code::internal},            // PROTOCOL_ERROR
    reset_row{0x2, status_code::internal},            // INTERNAL_ERROR
    reset_row{0x3, status_code::internal},            // FLOW_CONTROL_ERROR
    reset_row{0x4, status_code::internal},            // SETTINGS_TIMEOUT
    reset_row{0x5, status_code::unknown},             // STREAM_CLOSED: has no mapping there
    reset_row{0x6, status_code::internal},            // FRAME_SIZE_ERROR
    reset_row{0x7, status_code::unavailable},         // REFUSED_STREAM: never processed
    reset_row{0x8, status_code::cancelled},           // CANCEL
    reset_row{0x9, status_code::internal},            // COMPRESSION_ERROR
    reset_row{0xa, status_code::internal},            // CONNECT_ERROR
    reset_row{0xb, status_code::resource_exhausted},  // ENHANCE_YOUR_CALM
    reset_row{0xc, status_code::permission_denied},   // INADEQUATE_SECURITY
    reset_row{0xd, status_code::internal},            // HTTP_1_1_REQUIRED: as grpc-go
};
/// The status of a call whose stream the peer reset before its end. A code without
/// a row is treated as INTERNAL_ERROR (RFC 9113 section 7). The caller turns
/// `cancelled` into `deadline_exceeded` where its own deadline has passed.
[[nodiscard]] constexpr status_code status_of_reset(std::uint32_t error_code) noexcept {
  for (const reset_row& row : status_of_reset_rows) {
    if (row.error_code == error_code) return row.code;
  }
  return status_code::internal;
}
}  // namespace ringrpc
