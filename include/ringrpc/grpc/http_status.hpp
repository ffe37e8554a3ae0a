// SPDX-License-Identifier: MIT
//
// What an answer without grpc-status means, judged by its HTTP status: it comes
// from a proxy or a server that does not speak gRPC (http-grpc-status-mapping.md).
#pragma once

#include <array>
#include <cstdint>

#include <ringrpc/grpc/status_code.hpp>

namespace ringrpc {
/// One HTTP status and the status code that stands for it.
struct http_status_row {
  std::uint16_t http_status;
  status_code code;
};
/// http-grpc-status-mapping.md; what has no row is UNKNOWN, 200 included.
inline constexpr std::array status_of_http_rows{
    http_status_row{400, status_code::internal},
    http_status_row{401, status_code::unauthenticated},
    http_status_row{403, status_code::permission_denied},
    http_status_row{404, status_code::unimplemented},
    http_status_row{429, status_code::unavailable},
    http_status_row{502, status_code::unavailable},
    http_status_row{503, status_code::unavailable},
    http_status_row{504, status_code::unavailable},
};

/// The code of an answer whose trailers have no grpc-status. Only then: a
/// grpc-status that is there always wins.
[[nodiscard]] constexpr status_code status_of_http(unsigned http_status) noexcept {
  for (const http_status_row& row : status_of_http_rows) {
    if (row.http_status == http_status) return row.code;
  }
  return status_code::unknown;
}
}  // namespace ringrpc
