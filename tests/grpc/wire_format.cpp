// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/wire_format.hpp>

#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace ringrpc;

namespace {
std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> made;
  for (const int value : values) made.push_back(static_cast<std::byte>(value));
  return made;
}
bool parses(std::initializer_list<int> values) {
  const std::vector<std::byte> from = bytes(values);
  return detail::parse_wire_fields(from, [](const detail::wire_field&) {});
}
}  // namespace

TEST_CASE("varints keep their value and have the announced size") {
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128},
                                    std::uint64_t{300}, ~std::uint64_t{0}}) {
    std::array<std::byte, 10> buffer{};
    const std::byte* end = detail::write_varint(buffer.data(), value);
    CHECK(static_cast<std::size_t>(end - buffer.data()) == detail::varint_size(value));
    std::span<const std::byte> rest{buffer.data(), end};
    CHECK(detail::take_varint(rest) == value);
    CHECK(rest.empty());
  }
}

TEST_CASE("a varint without an end is refused") {
  const std::vector<std::byte> endless(11, std::byte{0x80});
  for (std::size_t size = 0; size <= endless.size(); ++size) {
    std::span<const std::byte> from = std::span{endless}.first(size);
    CHECK_FALSE(detail::take_varint(from).has_value());
  }
}

TEST_CASE("a string field comes back, also where its length needs two bytes") {
  for (const std::size_t length : {std::size_t{1}, std::size_t{127}, std::size_t{200}}) {
    const std::string text(length, 'x');
    std::vector<std::byte> buffer(detail::wire_string_size(text));
    CHECK(detail::write_wire_string(buffer.data(), 3, text) == buffer.data() + buffer.size());
    int fields = 0;
    const bool whole = detail::parse_wire_fields(buffer, [&](const detail::wire_field& field) {
      ++fields;
      CHECK(field.number == 3);
      CHECK(field.is_bytes());
      CHECK(field.text() == text);
    });
    CHECK(whole);
    CHECK(fields == 1);
  }
  CHECK(detail::wire_string_size("") == 0);
}

TEST_CASE("all wire types are passed over, and what is no message is refused") {
  CHECK(parses({}));
  CHECK(parses({0x08, 0x01}));                                 // varint
  CHECK(parses({0x11, 1, 2, 3, 4, 5, 6, 7, 8}));               // 64 bits
  CHECK(parses({0x1d, 1, 2, 3, 4}));                           // 32 bits
  CHECK_FALSE(parses({0x08}));                                 // no value
  CHECK_FALSE(parses({0x00, 0x01}));                           // field 0
  CHECK_FALSE(parses({0x0a, 0x02, 'x'}));                      // cut short
  CHECK_FALSE(parses({0x11, 1, 2, 3}));                        // cut short
  CHECK_FALSE(parses({0x1d, 1}));                              // cut short
  CHECK_FALSE(parses({0x0b}));                                 // a group
  CHECK_FALSE(parses({0x0f}));                                 // no such type
}
