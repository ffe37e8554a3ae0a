// SPDX-License-Identifier: MIT
#include <ringrpc/base/memory_pool.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include <doctest/doctest.h>

using namespace ringrpc;

namespace {
#if defined(__SANITIZE_ADDRESS__)
constexpr bool under_address_sanitizer = true;
#elif defined(__has_feature)
constexpr bool under_address_sanitizer = __has_feature(address_sanitizer);
#else
constexpr bool under_address_sanitizer = false;
#endif
TEST_CASE("memory_pool: the reserve serves what fits, and again when all of it came back") {
  memory_pool pool;
  CHECK(pool.take_reserve(1) == nullptr);  // nothing was set aside
  pool.keep_reserve();
  pool.keep_reserve();
  CHECK(pool.take_reserve(memory_pool::reserve_bytes) == nullptr);  // each block has a header
  for (int round = 0; round < 2; ++round) {
    CAPTURE(round);
    void* half = pool.take_reserve(memory_pool::reserve_bytes / 2);
    void* small = pool.take_reserve(1);
    REQUIRE(half != nullptr);
    REQUIRE(small != nullptr);
    CHECK(memory_pool::usable_bytes(half) >= memory_pool::reserve_bytes / 2);
    std::memset(half, 1, memory_pool::reserve_bytes / 2);
    CHECK(pool.take_reserve(memory_pool::reserve_bytes / 2) == nullptr);
    CHECK(pool.used_bytes() > memory_pool::reserve_bytes / 2);
    pool.release(half);
    CHECK(pool.take_reserve(memory_pool::reserve_bytes / 2) == nullptr);  // `small` is out
    pool.release(small);
    CHECK(pool.used_bytes() == 0);
    CHECK(pool.retained_bytes() == 0);
  }
  void* usual = pool.allocate(100);
  pool.release(usual);
  CHECK(pool.retained_bytes() > 0);
}
}  // namespace

TEST_CASE("memory_pool: every size gets enough bytes, aligned for any type") {
  memory_pool pool;
  for (std::size_t bytes = 0; bytes <= memory_pool::pooled_bytes_max + 100;
       bytes += bytes < 3'000 ? 1 : 509) {
    void* block = pool.allocate(bytes);
    const std::size_t usable = memory_pool::usable_bytes(block);
    REQUIRE(usable >= bytes);
    // No class wastes more than half, small blocks no more than 64 bytes.
    REQUIRE(usable <= std::max<std::size_t>(bytes + 64, 2 * bytes));
    REQUIRE(reinterpret_cast<std::uintptr_t>(block) % alignof(std::max_align_t) == 0);
    std::memset(block, 0xab, usable);
    pool.release(block);
  }
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("memory_pool: the borders of the size classes") {
  struct row {
    std::size_t asked, usable;
  };
  for (row r : {row{0, 64}, row{1, 64}, row{64, 64}, row{65, 128}, row{1'024, 1'024},
                row{1'025, 1'280}, row{1'280, 1'280}, row{1'281, 1'536}, row{2'048, 2'048},
                row{2'049, 2'560}, row{16'394, 20'480}, row{65'535, 65'536}, row{65'536, 65'536},
                row{65'537, 65'537}, row{100'000, 100'000}}) {
    CAPTURE(r.asked);
    memory_pool pool;
    void* block = pool.allocate(r.asked);
    CHECK(memory_pool::usable_bytes(block) == r.usable);
    CHECK(pool.used_bytes() == r.usable);
    pool.release(block);
  }
}

TEST_CASE("memory_pool: a released block is used again for the same class") {
  memory_pool pool;
  void* first = pool.allocate(100);
  pool.release(first);
  CHECK(pool.retained_bytes() == 128);
  CHECK(pool.used_bytes() == 0);
  void* other_class = pool.allocate(300);
  CHECK(other_class != first);
  CHECK(pool.retained_bytes() == 128);
  void* second = pool.allocate(128);
  CHECK(second == first);
  CHECK(pool.retained_bytes() == 0);
  pool.release(second);
  pool.release(other_class);
}

TEST_CASE("memory_pool: what is kept has a bound") {
  memory_pool pool{1'000};
  std::vector<void*> blocks;
  for (int i = 0; i < 10; ++i) blocks.push_back(pool.allocate(256));
  for (void* block : blocks) pool.release(block);
  CHECK(pool.retained_bytes() == 768);
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("memory_pool: blocks above the largest class are not kept") {
  memory_pool pool;
  pool.release(pool.allocate(memory_pool::pooled_bytes_max + 1));
  CHECK(pool.retained_bytes() == 0);
  pool.release(pool.allocate(memory_pool::pooled_bytes_max));
  CHECK(pool.retained_bytes() == memory_pool::pooled_bytes_max);
}

TEST_CASE("memory_pool: trimming frees what is kept and no more") {
  memory_pool pool;
  void* used = pool.allocate(10);
  pool.release(pool.allocate(10));
  pool.trim();
  CHECK(pool.retained_bytes() == 0);
  CHECK(pool.used_bytes() == 64);
  pool.release(used);
}

TEST_CASE("memory_pool: a size that no memory has is refused") {
  memory_pool pool;
  std::vector<std::size_t> sizes{SIZE_MAX, SIZE_MAX - 8};
  // The address sanitizer ends the process instead of returning null.
  if (!under_address_sanitizer) sizes.insert(sizes.end(), {SIZE_MAX - 64, SIZE_MAX / 2});
  for (std::size_t bytes : sizes) {
    CAPTURE(bytes);
    CHECK(pool.try_allocate(bytes) == nullptr);
    CHECK_THROWS_AS(static_cast<void>(pool.allocate(bytes)), std::bad_alloc);
  }
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("memory_pool: releasing null does nothing") {
  memory_pool pool;
  pool.release(nullptr);
  CHECK(pool.used_bytes() == 0);
  CHECK(pool.retained_bytes() == 0);
}

TEST_CASE("memory_pool: blocks in use never overlap") {
  std::mt19937 random{7};
  memory_pool pool{64 * 1024};
  struct block {
    unsigned char* bytes;
    std::size_t size;
    unsigned char mark;
  };
  std::vector<block> blocks;
  for (int step = 0; step < 5'000; ++step) {
    if (blocks.size() < 40 && random() % 2 == 0) {
      const std::size_t size = random() % 4'000;
      block made{static_cast<unsigned char*>(pool.allocate(size)), size,
                 static_cast<unsigned char>(random())};
      std::fill_n(made.bytes, size, made.mark);
      blocks.push_back(made);
    } else if (!blocks.empty()) {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      const block last = blocks.back();
      blocks.pop_back();
      REQUIRE(std::all_of(last.bytes, last.bytes + last.size,
                          [&](unsigned char byte) { return byte == last.mark; }));
      pool.release(last.bytes);
    }
    REQUIRE(pool.retained_bytes() <= 64 * 1024);
  }
  for (const block& left : blocks) pool.release(left.bytes);
  CHECK(pool.used_bytes() == 0);
}
