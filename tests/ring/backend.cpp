// SPDX-License-Identifier: MIT
#include <ringrpc/ring/backend.hpp>

#include <type_traits>

#include <ringrpc/ring/uring_backend.hpp>

#include <doctest/doctest.h>

using namespace ringrpc;

static_assert(std::is_abstract_v<backend>);
static_assert(std::has_virtual_destructor_v<backend>);
static_assert(!std::is_copy_constructible_v<backend>);
static_assert(std::is_base_of_v<backend, uring_backend>);

TEST_CASE("backend: a socket pair is connected, and close closes") {
  uring_backend kernel;
  backend& on = kernel;
  int fds[2];
  REQUIRE(on.socket_pair(fds) == 0);
  CHECK(on.shutdown(fds[0]) == 0);
  on.close(fds[0]);
  on.close(fds[1]);
  CHECK(on.shutdown(fds[0]) < 0);
}
