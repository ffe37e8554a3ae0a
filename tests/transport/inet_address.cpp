// SPDX-License-Identifier: MIT
#include <ringrpc/transport/inet_address.hpp>

#include <doctest/doctest.h>

using namespace ringrpc;

TEST_CASE("inet_address: ports are decimal and at most 65535") {
  CHECK(parse_port("0") == 0);
  CHECK(parse_port("65535") == 65535);
  for (const char* text : {"", "65536", "-1", "+1", " 1", "1 ", "0x1", "1e3"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_port(text));
  }
}

TEST_CASE("inet_address: addresses turn into text and back") {
  CHECK(inet_text(*ipv4_address("127.0.0.1", 80)) == "ipv4:127.0.0.1:80");
  CHECK(inet_text(*ipv6_address("::1", 65535)) == "ipv6:[::1]:65535");
  CHECK_FALSE(ipv4_address("::1", 80));
  CHECK_FALSE(ipv6_address("127.0.0.1", 80));
  CHECK_FALSE(ipv4_address("localhost", 80));
  CHECK(inet_text(socket_address{}) == "inet");
}
