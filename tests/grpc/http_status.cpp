// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/http_status.hpp>

#include <algorithm>
#include <array>

#include <doctest/doctest.h>

using namespace ringrpc;

TEST_CASE("wire rule 28: an answer without grpc-status is judged by its HTTP status") {
  constexpr std::array expected{
      http_status_row{400, status_code::internal},
      http_status_row{401, status_code::unauthenticated},
      http_status_row{403, status_code::permission_denied},
      http_status_row{404, status_code::unimplemented},
      http_status_row{429, status_code::unavailable},
      http_status_row{502, status_code::unavailable},
      http_status_row{503, status_code::unavailable},
      http_status_row{504, status_code::unavailable},
  };
  REQUIRE(status_of_http_rows.size() == expected.size());
  for (const http_status_row& row : expected) {
    CAPTURE(row.http_status);
    CHECK(status_of_http(row.http_status) == row.code);
  }
}

TEST_CASE("wire rule 28: every other HTTP status is UNKNOWN, 200 included, and none is OK") {
  for (unsigned http_status = 0; http_status < 1'200; ++http_status) {
    const bool has_row = std::ranges::any_of(status_of_http_rows, [&](const http_status_row& row) {
      return row.http_status == http_status;
    });
    REQUIRE((status_of_http(http_status) == status_code::unknown) == !has_row);
    REQUIRE(status_of_http(http_status) != status_code::ok);
  }
  CHECK(status_of_http(400 + 65'536) == status_code::unknown);
}
