// SPDX-License-Identifier: MIT
#include <ringrpc/transport/unix_stream.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>

#include <ringrpc/ring/ring.hpp>

#include "../support/seeds.hpp"
#include "beds.hpp"
#include "private_directory.hpp"
#include "stream_cases.hpp"

using namespace ringrpc;

namespace {
auto pairs_of(ring& home) {
  return [&home] {
    io_result<std::pair<unix_stream, unix_stream>> made = socket_pair(home);
    REQUIRE(made);
    return std::move(*made);
  };
}
int open_descriptors() {
  int count = 0;
  for (int fd = 0; fd < 256; ++fd) count += ::fcntl(fd, F_GETFD) != -1 ? 1 : 0;
  return count;
}
}  // namespace

TEST_CASE("unix_stream: it keeps the promises of a byte stream on io_uring") {
  const int before = open_descriptors();
  for (const bool always_arm : {false, true}) {
    CAPTURE(always_arm);
    real_bed bed{always_arm};
    bed.loop.run(stream_cases::all(pairs_of(bed.loop), 300'000, 2'000'000));
    CHECK(bed.loop.kernel().in_flight() == 0);
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("unix_stream: it keeps them on a simulated kernel, by seed") {
  testing::for_each_seed(1, 30, [](std::uint64_t seed) {
    simulated_bed bed{seed};
    bed.loop.run(stream_cases::all(pairs_of(bed.loop), 3'000, 300'000));
    CHECK(bed.loop.kernel().in_flight() == 0);
    CHECK(bed.kernel.open_descriptors() == 0);
  });
}

TEST_CASE("unix_stream: the peer of a socket pair is this process") {
  real_bed bed;
  const auto ends = socket_pair(bed.loop);
  REQUIRE(ends);
  CHECK(ends->first.peer().text() == "socketpair uid=" + std::to_string(::geteuid()) +
                                         " pid=" + std::to_string(::getpid()));
  CHECK(peer_of(ends->second).uid() == ::geteuid());
}

TEST_CASE("unix_stream: the native socket is a non-blocking one and stays the same") {
  real_bed bed;
  auto ends = socket_pair(bed.loop);
  REQUIRE(ends);
  const int fd = ends->first.native_socket();
  CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  const unix_stream moved = std::move(ends->first);
  CHECK(moved.native_socket() == fd);
}

TEST_CASE("unix_stream: assignment ends the stream that was there") {
  real_bed bed;
  auto one = socket_pair(bed.loop);
  auto two = socket_pair(bed.loop);
  REQUIRE(one);
  REQUIRE(two);
  one->first = std::move(two->first);
  const std::string at_old_peer = bed.loop.run(stream_cases::read_once(one->second));
  CHECK(at_old_peer == "END");
  CHECK_FALSE(bed.loop.run(stream_cases::write_all(one->first, "to the new peer")));
  CHECK(bed.loop.run(stream_cases::read_once(two->second)) == "to the new peer");
}

TEST_CASE("unix_stream: where no descriptor is left, socket_pair says so") {
  const int result = in_child([] {
    real_bed bed;
    const ::rlimit none{3, 3};
    if (::setrlimit(RLIMIT_NOFILE, &none) != 0) return 1;
    const auto ends = socket_pair(bed.loop);
    return !ends && ends.error() == std::errc::too_many_files_open ? 0 : 2;
  });
  CHECK(result == 0);
}
