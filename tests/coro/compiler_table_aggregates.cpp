// SPDX-License-Identifier: MIT
//
// Aggregates that are built inside an awaited expression.
#include <ringrpc/coro/task.hpp>

#include <array>
#include <chrono>
#include <coroutine>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <ringrpc/base/result.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/stop.hpp>

#include <doctest/doctest.h>

#include "compiler_table.hpp"

using namespace ringrpc;
using test::passes;
using test::passes_tracked;
using test::table_row;
using test::tracked;

namespace {
struct pair_of {
  tracked a;
  tracked b;
};
struct with_defaults {
  tracked a{1};
  tracked b{2};
};
struct derived : pair_of {
  int more;
};
/// What options are made like.
struct trivial {
  std::chrono::nanoseconds timeout{0};
  std::string_view text{};
  const tracked* by_pointer = nullptr;
  int number = 0;
};
/// As trivial to destroy, but it must not be copied byte by byte.
struct knows_address {
  knows_address() : self(this) {}
  knows_address(const knows_address&) : self(this) {}
  knows_address& operator=(const knows_address&) { return *this; }
  const knows_address* self;
};
struct trivial_with_address {
  knows_address address;
  int number = 0;
};
static_assert(frame_safe<trivial> && std::is_trivially_destructible_v<trivial_with_address> &&
              !frame_safe<trivial_with_address>);

class with_constructor {
public:
  with_constructor() noexcept : a(1), b(2) {}
  with_constructor(tracked first, tracked second) : a(std::move(first)), b(std::move(second)) {}
  tracked a;
  tracked b;
};
struct with_defaulted_constructor {
  with_defaulted_constructor() = default;
  tracked a{1};
  tracked b{2};
};
class fluent {
public:
  fluent() noexcept : a_(0), b_(0) {}
  fluent&& a(tracked to) && {
    a_ = std::move(to);
    return std::move(*this);
  }
  fluent&& b(tracked to) && {
    b_ = std::move(to);
    return std::move(*this);
  }
  int sum() const { return a_.number() + b_.number(); }

private:
  tracked a_;
  tracked b_;
};

template <class Pair> int sum(const Pair& of) { return of.a.number() + of.b.number(); }

template <class Pair> task<int> by_value(event& gate, Pair got) {
  const bool set = co_await gate.wait();
  co_return set ? sum(got) : -1;
}
template <class Pair> task<int> by_const(event& gate, const Pair& got) {
  const bool set = co_await gate.wait();
  co_return set ? sum(got) : -1;
}
template <class Pair> task<int> by_rvalue(event& gate, Pair&& got) {
  const bool set = co_await gate.wait();
  co_return set ? sum(got) : -1;
}
task<int> defaulted_value(event& gate, with_defaults got = {}) {
  const bool set = co_await gate.wait();
  co_return set ? sum(got) : -1;
}
task<int> defaulted_const(event& gate, const with_defaults& got = {}) {
  const bool set = co_await gate.wait();
  co_return set ? sum(got) : -1;
}
task<int> defaulted_constructor(event& gate, with_constructor got = {}) {
  const bool set = co_await gate.wait();
  co_return set ? sum(got) : -1;
}
task<int> defaulted_constructor_const(event& gate, const with_constructor& got = {}) {
  const bool set = co_await gate.wait();
  co_return set ? sum(got) : -1;
}
task<int> defaulted_trivial(event& gate, trivial got = {}) {
  const bool set = co_await gate.wait();
  co_return set ? got.number : -1;
}
/// No coroutine.
event::waiter not_a_coroutine(event& gate, const pair_of& got) {
  return sum(got) == 3 ? gate.wait() : gate.wait_ignoring_stop();
}
event::waiter not_a_coroutine_by_value(event& gate, pair_of) { return gate.wait(); }

struct aggregate_awaiter {
  tracked payload;
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  int await_resume() const { return payload.number(); }
};
class awaiter_with_constructor {
public:
  explicit awaiter_with_constructor(tracked with) : payload_(std::move(with)) {}
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  int await_resume() const { return payload_.number(); }

private:
  tracked payload_;
};
class immovable_awaiter {
public:
  explicit immovable_awaiter(int number) : payload_(number) {}
  immovable_awaiter(const immovable_awaiter&) = delete;
  immovable_awaiter& operator=(const immovable_awaiter&) = delete;
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  int await_resume() const { return payload_.number(); }

private:
  tracked payload_;
};

task<int> takes_optional(event& gate, std::optional<pair_of> got) {
  const bool set = co_await gate.wait();
  co_return set ? sum(*got) : -1;
}
task<int> takes_unique(event& gate, std::unique_ptr<pair_of> got) {
  const bool set = co_await gate.wait();
  co_return set ? sum(*got) : -1;
}
task<int> takes_array(event& gate, const std::array<tracked, 2>& got) {
  const bool set = co_await gate.wait();
  co_return set ? got[0].number() + got[1].number() : -1;
}
task<int> takes_both(event& gate, pair_of got, int number) {
  const bool set = co_await gate.wait();
  co_return set ? sum(got) + number : -1;
}
task<int> takes_class_and_number(event& gate, with_constructor got, int number) {
  const bool set = co_await gate.wait();
  co_return set ? sum(got) + number : -1;
}
task<int> takes_vector(event& gate, std::vector<tracked> got) {
  const bool set = co_await gate.wait();
  co_return set ? got.at(0).number() + got.at(1).number() : -1;
}
task<int> takes_trivial(event& gate, const trivial& got) {
  const bool set = co_await gate.wait();
  co_return set ? got.by_pointer->number() + got.number : -1;
}
task<int> takes_trivial_by_value(event& gate, trivial got) {
  const bool set = co_await gate.wait();
  co_return set ? got.by_pointer->number() + got.number : -1;
}
task<int> takes_address(event& gate, const trivial_with_address& got) {
  const bool set = co_await gate.wait();
  co_return set&& got.address.self == &got.address ? got.number : -1;
}
task<int> takes_texts(event& gate, std::string text, std::optional<std::string> maybe,
                      std::pair<std::string, int> both, std::variant<int, std::string> either) {
  const bool set = co_await gate.wait();
  const std::size_t length =
      text.size() + maybe.value().size() + both.first.size() + std::get<std::string>(either).size();
  co_return set ? static_cast<int>(length) : -1;
}

constexpr char long_text[] = "a text that is too long for the small buffer of std::string";

// spellings: off
constexpr table_row known_failures[] = {
    {"f({a, b}) by value",
     [](event& gate) -> task<bool> {
       const int got = co_await by_value<pair_of>(gate, {tracked{1}, tracked{2}});
       co_return got == 3;
     }},
    {"f({.a = x, .b = y}) by value",
     [](event& gate) -> task<bool> {
       const int got = co_await by_value<pair_of>(gate, {.a = tracked{1}, .b = tracked{2}});
       co_return got == 3;
     }},
    {"f(aggregate{a, b}) by value",
     [](event& gate) -> task<bool> {
       const int got = co_await by_value(gate, pair_of{tracked{1}, tracked{2}});
       co_return got == 3;
     }},
    {"f(aggregate{a, b}) by const&",
     [](event& gate) -> task<bool> {
       const int got = co_await by_const(gate, pair_of{tracked{1}, tracked{2}});
       co_return got == 3;
     }},
    {"f(aggregate{a, b}) by &&",
     [](event& gate) -> task<bool> {
       const int got = co_await by_rvalue(gate, pair_of{tracked{1}, tracked{2}});
       co_return got == 3;
     }},
    {"f(aggregate{a, b}), f is no coroutine",
     [](event& gate) -> task<bool> {
       const bool set = co_await not_a_coroutine(gate, pair_of{tracked{1}, tracked{2}});
       co_return set;
     }},
    {"f(aggregate{a, b}) by value, f is no coroutine",
     [](event& gate) -> task<bool> {
       const bool set = co_await not_a_coroutine_by_value(gate, {tracked{1}, tracked{2}});
       co_return set;
     }},
    {"f(), whose default argument is an aggregate by value",
     [](event& gate) -> task<bool> {
       const int got = co_await defaulted_value(gate);
       co_return got == 3;
     }},
    {"f(), whose default argument is an aggregate by const&",
     [](event& gate) -> task<bool> {
       const int got = co_await defaulted_const(gate);
       co_return got == 3;
     }},
    {"co_await aggregate_awaiter{a}",
     [](event& gate) -> task<bool> {
       const int got = co_await aggregate_awaiter{tracked{3}};
       const int number = co_await passes(gate, got);
       co_return number == 3;
     }},
    {"f(derived{{a, b}, 1}), an aggregate with a base",
     [](event& gate) -> task<bool> {
       const int got = co_await by_value(gate, derived{{tracked{1}, tracked{2}}, 1});
       co_return got == 3;
     }},
    {"f(std::optional<aggregate>(aggregate{a, b}))",
     [](event& gate) -> task<bool> {
       const int got =
           co_await takes_optional(gate, std::optional<pair_of>(pair_of{tracked{1}, tracked{2}}));
       co_return got == 3;
     }},
    {"f(std::make_unique<aggregate>(aggregate{a, b}))",
     [](event& gate) -> task<bool> {
       const int got =
           co_await takes_unique(gate, std::make_unique<pair_of>(pair_of{tracked{1}, tracked{2}}));
       co_return got == 3;
     }},
    {"f(std::array<T, 2>{a, b})",
     [](event& gate) -> task<bool> {
       const int got = co_await takes_array(gate, std::array<tracked, 2>{tracked{1}, tracked{2}});
       co_return got == 3;
     }},
    {"aggregate x{co_await f(), co_await g()}",
     [](event& gate) -> task<bool> {
       pair_of both{co_await passes_tracked(gate, 1), co_await passes_tracked(gate, 2)};
       co_return sum(both) == 3;
     }},
    {"f(aggregate{a, b}, co_await g())",
     [](event& gate) -> task<bool> {
       const int got =
           co_await takes_both(gate, pair_of{tracked{1}, tracked{2}}, co_await passes(gate, 4));
       co_return got == 7;
     }},
    {"f({T(), 1}), a trivially destructible aggregate that knows its address, by const&",
     [](event& gate) -> task<bool> {
       const int got = co_await takes_address(gate, {.address = knows_address(), .number = 3});
       co_return got == 3;
     }},
};

constexpr table_row safe[] = {
    {"aggregate x{a, b}; f(std::move(x))",
     [](event& gate) -> task<bool> {
       pair_of named{tracked{1}, tracked{2}};
       const int got = co_await by_value(gate, std::move(named));
       co_return got == 3;
     }},
    {"auto t = f({a, b}); co_await std::move(t)",
     [](event& gate) -> task<bool> {
       auto named = by_value<pair_of>(gate, {tracked{1}, tracked{2}});
       const int got = co_await std::move(named);
       co_return got == 3;
     }},
    {"auto t = f() with an aggregate as default argument; co_await std::move(t)",
     [](event& gate) -> task<bool> {
       auto named = defaulted_value(gate);
       const int got = co_await std::move(named);
       co_return got == 3;
     }},
    {"f({.number = 1}), a trivially destructible aggregate by const&",
     [](event& gate) -> task<bool> {
       tracked named{2};
       const int got = co_await takes_trivial(gate, {.by_pointer = &named, .number = 1});
       co_return got == 3;
     }},
    {"f({.number = 1}), a trivially destructible aggregate by value",
     [](event& gate) -> task<bool> {
       tracked named{2};
       const int got = co_await takes_trivial_by_value(gate, {.by_pointer = &named, .number = 1});
       co_return got == 3;
     }},
    {"f(), whose default argument is a trivially destructible aggregate",
     [](event& gate) -> task<bool> {
       const int got = co_await defaulted_trivial(gate);
       co_return got == 0;
     }},
    {"f(T(a, b)), a class with a constructor, by value",
     [](event& gate) -> task<bool> {
       const int got = co_await by_value(gate, with_constructor(tracked{1}, tracked{2}));
       co_return got == 3;
     }},
    {"f({a, b}), a class with a constructor, by value",
     [](event& gate) -> task<bool> {
       const int got = co_await by_value<with_constructor>(gate, {tracked{1}, tracked{2}});
       co_return got == 3;
     }},
    {"f(T(a, b)), a class with a constructor, by const&",
     [](event& gate) -> task<bool> {
       const int got = co_await by_const(gate, with_constructor(tracked{1}, tracked{2}));
       co_return got == 3;
     }},
    {"f(T(a, b)), a class with a constructor, by &&",
     [](event& gate) -> task<bool> {
       const int got = co_await by_rvalue(gate, with_constructor(tracked{1}, tracked{2}));
       co_return got == 3;
     }},
    {"f(), whose default argument is a class with a constructor",
     [](event& gate) -> task<bool> {
       const int got = co_await defaulted_constructor(gate);
       co_return got == 3;
     }},
    {"f(), whose default argument is a const& to a class with a constructor",
     [](event& gate) -> task<bool> {
       const int got = co_await defaulted_constructor_const(gate);
       co_return got == 3;
     }},
    {"f(T{}), a class whose default constructor is defaulted",
     [](event& gate) -> task<bool> {
       const int got = co_await by_value(gate, with_defaulted_constructor{});
       co_return got == 3;
     }},
    {"f(T{}.a(x).b(y)), a fluent class",
     [](event& gate) -> task<bool> {
       auto sum_of = [](event& at, fluent got) -> task<int> {
         const bool set = co_await at.wait();
         co_return set ? got.sum() : -1;
       };
       const int got = co_await sum_of(gate, fluent{}.a(tracked{1}).b(tracked{2}));
       co_return got == 3;
     }},
    {"co_await T(a), an awaiter with a constructor",
     [](event& gate) -> task<bool> {
       const int got = co_await awaiter_with_constructor{tracked{3}};
       const int number = co_await passes(gate, got);
       co_return number == 3;
     }},
    {"co_await T(a), an awaiter that cannot be moved",
     [](event& gate) -> task<bool> {
       const int got = co_await immovable_awaiter{3};
       const int number = co_await passes(gate, got);
       co_return number == 3;
     }},
    {"auto a = co_await f(); auto b = co_await g(); aggregate x{a, b}",
     [](event& gate) -> task<bool> {
       tracked first = co_await passes_tracked(gate, 1);
       tracked second = co_await passes_tracked(gate, 2);
       pair_of both{std::move(first), std::move(second)};
       co_return sum(both) == 3;
     }},
    {"f(T(a, b), co_await g()), a class with a constructor",
     [](event& gate) -> task<bool> {
       const int got = co_await takes_class_and_number(
           gate, with_constructor(tracked{1}, tracked{2}), co_await passes(gate, 4));
       co_return got == 7;
     }},
    {"the vector first, then f(std::move(vector))",
     [](event& gate) -> task<bool> {
       std::vector<tracked> several;
       several.emplace_back(1);
       several.emplace_back(2);
       const int got = co_await takes_vector(gate, std::move(several));
       co_return got == 3;
     }},
    {"literals for std::string, optional, pair and variant parameters",
     [](event& gate) -> task<bool> {
       const int got = co_await takes_texts(gate, long_text, long_text, {long_text, 1}, long_text);
       co_return got == 4 * static_cast<int>(sizeof long_text - 1);
     }},
    {"co_return aggregate{a, b}",
     [](event& gate) -> task<bool> {
       auto make = [](event& at) -> task<pair_of> {
         const int one = co_await passes(at, 1);
         co_return pair_of{tracked{one}, tracked{2}};
       };
       pair_of got = co_await make(gate);
       co_return sum(got) == 3;
     }},
    {"co_return {a, b}",
     [](event& gate) -> task<bool> {
       auto make = [](event& at) -> task<pair_of> {
         const int one = co_await passes(at, 1);
         co_return {tracked{one}, tracked{2}};
       };
       pair_of got = co_await make(gate);
       co_return sum(got) == 3;
     }},
};

// The types of our own that may be written there.
constexpr table_row our_own[] = {
    {"co_await task(T(a))",
     [](event& gate) -> task<bool> {
       auto keeps = [](event& at, tracked kept) -> task<int> {
         const bool set = co_await at.wait();
         co_return set ? kept.number() : -1;
       };
       const int got = co_await keeps(gate, tracked{3});
       co_return got == 3;
     }},
    {"co_await event.wait()",
     [](event& gate) -> task<bool> {
       const bool set = co_await gate.wait();
       co_return set;
     }},
    {"f(source.token()), and f(stop_token{})",
     [](event& gate) -> task<bool> {
       auto takes = [](event& at, stop_token token) -> task<bool> {
         const bool set = co_await at.wait();
         co_return set && !token.stop_requested();
       };
       stop_source source;
       const bool first = co_await takes(gate, source.token());
       const bool second = co_await takes(gate, stop_token{});
       co_return first&& second;
     }},
    {"f(environment{queue, token, ring})",
     [](event& gate) -> task<bool> {
       auto takes = [](event& at, environment where) -> task<bool> {
         const bool set = co_await at.wait();
         co_return set&& where.queue != nullptr;
       };
       const environment& here = co_await this_environment();
       const bool got = co_await takes(gate, environment{here.queue, here.stop, nullptr});
       co_return got;
     }},
    {"f(basic_result<T, E>(a)), and f(failure{e})",
     [](event& gate) -> task<bool> {
       using result = basic_result<tracked, tracked>;
       auto takes = [](event& at, result got) -> task<int> {
         const bool set = co_await at.wait();
         if (!set) co_return 0;
         co_return got ? got->number() : -got.error().number();
       };
       const int first = co_await takes(gate, result(tracked{3}));
       const int second = co_await takes(gate, failure{tracked{1}});
       co_return first == 3 && second == -1;
     }},
};
// spellings: on
}  // namespace

TEST_CASE("compiler table: aggregates in an awaited expression, known failures of g++ 12.2") {
  test::check_known_failures(known_failures);
}
TEST_CASE("compiler table: aggregates next to an awaited expression are safe") {
  test::check_safe(safe);
}
TEST_CASE("compiler table: types of ours in an awaited expression are safe") {
  test::check_safe(our_own);
}
