// SPDX-License-Identifier: MIT
#include <ringrpc/http2/settings.hpp>

#include <doctest/doctest.h>

#include <ringrpc/http2/limits.hpp>

using namespace ringrpc::http2;

TEST_CASE("settings: a default one has the initial values of RFC 9113 section 6.5.2") {
  constexpr settings initial;
  CHECK(initial.header_table_bytes == 4096);
  CHECK(initial.concurrent_streams_max == settings::unlimited);
  CHECK(initial.initial_window_bytes == 65'535);
  CHECK(initial.frame_bytes_max == 16'384);
  CHECK(initial.header_list_bytes_max == settings::unlimited);
}

TEST_CASE("settings: what we announce by default holds 16 MiB in windows, and our header limit") {
  CHECK(default_settings.concurrent_streams_max == 256);
  CHECK(default_settings.concurrent_streams_max * default_settings.initial_window_bytes ==
        16 * 1024 * 1024);
  CHECK(default_settings.header_list_bytes_max == limits{}.header_list_bytes_max);
  CHECK_FALSE(default_settings == settings{});
}
