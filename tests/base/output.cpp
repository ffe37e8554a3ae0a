// SPDX-License-Identifier: MIT
#include <ringrpc/base/output.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <ringrpc/base/bytes.hpp>

using namespace ringrpc;

namespace {
std::string text_of(const output& out) {
  std::string text;
  for (const ::iovec& part : out.parts()) {
    text.append(static_cast<const char*>(part.iov_base), part.iov_len);
  }
  return text;
}

/// A buffer with `text` in it.
buffer& buffer_of(memory_pool& pool, std::string_view text) {
  buffer& made = buffer::make(pool, text.size());
  std::ranges::copy(as_bytes(text), made.bytes().begin());
  return made;
}
slice slice_of(buffer& from) {
  return {from.bytes().data(), static_cast<std::uint32_t>(from.bytes().size()), &from};
}
}  // namespace

TEST_CASE("output: an empty one holds no memory and sends nothing") {
  memory_pool pool;
  output out{pool};
  CHECK(out.empty());
  CHECK(out.size() == 0);
  CHECK(out.parts().empty());
  CHECK(out.copy_room() == output::arena_bytes);
  CHECK(out.part_room() == output::parts_max);
  out.clear();
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("output: neighbouring copies are one part") {
  memory_pool pool;
  output out{pool};
  REQUIRE(out.append_copy(as_bytes("ab")));
  REQUIRE(out.append_copy(as_bytes("")));
  std::byte* room = out.append(2);
  REQUIRE(room != nullptr);
  room[0] = std::byte{'c'};
  room[1] = std::byte{'d'};
  CHECK(out.parts().size() == 1);
  CHECK(text_of(out) == "abcd");
  CHECK(out.size() == 4);
  CHECK(out.copy_room() == output::arena_bytes - 4);
  CHECK(out.part_room() == output::parts_max - 1);
}

TEST_CASE("output: a reference stands between the copies before and after it") {
  memory_pool pool;
  output out{pool};
  buffer_handle payload{buffer_of(pool, "PAYLOAD")};
  REQUIRE(out.append_copy(as_bytes("head")));
  out.append_reference(slice_of(*payload.get()));
  REQUIRE(out.append_copy(as_bytes("tail")));
  CHECK(out.parts().size() == 3);
  CHECK(text_of(out) == "headPAYLOADtail");
  CHECK(out.parts()[1].iov_base == payload.get()->bytes().data());
}

TEST_CASE("output: it keeps what it references alive until it is sent") {
  memory_pool pool;
  output out{pool};
  buffer_handle payload{buffer_of(pool, "payload")};
  buffer& watched = *payload.get();
  out.append_reference(slice_of(watched));
  CHECK_FALSE(watched.unique());
  out.consume(6);
  CHECK_FALSE(watched.unique());
  CHECK(text_of(out) == "d");
  out.consume(1);
  CHECK(watched.unique());
  out.append_reference(slice_of(watched));
  out.clear();
  CHECK(watched.unique());
  {
    output dying{pool};
    dying.append_reference(slice_of(watched));
  }
  CHECK(watched.unique());
}

TEST_CASE("output: an empty reference is no part and takes no reference") {
  memory_pool pool;
  output out{pool};
  buffer_handle payload{buffer_of(pool, "")};
  out.append_reference(slice_of(*payload.get()));
  CHECK(out.parts().empty());
  CHECK(payload.get()->unique());
}

TEST_CASE("output: a short send at every byte leaves the rest, which can grow") {
  memory_pool pool;
  const std::string whole = "headPAYLOADtail";
  for (std::size_t sent = 0; sent <= whole.size(); ++sent) {
    CAPTURE(sent);
    output out{pool};
    buffer_handle payload{buffer_of(pool, "PAYLOAD")};
    REQUIRE(out.append_copy(as_bytes("head")));
    out.append_reference(slice_of(*payload.get()));
    REQUIRE(out.append_copy(as_bytes("tail")));
    out.consume(sent);
    CHECK(text_of(out) == whole.substr(sent));
    CHECK(out.size() == whole.size() - sent);
    REQUIRE(out.append_copy(as_bytes("more")));
    CHECK(text_of(out) == whole.substr(sent) + "more");
    out.consume(out.size());
    CHECK(out.empty());
    CHECK(out.parts().empty());
  }
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("output: the arena comes with the first byte and goes with the last") {
  memory_pool pool;
  output out{pool};
  REQUIRE(out.append_copy(as_bytes("x")));
  CHECK(pool.used_bytes() == output::arena_bytes);
  out.consume(1);
  CHECK(pool.used_bytes() == 0);
  CHECK(out.copy_room() == output::arena_bytes);
}

TEST_CASE("output: all of the arena can be filled, and no more") {
  memory_pool pool;
  output out{pool};
  REQUIRE(out.append(output::arena_bytes) != nullptr);
  CHECK(out.copy_room() == 0);
  out.consume(1'000);  // room comes back only when all has left
  CHECK(out.copy_room() == 0);
  out.consume(output::arena_bytes - 1'000);
  CHECK(out.copy_room() == output::arena_bytes);
}

TEST_CASE("output: the last part can be references or copies, to the limit") {
  memory_pool pool;
  output out{pool};
  buffer_handle payload{buffer_of(pool, "p")};
  for (std::size_t i = 1; i < output::parts_max; ++i) {
    out.append_reference(slice_of(*payload.get()));
  }
  CHECK(out.part_room() == 1);
  CHECK(out.copy_room() == output::arena_bytes);
  REQUIRE(out.append_copy(as_bytes("c")));  // the last part, which can grow
  CHECK(out.part_room() == 0);
  CHECK(out.copy_room() == output::arena_bytes - 1);
  REQUIRE(out.append_copy(as_bytes("d")));
  CHECK(text_of(out) == std::string(output::parts_max - 1, 'p') + "cd");
  out.clear();

  for (std::size_t i = 0; i < output::parts_max; ++i) {
    out.append_reference(slice_of(*payload.get()));
  }
  CHECK(out.part_room() == 0);
  CHECK(out.copy_room() == 0);  // nothing may follow a reference that is last
  out.consume(out.size());
  CHECK(out.part_room() == output::parts_max);
  CHECK(payload.get()->unique());
}

TEST_CASE("output: random appends and sends keep the bytes in order") {
  std::mt19937 random{99};
  memory_pool pool;
  output out{pool};
  std::string expected;
  for (int step = 0; step < 20'000; ++step) {
    const std::string text(random() % 300, static_cast<char>('a' + random() % 26));
    switch (random() % 3) {
      case 0:
        if (out.copy_room() >= text.size()) {
          REQUIRE(out.append_copy(as_bytes(text)));
          expected += text;
        }
        break;
      case 1:
        if (out.part_room() > 0) {
          buffer_handle payload{buffer_of(pool, text)};
          out.append_reference(slice_of(*payload.get()));
          expected += text;
        }
        break;
      default:
        const std::size_t sent = expected.empty() ? 0 : random() % (expected.size() + 1);
        out.consume(sent);
        expected.erase(0, sent);
    }
    REQUIRE(out.size() == expected.size());
    REQUIRE(text_of(out) == expected);
  }
  out.clear();
  CHECK(pool.used_bytes() == 0);
}
