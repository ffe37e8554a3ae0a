// SPDX-License-Identifier: MIT
//
// How the compiler at hand treats a spelling in a coroutine. A row is a small
// coroutine that awaits something at a gate, with payloads that count. It runs
// three times, each time in a child process: through an open gate, through one
// that opens later, and destroyed before the gate. Nobody looks at what a crash
// prints.
//
// g++ 12.2 is what Debian 12 has, and what it does wrong is recorded: the suite
// fails when a recorded row comes out differently there, and elsewhere only prints
// it. So a new compiler shows what it has repaired. A safe spelling must be safe
// everywhere. Calls have a table of their own, tests/rpc/compiler_table_calls.cpp.
// Not covered here: when_any, queues and builders of messages, which the library does not
// have yet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/frame_pool.hpp>
#include <ringrpc/coro/task.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

namespace ringrpc::test {
struct table_row {
  const char* name;
  task<bool> (*body)(event& gate);  // true: the values were right
};

enum class outcome { fine, wrong_value, wrong_count, endless, crash };

inline const char* text_of(outcome what) {
  constexpr std::array texts{"ok", "wrong value", "lifetimes", "endless", "crash"};
  return texts[static_cast<std::size_t>(what)];
}

/// Ends the child, whose exit code tells its parent; a sanitizer's is 1.
[[noreturn]] inline void exit_with(outcome what) { ::_exit(40 + static_cast<int>(what)); }
inline outcome outcome_of(const child_end& end) {
  if (end.signal == SIGXCPU || end.signal == SIGKILL) return outcome::endless;
  if (end.signal != 0) return outcome::crash;
  if (end.code == 0) return outcome::fine;
  if (end.code > 40 && end.code < 40 + static_cast<int>(outcome::crash)) {
    return static_cast<outcome>(end.code - 40);
  }
  return outcome::crash;
}

/// Ends the child when a loop that should turn three times has turned a thousand.
inline void count_turn() {
  static int turns = 0;
  if (++turns > 1000) exit_with(outcome::endless);
}

/// Fills the memory that the next frames come from: what a compiler forgets to
/// initialise is then never zero by chance. (Under AddressSanitizer malloc does that.)
inline void dirty_frames() {
  if (!detail::frames_are_pooled) return;
  constexpr std::size_t each = 8;
  for (std::size_t bytes = 64; bytes <= 4096; bytes += 64) {
    std::array<void*, each> frames;
    for (void*& frame : frames) {
      frame = detail::allocate_frame(bytes);
      std::memset(frame, 0xbe, bytes);
    }
    for (void* frame : frames) detail::release_frame(frame, bytes);
  }
}

enum class gate_is { open, opened_later, never_opened };

inline outcome run_row(const table_row& row, gate_is when) {
  const child_end end = in_child([&] {
    census counted;
    bool right = true;
    dirty_frames();
    {
      loop here;
      event gate;
      if (when == gate_is::open) gate.set();
      started<bool> running{here, row.body(gate)};
      if (when == gate_is::opened_later) gate.set();
      here.drain();
      if (running.ended()) {
        right = running.take();
      } else {
        right = when == gate_is::never_opened;
        running.destroy();
      }
    }
    if (!counted.balanced()) exit_with(outcome::wrong_count);
    if (!right) exit_with(outcome::wrong_value);
  });
  return outcome_of(end);
}

struct outcomes {
  outcome open, later, destroyed;
  bool fine() const {
    return open == outcome::fine && later == outcome::fine && destroyed == outcome::fine;
  }
};

inline outcomes run_row(const table_row& row) {
  const outcomes all{run_row(row, gate_is::open), run_row(row, gate_is::opened_later),
                     run_row(row, gate_is::never_opened)};
  if (all.open == all.later && all.later == all.destroyed) {
    std::printf("  %-70s %s\n", row.name, text_of(all.open));
  } else {
    std::printf("  %-70s at once: %s, later: %s, destroyed: %s\n", row.name, text_of(all.open),
                text_of(all.later), text_of(all.destroyed));
  }
  return all;
}

/// Whether the rows of known failures are about this compiler.
constexpr bool is_recorded_compiler() {
#if defined(__GNUC__) && !defined(__clang__)
  return __GNUC__ == 12 && __GNUC_MINOR__ == 2;
#else
  return false;
#endif
}

/// Spellings that g++ 12.2 miscompiles.
inline void check_known_failures(std::span<const table_row> rows) {
  for (const table_row& row : rows) {
    const std::string name = row.name;
    CAPTURE(name);
    const outcomes all = run_row(row);
    if (is_recorded_compiler()) CHECK_FALSE(all.fine());
  }
}
/// Spellings that are safe everywhere.
inline void check_safe(std::span<const table_row> rows) {
  for (const table_row& row : rows) {
    const std::string name = row.name;
    CAPTURE(name);
    const outcomes all = run_row(row);
    CHECK(all.fine());
  }
}

/// Awaited by the rows: suspends until the gate is open.
inline task<int> passes(event& gate, int number) {
  const bool set = co_await gate.wait();
  co_return set ? number : -1;
}
/// The same, with a result that counts.
inline task<tracked> passes_tracked(event& gate, int number) {
  const bool set = co_await gate.wait();
  co_return tracked{set ? number : -1};
}
inline task<bool> passes_bool(event& gate, bool value) {
  const bool set = co_await gate.wait();
  co_return set&& value;
}
}  // namespace ringrpc::test
