// SPDX-License-Identifier: MIT
#include <ringrpc/rpc/server_options.hpp>

#include <doctest/doctest.h>

using namespace ringrpc;
using namespace std::chrono_literals;

TEST_CASE("a server bears 1024 connections, of one user three quarters of them") {
  server_options options;
  CHECK(options.connections == 1024);
  CHECK(options.connections_of_one_uid() == 768);
  CHECK(options.establish_time == 5s);
  CHECK(options.accept_pause == 100ms);
  options.connections = 1;
  CHECK(options.connections_of_one_uid() == 1);
  options.connections_per_uid = 7;
  CHECK(options.connections_of_one_uid() == 7);
}
