// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/result.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <doctest/doctest.h>

using namespace ringrpc;

namespace {
struct counted {
  explicit counted(int& alive) noexcept : alive_(&alive) { ++*alive_; }
  counted(const counted& other) noexcept : alive_(other.alive_) { ++*alive_; }
  counted& operator=(const counted&) = default;
  ~counted() { --*alive_; }
  int* alive_;
};

/// Can be moved so many times; then it throws.
struct fragile {
  fragile() = default;
  fragile(fragile&& other) : moves_left(other.moves_left - 1) {
    if (moves_left < 0) throw 7;
  }
  int moves_left = 100;
};

struct explicit_only {
  explicit explicit_only(int given) : number(given) {}
  int number;
};

/// The shapes in which handlers return.
result<std::string> greet(std::string_view name) {
  if (name.empty()) return invalid_argument("name is empty");
  std::string text = "hello ";
  text += name;
  return text;
}
result<void> check(bool good) {
  if (!good) return failed_precondition("not good");
  return {};
}
}  // namespace

static_assert(sizeof(result<void*>) == 2 * sizeof(void*));
static_assert(sizeof(result<std::string>) == sizeof(std::string) + sizeof(void*));
static_assert(sizeof(result<void>) == sizeof(void*));
static_assert(!std::is_aggregate_v<result<int>> && !std::is_aggregate_v<result<void>>);
static_assert(std::is_convertible_v<const char*, result<std::string>>);
static_assert(std::is_convertible_v<const std::string&, result<std::string>>);
static_assert(std::is_convertible_v<status, result<std::string>>);
static_assert(!std::is_convertible_v<int, result<explicit_only>>);
static_assert(std::is_constructible_v<result<explicit_only>, int>);
static_assert(!std::is_default_constructible_v<result<explicit_only>>);
static_assert(!std::is_constructible_v<result<bool>, result<int>>);  // not "has a value"
static_assert(!std::is_copy_constructible_v<result<std::unique_ptr<int>>>);
static_assert(std::is_nothrow_move_constructible_v<result<std::unique_ptr<int>>>);
static_assert(std::is_nothrow_move_assignable_v<result<std::unique_ptr<int>>>);
static_assert(!std::is_convertible_v<result<int>, bool>);  // explicit only

TEST_CASE("result: a value is held and given in every way") {
  result<std::string> reply = greet("you");
  REQUIRE(reply);
  CHECK(reply.has_value());
  CHECK(reply.value() == "hello you");
  CHECK(*reply == "hello you");
  CHECK(reply->size() == 9);
  CHECK(reply.status().ok());
  CHECK(reply.error().ok());
  CHECK(reply.value_or("other") == "hello you");
  const result<std::string>& constant = reply;
  CHECK(constant.value() == "hello you");
  CHECK(*constant == "hello you");
  CHECK(constant->size() == 9);
  reply->append("!");
  CHECK(*std::move(reply) == "hello you!");
  CHECK(greet("you").value() == "hello you");
  CHECK(greet("you").value_or("other") == "hello you");
  CHECK(greet("you").status().ok());
}

TEST_CASE("result: an error is held and given") {
  const result<std::string> reply = greet("");
  CHECK_FALSE(reply);
  CHECK_FALSE(reply.has_value());
  CHECK(reply.status() == invalid_argument("name is empty"));
  CHECK(reply.error() == invalid_argument("name is empty"));
  CHECK(reply.value_or("other") == "other");
  CHECK(greet("").error() == invalid_argument("name is empty"));
  CHECK(greet("").status() == invalid_argument("name is empty"));
  CHECK(greet("").value_or("other") == "other");
}

TEST_CASE("result: asking for the value of an error throws the status") {
  result<std::string> reply = greet("");
  CHECK_THROWS_AS(reply.value(), status_error);
  CHECK_THROWS_AS(std::as_const(reply).value(), status_error);
  CHECK_THROWS_AS(greet("").value(), status_error);
  try {
    reply.value();
    FAIL("no exception");
  } catch (const std::exception& caught) {
    CHECK(std::string_view{caught.what()} == "INVALID_ARGUMENT: name is empty");
  }
  try {
    reply.value();
    FAIL("no exception");
  } catch (const status_error& caught) {
    CHECK(caught.status() == reply.status());
  }
}

