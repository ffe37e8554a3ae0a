// SPDX-License-Identifier: MIT
#include <ringrpc/http2/errors.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdint>

using namespace ringrpc::http2;

TEST_CASE("errors: each registered code has its number and name (RFC 9113 section 7)") {
  constexpr std::array names = {"NO_ERROR",          "PROTOCOL_ERROR",     "INTERNAL_ERROR",
                                "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",  "STREAM_CLOSED",
                                "FRAME_SIZE_ERROR",  "REFUSED_STREAM",     "CANCEL",
                                "COMPRESSION_ERROR", "CONNECT_ERROR",      "ENHANCE_YOUR_CALM",
                                "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"};
  for (std::uint32_t code = 0; code < names.size(); ++code) {
    CHECK(name_of(static_cast<error_code>(code)) == names[code]);
  }
}

TEST_CASE("errors: a code that is not registered is kept and named unknown") {
  const auto odd = static_cast<error_code>(0xface);
  CHECK(static_cast<std::uint32_t>(odd) == 0xface);
  CHECK(name_of(odd) == "UNKNOWN_ERROR");
}
