// SPDX-License-Identifier: MIT
#include <ringrpc/ring/ring_options.hpp>

#include <chrono>
#include <memory>
#include <type_traits>
#include <utility>

#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/uring_backend.hpp>

#include <doctest/doctest.h>

using namespace ringrpc;
using namespace std::chrono_literals;

static_assert(std::is_aggregate_v<ring_options>);

TEST_CASE("ring_options: the defaults are the documented ones") {
  const ring_options defaults;
  CHECK((defaults.log == &log_to_stderr));
  CHECK(defaults.busy_poll == 100us);
  CHECK_FALSE(defaults.always_arm);
  CHECK(defaults.submissions == 256);
  CHECK(defaults.completions == 1024);
  CHECK(defaults.kernel == nullptr);
}

TEST_CASE("ring_options: can be written in place, and a null sink is the default one") {
  ring on{{.log = nullptr, .busy_poll = 0us, .always_arm = true, .submissions = 8}};
  CHECK(on.always_arm());
  CHECK(on.kernel().kind() == backend_kind::io_uring);
  on.log(log_level::debug, "not shown");
}

TEST_CASE("ring_options: the kernel of the options is the ring's") {
  auto kernel = std::make_unique<uring_backend>();
  backend* const given = kernel.get();
  ring_options options;
  options.kernel = std::move(kernel);
  ring on{std::move(options)};
  CHECK(&on.kernel() == given);
}
