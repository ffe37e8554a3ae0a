// SPDX-License-Identifier: MIT
#include <ringrpc/rpc/connection_options.hpp>

#include <doctest/doctest.h>

using namespace ringrpc;
using namespace std::chrono_literals;

TEST_CASE("the limits of a connection have their documented defaults") {
  const connection_options options;
  CHECK(options.concurrent_streams == 256);
  CHECK(options.header_list_bytes_max == 16 * 1024);
  CHECK(options.receive_message_bytes_max == 4 * 1024 * 1024);
  CHECK(options.connection_window_bytes == 1024 * 1024);
  CHECK(options.stream_queue_bytes == 64 * 1024);
  CHECK(options.connection_queue_bytes == 1024 * 1024);
  CHECK(options.peer_resets.burst == 10'000);
  CHECK(options.peer_resets.per_second == 2'000);
  CHECK(options.glitches.burst == 200);
  CHECK(options.glitches.per_second == 50);
  CHECK(options.pings.burst == 5'000);
  CHECK(options.pings.per_second == 2'000);
  CHECK(options.continuations_max == 8);
  CHECK(options.reply_bytes_max == 64 * 1024);
  CHECK(options.reply_count_max == 1000);
  CHECK(options.handshake_time == 5s);
  CHECK(options.header_block_time == 5s);
  CHECK(options.settings_ack_time == 10s);
  CHECK(options.drain_time == 30s);
}

TEST_CASE("all stream windows together stay within their bound") {
  connection_options options;
  CHECK(options.initial_stream_window() == 64 * 1024);
  options.concurrent_streams = 1024;
  CHECK(options.initial_stream_window() == 16 * 1024);
  options.concurrent_streams = 1;
  CHECK(options.initial_stream_window() == 64 * 1024);
  options.concurrent_streams = 0;
  CHECK(options.initial_stream_window() == 64 * 1024);
}

TEST_CASE("however many streams there may be, each can send the prefix of a message") {
  connection_options options;
  for (const std::uint32_t streams : {5'000'000U, 0xffff'ffffU}) {
    options.concurrent_streams = streams;
    CHECK(options.initial_stream_window() == 1024);
  }
  options.stream_window_bytes = 0;
  CHECK(options.initial_stream_window() == 1024);
}

TEST_CASE("the assembly budget holds two of the largest messages at least") {
  connection_options options;
  CHECK(options.assembly_budget() == 8 * 1024 * 1024);
  options.receive_message_bytes_max = 0xffff'ffff;
  CHECK(options.assembly_budget() == 2 * std::uint64_t{0xffff'ffff});
}
