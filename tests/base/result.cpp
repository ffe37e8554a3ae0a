// SPDX-License-Identifier: MIT
#include <ringrpc/base/result.hpp>

#include <memory>
#include <string>
#include <utility>

#include <doctest/doctest.h>

using namespace ringrpc;

namespace {
enum class fault { none, bad };
using text_result = basic_result<std::string, fault>;

/// Counts what is alive, to see that nothing is destroyed twice or never.
struct counted {
  explicit counted(int& alive) : alive_(&alive) { ++*alive_; }
  counted(const counted& other) noexcept : alive_(other.alive_) { ++*alive_; }
  counted& operator=(const counted&) = default;
  ~counted() { --*alive_; }
  int* alive_;
};

struct made_from_int {
  explicit made_from_int(int given) : number(given) {}
  int number;
};
}  // namespace

static_assert(std::is_convertible_v<const char*, text_result>);
static_assert(!std::is_convertible_v<int, basic_result<made_from_int, fault>>);
static_assert(std::is_constructible_v<basic_result<made_from_int, fault>, int>);
static_assert(!std::is_default_constructible_v<basic_result<made_from_int, fault>>);
static_assert(!std::is_copy_constructible_v<basic_result<std::unique_ptr<int>, fault>>);
static_assert(std::is_nothrow_move_constructible_v<basic_result<std::unique_ptr<int>, fault>>);
static_assert([] {
  basic_result<int, fault> number{3};
  number = failure{fault::bad};
  return !number && number.error() == fault::bad;
}());

TEST_CASE("basic_result: a value is held and given in every way") {
  text_result held{"text"};
  REQUIRE(held);
  CHECK(held.has_value());
  CHECK(held.value() == "text");
  CHECK(*held == "text");
  CHECK(held->size() == 4);
  const text_result& constant = held;
  CHECK(constant.value() == "text");
  CHECK(*constant == "text");
  CHECK(constant->size() == 4);
  CHECK(constant.value_or("other") == "text");
  const std::string moved = *std::move(held);
  CHECK(moved == "text");
  CHECK(text_result{"rvalue"}.value() == "rvalue");
}

TEST_CASE("basic_result: an error is held and given") {
  text_result held{failure{fault::bad}};
  CHECK_FALSE(held);
  CHECK_FALSE(held.has_value());
  CHECK(held.error() == fault::bad);
  const text_result& constant = held;
  CHECK(constant.error() == fault::bad);
  CHECK(constant.value_or("other") == "other");
  CHECK(text_result{failure{fault::bad}}.error() == fault::bad);
}

TEST_CASE("basic_result: by default it holds a default value") {
  const text_result held;
  REQUIRE(held);
  CHECK(held->empty());
}

TEST_CASE("basic_result: an error may be made from another type") {
  const basic_result<int, std::string> held{failure{"text"}};
  REQUIRE_FALSE(held);
  CHECK(held.error() == "text");
}

TEST_CASE("basic_result: copies and moves hold what the source held") {
  const text_result value{"text"};
  const text_result error{failure{fault::bad}};
  CHECK(text_result{value}.value() == "text");
  CHECK(text_result{error}.error() == fault::bad);
  text_result from{"text"};
  CHECK(text_result{std::move(from)}.value() == "text");
}

TEST_CASE("basic_result: assignment replaces values by errors and back") {
  text_result held{"first"};
  held = failure{fault::bad};
  CHECK(held.error() == fault::bad);
  held = text_result{"second"};
  CHECK(held.value() == "second");
  held = text_result{"third"};
  CHECK(held.value() == "third");
  text_result& itself = held;
  held = itself;
  CHECK(held.value() == "third");
}

TEST_CASE("basic_result: a move-only value goes in and out") {
  basic_result<std::unique_ptr<int>, fault> held{std::make_unique<int>(7)};
  const std::unique_ptr<int> out = std::move(held).value();
  CHECK(*out == 7);
}

TEST_CASE("basic_result: each value is destroyed once") {
  int alive = 0;
  {
    basic_result<counted, fault> held{counted{alive}};
    CHECK(alive == 1);
    basic_result<counted, fault> copy{held};
    CHECK(alive == 2);
    held = failure{fault::bad};
    CHECK(alive == 1);
    held = copy;
    CHECK(alive == 2);
    held = std::move(copy);
    CHECK(alive == 2);  // a moved-from one is there still
  }
  CHECK(alive == 0);
}

TEST_CASE("basic_result<void>: success or an error") {
  basic_result<void, fault> outcome;
  CHECK(outcome);
  CHECK(outcome.has_value());
  outcome.value();
  outcome = failure{fault::bad};
  CHECK_FALSE(outcome);
  CHECK(outcome.error() == fault::bad);
  const basic_result<void, fault> constant = outcome;
  CHECK(constant.error() == fault::bad);
}
