// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/compression.hpp>

#include <algorithm>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/base/memory_pool.hpp>

using namespace ringrpc;

namespace {
/// Compressed, a text of equal letters is the letter and how often, as `a12`.
class counting final : public message_encoding {
public:
  std::string_view name() const noexcept override { return "counting"; }
  std::size_t compress(std::span<const std::byte> from, std::span<std::byte> into) const override {
    const std::string made = static_cast<char>(from.front()) + std::to_string(from.size());
    if (made.size() > into.size()) return 0;
    std::copy_n(as_bytes(made).data(), made.size(), into.data());
    return made.size();
  }
  decompress_result decompress(std::span<const std::byte> from, std::span<std::byte> into,
                               std::size_t bytes_max) const override {
    const std::string text{as_text(from)};
    rooms.push_back(into.size());
    limits.push_back(bytes_max);
    if (text == "throw") throw std::runtime_error{"no"};
    if (text == "memory") throw std::bad_alloc{};
    if (text == "greedy") return {decompress_outcome::too_small, into.size()};
    if (text == "liar") return {decompress_outcome::done, into.size() + 1};
    if (text.size() < 2) return {decompress_outcome::malformed};
    const std::size_t bytes = std::stoul(text.substr(1));
    if (bytes > into.size()) return {decompress_outcome::too_small, bytes};
    std::fill_n(into.data(), bytes, static_cast<std::byte>(text[0]));
    return {decompress_outcome::done, bytes};
  }
  std::size_t announced_size(std::span<const std::byte>) const noexcept override {
    return announced;
  }
  mutable std::size_t announced = 0;
  mutable std::vector<std::size_t> rooms;   // that it was given
  mutable std::vector<std::size_t> limits;  // the same
};

struct seen {
  status said;
  std::string text;
};
seen decompressed(const message_encoding& with, std::string_view from, std::size_t bytes_max) {
  memory_pool pool;
  seen of;
  {
    buffer_handle into;
    std::size_t bytes = 0;
    of.said = detail::decompress_message(pool, with, as_bytes(from), bytes_max, into, bytes);
    if (of.said.ok()) of.text = as_text(into.get()->bytes().first(bytes));
  }
  CHECK(pool.used_bytes() == 0);
  return of;
}
}  // namespace

TEST_CASE("wire rule 20: gzip and deflate are built in where zlib is") {
  CHECK(built_in_encodings.accept_value() ==
        (RINGRPC_WITH_ZLIB ? "identity,deflate,gzip" : "identity"));
  CHECK((built_in_encodings.find("gzip") != nullptr) == (RINGRPC_WITH_ZLIB != 0));
  encoding_registry mine = built_in_encodings;
  const counting one;
  mine.add(one);
  CHECK(mine.accept_value() == std::string{built_in_encodings.accept_value()} + ",counting");
}

TEST_CASE("wire rule 21: without grpc-encoding, and with identity, messages go as they are") {
  for (std::string_view value : {"", "identity"}) {
    CAPTURE(value);
    CHECK(request_encoding(built_in_encodings, value).value() == nullptr);
    CHECK(response_encoding(built_in_encodings, value).value() == nullptr);
  }
}

TEST_CASE("wire rule 21: an encoding that is spoken is found by its name") {
  encoding_registry known;
  const counting one;
  known.add(one);
  CHECK(request_encoding(known, "counting").value() == &one);
  CHECK(response_encoding(known, "counting").value() == &one);
}

