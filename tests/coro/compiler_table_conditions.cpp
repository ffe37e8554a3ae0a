// SPDX-License-Identifier: MIT
//
// Conditions with an await in them, in coroutines that declare no local at the top
// level of their body; and the spellings that avoid it.
#include <ringrpc/coro/task.hpp>

#include <utility>

#include <ringrpc/coro/event.hpp>

#include <doctest/doctest.h>

#include "compiler_table.hpp"

using namespace ringrpc;
using test::count_turn;
using test::passes;
using test::passes_bool;
using test::table_row;
using test::tracked;

namespace {
/// True three times.
task<bool> three_times(event& gate, int& turns) {
  count_turn();
  const bool set = co_await gate.wait();
  co_return set&& turns++ < 3;
}
/// A message three times, then null, as a stream's read.
task<int*> read(event& gate, int& turns) {
  count_turn();
  const bool set = co_await gate.wait();
  int* message = nullptr;
  if (set && turns++ < 3) message = &turns;
  co_return message;
}

// The bodies on trial are these; the rows below have locals.
// spellings: off
task<int> bare_if(event& gate) {
  if (co_await passes_bool(gate, true)) co_return 3;
  co_return 0;
}
task<int> bare_if_false(event& gate) {
  if (co_await passes_bool(gate, false)) co_return 0;
  co_return 3;
}
task<int> bare_if_else(event& gate) {
  if (co_await passes_bool(gate, false)) {
    co_return 0;
  } else {
    co_return 3;
  }
}
task<int> bare_if_with_parameter(event& gate, tracked kept) {
  if (co_await passes_bool(gate, true)) co_return kept.number();
  co_return 0;
}
task<int> bare_switch(event& gate) {
  switch (co_await passes(gate, 2)) {
    case 1:
      co_return 0;
    case 2:
      co_return 3;
    default:
      co_return 0;
  }
}
task<int> bare_while(event& gate, int& turns) {
  while (co_await three_times(gate, turns)) {
  }
  co_return turns - 1;
}
task<int> bare_do_while(event& gate, int& turns) {
  do {
    count_turn();
  } while (co_await three_times(gate, turns));
  co_return turns - 1;
}
task<int> bare_for(event& gate, int& turns) {
  for (; co_await three_times(gate, turns);) {
  }
  co_return turns - 1;
}
task<int> bare_if_in_for(event& gate, int& turns) {
  for (;;) {
    if (co_await three_times(gate, turns)) continue;
    co_return turns - 1;
  }
}
task<int> bare_if_in_try(event& gate) {
  try {
    if (co_await passes_bool(gate, true)) co_return 3;
  } catch (...) {
    co_return 1;
  }
  co_return 0;
}
task<int> bare_if_event(event& gate) {
  if (co_await gate.wait()) co_return 3;
  co_return 0;
}

task<int> local_then_if(event& gate) {
  int result = 0;
  if (co_await passes_bool(gate, true)) result = 3;
  co_return result;
}
task<int> local_then_while(event& gate, int& turns) {
  int result = 0;
  while (co_await three_times(gate, turns)) ++result;
  co_return result;
}
task<int> local_after_if(event& gate) {
  if (co_await passes_bool(gate, false)) co_return 0;
  const int result = co_await passes(gate, 3);
  co_return result;
}
task<int> inner_local_then_if(event& gate) {
  {
    int result = 3;
    if (co_await passes_bool(gate, true)) co_return result;
  }
  co_return 0;
}
task<int> straight(event& gate) { co_return co_await passes(gate, 3); }
task<int> straight_in_try(event& gate) {
  try {
    co_return co_await passes(gate, 3);
  } catch (...) {
    co_return 1;
  }
}
task<int> local_of_for(event& gate) {
  for (int i = 0; i < 3; ++i) {
    count_turn();
    if (co_await passes_bool(gate, i == 2)) co_return 3;
  }
  co_return 0;
}
task<int> plain_if(event& gate, bool flag) {
  if (flag) co_return co_await passes(gate, 3);
  co_return co_await passes(gate, 4);
}
task<int> plain_while(event& gate, int left) {
  while (left > 0) {
    count_turn();
    left -= co_await passes(gate, 1);
  }
  co_return left + 3;
}
task<int> plain_switch(event& gate, int which) {
  switch (which) {
    case 1:
      co_return co_await passes(gate, 3);
    default:
      co_return 0;
  }
}
task<int> plain_choice(event& gate, bool flag) { co_return co_await passes(gate, flag ? 3 : 4); }
task<int> named_in_if(event& gate) {
  if (bool set = co_await passes_bool(gate, true)) co_return set ? 3 : 0;
  co_return 0;
}
task<int> named_before_condition(event& gate) {
  if (bool set = co_await passes_bool(gate, true); set) co_return 3;
  co_return 0;
}
task<int> named_then_if(event& gate) {
  const bool set = co_await passes_bool(gate, true);
  if (!set) co_return 0;
  co_return 3;
}
task<int> named_then_switch(event& gate) {
  const int got = co_await passes(gate, 2);
  switch (got) {
    case 2:
      co_return 3;
    default:
      co_return 0;
  }
}
task<int> named_in_while(event& gate, int& turns) {
  while (int* message = co_await read(gate, turns)) {
    if (*message > 3) co_return 0;
  }
  co_return turns - 1;
}
task<int> named_in_loop(event& gate, int& turns) {
  for (;;) {
    const bool more = co_await three_times(gate, turns);
    if (!more) break;
  }
  co_return turns - 1;
}

constexpr table_row known_failures[] = {
    {"{ if (co_await f()) ...; co_return ...; }",
     [](event& gate) -> task<bool> {
       const int got = co_await bare_if(gate);
       co_return got == 3;
     }},
    {"{ if (co_await f()) ...; co_return ...; }, false",
     [](event& gate) -> task<bool> {
       const int got = co_await bare_if_false(gate);
       co_return got == 3;
     }},
    {"{ if (co_await f()) ... else ... }",
     [](event& gate) -> task<bool> {
       const int got = co_await bare_if_else(gate);
       co_return got == 3;
     }},
    {"{ if (co_await f()) ...; }, with a parameter by value",
     [](event& gate) -> task<bool> {
       const int got = co_await bare_if_with_parameter(gate, tracked{3});
       co_return got == 3;
     }},
    {"{ switch (co_await f()) ... }",
     [](event& gate) -> task<bool> {
       const int got = co_await bare_switch(gate);
       co_return got == 3;
     }},
    {"{ while (co_await f()) ...; }",
     [](event& gate) -> task<bool> {
       int turns = 0;
       const int got = co_await bare_while(gate, turns);
       co_return got == 3;
     }},
    {"{ do ... while (co_await f()); }",
     [](event& gate) -> task<bool> {
       int turns = 0;
       const int got = co_await bare_do_while(gate, turns);
       co_return got == 3;
     }},
    {"{ for (; co_await f();) ... }",
     [](event& gate) -> task<bool> {
       int turns = 0;
       const int got = co_await bare_for(gate, turns);
       co_return got == 3;
     }},
    {"{ for (;;) if (co_await f()) ... }",
     [](event& gate) -> task<bool> {
       int turns = 0;
       const int got = co_await bare_if_in_for(gate, turns);
       co_return got == 3;
     }},
    {"{ try { if (co_await f()) ... } catch ... }",
     [](event& gate) -> task<bool> {
       const int got = co_await bare_if_in_try(gate);
       co_return got == 3;
     }},
    {"{ if (co_await event.wait()) ... }",
     [](event& gate) -> task<bool> {
       const int got = co_await bare_if_event(gate);
       co_return got == 3;
     }},
};

constexpr table_row safe[] = {
    {"{ int x; if (co_await f()) ... }, a local first",
     [](event& gate) -> task<bool> {
       const int got = co_await local_then_if(gate);
       co_return got == 3;
     }},
    {"{ int x; while (co_await f()) ... }, a local first",
     [](event& gate) -> task<bool> {
       int turns = 0;
       const int got = co_await local_then_while(gate, turns);
       co_return got == 3;
     }},
    {"{ if (co_await f()) ...; int x; ... }, a local that comes later",
     [](event& gate) -> task<bool> {
       const int got = co_await local_after_if(gate);
       co_return got == 3;
     }},
    {"{ { int x; if (co_await f()) ... } }, a local in an inner block",
     [](event& gate) -> task<bool> {
       const int got = co_await inner_local_then_if(gate);
       co_return got == 3;
     }},
    {"{ co_return co_await f(); }",
     [](event& gate) -> task<bool> {
       const int got = co_await straight(gate);
       co_return got == 3;
     }},
    {"{ try { co_return co_await f(); } catch ... }",
     [](event& gate) -> task<bool> {
       const int got = co_await straight_in_try(gate);
       co_return got == 3;
     }},
    {"{ for (int i = 0; ...) if (co_await f()) ... }, a local of the loop",
     [](event& gate) -> task<bool> {
       const int got = co_await local_of_for(gate);
       co_return got == 3;
     }},
    {"{ if (x) co_return co_await f(); ... }, a condition without an await",
     [](event& gate) -> task<bool> {
       const int got = co_await plain_if(gate, true);
       const int other = co_await plain_if(gate, false);
       co_return got == 3 && other == 4;
     }},
    {"{ while (x) x -= co_await f(); }",
     [](event& gate) -> task<bool> {
       const int got = co_await plain_while(gate, 3);
       co_return got == 3;
     }},
    {"{ switch (x) { case 1: co_return co_await f(); } }",
     [](event& gate) -> task<bool> {
       const int got = co_await plain_switch(gate, 1);
       co_return got == 3;
     }},
    {"{ co_return co_await f(x ? 3 : 4); }",
     [](event& gate) -> task<bool> {
       const int got = co_await plain_choice(gate, true);
       co_return got == 3;
     }},
    {"{ if (bool x = co_await f()) ... }",
     [](event& gate) -> task<bool> {
       const int got = co_await named_in_if(gate);
       co_return got == 3;
     }},
    {"{ if (bool x = co_await f(); x) ... }",
     [](event& gate) -> task<bool> {
       const int got = co_await named_before_condition(gate);
       co_return got == 3;
     }},
    {"{ bool x = co_await f(); if (!x) ... }",
     [](event& gate) -> task<bool> {
       const int got = co_await named_then_if(gate);
       co_return got == 3;
     }},
    {"{ int x = co_await f(); switch (x) ... }",
     [](event& gate) -> task<bool> {
       const int got = co_await named_then_switch(gate);
       co_return got == 3;
     }},
    {"{ while (T* m = co_await read()) ... }",
     [](event& gate) -> task<bool> {
       int turns = 0;
       const int got = co_await named_in_while(gate, turns);
       co_return got == 3;
     }},
    {"{ for (;;) { bool x = co_await f(); if (!x) break; } }",
     [](event& gate) -> task<bool> {
       int turns = 0;
       const int got = co_await named_in_loop(gate, turns);
       co_return got == 3;
     }},
};
// spellings: on
}  // namespace

TEST_CASE("compiler table: conditions without a local, known failures of g++ 12.2") {
  test::check_known_failures(known_failures);
}
TEST_CASE("compiler table: a condition on a name, or after a local, is safe") {
  test::check_safe(safe);
}
