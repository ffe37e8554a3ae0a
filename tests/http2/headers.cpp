// SPDX-License-Identifier: MIT
#include <ringrpc/http2/headers.hpp>

#include <doctest/doctest.h>

#include <type_traits>

using namespace ringrpc::http2;

TEST_CASE("headers: empty ones can be made without a word") {
  constexpr header_field field;
  CHECK(field.name.empty());
  CHECK_FALSE(field.never_index);
  constexpr header_list list;
  CHECK(list.fixed == nullptr);
  CHECK(list.extra.empty());
  constexpr header_block block;
  CHECK(block.fields.empty());
  CHECK(block.memo == nullptr);
  CHECK_FALSE(block.too_large);
  CHECK_FALSE(block.duplicate_authority);
}

TEST_CASE("headers: all are plain views, safe in an awaited expression") {
  CHECK(std::is_trivially_destructible_v<header_list>);
  CHECK(std::is_trivially_copyable_v<header_field>);
  CHECK(std::is_trivially_copyable_v<header_block>);
  CHECK(std::is_trivially_copyable_v<header_template>);
}
