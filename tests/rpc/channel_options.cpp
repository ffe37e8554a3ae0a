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
  CHECK(options.connection.receive_message_bytes_max == 4 * 1024 * 1024);
}
