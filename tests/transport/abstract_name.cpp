// SPDX-License-Identifier: MIT
#include <ringrpc/transport/abstract_name.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace ringrpc;

TEST_CASE("abstract_name: a text and its name turn into each other") {
  std::string all;
  for (int byte = 0; byte < 100; ++byte) all += static_cast<char>(byte * 7);
  const auto back = parse_abstract_name(abstract_name_text(all));
  REQUIRE(back);
  CHECK(*back == all);
  CHECK(abstract_name_text("a b%\x7f") == "a%20b%25%7F");
}

TEST_CASE("abstract_name: the kernel's form ends with the name, without a NUL (field report C6)") {
  const socket_address made = abstract_socket_address("foo");
  CHECK(made.size() == offsetof(::sockaddr_un, sun_path) + 4);
  ::sockaddr_un seen{};
  std::memcpy(&seen, made.data(), made.size());
  CHECK(seen.sun_family == AF_UNIX);
  CHECK(std::string(seen.sun_path, 4) == std::string("\0foo", 4));
}
