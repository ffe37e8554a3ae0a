// SPDX-License-Identifier: MIT
#include <ringrpc/ring/uring_options.hpp>

#include <type_traits>

#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/ring/uring_backend.hpp>

#include <doctest/doctest.h>

using namespace ringrpc;

static_assert(frame_safe<uring_options>);
static_assert(std::is_aggregate_v<uring_options>);

TEST_CASE("uring_options: the defaults are the documented ones") {
  constexpr uring_options defaults;
  CHECK(defaults.submissions == 256);
  CHECK(defaults.completions == 1024);
  CHECK(defaults.buffers == 64);
  CHECK(defaults.buffer_bytes == 16 * 1024);
  CHECK(defaults.buffer_ring);
  CHECK(defaults.defer_task_work);
}

TEST_CASE("uring_options: sizes that the kernel would refuse are brought into its range") {
  for (unsigned submissions : {0u, 1u, 3u, 1'000'000u}) {
    for (unsigned completions : {0u, 2u, 10'000'000u}) {
      CAPTURE(submissions);
      CAPTURE(completions);
      CHECK_NOTHROW(uring_backend(
          uring_options{.submissions = submissions, .completions = completions}));
    }
  }
}
