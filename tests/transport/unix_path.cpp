// SPDX-License-Identifier: MIT
#include <ringrpc/transport/unix_path.hpp>

#include <doctest/doctest.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

using namespace ringrpc;

namespace {
std::string problem(std::string_view path) {
  const auto checked = check_unix_path(path);
  return checked ? "" : checked.error();
}
}  // namespace

TEST_CASE("unix_path: absolute and relative paths pass") {
  for (const char* path : {"/run/x.sock", "x", "./x", "../x", "a/b", "/x", "/run/.hidden", "a b",
                           "/run/x.sock/..y", "x:unix:"}) {
    CAPTURE(path);
    CHECK(problem(path) == "");
  }
}

TEST_CASE("unix_path: 107 bytes pass and 108 are refused with both numbers") {
  CHECK(problem(std::string(107, 'x')) == "");
  CHECK(problem(std::string(108, 'x')) ==
        "socket path has 108 bytes, the limit is 107 (sockaddr_un); use a shorter directory");
  CHECK(problem('/' + std::string(111, 'd')) ==
        "socket path has 112 bytes, the limit is 107 (sockaddr_un); use a shorter directory");
}

TEST_CASE("unix_path: an empty path is refused") {
  CHECK(problem("") == "socket path is empty; write /path/to/socket");
}

TEST_CASE("unix_path: a NUL is refused wherever it is") {
  CHECK(problem(std::string_view{"\0x", 2}) ==
        "socket path has a NUL at byte 0; a file's name cannot have one");
  CHECK(problem(std::string_view{"/run/x\0", 7}) ==
        "socket path has a NUL at byte 6; a file's name cannot have one");
}

TEST_CASE("unix_path: the name of a directory is refused") {
  for (const char* path : {"/", "/run/", "..", ".", "/run/..", "a/."}) {
    CAPTURE(path);
    CHECK(problem(path) == "socket path " + std::string{path} +
                               " names a directory; add the name of the socket file");
  }
}

TEST_CASE("unix_path: an address where a path belongs is refused") {
  CHECK(problem("unix:/run/x.sock") ==
        "socket path unix:/run/x.sock is an address; a path comes without `unix:`");
}

TEST_CASE("unix_path: the kernel's form ends with one NUL and counts it") {
  const socket_address address = unix_socket_address("/run/x.sock");
  ::sockaddr_un form{};
  REQUIRE(address.size() == offsetof(::sockaddr_un, sun_path) + 12);
  std::memcpy(&form, address.data(), address.size());
  CHECK(form.sun_family == AF_UNIX);
  CHECK(std::string{form.sun_path} == "/run/x.sock");
}

TEST_CASE("unix_path: the longest path fits the kernel's form") {
  const std::string path(unix_path_bytes_max, 'x');
  const socket_address address = unix_socket_address(path);
  REQUIRE(address.size() == sizeof(::sockaddr_un));
  ::sockaddr_un form{};
  std::memcpy(&form, address.data(), address.size());
  CHECK(std::string{form.sun_path} == path);
}
