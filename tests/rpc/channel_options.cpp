// SPDX-License-Identifier: MIT
#include <ringrpc/rpc/channel_options.hpp>

#include <doctest/doctest.h>

using namespace ringrpc;
using namespace std::chrono_literals;

TEST_CASE("a channel says localhost and waits as gRPC does, unless told otherwise") {
  const channel_options options;
  CHECK(options.authority == "localhost");  // wire rule 2
  CHECK(options.backoff.initial == 1s);
  CHECK(options.backoff.longest == 120s);
  CHECK(options.backoff.connect_time == 20s);
  CHECK(options.keepalive_time == duration::max());  // wire rules 38 and 41
  CHECK(options.keepalive_timeout == 20s);
  CHECK_FALSE(options.keepalive_without_calls);
  CHECK(options.idle_timeout == duration::max());
  CHECK(options.connection.receive_message_bytes_max == 4 * 1024 * 1024);
}
