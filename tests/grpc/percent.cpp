// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/percent.hpp>

#include <array>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "../support/random.hpp"

using namespace ringrpc;

namespace {
std::string encoded(std::string_view text) {
  std::string into(percent_encoded_size(text), '?');
  CHECK(percent_encode(text, into) == into.size());
  return into;
}
std::string encoded_within(std::string_view text, std::size_t room) {
  std::string into(room, '?');
  into.resize(percent_encode(text, into));
  return into;
}
std::string decoded(std::string_view text) {
  std::string into(text.size(), '?');
  into.resize(percent_decode(text, into));
  return into;
}
struct row {
  std::string_view plain, wire;
};
}  // namespace

static_assert(percent_encoded_size("50%") == 5);

TEST_CASE("wire rule 24: bytes outside printable ASCII and % become %XX in upper case") {
  for (const row& r : {
           row{"", ""},
           row{"plain text, with \"signs\" #<>?`{}~", "plain text, with \"signs\" #<>?`{}~"},
           row{"100% sure", "100%25 sure"},
           row{"%%", "%25%25"},
           row{"a\nb\rc\x7f", "a%0Ab%0Dc%7F"},
           row{"a\tb", "a%09b"},
           row{{"a\0b", 3}, "a%00b"},
           row{"gr\xc3\xbc\xc3\x9f", "gr%C3%BC%C3%9F"},
           row{"\xff", "%FF"},  // not UTF-8, and no reason to fail
           // special_status_message of the interoperability tests
           row{"\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and non-BMP "
               "\xf0\x9f\x98\x88\t\n",
               "%09%0Atest with whitespace%0D%0Aand Unicode BMP %E2%98%BA and non-BMP "
               "%F0%9F%98%88%09%0A"},
       }) {
    CAPTURE(r.wire);
    CHECK(encoded(r.plain) == r.wire);
    CHECK(decoded(r.wire) == r.plain);
  }
}

TEST_CASE("wire rule 24: spaces and tabs at the ends are escaped, those inside are not") {
  for (const row& r : {row{"  x\t\t", "%20%20x%09%09"}, row{" ", "%20"}, row{"a ", "a%20"},
                       row{" a", "%20a"}, row{" a b ", "%20a b%20"}, row{" \t ", "%20%09%20"},
                       row{"a b", "a b"}, row{"a \n", "a %0A"}}) {
    CAPTURE(r.wire);
    CHECK(encoded(r.plain) == r.wire);
    CHECK(decoded(r.wire) == r.plain);
  }
}

TEST_CASE("wire rule 24: a decoder never fails and leaves a broken % as it is") {
  for (const row& r :
       {row{"%", "%"}, row{"%4", "%4"}, row{"a%", "a%"}, row{"%%", "%%"}, row{"%G0", "%G0"},
        row{"%0G", "%0G"}, row{"%%41", "%A"}, row{"%4%41", "%4A"}, row{"%2", "%2"},
        row{"%-1", "%-1"}, row{"%\xff\xff", "%\xff\xff"}, row{"%41%", "A%"}, row{"% 41", "% 41"}}) {
    CAPTURE(r.plain);
    CHECK(decoded(r.plain) == r.wire);
  }
}

TEST_CASE("wire rule 24: a decoder takes lower-case digits and more escapes than we write") {
  CHECK(decoded("%c3%bC") == "\xc3\xbc");
  CHECK(decoded("a%20b%22%23%3c%3E%3f%60%7b%7D") == "a b\"#<>?`{}");
  CHECK(decoded("  raw \xc3\xbc ") == "  raw \xc3\xbc ");  // kept: others may send it
}

TEST_CASE("percent: it may be decoded onto itself") {
  std::string text = "%41%42%zz%43";
  text.resize(percent_decode(text, text));
  CHECK(text == "AB%zzC");
}

TEST_CASE("percent: what does not fit is left off, but no character is cut in two") {
  CHECK(encoded_within("abcdef", 6) == "abcdef");
  CHECK(encoded_within("abcdef", 4) == "abcd");
  CHECK(encoded_within("abcdef", 0) == "");
  CHECK(encoded_within("a%b", 3) == "a");
  CHECK(encoded_within("a%b", 4) == "a%25");
  const std::string_view smile = "ab\xf0\x9f\x98\x88";
  for (std::size_t room = 2; room < 14; ++room) CHECK(encoded_within(smile, room) == "ab");
  CHECK(encoded_within(smile, 14) == "ab%F0%9F%98%88");
  // The cut makes a new end, which must not be a space either.
  CHECK(encoded_within("ab   cd", 4) == "ab");
  CHECK(encoded_within("ab   \xc3\xbc", 6) == "ab");
}

TEST_CASE("percent: any bytes come back, in printable ASCII without outer space") {
  testing::seeded_random random{24};
  constexpr std::string_view favourites = " \t%4a\xc3\xbc";
  for (int round = 0; round < 3'000; ++round) {
    std::string text(random.below(40), '\0');
    for (char& c : text) {
      c = random.below(2) == 0 ? favourites[random.below(favourites.size())]
                               : static_cast<char>(random.next());
    }
    CAPTURE(text);
    const std::string wire = encoded(text);
    REQUIRE(decoded(wire) == text);
    for (char c : wire) REQUIRE((c >= ' ' && c <= '~'));
    REQUIRE_FALSE(wire.starts_with(' '));
    REQUIRE_FALSE(wire.ends_with(' '));
    // Cut anywhere, it is the beginning of the text.
    const std::string part = encoded_within(text, random.below(wire.size() + 1));
    REQUIRE(text.starts_with(decoded(part)));
    REQUIRE_FALSE(part.ends_with(' '));
  }
}
