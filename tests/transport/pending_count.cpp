// SPDX-License-Identifier: MIT
#include <ringrpc/transport/pending_count.hpp>

#include <doctest/doctest.h>

#include <optional>

#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/task_scope.hpp>

#include "beds.hpp"

using namespace ringrpc;

namespace {
task<> note(pending_count& counted, bool& none) {
  co_await counted.wait_for_none();
  none = true;
}
task<> waits_for_the_last() {
  const environment& here = co_await this_environment();
  pending_count counted;
  task_scope scope{here};
  bool none = false;
  std::optional<pending_count::entry> first{std::in_place, counted};
  std::optional<pending_count::entry> second{std::in_place, counted};
  scope.spawn(note(counted, none));
  co_await let_others_run();
  CHECK_FALSE(none);
  first.reset();
  co_await let_others_run();
  CHECK_FALSE(none);
  scope.request_stop();
  co_await let_others_run();
  CHECK_FALSE(none);
  second.reset();
  co_await scope.join();
  CHECK(none);
}
task<> begins_again() {
  const environment& here = co_await this_environment();
  pending_count counted;
  task_scope scope{here};
  bool none = false;
  co_await counted.wait_for_none();
  std::optional<pending_count::entry> first{std::in_place, counted};
  scope.spawn(note(counted, none));
  first.reset();
  first.emplace(counted);  // before who waits has run
  co_await let_others_run();
  CHECK_FALSE(none);
  first.reset();
  co_await scope.join();
  CHECK(none);
}
}  // namespace

TEST_CASE("pending_count: the wait ends with the last entry, whatever the stop token says") {
  real_bed bed;
  bed.loop.run(waits_for_the_last());
}

TEST_CASE("pending_count: an entry that comes before the wait goes on is waited for, too") {
  real_bed bed;
  bed.loop.run(begins_again());
}
