// SPDX-License-Identifier: MIT
#include <ringrpc/http2/header_collector.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace ringrpc;
using namespace ringrpc::http2;

TEST_CASE("header_collector: keeps copies of names and values, in order") {
  memory_pool pool;
  header_collector collector{pool, limits{}};
  for (int i = 0; i < 100; ++i) {
    const std::string name = "name" + std::to_string(i);
    REQUIRE(collector.add(name, std::string(static_cast<std::size_t>(i), 'v'), i % 2 == 0));
  }
  REQUIRE(collector.fields().size() == 100);
  for (std::size_t i = 0; i < 100; ++i) {
    CHECK(collector.fields()[i].name == "name" + std::to_string(i));
    CHECK(collector.fields()[i].value == std::string(i, 'v'));
    CHECK(collector.fields()[i].never_index == (i % 2 == 0));
  }
  CHECK_FALSE(collector.too_large());
}

TEST_CASE("header_collector: a field counts its bytes and 32 more") {
  memory_pool pool;
  limits bounds;
  bounds.header_list_bytes_max = 2 * (32 + 8);
  header_collector collector{pool, bounds};
  REQUIRE(collector.add("name", "1234", false));
  REQUIRE(collector.add("name", "5678", false));
  CHECK_FALSE(collector.too_large());
  REQUIRE(collector.add("", "", false));
  CHECK(collector.too_large());
  CHECK(collector.fields().size() == 2);
}

TEST_CASE("header_collector: behind the first field that is too large nothing is kept") {
  memory_pool pool;
  limits bounds;
  bounds.header_list_bytes_max = 100;
  header_collector collector{pool, bounds};
  REQUIRE(collector.add("a", "b", false));
  REQUIRE(collector.add("large", std::string(100, 'v'), false));
  REQUIRE(collector.add("c", "d", false));
  CHECK(collector.too_large());
  CHECK(collector.fields().size() == 1);
}

TEST_CASE("header_collector: holds no memory before the first field and after clear") {
  memory_pool pool;
  limits bounds;
  bounds.header_fields_max = 1;
  header_collector collector{pool, bounds};
  CHECK(pool.used_bytes() == 0);
  REQUIRE(collector.add("a", std::string(5000, 'b'), false));
  REQUIRE(collector.add("c", "d", false));
  CHECK(collector.too_large());
  collector.clear();
  CHECK(pool.used_bytes() == 0);
  CHECK(collector.fields().empty());
  CHECK_FALSE(collector.too_large());
  REQUIRE(collector.add("e", "f", false));
  CHECK(collector.fields()[0].name == "e");
}
