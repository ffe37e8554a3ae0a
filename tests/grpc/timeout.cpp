// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/timeout.hpp>

#include <array>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "../support/random.hpp"

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {
std::string encoded(duration timeout) {
  std::array<char, timeout_text_bytes_max> room{};
  return std::string{encode_timeout(timeout, room)};
}
constexpr duration days(int count) { return count * 24h; }
}  // namespace

static_assert(parse_timeout("3S") == 3s);

TEST_CASE("wire rule 8: every unit has its letter") {
  struct row {
    std::string_view text;
    duration timeout;
  };
  for (const row& r :
       {row{"7n", 7ns}, row{"7u", 7us}, row{"7m", 7ms}, row{"7S", 7s}, row{"7M", 7min},
        row{"7H", 7h}, row{"0m", 0s}, row{"00000001n", 1ns}, row{"99999999n", 99'999'999ns},
        row{"2989m", 2'989ms}, row{"99999999M", 99'999'999min}}) {
    CAPTURE(r.text);
    CHECK(parse_timeout(r.text) == r.timeout);
  }
  CHECK(timeout_units.size() == 6);
}

TEST_CASE("wire rule 9: a timeout is written in the finest unit of eight digits, rounded up") {
  struct row {
    duration timeout;
    std::string_view text;
  };
  for (const row& r :
       {row{1ns, "1n"}, row{99'999'999ns, "99999999n"}, row{100'000'000ns, "100000u"},
        row{100'000'001ns, "100001u"}, row{100ms, "100000u"}, row{3s, "3000000u"},
        row{99'999'999us, "99999999u"}, row{99'999'999us + 1ns, "100000m"}, row{100s, "100000m"},
        row{27h + 46min, "99960000m"}, row{99'999'999ms, "99999999m"},
        row{99'999'999ms + 1ns, "100000S"}, row{days(30), "2592000S"}, row{days(1'168), "1681920M"},
        row{99'999'999s, "99999999S"}, row{99'999'999s + 1ns, "1666667M"},
        row{days(73'000), "1752000H"}, row{duration::max(), "2562048H"}}) {
    CAPTURE(r.text);
    CHECK(encoded(r.timeout) == r.text);
  }
}

TEST_CASE("wire rule 9: zero and less is 0n") {
  CHECK(encoded(0s) == "0n");
  CHECK(encoded(-1ns) == "0n");
  CHECK(encoded(duration::min()) == "0n");
}

TEST_CASE("wire rule 9: a timeout beyond what a duration holds is clamped, not wrapped") {
  CHECK(parse_timeout("99999999H") == duration::max());
  CHECK(parse_timeout("2562048H") == duration::max());
  CHECK(parse_timeout("2562047H") == 2'562'047h);
  CHECK(saturating_add(time_point{5s}, *parse_timeout("99999999H")) == never);
}

TEST_CASE("wire rule 10: malformed timeouts are refused") {
  for (std::string_view text : {"",           "1",
                                "S",          "n",
                                "12",         "1 S",
                                "-1S",        "+1S",
                                "1s",         "1h",
                                "1N",         "1U",
                                "1ms",        " 1S",
                                "1S ",        "100000000m",
                                "000000001n", "1.5S",
                                "0x1S",       "1S1S",
                                "m1",         "9999999999999999999999H",
                                "1\xc2\xb5"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_timeout(text));
  }
  CHECK_FALSE(parse_timeout(std::string_view{"1\0S", 3}));
  CHECK_FALSE(parse_timeout(std::string_view{"1S\0", 3}));
}

TEST_CASE("timeout: what is written is read as no less, and one unit more at most") {
  testing::seeded_random random{9};
  for (int round = 0; round < 20'000; ++round) {
    const duration timeout{static_cast<std::int64_t>(random.next() >> (1 + random.below(63)))};
    CAPTURE(timeout.count());
    const std::string text = encoded(timeout);
    REQUIRE(text.size() <= timeout_text_bytes_max);
    const std::optional<duration> read = parse_timeout(text);
    REQUIRE(read);
    REQUIRE(*read >= timeout);
    // A unit is a thousand of the finer one, of which there were over 99,999,999.
    REQUIRE((*read - timeout).count() <= timeout.count() / 99'999);
  }
}