TEST_CASE("wire rule 21: one that is not is UNIMPLEMENTED in a request, INTERNAL in a response") {
  encoding_registry known;
  const counting one;
  known.add(one);
  for (std::string_view value : {"gzip", "snappy", "Identity", "identity,counting", " ", "x"}) {
    CAPTURE(value);
    const auto refused = request_encoding(known, value);
    REQUIRE_FALSE(refused);
    CHECK(refused.status().code() == status_code::unimplemented);
    CHECK(refused.status().message().find(value) != std::string_view::npos);
    CHECK(response_encoding(known, value).status().code() == status_code::internal);
  }
  CHECK(request_encoding(known, "gzip").status().message() ==
        "grpc-encoding \"gzip\" is not spoken here, only identity,counting");
  CHECK(request_encoding(known, std::string(10'000, 'x')).status().message().size() < 260);
}

TEST_CASE("compression: a message that becomes smaller gets a flag of 1 in front") {
  memory_pool pool;
  const counting one;
  const std::string text(1000, 'a');
  {
    std::size_t bytes = 0;
    const buffer_handle made = detail::compress_message(pool, one, as_bytes(text), bytes);
    REQUIRE(made);
    CHECK(as_text(made.get()->bytes().first(bytes)) == std::string("\1\0\0\0\5a1000", 10));
  }
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("compression: a message that does not become smaller is left as it is") {
  memory_pool pool;
  const counting one;
  for (const char* text : {"", "a", "aa"}) {  // `counting` is not asked for the first two
    CAPTURE(text);
    std::size_t bytes = 0;
    CHECK_FALSE(detail::compress_message(pool, one, as_bytes(std::string_view{text}), bytes));
  }
  std::size_t bytes = 0;
  const auto* gzip = built_in_encodings.find("gzip");
  if (gzip != nullptr) CHECK_FALSE(detail::compress_message(pool, *gzip, {}, bytes));
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("wire rule 22: room is made for four times what came, then once as needed") {
  const counting one;
  CHECK(decompressed(one, "a4096", 100'000).text == std::string(4096, 'a'));
  CHECK(one.rooms == std::vector<std::size_t>{4096});
  CHECK(one.limits == std::vector<std::size_t>{100'000});
  CHECK(decompressed(one, "a4097", 100'000).text == std::string(4097, 'a'));
  CHECK(one.rooms == std::vector<std::size_t>{4096, 4096, 4097});
  one.rooms.clear();
  CHECK(decompressed(one, "a" + std::string(2000, '0') + "8004", 100'000).text ==
        std::string(8004, 'a'));
  CHECK(one.rooms == std::vector<std::size_t>{4 * 2005});
  one.rooms.clear();
  CHECK(decompressed(one, "a10", 10).text == std::string(10, 'a'));
  CHECK(one.rooms == std::vector<std::size_t>{10});  // never above the limit
}

TEST_CASE("wire rule 22: what a message says of its size saves a pass, and is not trusted") {
  const counting one;
  one.announced = 90'000;
  CHECK(decompressed(one, "a" + std::string(100, '0') + "90000", 100'000).text ==
        std::string(90'000, 'a'));
  CHECK(one.rooms == std::vector<std::size_t>{90'000});
  one.rooms.clear();
  CHECK(decompressed(one, "a10", 100'000).text == std::string(10, 'a'));
  CHECK(one.rooms == std::vector<std::size_t>{4096});  // 3 bytes do not become 90,000
  one.rooms.clear();
  one.announced = SIZE_MAX;
  CHECK(decompressed(one, "a" + std::string(100, '0') + "5000", 6000).text ==
        std::string(5000, 'a'));
  CHECK(one.rooms == std::vector<std::size_t>{6000});  // never above the limit
}

TEST_CASE("wire rule 22: above the limit a message is RESOURCE_EXHAUSTED, with no room made") {
  const counting one;
  const seen of = decompressed(one, "a100001", 100'000);
  CHECK(of.said ==
        resource_exhausted("a message is larger than the limit of 100000 bytes once it is "
                           "decompressed"));
  CHECK(one.rooms == std::vector<std::size_t>{4096});
}

TEST_CASE("wire rule 21: what the encoding cannot read, or says wrongly, is INTERNAL") {
  const counting one;
  CHECK(decompressed(one, "a", 100).said ==
        internal("a received message is flagged as compressed and is no counting"));
  CHECK(decompressed(one, "greedy", 100'000).said.code() == status_code::internal);
  CHECK(decompressed(one, "liar", 100'000).said.code() == status_code::internal);
  CHECK(decompressed(one, "throw", 100).said.code() == status_code::internal);
  CHECK(decompressed(one, "memory", 100).said ==
        resource_exhausted("no memory to decompress a received message"));
}
