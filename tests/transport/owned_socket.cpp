// SPDX-License-Identifier: MIT
#include <ringrpc/transport/owned_socket.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <utility>

#include "beds.hpp"

using namespace ringrpc;

namespace {
/// Two connected sockets of a simulated kernel, which knows what is open.
struct pair_of_sockets {
  pair_of_sockets() { REQUIRE(bed.loop.kernel().socket_pair(ends) == 0); }
  std::size_t open() const { return bed.kernel.open_descriptors(); }
  simulated_bed bed{1};
  int ends[2] = {-1, -1};
};
}  // namespace

TEST_CASE("owned_socket: it closes with the ring's kernel, once") {
  pair_of_sockets made;
  std::optional<owned_socket> first{std::in_place, made.bed.loop, made.ends[0]};
  owned_socket second{made.bed.loop, made.ends[1]};
  CHECK(first->get() == made.ends[0]);
  CHECK(&first->home() == &made.bed.loop);
  CHECK(made.open() == 2);
  first.reset();
  CHECK(made.open() == 1);
  second.close();
  CHECK(made.open() == 0);
  CHECK_FALSE(second);
  CHECK(second.get() == -1);
  second.close();
  second.shutdown();
}

TEST_CASE("owned_socket: moving hands over, and assignment closes what was there") {
  pair_of_sockets made;
  owned_socket first{made.bed.loop, made.ends[0]};
  owned_socket second{made.bed.loop, made.ends[1]};
  owned_socket moved{std::move(first)};
  CHECK(moved.get() == made.ends[0]);
  CHECK(made.open() == 2);
  moved = std::move(second);
  CHECK(moved.get() == made.ends[1]);
  CHECK(made.open() == 1);
}

TEST_CASE("owned_socket: a shutdown ends the stream for the peer and keeps the descriptor") {
  pair_of_sockets made;
  owned_socket first{made.bed.loop, made.ends[0]};
  const owned_socket second{made.bed.loop, made.ends[1]};
  first.shutdown();
  std::byte into[1];
  int got = -EAGAIN;  // which this kernel says at will
  for (int i = 0; i < 1000 && got == -EAGAIN; ++i) {
    got = made.bed.loop.kernel().try_recv(second.get(), into);
  }
  CHECK(got == 0);
  CHECK(made.open() == 2);
}

TEST_CASE("owned_socket: one that owns nothing does nothing") {
  owned_socket none;
  CHECK_FALSE(none);
  CHECK(none.get() == -1);
  none.shutdown();
  none.close();
}
