// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/zlib_encoding.hpp>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <ringrpc/base/bytes.hpp>

#include "../support/random.hpp"

using namespace ringrpc;

namespace {
const gzip_encoding with_gzip;
const deflate_encoding with_deflate;
const std::array<const message_encoding*, 2> both{&with_gzip, &with_deflate};

std::string compressed(const message_encoding& with, std::string_view text) {
  std::string made(text.size() + 1000, '\0');
  made.resize(with.compress(as_bytes(text), std::as_writable_bytes(std::span{made})));
  return made;
}
struct outcome {
  decompress_result said;
  std::string text;
};
outcome decompressed(const message_encoding& with, std::string_view from, std::size_t room,
                     std::size_t bytes_max) {
  std::vector<char> into(room);  // so that ASan sees its end
  const decompress_result said =
      with.decompress(as_bytes(from), std::as_writable_bytes(std::span{into}), bytes_max);
  const bool done = said.outcome == decompress_outcome::done;
  return {said, done ? std::string{into.data(), said.bytes} : std::string{}};
}
/// `bytes` bytes; of few different values, so that they can be compressed.
std::string text_of(std::size_t bytes, unsigned values) {
  std::string made(bytes, '\0');
  std::uint64_t word = 1;
  for (char& c : made) {
    word = ringrpc::testing::seeded_random::mix(word);
    c = static_cast<char>(word % values);
  }
  return made;
}
}  // namespace