TEST_CASE("result: an OK status given as an error is a mistake and becomes INTERNAL") {
  const result<int> wrong{status{}};
  REQUIRE_FALSE(wrong);
  CHECK(wrong.status().code() == status_code::internal);
  CHECK(wrong.status().message() == "an OK status is no error: return the value instead");
}

TEST_CASE("result: by default, and in place, it holds a value") {
  CHECK(result<int>{}.value() == 0);
  CHECK(result<std::string>(std::in_place, 3u, 'x').value() == "xxx");
  CHECK(result<explicit_only> { 5 } -> number == 5);
}

TEST_CASE("result: copies and moves hold what the source held") {
  const result<std::string> value = greet("you");
  const result<std::string> error = greet("");
  CHECK(result<std::string>{value}.value() == "hello you");
  CHECK(result<std::string>{error}.error() == error.error());
  result<std::string> from_value = value;
  CHECK(result<std::string>{std::move(from_value)}.value() == "hello you");
  CHECK(from_value.has_value());
  result<std::string> from_error = error;
  CHECK(result<std::string>{std::move(from_error)}.error() == error.error());
  // It holds no value, so it must not turn into one.
  CHECK_FALSE(from_error.has_value());
  CHECK(from_error.error().code() == status_code::invalid_argument);
}

TEST_CASE("result: assignment replaces values by errors and back") {
  result<std::string> held = greet("a");
  held = not_found("gone");
  CHECK(held.error() == not_found("gone"));
  held = aborted("again");
  CHECK(held.error() == aborted("again"));
  held = "text";
  CHECK(held.value() == "text");
  held = greet("b");
  CHECK(held.value() == "hello b");
  result<std::string>& itself = held;
  held = itself;
  CHECK(held.value() == "hello b");
}

TEST_CASE("result: a move-only value goes in and out") {
  result<std::unique_ptr<int>> held = std::make_unique<int>(7);
  const std::unique_ptr<int> out = std::move(held).value();
  CHECK(*out == 7);
  const std::unique_ptr<int> fallback =
      result<std::unique_ptr<int>>{not_found("gone")}.value_or(nullptr);
  CHECK(fallback == nullptr);
}

TEST_CASE("result: each value is destroyed once") {
  int alive = 0;
  {
    result<counted> held{counted{alive}};
    CHECK(alive == 1);
    result<counted> copy{held};
    CHECK(alive == 2);
    held = not_found("gone");
    CHECK(alive == 1);
    held = copy;
    CHECK(alive == 2);
    result<counted> moved{std::move(held)};
    CHECK(alive == 3);  // what was moved from is there still
    moved = aborted("again");
    CHECK(alive == 2);
  }
  CHECK(alive == 0);
}

TEST_CASE("result: an assignment whose move throws leaves an error or changes nothing") {
  result<fragile> held;
  result<fragile> from;
  from->moves_left = 0;  // throws on the way into the operator's parameter
  CHECK_THROWS_AS(held = std::move(from), int);
  CHECK(held.has_value());
  from->moves_left = 1;  // throws inside of the operator
  CHECK_THROWS_AS(held = std::move(from), int);
  CHECK_FALSE(held.has_value());
  CHECK(held.error().code() == status_code::internal);
}

TEST_CASE("result<void>: success, or a status") {
  CHECK(check(true));
  CHECK(check(true).has_value());
  CHECK(check(true).status().ok());
  check(true).value();
  const result<void> failed = check(false);
  CHECK_FALSE(failed);
  CHECK(failed.status() == failed_precondition("not good"));
  CHECK(failed.error() == failed_precondition("not good"));
  CHECK(check(false).error().code() == status_code::failed_precondition);
  CHECK_THROWS_AS(failed.value(), status_error);
  // Here OK says what it means.
  CHECK(result<void>{status{}}.has_value());
}

TEST_CASE("status_error: copies share what they hold") {
  const status_error first{not_found("gone")};
  const status_error copy = first;
  CHECK(copy.status() == first.status());
  CHECK(std::string_view{copy.what()} == "NOT_FOUND: gone");
  CHECK(std::is_nothrow_copy_constructible_v<status_error>);
}
