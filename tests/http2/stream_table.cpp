// SPDX-License-Identifier: MIT
#include <ringrpc/http2/stream_table.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <set>
#include <vector>

using namespace ringrpc;
using namespace ringrpc::http2;

TEST_CASE("stream_table: a reference finds its stream until the slot is released") {
  memory_pool pool;
  stream_table table{pool};
  stream* one = table.acquire(1);
  REQUIRE(one != nullptr);
  const stream_ref ref = one->ref;
  CHECK(ref);
  CHECK(ref.id == 1);
  CHECK(table.find(ref) == one);
  CHECK(table.used() == 1);
  one->user = &pool;
  table.release(*one);
  CHECK(table.find(ref) == nullptr);
  CHECK(table.used() == 0);

  stream* next = table.acquire(3);
  CHECK(next == one);
  CHECK(next->ref.slot == ref.slot);
  CHECK_FALSE(next->ref == ref);
  CHECK(next->user == nullptr);
  CHECK(table.find(ref) == nullptr);
  table.release(*next);
}

TEST_CASE("stream_table: references that were never given out find nothing") {
  memory_pool pool;
  stream_table table{pool};
  CHECK(table.find({}) == nullptr);
  CHECK(table.find({0, 1, 1}) == nullptr);
  stream* one = table.acquire(1);
  CHECK(table.find({one->ref.slot, one->ref.generation, 3}) == nullptr);
  CHECK(table.find({one->ref.slot + 1, one->ref.generation, 1}) == nullptr);
  CHECK(table.find({100'000, 1, 1}) == nullptr);
  table.release(*one);
}

TEST_CASE("stream_table: streams never move while others come and go, and give all back") {
  memory_pool pool;
  {
    stream_table table{pool};
    std::vector<stream*> streams;
    for (std::int32_t i = 0; i < 1000; ++i) streams.push_back(table.acquire(2 * i + 1));
    CHECK(std::set<stream*>(streams.begin(), streams.end()).size() == 1000);
    for (std::int32_t i = 0; i < 1000; ++i) {
      CHECK(streams[static_cast<std::size_t>(i)]->ref.id == 2 * i + 1);
      CHECK(table.find(streams[static_cast<std::size_t>(i)]->ref) ==
            streams[static_cast<std::size_t>(i)]);
    }
    const std::size_t used = pool.used_bytes();
    std::uint32_t visited = 0;
    table.for_each([&](stream& s) {
      ++visited;
      if (s.ref.id % 4 == 1) table.release(s);
    });
    CHECK(visited == 1000);
    CHECK(table.used() == 500);
    for (std::int32_t i = 0; i < 500; ++i) REQUIRE(table.acquire(3001 + 2 * i) != nullptr);
    CHECK(pool.used_bytes() == used);  // the slots are used again
    table.for_each([&](stream& s) { table.release(s); });
  }
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("stream_table: idle it holds nothing, a slot is small") {
  memory_pool pool;
  stream_table table{pool};
  CHECK(pool.used_bytes() == 0);
  CHECK(sizeof(stream) <= 224);
}
