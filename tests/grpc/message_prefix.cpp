// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/message_prefix.hpp>

#include <array>

#include <doctest/doctest.h>

using namespace ringrpc;

TEST_CASE("wire rule 16: a message begins with a flag and its length, big-endian") {
  std::array<std::byte, message_prefix_bytes> bytes{};
  encode_message_prefix(bytes.data(), {1, 0x01020304});
  CHECK(bytes == std::array{std::byte{1}, std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}});
  const message_prefix read = decode_message_prefix(bytes.data());
  CHECK(read.flag == 1);
  CHECK(read.length_bytes == 0x01020304);
}

TEST_CASE("message_prefix: all flags and the ends of the range of lengths come back") {
  for (unsigned flag = 0; flag < 256; ++flag) {
    for (std::uint32_t length : {0u, 1u, 255u, 256u, 0x7fff'ffffu, 0x8000'0000u, 0xffff'ffffu}) {
      std::array<std::byte, message_prefix_bytes> bytes{};
      encode_message_prefix(bytes.data(), {static_cast<std::uint8_t>(flag), length});
      const message_prefix read = decode_message_prefix(bytes.data());
      REQUIRE(read.flag == flag);
      REQUIRE(read.length_bytes == length);
    }
  }
}
