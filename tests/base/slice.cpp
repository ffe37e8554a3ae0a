// SPDX-License-Identifier: MIT
#include <ringrpc/base/slice.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

#include <doctest/doctest.h>

using namespace ringrpc;

namespace {
struct watched final : slice_owner {
  explicit watched(int& given) : slice_owner(&end), ends(given) {}
  static void end(slice_owner& self) noexcept { ++static_cast<watched&>(self).ends; }
  int& ends;
};
}  // namespace

static_assert(std::is_trivially_copyable_v<slice>);
static_assert(!std::is_copy_constructible_v<buffer_handle> &&
              std::is_nothrow_move_constructible_v<buffer_handle>);

TEST_CASE("slice_owner: the last reference ends it, no earlier one does") {
  int ends = 0;
  watched owner{ends};
  CHECK(owner.unique());
  owner.add_reference();
  CHECK_FALSE(owner.unique());
  owner.drop_reference();
  CHECK(owner.unique());
  CHECK(ends == 0);
  owner.drop_reference();
  CHECK(ends == 1);
}

TEST_CASE("slice: its bytes are a view") {
  const std::byte bytes[3] = {std::byte{1}, std::byte{2}, std::byte{3}};
  const slice part{bytes, 2, nullptr};
  CHECK(part.bytes().data() == bytes);
  CHECK(part.bytes().size() == 2);
  CHECK(slice{}.bytes().empty());
}

TEST_CASE("buffer: it has the size that was asked for and goes back to its pool") {
  memory_pool pool;
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100'000}}) {
    CAPTURE(size);
    buffer& made = buffer::make(pool, size);
    CHECK(made.bytes().size() == size);
    CHECK(reinterpret_cast<std::uintptr_t>(made.bytes().data()) % alignof(void*) == 0);
    for (std::byte& byte : made.bytes()) byte = std::byte{0x5a};
    CHECK(pool.used_bytes() >= size);
    made.add_reference();
    made.drop_reference();
    CHECK(pool.used_bytes() > 0);
    made.drop_reference();
    CHECK(pool.used_bytes() == 0);
  }
}

TEST_CASE("buffer: where memory is short it throws") {
  memory_pool pool;
  CHECK_THROWS_AS(static_cast<void>(buffer::make(pool, SIZE_MAX - sizeof(buffer))), std::bad_alloc);
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("buffer_handle: it holds one reference, and moving takes it along") {
  memory_pool pool;
  buffer_handle none;
  CHECK_FALSE(none);
  CHECK(none.get() == nullptr);
  buffer& made = buffer::make(pool, 10);
  buffer_handle first{made};
  CHECK(first);
  CHECK(first.get() == &made);
  buffer_handle second{std::move(first)};
  CHECK_FALSE(first);
  CHECK(second.get() == &made);
  CHECK(made.unique());
  first = std::move(second);
  CHECK(first.get() == &made);
  buffer_handle& itself = first;
  first = std::move(itself);
  CHECK(first.get() == &made);
  first = buffer_handle{buffer::make(pool, 10)};  // drops what it held
  const std::size_t one = pool.used_bytes();
  first.reset();
  first.reset();
  CHECK(pool.used_bytes() == 0);
  CHECK(one > 0);
}
