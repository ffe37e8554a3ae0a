// SPDX-License-Identifier: MIT
#include <ringrpc/base/bytes.hpp>

#include <array>
#include <string>

#include <doctest/doctest.h>

using namespace ringrpc;

static_assert([] {
  std::array<std::byte, 4> bytes{};
  store_be32(bytes.data(), 0x01020304);
  return load_be32(bytes.data());
}() == 0x01020304);

TEST_CASE("bytes: the first byte of a stored integer is the most significant one") {
  std::array<std::byte, 6> bytes{};
  store_be32(bytes.data() + 1, 0xfe02'0380);
  CHECK(bytes == std::array{std::byte{0}, std::byte{0xfe}, std::byte{2}, std::byte{3},
                            std::byte{0x80}, std::byte{0}});
}

TEST_CASE("bytes: what was stored is loaded, at the ends of the range too") {
  for (std::uint32_t value : {0u, 1u, 0x7fff'ffffu, 0x8000'0000u, 0xffff'ffffu, 0x00ff'00ffu}) {
    CAPTURE(value);
    std::array<std::byte, 4> bytes{};
    store_be32(bytes.data(), value);
    CHECK(load_be32(bytes.data()) == value);
  }
}

TEST_CASE("bytes: text seen as bytes and back is the same memory") {
  const std::string text{"a\0\xff", 3};
  const std::span<const std::byte> bytes = as_bytes(text);
  REQUIRE(bytes.size() == 3);
  CHECK(bytes[2] == std::byte{0xff});
  CHECK(as_text(bytes).data() == text.data());
  CHECK(as_text(bytes) == text);
  CHECK(as_bytes("").empty());
  CHECK(as_text({}).empty());
}
