// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/reset_code.hpp>

#include <array>
#include <cstddef>

#include <doctest/doctest.h>

using namespace ringrpc;

TEST_CASE("wire rule 31: each HTTP/2 error code gives its status") {
  constexpr std::array expected{
      status_code::internal,            // NO_ERROR
      status_code::internal,            // PROTOCOL_ERROR
      status_code::internal,            // INTERNAL_ERROR
      status_code::internal,            // FLOW_CONTROL_ERROR
      status_code::internal,            // SETTINGS_TIMEOUT
      status_code::unknown,             // STREAM_CLOSED
      status_code::internal,            // FRAME_SIZE_ERROR
      status_code::unavailable,         // REFUSED_STREAM
      status_code::cancelled,           // CANCEL
      status_code::internal,            // COMPRESSION_ERROR
      status_code::internal,            // CONNECT_ERROR
      status_code::resource_exhausted,  // ENHANCE_YOUR_CALM
      status_code::permission_denied,   // INADEQUATE_SECURITY
      status_code::internal,            // HTTP_1_1_REQUIRED
  };
  REQUIRE(status_of_reset_rows.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(status_of_reset_rows[i].error_code == i);
    CHECK(status_of_reset(static_cast<std::uint32_t>(i)) == expected[i]);
  }
}

TEST_CASE("wire rule 31: an unknown error code is INTERNAL") {
  for (std::uint32_t error_code : {0xeu, 0xffu, 0x100u, 0x7fff'ffffu, 0xffff'ffffu}) {
    CAPTURE(error_code);
    CHECK(status_of_reset(error_code) == status_code::internal);
  }
}

TEST_CASE("wire rule 31: each status has an error code that ends a call") {
  constexpr std::array<std::uint32_t, 17> expected{
      0x0,  // OK: NO_ERROR
      0x8,  // CANCELLED: CANCEL
      0x2,  // UNKNOWN
      0x2,  // INVALID_ARGUMENT
      0x8,  // DEADLINE_EXCEEDED: CANCEL (wire rule 11)
      0x2,  // NOT_FOUND
      0x2,  // ALREADY_EXISTS
      0xc,  // PERMISSION_DENIED: INADEQUATE_SECURITY
      0xb,  // RESOURCE_EXHAUSTED: ENHANCE_YOUR_CALM
      0x2,  // FAILED_PRECONDITION
      0x2,  // ABORTED
      0x2,  // OUT_OF_RANGE
      0x2,  // UNIMPLEMENTED
      0x2,  // INTERNAL
      0x7,  // UNAVAILABLE: REFUSED_STREAM
      0x2,  // DATA_LOSS
      0x2,  // UNAUTHENTICATED
  };
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(reset_of_status(static_cast<status_code>(i)) == expected[i]);
  }
}

TEST_CASE("reset_code: no reset is ever taken for OK") {
  for (std::uint32_t error_code = 0; error_code < 64; ++error_code) {
    CHECK(status_of_reset(error_code) != status_code::ok);
  }
}
