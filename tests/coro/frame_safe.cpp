// SPDX-License-Identifier: MIT
//
// That g++ 12 does destroy the others twice is in compiler_table.cpp.
#include <ringrpc/coro/frame_safe.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <vector>

#include <ringrpc/base/result.hpp>
#include <ringrpc/base/slice.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/coro/task_scope.hpp>

#include <doctest/doctest.h>

using namespace ringrpc;

namespace {
struct trivial_options {
  std::chrono::nanoseconds timeout{0};
  std::string_view authority{};
  const std::string* metadata = nullptr;
};
struct options_with_text {
  std::string authority;
};
struct options_that_know_their_address {
  struct member {
    member() noexcept {}
    member(const member&) noexcept {}
  };
  member address;
};
struct derived_from_aggregate : options_with_text {
  int more = 0;
};
struct options_with_constructor {
  options_with_constructor() noexcept {}
  std::string authority;
};
struct options_with_defaulted_constructor {
  options_with_defaulted_constructor() = default;
  std::string authority;
};
}  // namespace

static_assert(frame_safe<int>);
static_assert(frame_safe<trivial_options>);
static_assert(frame_safe<options_with_constructor>);
static_assert(frame_safe<options_with_defaulted_constructor>);
static_assert(frame_safe<std::string> && frame_safe<std::vector<int>> &&
              frame_safe<std::optional<std::string>> && frame_safe<std::tuple<std::string>>);
static_assert(frame_safe<std::array<int, 2>>);

static_assert(!frame_safe<options_with_text>);
static_assert(!frame_safe<const options_with_text&>);
static_assert(!frame_safe<options_with_text&&>);
static_assert(!frame_safe<derived_from_aggregate>);
static_assert(!frame_safe<options_that_know_their_address>);
static_assert(!frame_safe<std::array<std::string, 2>>);

// Our own, where no header of coro/ asserts it.
static_assert(frame_safe<task<std::string>>);
static_assert(frame_safe<basic_result<std::string, std::error_code>>);
static_assert(frame_safe<basic_result<void, std::error_code>>);
static_assert(frame_safe<failure<std::string>>);
static_assert(frame_safe<slice> && frame_safe<buffer_handle>);
static_assert(frame_safe<task_scope> && frame_safe<event>);

TEST_CASE("frame_safe: an aggregate with a text is not, one with a view of it is") {
  CHECK_FALSE(frame_safe<options_with_text>);
  CHECK(frame_safe<trivial_options>);
}