TEST_CASE("wire rule 20: what gzip and deflate compress, they decompress") {
  for (const message_encoding* with : both) {
    CAPTURE(with->name());
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{100}, std::size_t{16'384},
                                    std::size_t{16'385}, std::size_t{1'000'000}}) {
      for (const unsigned values : {1u, 4u, 256u}) {
        CAPTURE(bytes);
        CAPTURE(values);
        const std::string text = text_of(bytes, values);
        const std::string wire = compressed(*with, text);
        REQUIRE_FALSE(wire.empty());
        const outcome back = decompressed(*with, wire, bytes, bytes);
        CHECK(back.said.outcome == decompress_outcome::done);
        CHECK(back.text == text);
      }
    }
    const outcome empty = decompressed(*with, compressed(*with, ""), 0, 0);
    CHECK(empty.said.outcome == decompress_outcome::done);
    CHECK(empty.said.bytes == 0);
  }
}

TEST_CASE("wire rule 20: the formats are those of RFC 1952 and RFC 1950") {
  CHECK(compressed(with_gzip, "a").starts_with("\x1f\x8b\x08"));
  CHECK(compressed(with_deflate, "a").starts_with("\x78"));
}

TEST_CASE("zlib: gzip tells the size of its text, deflate does not") {
  const std::string text = text_of(70'000, 4);
  CHECK(with_gzip.announced_size(as_bytes(compressed(with_gzip, text))) == 70'000);
  CHECK(with_gzip.announced_size(as_bytes(compressed(with_gzip, ""))) == 0);
  CHECK(with_gzip.announced_size(as_bytes(std::string(17, '\xff'))) == 0);  // too short for one
  CHECK(with_gzip.announced_size(as_bytes(std::string(18, '\xff'))) == 0xffff'ffff);
  CHECK(with_deflate.announced_size(as_bytes(compressed(with_deflate, text))) == 0);
}

TEST_CASE("zlib: what does not become smaller than the room is not made") {
  const std::string text = text_of(1000, 256);
  std::vector<std::byte> into(text.size() - 1);
  CHECK(with_gzip.compress(as_bytes(text), into) == 0);
  CHECK(with_deflate.compress(as_bytes(text), into) == 0);
  CHECK(with_gzip.compress(as_bytes(text), {}) == 0);
  // And the next message is not spoilt by it.
  CHECK(decompressed(with_gzip, compressed(with_gzip, "abc"), 3, 3).text == "abc");
}

TEST_CASE("zlib: a level of one's own makes the same text of it") {
  const std::string text = text_of(20'000, 8);
  for (const int level : {0, 1, 9}) {
    const gzip_encoding one{level};
    CHECK(decompressed(with_gzip, compressed(one, text), text.size(), text.size()).text == text);
  }
  CHECK(compressed(gzip_encoding{9}, text).size() < compressed(gzip_encoding{0}, text).size());
  for (const int level : {-2, 10}) {
    CHECK_THROWS_WITH_AS(gzip_encoding{level}, "a level of zlib is -1 to 9",
                         std::invalid_argument);
    CHECK_THROWS_AS(deflate_encoding{level}, std::invalid_argument);
  }
}

TEST_CASE("zlib: room that is too small: how much it takes is said, up to the limit") {
  for (const message_encoding* with : both) {
    CAPTURE(with->name());
    const std::string text = text_of(100'000, 4);
    const std::string wire = compressed(*with, text);
    for (const std::size_t room : {std::size_t{0}, std::size_t{1}, text.size() - 1}) {
      CAPTURE(room);
      const outcome seen = decompressed(*with, wire, room, text.size());
      CHECK(seen.said.outcome == decompress_outcome::too_small);
      CHECK(seen.said.bytes == text.size());
      const outcome above = decompressed(*with, wire, room, text.size() - 1);
      CHECK(above.said.outcome == decompress_outcome::too_small);
      CHECK(above.said.bytes > text.size() - 1);
    }
  }
}

TEST_CASE("wire rule 22: a bomb of 1 GiB takes no more memory than the limit") {
  // 1 GiB of zeros, made of one compressed block of 16 MiB that is repeated.
  const std::string zeros(16 * 1024 * 1024, '\0');
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  const auto next = [&] {
    std::string made(64 * 1024, '\0');
    stream.next_in = detail::zlib_input(as_bytes(zeros));
    stream.avail_in = static_cast<uInt>(zeros.size());
    stream.next_out = detail::zlib_output(std::as_writable_bytes(std::span{made}));
    stream.avail_out = static_cast<uInt>(made.size());
    REQUIRE(deflate(&stream, Z_FULL_FLUSH) == Z_OK);
    REQUIRE(stream.avail_in == 0);
    made.resize(made.size() - stream.avail_out);
    return made;
  };
  std::string bomb = next();
  const std::string block = next();
  REQUIRE(deflateEnd(&stream) == Z_DATA_ERROR);  // it was not finished
  for (int i = 1; i < 64; ++i) bomb += block;
  CHECK(bomb.size() < 1'200'000);
  constexpr std::size_t limit = 4 * 1024 * 1024;
  const outcome seen = decompressed(with_gzip, bomb, limit, limit);  // all of the memory it has
  CHECK(seen.said.outcome == decompress_outcome::too_small);
  CHECK(seen.said.bytes > limit);
  CHECK(seen.said.bytes <= limit + 16 * 1024);
}

TEST_CASE("wire rule 22: a bomb is followed up to the limit and no further") {
  const std::string text(64 * 1024 * 1024, '\0');
  const std::string wire = compressed(with_gzip, text);
  const outcome seen = decompressed(with_gzip, wire, 4096, 1'000'000);
  CHECK(seen.said.outcome == decompress_outcome::too_small);
  CHECK(seen.said.bytes > 1'000'000);
  CHECK(seen.said.bytes <= 1'000'000 + 16 * 1024);
}

TEST_CASE("wire rule 21: what is cut, spoilt or followed by more is malformed") {
  for (const message_encoding* with : both) {
    CAPTURE(with->name());
    const std::string text = text_of(300, 4);
    const std::string wire = compressed(*with, text);
    for (std::size_t cut = 0; cut < wire.size(); ++cut) {
      CAPTURE(cut);
      CHECK(decompressed(*with, wire.substr(0, cut), 300, 1000).said.outcome ==
            decompress_outcome::malformed);
    }
    CHECK(decompressed(*with, wire + 'x', 300, 1000).said.outcome ==
          decompress_outcome::malformed);
    CHECK(decompressed(*with, wire + wire, 300, 1000).said.outcome ==
          decompress_outcome::malformed);
    std::string spoilt = wire;
    spoilt.back() = static_cast<char>(spoilt.back() ^ 1);
    CHECK(decompressed(*with, spoilt, 300, 1000).said.outcome == decompress_outcome::malformed);
    CHECK(decompressed(*with, text, 300, 1000).said.outcome == decompress_outcome::malformed);
    // Every bit of it turned: an answer, whatever it is, and no harm.
    for (std::size_t bit = 0; bit < wire.size() * 8; ++bit) {
      spoilt = wire;
      spoilt[bit / 8] = static_cast<char>(spoilt[bit / 8] ^ (1 << bit % 8));
      const outcome seen = decompressed(*with, spoilt, 64, 1000);
      CHECK((seen.said.outcome != decompress_outcome::done || seen.said.bytes <= 64));
    }
  }
  CHECK(decompressed(with_gzip, compressed(with_deflate, "abc"), 3, 3).said.outcome ==
        decompress_outcome::malformed);
  CHECK(decompressed(with_deflate, compressed(with_gzip, "abc"), 3, 3).said.outcome ==
        decompress_outcome::malformed);
}
