// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/status_code.hpp>

#include <string>

#include <doctest/doctest.h>

using namespace ringrpc;

static_assert(name(status_code::not_found) == "NOT_FOUND");

TEST_CASE("wire rule 29: the numbers of the status codes are those of gRPC") {
  struct row {
    int number;
    std::string_view name;
  };
  constexpr row rows[] = {
      {0, "OK"},
      {1, "CANCELLED"},
      {2, "UNKNOWN"},
      {3, "INVALID_ARGUMENT"},
      {4, "DEADLINE_EXCEEDED"},
      {5, "NOT_FOUND"},
      {6, "ALREADY_EXISTS"},
      {7, "PERMISSION_DENIED"},
      {8, "RESOURCE_EXHAUSTED"},
      {9, "FAILED_PRECONDITION"},
      {10, "ABORTED"},
      {11, "OUT_OF_RANGE"},
      {12, "UNIMPLEMENTED"},
      {13, "INTERNAL"},
      {14, "UNAVAILABLE"},
      {15, "DATA_LOSS"},
      {16, "UNAUTHENTICATED"},
  };
  REQUIRE(std::size(rows) == status_codes.size());
  for (std::size_t i = 0; i < status_codes.size(); ++i) {
    CAPTURE(i);
    CHECK(static_cast<int>(status_codes[i].code) == rows[i].number);
    CHECK(static_cast<std::size_t>(status_codes[i].code) == i);  // so that it is an index
    CHECK(name(status_codes[i].code) == rows[i].name);
  }
}

TEST_CASE("wire rule 24: grpc-status is decimal without a leading zero, and there for OK too") {
  for (const status_code_row& row : status_codes) {
    CAPTURE(row.name);
    CHECK(grpc_status_text(row.code) == std::to_string(static_cast<int>(row.code)));
    CHECK(parse_grpc_status(grpc_status_text(row.code)) == row.code);
  }
}

TEST_CASE("wire rule 28: a malformed grpc-status is UNKNOWN, never OK") {
  for (std::string_view text : {"", "17", "00", "05", "016", "-1", "+5", " 5", "5 ", "5.0", "OK",
                                "0x5", "256", "4294967296", "99999999999999999999", "5,5"}) {
    CAPTURE(text);
    CHECK(parse_grpc_status(text) == status_code::unknown);
  }
}

TEST_CASE("status_code: a number that is none of gRPC's counts as UNKNOWN") {
  for (int number : {17, 99, 255}) {
    CAPTURE(number);
    const status_code code = static_cast<status_code>(number);
    CHECK(known_code(code) == status_code::unknown);
    CHECK(name(code) == "UNKNOWN");
    CHECK(grpc_status_text(code) == "2");
  }
  CHECK(known_code(status_code::unauthenticated) == status_code::unauthenticated);
}
