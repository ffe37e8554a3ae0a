// SPDX-License-Identifier: MIT
//
// The status codes of gRPC (statuscodes.md): their numbers, names, and how they
// stand in the grpc-status trailer (PROTOCOL-HTTP2.md, "Responses").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringrpc {
/// How a call ended. The numbers are those on the wire.
enum class status_code : std::uint8_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};

/// One code: its number as text in grpc-status, and its name in statuscodes.md.
struct status_code_row {
  status_code code;
  std::string_view digits;
  std::string_view name;
};
/// All codes, each at the index of its number (statuscodes.md).
inline constexpr std::array status_codes{
    status_code_row{status_code::ok, "0", "OK"},
    status_code_row{status_code::cancelled, "1", "CANCELLED"},
    status_code_row{status_code::unknown, "2", "UNKNOWN"},
    status_code_row{status_code::invalid_argument, "3", "INVALID_ARGUMENT"},
    status_code_row{status_code::deadline_exceeded, "4", "DEADLINE_EXCEEDED"},
    status_code_row{status_code::not_found, "5", "NOT_FOUND"},
    status_code_row{status_code::already_exists, "6", "ALREADY_EXISTS"},
    status_code_row{status_code::permission_denied, "7", "PERMISSION_DENIED"},
    status_code_row{status_code::resource_exhausted, "8", "RESOURCE_EXHAUSTED"},
    status_code_row{status_code::failed_precondition, "9", "FAILED_PRECONDITION"},
    status_code_row{status_code::aborted, "10", "ABORTED"},
    status_code_row{status_code::out_of_range, "11", "OUT_OF_RANGE"},
    status_code_row{status_code::unimplemented, "12", "UNIMPLEMENTED"},
    status_code_row{status_code::internal, "13", "INTERNAL"},
    status_code_row{status_code::unavailable, "14", "UNAVAILABLE"},
    status_code_row{status_code::data_loss, "15", "DATA_LOSS"},
    status_code_row{status_code::unauthenticated, "16", "UNAUTHENTICATED"},
};

/// `code` itself, or `unknown` where its number is none of gRPC's.
[[nodiscard]] constexpr status_code known_code(status_code code) noexcept {
  return static_cast<std::size_t>(code) < status_codes.size() ? code : status_code::unknown;
}
/// The name of `code`, such as "NOT_FOUND"; "UNKNOWN" for a number that is none of
/// gRPC's. Static storage.
[[nodiscard]] constexpr std::string_view name(status_code code) noexcept {
  return status_codes[static_cast<std::size_t>(known_code(code))].name;
}
/// The value of the grpc-status trailer for `code`: decimal, no leading zero.
/// Static storage.
[[nodiscard]] constexpr std::string_view grpc_status_text(status_code code) noexcept {
  return status_codes[static_cast<std::size_t>(known_code(code))].digits;
}
/// The code in the value of a grpc-status trailer.
/// @return `unknown` for what is malformed or no number of gRPC's (statuscodes.md).
[[nodiscard]] constexpr status_code parse_grpc_status(std::string_view text) noexcept {
  for (const status_code_row& row : status_codes) {
    if (row.digits == text) return row.code;
  }
  return status_code::unknown;
}
}  // namespace ringrpc
