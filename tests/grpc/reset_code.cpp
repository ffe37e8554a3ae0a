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

TEST_CASE("reset_code: no reset is ever taken for OK") {
  for (std::uint32_t error_code = 0; error_code < 64; ++error_code) {
    CHECK(status_of_reset(error_code) != status_code::ok);
  }
}
