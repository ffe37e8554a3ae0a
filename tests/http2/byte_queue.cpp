// SPDX-License-Identifier: MIT
#include <ringrpc/http2/byte_queue.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>

#include <ringrpc/base/bytes.hpp>

using namespace ringrpc;
using namespace ringrpc::http2;

TEST_CASE("byte_queue: bytes leave in the order they came, through growth and consumption") {
  memory_pool pool;
  {
    byte_queue queue{pool};
    std::string expected;
    std::string got;
    for (int i = 0; i < 1000; ++i) {
      const std::string piece(static_cast<std::size_t>(i % 37), static_cast<char>('a' + i % 26));
      REQUIRE(queue.append(as_bytes(piece)));
      expected += piece;
      const std::size_t taken = queue.size() / 3;
      got += as_text(queue.bytes().first(taken));
      queue.consume(taken);
    }
    got += as_text(queue.bytes());
    CHECK(got == expected);
  }
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("byte_queue: holds no memory while it is empty") {
  memory_pool pool;
  byte_queue queue{pool};
  CHECK(queue.empty());
  CHECK(queue.append({}));
  CHECK(pool.used_bytes() == 0);
  CHECK(queue.append(as_bytes("abc")));
  CHECK(pool.used_bytes() > 0);
  queue.consume(3);
  CHECK(queue.empty());
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("byte_queue: the tail can be changed in place") {
  memory_pool pool;
  byte_queue queue{pool};
  REQUIRE(queue.append(as_bytes("xabc")));
  queue.consume(1);
  queue.tail(1)[0] = std::byte{'B'};
  CHECK(as_text(queue.bytes()) == "aBc");
}
