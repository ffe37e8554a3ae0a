// SPDX-License-Identifier: MIT
#include <ringrpc/base/short_text.hpp>

#include <limits>
#include <string>

#include <doctest/doctest.h>

using namespace ringrpc;

static_assert(short_text<8>{}.append("ab").append(std::uint64_t{10}).view() == "ab10");

TEST_CASE("short_text: numbers are decimal, up to the largest") {
  short_text<64> text;
  text.append(std::uint64_t{0}).append(" ").append(std::numeric_limits<std::uint64_t>::max());
  CHECK(text.view() == "0 18446744073709551615");
}

TEST_CASE("short_text: what does not fit is cut off, later pieces too") {
  short_text<4> text;
  CHECK(text.append("abcdef").view() == "abcd");
  CHECK(text.append("x").append(std::uint64_t{7}).view() == "abcd");
}

TEST_CASE("short_text: what others gave is shown between quotation marks, as printable ASCII") {
  CHECK(short_text<80>{}.append_quoted("a b").view() == "\"a b\"");
  CHECK(short_text<80>{}.append_quoted("").view() == "\"\"");
  CHECK(short_text<80>{}.append_quoted("a\n\x1b\xff\x7f").view() == "\"a????\"");
}

TEST_CASE("short_text: of what others gave 64 characters are shown, and that there are more") {
  const std::string fits(64, 'x');
  CHECK(short_text<80>{}.append_quoted(fits).view() == '"' + fits + '"');
  CHECK(short_text<80>{}.append_quoted(fits + "y").view() == '"' + fits + "...\"");
}
