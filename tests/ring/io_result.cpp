// SPDX-License-Identifier: MIT
#include <ringrpc/ring/io_result.hpp>

#include <cerrno>
#include <system_error>

#include <doctest/doctest.h>

using namespace ringrpc;

TEST_CASE("io_result: an errno is an error of the system, with its words") {
  const io_result<int> failed = io_failure(EPIPE);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().value() == EPIPE);
  CHECK(failed.error() == std::errc::broken_pipe);
  CHECK(failed.error().message() == "Broken pipe");
}

TEST_CASE("io_result: a stop is operation_canceled") {
  const io_result<void> stopped = io_failure(ECANCELED);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error() == std::errc::operation_canceled);
  CHECK(errno_code(ECANCELED) == stopped.error());
}
