// SPDX-License-Identifier: MIT
#include <ringrpc/ring/file_descriptor.hpp>

#include <fcntl.h>

#include <type_traits>
#include <utility>

#include <doctest/doctest.h>

using namespace ringrpc;

static_assert(!std::is_copy_constructible_v<file_descriptor>);
static_assert(std::is_nothrow_move_constructible_v<file_descriptor>);
static_assert(std::is_nothrow_move_assignable_v<file_descriptor>);

namespace {
int open_one() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
}  // namespace

TEST_CASE("file_descriptor: closes what it owns when it dies") {
  const int fd = open_one();
  {
    file_descriptor owner{fd};
    CHECK(owner);
    CHECK(owner.get() == fd);
    CHECK(is_open(fd));
  }
  CHECK_FALSE(is_open(fd));
}

TEST_CASE("file_descriptor: owns nothing when made of nothing or of a negative number") {
  CHECK_FALSE(file_descriptor{});
  file_descriptor failed{-13};
  CHECK_FALSE(failed);
  CHECK(failed.get() == -1);
}

TEST_CASE("file_descriptor: 0 is a descriptor") {
  file_descriptor owner{0};
  CHECK(owner);
  CHECK(owner.release() == 0);
}

TEST_CASE("file_descriptor: a move hands over and closes what the target had") {
  const int first = open_one();
  const int second = open_one();
  file_descriptor one{first};
  file_descriptor two{second};
  two = std::move(one);
  CHECK(two.get() == first);
  CHECK_FALSE(is_open(second));
  file_descriptor three{std::move(two)};
  CHECK(three.get() == first);
  CHECK(is_open(first));
  file_descriptor& same = three;
  three = std::move(same);
  CHECK(three.get() == first);
}

TEST_CASE("file_descriptor: release gives up, reset replaces") {
  const int fd = open_one();
  file_descriptor owner{fd};
  CHECK(owner.release() == fd);
  CHECK_FALSE(owner);
  owner.reset(fd);
  const int other = open_one();
  owner.reset(other);
  CHECK_FALSE(is_open(fd));
  owner.reset();
  CHECK_FALSE(is_open(other));
}
