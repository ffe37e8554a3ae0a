// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/status.hpp>

#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "../support/failing_memory.hpp"

using namespace ringrpc;

static_assert(sizeof(status) == sizeof(void*));
static_assert(std::is_nothrow_copy_constructible_v<status>);
static_assert(std::is_nothrow_move_constructible_v<status>);
static_assert(std::is_nothrow_copy_assignable_v<status>);
static_assert(!std::is_aggregate_v<status>);
// No sense of true or false, and no code or text is a status by accident.
static_assert(!std::is_constructible_v<bool, status>);
static_assert(!std::is_convertible_v<status_code, status>);
static_assert(!std::is_convertible_v<std::string_view, status>);

TEST_CASE("status: by default it is OK and has no message") {
  const status fine;
  CHECK(fine.ok());
  CHECK(fine.code() == status_code::ok);
  CHECK(fine.message().empty());
  CHECK(fine.to_text() == "OK");
}

TEST_CASE("status: every code is kept, with a message and without") {
  for (const status_code_row& row : status_codes) {
    CAPTURE(row.name);
    const status bare{row.code};
    CHECK(bare.code() == row.code);
    CHECK(bare.ok() == (row.code == status_code::ok));
    CHECK(bare.message().empty());
    CHECK(bare.to_text() == row.name);
    const status told{row.code, "the text"};
    CHECK(told.code() == row.code);
    CHECK(told.ok() == (row.code == status_code::ok));
    CHECK(told.message() == (row.code == status_code::ok ? "" : "the text"));
  }
}

TEST_CASE("status: a number that is none of gRPC's becomes UNKNOWN") {
  CHECK(status{static_cast<status_code>(17)}.code() == status_code::unknown);
  const status told{static_cast<status_code>(200), "text"};
  CHECK(told.code() == status_code::unknown);
  CHECK(told.message() == "text");
}

TEST_CASE("status: there is one function for each code but OK") {
  using maker = status (*)(std::string_view) noexcept;
  constexpr maker makers[] = {
      cancelled,       unknown,           invalid_argument,   deadline_exceeded,   not_found,
      already_exists,  permission_denied, resource_exhausted, failed_precondition, aborted,
      out_of_range,    unimplemented,     internal,           unavailable,         data_loss,
      unauthenticated,
  };
  REQUIRE(std::size(makers) + 1 == status_codes.size());
  for (std::size_t i = 0; i < std::size(makers); ++i) {
    CAPTURE(status_codes[i + 1].name);
    const status made = makers[i]("why");
    CHECK(made.code() == status_codes[i + 1].code);
    CHECK(made.message() == "why");
    CHECK(makers[i]("").code() == status_codes[i + 1].code);
  }
}

TEST_CASE("status: a message may hold any bytes, and is a copy") {
  std::string text = "grüße \xf0\x9f\x98\x88";
  text.push_back('\0');
  text += "end";
  const std::string original = text;
  const status told = not_found(text);
  text.assign(text.size(), 'x');
  CHECK(told.message() == original);
}

TEST_CASE("status: as text it is the code's name, a colon and the message") {
  CHECK(not_found("no such user").to_text() == "NOT_FOUND: no such user");
  std::ostringstream out;
  out << not_found("no such user") << '|' << status{status_code::aborted} << '|' << status{};
  CHECK(out.str() == "NOT_FOUND: no such user|ABORTED|OK");
}

TEST_CASE("status: copies share the message and outlive each other") {
  status copy;
  std::string_view message;
  {
    const status first = not_found("no such user");
    copy = first;
    message = copy.message();
    CHECK(copy.message().data() == first.message().data());
  }
  CHECK(message == "no such user");
  status& itself = copy;
  copy = itself;
  CHECK(copy.message() == "no such user");
  copy = status{};
  CHECK(copy.ok());
}

TEST_CASE("status: one that was moved from is still a failure with its code") {
  status from = not_found("no such user");
  const status to{std::move(from)};
  CHECK(to == not_found("no such user"));
  CHECK(from == status{status_code::not_found});
  status assigned;
  status bare{status_code::aborted};
  assigned = std::move(bare);
  CHECK(assigned.code() == status_code::aborted);
  CHECK(bare.code() == status_code::aborted);
  status& itself = assigned;
  assigned = std::move(itself);
  CHECK(assigned.code() == status_code::aborted);
  assigned = not_found("kept");
  assigned = std::move(itself);
  CHECK(assigned == not_found("kept"));
  status fine;
  assigned = std::move(fine);
  CHECK(assigned.ok());
  CHECK(fine.ok());
}

TEST_CASE("status: equal are code and message") {
  CHECK(status{} == status{status_code::ok, "dropped"});
  CHECK(not_found("a") == not_found("a"));
  CHECK_FALSE(not_found("a") == not_found("b"));
  CHECK_FALSE(not_found("a") == aborted("a"));
  CHECK_FALSE(not_found("a") == status{status_code::not_found});
  CHECK(not_found("") == status{status_code::not_found});
  CHECK_FALSE(status{} == status{status_code::not_found});
}

TEST_CASE("status: details are bytes beside the message, with it or alone") {
  const std::string bytes("\x08\x05\0\xff", 4);
  const status both{status_code::not_found, "no such", bytes};
  CHECK(both.code() == status_code::not_found);
  CHECK(both.message() == "no such");
  CHECK(both.details() == bytes);
  CHECK(both.to_text() == "NOT_FOUND: no such");
  const status copy = both;
  CHECK(copy == both);
  CHECK_FALSE(both == not_found("no such"));
  const status alone{status_code::not_found, "", bytes};
  CHECK(alone.message().empty());
  CHECK(alone.details() == bytes);
  CHECK(alone.to_text() == "NOT_FOUND");
  CHECK(not_found("no such").details().empty());
  CHECK(status{status_code::not_found}.details().empty());
  const status ok{status_code::ok, "dropped", bytes};
  CHECK(ok.ok());
  CHECK(ok.details().empty());
}

TEST_CASE("status: OK and a code alone need no memory") {
  const std::size_t before = test::allocations();
  const status fine;
  const status bare{status_code::not_found};
  const status copy = bare;
  CHECK(test::allocations() == before);
  const status told = not_found("text");
  const status shared = told;
  CHECK(test::allocations() == before + 1);
}

TEST_CASE("status: where memory is short the code is kept and the text dropped") {
  const test::failing_memory none;
  const status told = not_found("a text that needs memory");
  CHECK(told.code() == status_code::not_found);
  CHECK(told.message().empty());
}

TEST_CASE("status: copies may die on several threads") {
  const status shared = not_found("shared");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([copy = shared] {
      for (int round = 0; round < 1'000; ++round) {
        const status another = copy;
        if (another.message() != "shared") std::abort();
      }
    });
  }
  for (std::thread& each : threads) each.join();
  CHECK(shared.message() == "shared");
}
