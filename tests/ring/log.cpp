// SPDX-License-Identifier: MIT
#include <ringrpc/ring/log.hpp>

#include <string>

#include <doctest/doctest.h>

#include "../coro/support.hpp"

using namespace ringrpc;

TEST_CASE("log: the levels are in the order of importance and have names") {
  CHECK(log_level::debug < log_level::info);
  CHECK(log_level::info < log_level::warning);
  CHECK(log_level::warning < log_level::error);
  CHECK(name_of(log_level::debug) == "debug");
  CHECK(name_of(log_level::info) == "info");
  CHECK(name_of(log_level::warning) == "warning");
  CHECK(name_of(log_level::error) == "error");
  CHECK(name_of(static_cast<log_level>(9)) == "unknown");
}

TEST_CASE("log: the default sink writes warnings and errors to standard error, one line each") {
  const test::child_end child = test::in_child([] {
    log_to_stderr(log_level::debug, "no");
    log_to_stderr(log_level::info, "no");
    log_to_stderr(log_level::warning, "100 % of a disk");
    log_to_stderr(log_level::error, std::string_view{"cut off here", 7});
  });
  CHECK(child.error == "ringrpc: warning: 100 % of a disk\nringrpc: error: cut off\n");
}
