// SPDX-License-Identifier: MIT
//
// Runs a test by many seeds, and says which one failed, whatever way it failed:
// a check, an exception, a signal, a sanitizer.
//
// One seed is replayed by the environment variable RINGRPC_SEED, decimal or with
// 0x; every for_each_seed of the process then runs that seed only:
//
//     RINGRPC_SEED=4711 build/tests/test_ring --test-case='*mix of reads*'
#pragma once

#include <doctest/doctest.h>

#include <signal.h>

#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include <ringrpc/base/fatal.hpp>

// There only in programs that a sanitizer is linked to.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*)());

namespace ringrpc::testing {
/// The value of RINGRPC_SEED; nothing where it is not set. Ends the process where
/// it is no number.
inline std::optional<std::uint64_t> seed_to_replay() {
  const char* text = std::getenv("RINGRPC_SEED");
  if (text == nullptr || *text == '\0') return std::nullopt;
  char* end = nullptr;
  errno = 0;
  const std::uint64_t seed = std::strtoull(text, &end, 0);
  if (errno != 0 || *end != '\0') fatal("RINGRPC_SEED is no number; write one such as 17 or 0x11");
  return seed;
}

namespace detail {
inline constinit std::optional<std::uint64_t> seed_under_test;

inline void report_seed_of_death() {
  if (!seed_under_test) return;
  std::fprintf(stderr, "test case \"%s\": replay with RINGRPC_SEED=%" PRIu64 "\n",
               doctest::getContextOptions()->currentTest->m_name, *seed_under_test);
}

/// While it lives, a signal or a sanitizer that ends the process reports the seed;
/// doctest would not.
class seed_reporter {
public:
  seed_reporter() {
    if (__sanitizer_set_death_callback != nullptr) {
      __sanitizer_set_death_callback(&report_seed_of_death);
    }
    struct ::sigaction action {};
    action.sa_handler = &on_signal;
    action.sa_flags = SA_ONSTACK;  // doctest has made one
    for (std::size_t i = 0; i < count; ++i) ::sigaction(signals[i], &action, &before[i]);
  }
  seed_reporter(const seed_reporter&) = delete;
  seed_reporter& operator=(const seed_reporter&) = delete;
  ~seed_reporter() {
    seed_under_test.reset();
    restore();
  }

private:
  static constexpr std::size_t count = 5;
  static constexpr int signals[count] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
  static inline struct ::sigaction before[count];

  static void restore() {
    for (std::size_t i = 0; i < count; ++i) ::sigaction(signals[i], &before[i], nullptr);
  }
  static void on_signal(int number) {
    report_seed_of_death();
    restore();
    std::raise(number);
  }
};
}  // namespace detail

/// Calls `body(seed)` for `first`, `first` + 1, ... , `count` times, or once with
/// the seed to replay. A failed CHECK names its seed and the next seed follows; a
/// failed REQUIRE, an exception or a crash names it and ends the test case.
template <class Body> void for_each_seed(std::uint64_t first, std::uint64_t count, Body body) {
  if (const std::optional<std::uint64_t> only = seed_to_replay()) {
    first = *only;
    count = 1;
  }
  const detail::seed_reporter reporter;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = first + i;
    detail::seed_under_test = seed;
    INFO("replay with RINGRPC_SEED=", seed);
    body(seed);
  }
}
}  // namespace ringrpc::testing
