// SPDX-License-Identifier: MIT
#include <ringrpc/ring/socket_address.hpp>

#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include <doctest/doctest.h>

#include "../coro/support.hpp"

using namespace ringrpc;

TEST_CASE("socket_address: an empty one has no family and no size") {
  const socket_address none;
  CHECK(none.family() == AF_UNSPEC);
  CHECK(none.size() == 0);
}

TEST_CASE("socket_address: keeps the bytes and the length of an address") {
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "/run/x.sock");
  const socket_address kept{&address, 20};
  CHECK(kept.family() == AF_UNIX);
  CHECK(kept.size() == 20);
  CHECK(std::memcmp(kept.data(), &address, 20) == 0);
  const ::sockaddr_in other{.sin_family = AF_INET, .sin_port = 80, .sin_addr = {}, .sin_zero = {}};
  CHECK(socket_address{&other, sizeof other}.family() == AF_INET);
}

TEST_CASE("socket_address: more bytes than any address has end the process") {
  CHECK(test::dies_saying("larger than sockaddr_storage", [] {
    std::array<char, 1000> bytes{};
    socket_address too_large{bytes.data(), static_cast<::socklen_t>(bytes.size())};
  }));
}
