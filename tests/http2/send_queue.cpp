// SPDX-License-Identifier: MIT
#include <ringrpc/http2/send_queue.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <ringrpc/base/bytes.hpp>

#include "../support/random.hpp"

using namespace ringrpc;
using namespace ringrpc::http2;

namespace {
slice copied(std::string_view text) {
  return {as_bytes(text).data(), static_cast<std::uint32_t>(text.size()), nullptr};
}
slice owned(memory_pool& pool, std::string_view text) {
  buffer& made = buffer::make(pool, text.size());
  std::copy_n(as_bytes(text).begin(), text.size(), made.bytes().begin());
  return {made.bytes().data(), static_cast<std::uint32_t>(text.size()), &made};
}
std::string text_of(const output& out) {
  std::string text;
  for (const ::iovec& part : out.parts()) {
    text.append(static_cast<const char*>(part.iov_base), part.iov_len);
  }
  return text;
}
struct fixture {
  memory_pool pool;
  send_queue queue;
  ~fixture() { queue.clear(pool); }
};
}  // namespace

TEST_CASE_FIXTURE(fixture, "send_queue: small pieces are copied together and leave as one part") {
  for (int i = 0; i < 10; ++i) REQUIRE(queue.append(pool, copied("0123456789")));
  CHECK(queue.size() == 100);
  output out{pool};
  REQUIRE(queue.fitting(1000, out, 0) == 100);
  queue.move_to(out, pool, 100);
  CHECK(queue.empty());
  CHECK(out.parts().size() == 1);
  CHECK(text_of(out).substr(95) == "56789");
}

TEST_CASE_FIXTURE(fixture, "send_queue: a piece can be taken in parts") {
  REQUIRE(queue.append(pool, copied("abcdef")));
  output out{pool};
  CHECK(queue.fitting(2, out, 0) == 2);
  queue.move_to(out, pool, 2);
  REQUIRE(queue.append(pool, copied("gh")));  // behind what is left
  CHECK(queue.size() == 6);
  queue.move_to(out, pool, 6);
  CHECK(text_of(out) == "abcdefgh");
}

TEST_CASE_FIXTURE(fixture, "send_queue: a large slice is referenced, its small rest copied") {
  const std::string text(10'000, 'r');
  const slice large = owned(pool, text);
  REQUIRE(queue.append(pool, large));
  large.owner->drop_reference();
  CHECK(large.owner->unique());
  output out{pool};
  queue.move_to(out, pool, 8000);
  CHECK_FALSE(large.owner->unique());
  REQUIRE(out.parts().size() == 1);
  CHECK(out.parts()[0].iov_base == large.data);
  queue.move_to(out, pool, 2000);
  REQUIRE(out.parts().size() == 2);
  CHECK(out.parts()[1].iov_base != large.data + 8000);
  CHECK(large.owner->unique());  // only the output holds it now
  CHECK(text_of(out) == text);
}

TEST_CASE_FIXTURE(fixture, "send_queue: fitting never exceeds the room of the output") {
  REQUIRE(queue.append(pool, copied(std::string(100'000, 'c'))));
  output out{pool};
  CHECK(queue.fitting(100'000, out, 0) == output::arena_bytes);
  CHECK(queue.fitting(100'000, out, 1000) == output::arena_bytes - 1000);
  CHECK(queue.fitting(100'000, out, output::arena_bytes + 1) == 0);
  queue.move_to(out, pool, 60'000);
  CHECK(queue.fitting(100'000, out, 0) == output::arena_bytes - 60'000);
}

TEST_CASE_FIXTURE(fixture, "send_queue: with few parts left no reference is planned") {
  output out{pool};
  const std::string text(5000, 'p');
  const slice large = owned(pool, text);
  for (std::size_t i = 0; i + 2 < output::parts_max; ++i) out.append_reference(large);
  REQUIRE(queue.append(pool, large));
  REQUIRE(out.part_room() == 2);
  CHECK(queue.fitting(5000, out, 0) == 0);
  CHECK(queue.fitting(100, out, 0) == 100);  // copied
  large.owner->drop_reference();
}

TEST_CASE_FIXTURE(fixture, "send_queue: clear gives everything back") {
  const slice large = owned(pool, std::string(5000, 'p'));
  REQUIRE(queue.append(pool, large));
  REQUIRE(queue.append(pool, copied("x")));
  REQUIRE(queue.append(pool, {}));
  large.owner->drop_reference();
  queue.clear(pool);
  CHECK(queue.size() == 0);
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("send_queue: what goes in comes out, whatever the pieces and the cuts") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    testing::seeded_random random{seed};
    memory_pool pool;
    send_queue queue;
    std::string in;
    std::string result;
    for (int i = 0; i < 200; ++i) {
      const std::string piece(random.below(random.chance(0.3) ? 9000 : 100),
                              static_cast<char>('a' + i % 26));
      const slice part = random.chance(0.5) ? owned(pool, piece) : copied(piece);
      REQUIRE(queue.append(pool, part));
      if (part.owner != nullptr) part.owner->drop_reference();
      in += piece;
      if (random.chance(0.5)) continue;
      output out{pool};
      for (;;) {
        const auto most = static_cast<std::uint32_t>(random.between(1, 20'000));
        const std::uint32_t count = queue.fitting(most, out, 100);
        if (count == 0) break;
        REQUIRE(out.append_copy(as_bytes("|")));
        queue.move_to(out, pool, count);
      }
      for (const char c : text_of(out)) {
        if (c != '|') result += c;
      }
    }
    CHECK(queue.size() == in.size() - result.size());
    const bool same = in.starts_with(result);
    CHECK(same);
    queue.clear(pool);
    CHECK(pool.used_bytes() == 0);
  }
}
