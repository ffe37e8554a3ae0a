// SPDX-License-Identifier: MIT
#include <ringrpc/rpc/protobuf.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <ringrpc/base/bytes.hpp>

using namespace ringrpc;
using google::protobuf::StringValue;

static_assert(message<StringValue>);

TEST_CASE("a protobuf message is serialised into exactly its size, and parsed back") {
  StringValue in;
  in.set_value(std::string(300, 'x'));
  std::vector<std::byte> bytes(codec<StringValue>::size(in));
  codec<StringValue>::serialise(in, bytes);
  StringValue out;
  REQUIRE(codec<StringValue>::parse(out, bytes));
  CHECK(out.value() == in.value());
  codec<StringValue>::clear(out);
  CHECK(out.value().empty());
}

TEST_CASE("wire rule 17: bytes that are no such message are refused") {
  StringValue out;
  CHECK_FALSE(codec<StringValue>::parse(out, as_bytes("\x0a\x05xy")));
}

TEST_CASE("a proto2 message without its required fields is refused") {
  // UninterpretedOption.NamePart has two required fields.
  google::protobuf::UninterpretedOption_NamePart out;
  using part = codec<google::protobuf::UninterpretedOption_NamePart>;
  CHECK_FALSE(part::parse(out, {}));
  google::protobuf::UninterpretedOption_NamePart whole;
  whole.set_name_part("n");
  whole.set_is_extension(false);
  std::vector<std::byte> bytes(part::size(whole));
  part::serialise(whole, bytes);
  CHECK(part::parse(out, bytes));
}

TEST_CASE("wire rule 19: an empty message has no bytes") {
  const StringValue in;
  CHECK(codec<StringValue>::size(in) == 0);
  codec<StringValue>::serialise(in, {});
  StringValue out;
  CHECK(codec<StringValue>::parse(out, {}));
}
