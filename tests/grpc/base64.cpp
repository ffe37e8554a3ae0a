// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/base64.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <ringrpc/base/bytes.hpp>

#include "../support/random.hpp"

using namespace ringrpc;

namespace {
std::string encoded(std::string_view bytes) {
  std::string text(base64_encoded_size(bytes.size()), '?');
  CHECK(base64_encode(as_bytes(bytes), text) == text.size());
  return text;
}
std::optional<std::string> decoded(std::string_view text) {
  std::string bytes(base64_decoded_size_max(text.size()), '?');
  const std::optional<std::size_t> size =
      base64_decode(text, std::as_writable_bytes(std::span{bytes}));
  if (!size) return std::nullopt;
  bytes.resize(*size);
  return bytes;
}
}  // namespace

static_assert([] {
  std::array<char, 4> text{};
  const std::array bytes{std::byte{'M'}, std::byte{'a'}, std::byte{'n'}};
  return base64_encode(bytes, text) == 4 && std::string_view{text.data(), 4} == "TWFu";
}());

TEST_CASE("wire rule 13: base64 is written without padding, and read with and without") {
  struct row {
    std::string_view bytes, unpadded, padded;
  };
  // The first seven are the test vectors of RFC 4648 section 10.
  for (const row& r : {row{"", "", ""}, row{"f", "Zg", "Zg=="}, row{"fo", "Zm8", "Zm8="},
                       row{"foo", "Zm9v", "Zm9v"}, row{"foob", "Zm9vYg", "Zm9vYg=="},
                       row{"fooba", "Zm9vYmE", "Zm9vYmE="}, row{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
                       row{"\1\2\3\4", "AQIDBA", "AQIDBA=="}, row{"\xfb\xff\xfe", "+//+", "+//+"},
                       row{{"\0", 1}, "AA", "AA=="}}) {
    CAPTURE(r.unpadded);
    CHECK(encoded(r.bytes) == r.unpadded);
    CHECK(decoded(r.unpadded) == r.bytes);
    CHECK(decoded(r.padded) == r.bytes);
  }
}

TEST_CASE("wire rule 13: what is no base64 is refused") {
  for (std::string_view text :
       {"A",     "AAAAA",  "=",        "==",     "===",        "====",  "A===", "AA=", "AAA==",
        "AAAA=", "AAAA==", "AAAA====", "AA==AA", "A=A=",       "=AAA",  "AA=A", "A A", "AAA ",
        " AAA",  "AA\n",   "AA-_",     "AA,AA",  "AA\xff\xff", "Zm9v!", "AAA*"}) {
    CAPTURE(text);
    CHECK_FALSE(decoded(text));
  }
  CHECK_FALSE(decoded(std::string_view{"AA\0A", 4}));
}

TEST_CASE("base64: bits beyond the last whole byte are not looked at") {
  CHECK(decoded("Zh") == "f");
  CHECK(decoded("Zm9=") == "fo");
}

TEST_CASE("base64: it may be decoded onto itself") {
  std::string text = "Zm9vYmFy";
  const std::optional<std::size_t> size =
      base64_decode(text, std::as_writable_bytes(std::span{text}));
  REQUIRE(size);
  CHECK(text.substr(0, *size) == "foobar");
}

TEST_CASE("base64: all bytes at all lengths come back, and sizes are told before") {
  testing::seeded_random random{64};
  for (std::size_t length = 0; length < 300; ++length) {
    CAPTURE(length);
    std::string bytes(length, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.next());
    std::string text = encoded(bytes);
    REQUIRE(text.find('=') == std::string::npos);
    REQUIRE(base64_decoded_size_max(text.size()) >= length);
    REQUIRE(decoded(text) == bytes);
    text.append((4 - text.size() % 4) % 4, '=');
    REQUIRE(base64_decoded_size_max(text.size()) >= length);
    REQUIRE(decoded(text) == bytes);
  }
}

TEST_CASE("base64: one wrong character anywhere is found") {
  const std::string good = encoded("some bytes that are encoded");
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      const char c = static_cast<char>(value);
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '+' || c == '/';
      std::string text = good;
      text[at] = c;
      // At the end of a last group of four it is padding.
      const bool padding = c == '=' && at + 1 == good.size() && good.size() % 4 == 0;
      REQUIRE(decoded(text).has_value() == (letter || padding));
    }
  }
}
