// SPDX-License-Identifier: MIT
#include <ringrpc/coro/environment.hpp>

#include <type_traits>

#include <ringrpc/coro/task.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;

namespace {
task<const environment*> address_of_environment() {
  const environment& here = co_await this_environment();
  co_return &here;
}

task<const environment*> address_in_child() {
  const environment* of_child = co_await address_of_environment();
  co_return of_child;
}

task<bool> token_is(stop_token wanted) {
  const environment& here = co_await this_environment();
  co_return here.stop == wanted;
}

struct no_environment_promise {};
}  // namespace

static_assert(has_environment<task<>::promise_type>);
static_assert(has_environment<task<int>::promise_type>);
static_assert(!has_environment<no_environment_promise>);
static_assert(std::is_trivially_destructible_v<environment>);

TEST_CASE("environment: a default one has neither queue nor ring, and is never stopped") {
  environment nowhere;
  CHECK(nowhere.queue == nullptr);
  CHECK(nowhere.home == nullptr);
  CHECK_FALSE(nowhere.stop.stop_possible());
}

TEST_CASE("this_environment: is the one that the task was started in, not a copy") {
  test::loop here;
  test::started<const environment*> running{here, address_of_environment()};
  CHECK(running.finish() == &here.where);
}

TEST_CASE("this_environment: a child has its parent's") {
  test::loop here;
  test::started<const environment*> running{here, address_in_child()};
  CHECK(running.finish() == &here.where);
}

TEST_CASE("this_environment: has the stop token of who started the task") {
  test::loop here;
  test::started<bool> running{here, token_is(here.stop.token())};
  CHECK(running.finish());
}

TEST_CASE("this_environment: does not suspend") {
  test::loop here;
  test::started<const environment*> running{here, address_in_child()};
  CHECK(running.ended());
  CHECK(here.queue.empty());
  CHECK(running.take() == &here.where);
}
