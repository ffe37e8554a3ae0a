// SPDX-License-Identifier: MIT
//
// What is done with the result of an await in the same expression.
#include <ringrpc/coro/task.hpp>

#include <coroutine>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <ringrpc/coro/event.hpp>

#include <doctest/doctest.h>

#include "compiler_table.hpp"

using namespace ringrpc;
using test::count_turn;
using test::passes;
using test::passes_bool;
using test::passes_tracked;
using test::table_row;
using test::tracked;

namespace {
task<std::optional<tracked>> next(event& gate, int& turns) {
  count_turn();
  const bool set = co_await gate.wait();
  std::optional<tracked> got;
  if (set && turns++ < 3) got.emplace(turns);
  co_return got;
}
task<std::vector<tracked>> several(event& gate) {
  const bool set = co_await gate.wait();
  std::vector<tracked> all;
  for (int i = 1; set && i <= 3; ++i) all.emplace_back(i);
  co_return all;
}
task<std::tuple<tracked, tracked>> two(event& gate) {
  const bool set = co_await gate.wait();
  co_return std::tuple<tracked, tracked>(set ? 1 : -1, set ? 2 : -1);
}
task<tracked> throws_through(event& gate, tracked kept) {
  tracked local{2};
  const bool set = co_await gate.wait();
  if (set) throw std::runtime_error{"thrown"};
  co_return kept;
}
/// A coroutine that is its own master, and dies inside of an await_suspend.
struct dies_suspending {
  struct promise_type {
    dies_suspending get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};
class destroys_caller {
public:
  explicit destroys_caller(int number) : payload_(number) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) const { caller.destroy(); }
  void await_resume() const noexcept {}

private:
  tracked payload_;
};
int sum(const tracked& first, const tracked& second) { return first.number() + second.number(); }
task<int> sum_of(event& gate, tracked first, tracked second) {
  const bool set = co_await gate.wait();
  co_return set ? sum(first, second) : -1;
}

// spellings: off
constexpr table_row known_failures[] = {
    {"c ? co_await f() : co_await g(), of a class",
     [](event& gate) -> task<bool> {
       bool first = tracked::made == 0;
       tracked got = first ? co_await passes_tracked(gate, 3) : co_await passes_tracked(gate, 4);
       co_return got.number() == 3;
     }},
    {"co_await c() ? T(a) : T(b), of a class",
     [](event& gate) -> task<bool> {
       tracked got = (co_await passes_bool(gate, true)) ? tracked{3} : tracked{4};
       co_return got.number() == 3;
     }},
};

constexpr table_row safe[] = {
    {"if (c) x = co_await f(); else x = co_await g()",
     [](event& gate) -> task<bool> {
       const bool first = tracked::made == 0;
       std::optional<tracked> got;
       if (first) {
         got.emplace(co_await passes_tracked(gate, 3));
       } else {
         got.emplace(co_await passes_tracked(gate, 4));
       }
       co_return got->number() == 3;
     }},
    {"co_await c() ? 3 : 4, of a scalar",
     [](event& gate) -> task<bool> {
       const int got = (co_await passes_bool(gate, true)) ? 3 : 4;
       co_return got == 3;
     }},
    {"f(co_await g(), co_await h()), f is no coroutine",
     [](event& gate) -> task<bool> {
       const int got = sum(co_await passes_tracked(gate, 1), co_await passes_tracked(gate, 2));
       co_return got == 3;
     }},
    {"co_await f(co_await g(), co_await h())",
     [](event& gate) -> task<bool> {
       const int got = co_await sum_of(gate, co_await passes_tracked(gate, 1),
                                       co_await passes_tracked(gate, 2));
       co_return got == 3;
     }},
    {"(co_await f()).member() + x",
     [](event& gate) -> task<bool> {
       const int got = (co_await passes_tracked(gate, 1)).number() + 2;
       co_return got == 3;
     }},
    {"co_await f() && co_await g() || co_await h()",
     [](event& gate) -> task<bool> {
       const bool got = (co_await passes_bool(gate, true) && co_await passes_bool(gate, false)) ||
                        co_await passes_bool(gate, true);
       co_return got;
     }},
    {"while (auto x = co_await next())",
     [](event& gate) -> task<bool> {
       int turns = 0;
       int total = 0;
       while (auto got = co_await next(gate, turns)) total += got->number();
       co_return total == 6;
     }},
    {"for (auto& x : co_await f())",
     [](event& gate) -> task<bool> {
       int total = 0;
       for (const tracked& one : co_await several(gate)) total += one.number();
       co_return total == 6;
     }},
    {"for (auto& x : named) ... co_await f(x)",
     [](event& gate) -> task<bool> {
       std::vector<tracked> all = co_await several(gate);
       int total = 0;
       for (tracked& one : all) {
         const int got = co_await passes(gate, one.number());
         total += got;
       }
       co_return total == 6;
     }},
    {"if (auto x = co_await f(); x.member())",
     [](event& gate) -> task<bool> {
       bool right = false;
       if (auto got = co_await passes_tracked(gate, 3); got.number() == 3) right = true;
       co_return right;
     }},
    {"auto all = co_await f(); std::get<0>(all)",
     [](event& gate) -> task<bool> {
       auto both = co_await two(gate);
       const int number = co_await passes(gate, 0);
       co_return sum(std::get<0>(both), std::get<1>(both)) + number == 3;
     }},
    {"a throw through live frames",
     [](event& gate) -> task<bool> {
       tracked local{1};
       bool caught = false;
       try {
         tracked got = co_await throws_through(gate, tracked{3});
         static_cast<void>(got.number());
       } catch (const std::runtime_error&) {
         caught = true;
       }
       co_return caught&& local.number() == 1;
     }},
    {"an await after a catch block",
     [](event& gate) -> task<bool> {
       std::exception_ptr failure;
       try {
         tracked got = co_await throws_through(gate, tracked{3});
         static_cast<void>(got.number());
       } catch (...) {
         failure = std::current_exception();
       }
       const int got = co_await passes(gate, 3);
       co_return failure != nullptr&& got == 3;
     }},
    {"co_return co_await f()",
     [](event& gate) -> task<bool> {
       auto passes_on = [](event& at) -> task<tracked> {
         co_return co_await passes_tracked(at, 3);
       };
       tracked got = co_await passes_on(gate);
       co_return got.number() == 3;
     }},
    {"x = co_await f(), an assignment",
     [](event& gate) -> task<bool> {
       tracked got{0};
       got = co_await passes_tracked(gate, 3);
       co_return got.number() == 3;
     }},
    {"CHECK(co_await f() == 3), a macro of doctest",
     [](event& gate) -> task<bool> {
       int number = 3;
       CHECK(co_await passes(gate, 3) == number);
       co_return number == 3;
     }},
    {"CHECK((co_await f()).member() == 3)",
     [](event& gate) -> task<bool> {
       int number = 3;
       CHECK((co_await passes_tracked(gate, 3)).number() == number);
       co_return number == 3;
     }},
    {"CHECK_EQ(co_await f(), 3)",
     [](event& gate) -> task<bool> {
       int number = 3;
       CHECK_EQ(co_await passes(gate, 3), number);
       co_return number == 3;
     }},
};

// Other compilers than g++ 12.2 have trouble with these, so nothing is asserted:
// g++ 15 does not destroy what a structured binding holds when the frame dies
// (PR 124584), and touches a frame that was destroyed by its own await_suspend
// (PR 121961). The library never does the latter.
constexpr table_row only_printed[] = {
    {"auto [a, b] = co_await f(), then another await",
     [](event& gate) -> task<bool> {
       event set;
       set.set();
       auto [first, second] = co_await two(set);
       const int number = co_await passes(gate, 0);
       co_return sum(first, second) + number == 3;
     }},
    {"a frame that its own await_suspend destroys",
     [](event& gate) -> task<bool> {
       auto dies = [](tracked kept, bool& went_on) -> dies_suspending {
         tracked local{kept.number()};
         co_await destroys_caller(local.number());
         went_on = true;
       };
       bool went_on = false;
       dies(tracked{3}, went_on);
       const int number = co_await passes(gate, 3);
       co_return number == 3 && !went_on;
     }},
};
// spellings: on
}  // namespace

TEST_CASE("compiler table: choices between awaited results, known failures of g++ 12.2") {
  test::check_known_failures(known_failures);
}
TEST_CASE("compiler table: other uses of an awaited result are safe") { test::check_safe(safe); }
TEST_CASE("compiler table: spellings that newer compilers have trouble with can be tried") {
  for (const table_row& row : only_printed) test::run_row(row);
}
