// SPDX-License-Identifier: MIT
#include <ringrpc/rpc/codec.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <ringrpc/base/bytes.hpp>

using namespace ringrpc;

namespace {
/// A type with a codec of its own: one byte.
struct digit {
  int value = 0;
};
struct no_message {};
}  // namespace

template <>
struct ringrpc::codec<digit> {
  static std::size_t size(const digit&) { return 1; }
  static void serialise(const digit& in, std::span<std::byte> into) {
    into[0] = static_cast<std::byte>(in.value);
  }
  static bool parse(digit& out, std::span<const std::byte> from) {
    if (from.size() != 1 || std::to_integer<int>(from[0]) > 9) return false;
    out.value = std::to_integer<int>(from[0]);
    return true;
  }
  static void clear(digit& out) { out.value = 0; }
};

static_assert(message<std::string> && message<digit>);
static_assert(!message<no_message> && !message<int>);

TEST_CASE("a string is sent as the bytes that it holds, NUL included") {
  const std::string in("a\0b", 3);
  const message_ops& ops = message_ops_of<std::string>;
  REQUIRE(ops.size(&in) == 3);
  std::vector<std::byte> bytes(3);
  ops.serialise(&in, bytes);
  std::string out = "before";
  CHECK(ops.parse(&out, bytes));
  CHECK(out == in);
  ops.clear(&out);
  CHECK(out.empty());
}

TEST_CASE("an empty string has no bytes and comes back empty") {
  const std::string in;
  std::string out = "before";
  CHECK(message_ops_of<std::string>.size(&in) == 0);
  message_ops_of<std::string>.serialise(&in, {});
  CHECK(message_ops_of<std::string>.parse(&out, {}));
  CHECK(out.empty());
}

TEST_CASE("the table of a type calls its own codec, which may refuse bytes") {
  const message_ops& ops = message_ops_of<digit>;
  const digit in{7};
  std::vector<std::byte> bytes(ops.size(&in));
  ops.serialise(&in, bytes);
  digit out;
  CHECK(ops.parse(&out, bytes));
  CHECK(out.value == 7);
  CHECK_FALSE(ops.parse(&out, as_bytes("xy")));
  ops.clear(&out);
  CHECK(out.value == 0);
}
