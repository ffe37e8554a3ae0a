// SPDX-License-Identifier: MIT
#include <ringrpc/http2/stored_headers.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <utility>

using namespace ringrpc;
using namespace ringrpc::http2;

TEST_CASE("stored_headers: the copy outlives what it was made from") {
  memory_pool pool;
  static const header_template fixed{7, {}};
  stored_headers stored;
  {
    const std::string name = "grpc-message";
    const std::string value(1000, 'v');
    const std::array<header_field, 2> fields{{{name, value, true}, {"", "", false}}};
    REQUIRE(stored.store(pool, {&fixed, fields}));
  }
  REQUIRE(stored);
  CHECK(stored.list().fixed == &fixed);
  REQUIRE(stored.list().extra.size() == 2);
  CHECK(stored.list().extra[0].name == "grpc-message");
  CHECK(stored.list().extra[0].value == std::string(1000, 'v'));
  CHECK(stored.list().extra[0].never_index);
  CHECK(stored.list().extra[1].name.empty());
  stored.reset();
  CHECK_FALSE(stored);
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("stored_headers: an empty one has empty lists, a moved one is empty") {
  memory_pool pool;
  stored_headers first;
  CHECK(first.list().fixed == nullptr);
  CHECK(first.list().extra.empty());
  REQUIRE(first.store(pool, {}));
  CHECK(first);
  stored_headers second = std::move(first);
  CHECK(second);
  CHECK_FALSE(first);
  first = std::move(second);
  CHECK(first);
  REQUIRE(first.store(pool, {}));  // instead of what was held
  first = stored_headers{};
  CHECK(pool.used_bytes() == 0);
}
