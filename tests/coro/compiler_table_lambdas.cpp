// SPDX-License-Identifier: MIT
//
// Lambdas inside an awaited expression, and coroutines that are lambdas.
#include <ringrpc/coro/task.hpp>

#include <functional>
#include <memory>
#include <utility>

#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/coro/when_all.hpp>

#include <doctest/doctest.h>

#include "compiler_table.hpp"

using namespace ringrpc;
using test::passes;
using test::table_row;
using test::tracked;

namespace {
template <class Function> task<int> calls(event& gate, Function function) {
  const bool set = co_await gate.wait();
  co_return set ? function() : -1;
}
template <class Function> task<int> calls_const(event& gate, const Function& function) {
  const bool set = co_await gate.wait();
  co_return set ? function() : -1;
}
template <class Function> task<int> calls_rvalue(event& gate, Function&& function) {
  const bool set = co_await gate.wait();
  co_return set ? function() : -1;
}
task<int> calls_erased(event& gate, std::function<int()> function) {
  const bool set = co_await gate.wait();
  co_return set ? function() : -1;
}

// spellings: off
constexpr table_row known_failures[] = {
    {"f([x] {...}), a lambda that captures an object by value",
     [](event& gate) -> task<bool> {
       tracked named{3};
       const int got = co_await calls(gate, [named] { return named.number(); });
       co_return got == 3;
     }},
    {"f([x] {...}) by const&",
     [](event& gate) -> task<bool> {
       tracked named{3};
       const int got = co_await calls_const(gate, [named] { return named.number(); });
       co_return got == 3;
     }},
    {"f([x] {...}) by &&",
     [](event& gate) -> task<bool> {
       tracked named{3};
       const int got = co_await calls_rvalue(gate, [named] { return named.number(); });
       co_return got == 3;
     }},
    {"f([y = std::move(x)] {...})",
     [](event& gate) -> task<bool> {
       tracked named{3};
       const int got = co_await calls(gate, [moved = std::move(named)] { return moved.number(); });
       co_return got == 3;
     }},
    {"f([x] {...}) for a parameter std::function",
     [](event& gate) -> task<bool> {
       tracked named{3};
       const int got = co_await calls_erased(gate, [named] { return named.number(); });
       co_return got == 3;
     }},
    {"f([p] {...}), p a std::shared_ptr, whose use count is wrong then",
     [](event& gate) -> task<bool> {
       auto shared = std::make_shared<int>(3);
       const std::shared_ptr<int> one_more = shared;  // so that a wrong count frees nothing
       const std::shared_ptr<int> and_one = shared;
       const int got = co_await calls(gate, [shared] { return *shared; });
       co_return got == 3 && shared.use_count() == 3;
     }},
    {"co_await [x]() -> task<T> {...}(), invoked at once",
     [](event& gate) -> task<bool> {
       tracked named{3};
       const int got = co_await [named](event& at) -> task<int> {
         const bool set = co_await at.wait();
         co_return set ? named.number() : -1;
       }(gate);
       co_return got == 3;
     }},
};

constexpr table_row safe[] = {
    {"auto l = [x] {...}; f(std::move(l))",
     [](event& gate) -> task<bool> {
       tracked named{3};
       auto lambda = [moved = std::move(named)] { return moved.number(); };
       const int got = co_await calls(gate, std::move(lambda));
       co_return got == 3;
     }},
    {"auto l = [x] {...}; f(l)",
     [](event& gate) -> task<bool> {
       tracked named{3};
       auto lambda = [named] { return named.number(); };
       const int got = co_await calls(gate, lambda);
       const int again = co_await calls_const(gate, lambda);
       co_return got == 3 && again == 3;
     }},
    {"auto l = [x] {...}; f(std::move(l)) for a parameter std::function",
     [](event& gate) -> task<bool> {
       tracked named{3};
       auto lambda = [named] { return named.number(); };
       const int got = co_await calls_erased(gate, std::move(lambda));
       co_return got == 3;
     }},
    {"auto t = f([x] {...}); co_await std::move(t)",
     [](event& gate) -> task<bool> {
       tracked named{3};
       auto later = calls(gate, [named] { return named.number(); });
       const int got = co_await std::move(later);
       co_return got == 3;
     }},
    {"f([&] {...}), f([&x] {...}), f([p] {...}) with a pointer, f([n] {...}) with a number",
     [](event& gate) -> task<bool> {
       tracked named{3};
       const tracked* pointer = &named;
       int number = 3;
       const int all = co_await calls(gate, [&] { return named.number(); });
       const int one = co_await calls(gate, [&named] { return named.number(); });
       const int by_pointer = co_await calls(gate, [pointer] { return pointer->number(); });
       const int by_value = co_await calls(gate, [number] { return number; });
       co_return all == 3 && one == 3 && by_pointer == 3 && by_value == 3;
     }},
    {"f([] {...}), which captures nothing",
     [](event& gate) -> task<bool> {
       const int got = co_await calls(gate, [] { return 3; });
       co_return got == 3;
     }},
    {"co_await [](T x) -> task<U> {...}(x), with its state as parameters",
     [](event& gate) -> task<bool> {
       const int got = co_await [](event& at, tracked kept) -> task<int> {
         const bool set = co_await at.wait();
         co_return set ? kept.number() : -1;
       }(gate, tracked{3});
       co_return got == 3;
     }},
    {"auto l = [x](...) -> task<T> {...}, kept alive, co_await l(...): a handler",
     [](event& gate) -> task<bool> {
       tracked named{3};
       auto handler = [kept = std::move(named)](event& at, tracked request) -> task<int> {
         const bool set = co_await at.wait();
         co_return set ? kept.number() + request.number() : -1;
       };
       const int first = co_await handler(gate, tracked{1});
       const int second = co_await handler(gate, tracked{2});
       co_return first == 4 && second == 5;
     }},
    {"scope.spawn([](T x) -> task<> {...}(x)), when nothing is awaited there",
     [](event& gate) -> task<bool> {
       const environment& here = co_await this_environment();
       // A scope must be joined: the tasks of this one end at once.
       int sum = 0;
       task_scope scope{here};
       scope.spawn([](int& into, tracked kept) -> task<> {
         into += kept.number();
         co_return;
       }(sum, tracked{1}));
       scope.spawn([](int& into, tracked kept) -> task<> {
         into += kept.number();
         co_return;
       }(sum, tracked{2}));
       co_await scope.join();
       const int got = co_await passes(gate, sum);
       co_return got == 3;
     }},
    {"co_await when_all(f(T(a)), g(T(b)))",
     [](event& gate) -> task<bool> {
       auto keeps = [](event& at, tracked kept) -> task<tracked> {
         const bool set = co_await at.wait();
         co_return tracked{set ? kept.number() : -1};
       };
       auto both = co_await when_all(keeps(gate, tracked{1}), keeps(gate, tracked{2}));
       co_return std::get<0>(both).number() + std::get<1>(both).number() == 3;
     }},
};
// spellings: on
}  // namespace

TEST_CASE("compiler table: lambdas in an awaited expression, known failures of g++ 12.2") {
  test::check_known_failures(known_failures);
}
TEST_CASE("compiler table: lambdas with names, or without objects, are safe") {
  test::check_safe(safe);
}
