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
  // Wire rules 39 to 41.
  CHECK(options.connection_idle == duration::max());
  CHECK(options.connection_age == duration::max());
  CHECK(options.connection_age_grace == duration::max());
  CHECK(options.keepalive_time == duration::max());
  CHECK(options.keepalive_timeout == 20s);
  CHECK(options.keepalive_permit_time == 0s);
  CHECK_FALSE(options.keepalive_permit_without_calls);
  CHECK(options.ping_strikes_max == 2);
  options.connections = 1;
  CHECK(options.connections_of_one_uid() == 1);
  options.connections_per_uid = 7;
  CHECK(options.connections_of_one_uid() == 7);
}
