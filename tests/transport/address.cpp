// SPDX-License-Identifier: MIT
#include <ringrpc/transport/address.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace ringrpc;

namespace {
/// The path of a good address.
std::string path_of(std::string_view text) {
  const auto parsed = parse_address(text);
  return parsed ? parsed->path() : "ERROR " + parsed.error();
}
/// What is wrong with a bad one.
std::string problem(std::string_view text) {
  const auto parsed = parse_address(text);
  return parsed ? "no error: " + parsed->path() : parsed.error();
}
}  // namespace

TEST_CASE("address: all spellings of gRPC naming give the path (rule 45)") {
  struct row {
    const char* text;
    const char* path;
  };
  for (const row& spelling : {
           row{"unix:rel", "rel"},
           row{"unix:rel/x.sock", "rel/x.sock"},
           row{"unix:./x", "./x"},
           row{"unix:../x", "../x"},
           row{"unix:/abs/x", "/abs/x"},
           row{"unix:///abs/x", "/abs/x"},
           row{"unix:////x", "//x"},
           row{"/abs/x", "/abs/x"},
           row{"//x", "//x"},
           row{"./x", "./x"},
           row{"unix:a:b", "a:b"},
           row{"/a:b", "/a:b"},
           row{"unix:/a%20b?c#d", "/a%20b?c#d"},
       }) {
    CAPTURE(spelling.text);
    CHECK(path_of(spelling.text) == spelling.path);
  }
}

TEST_CASE("address: the usual form of a text has one slash at most after the scheme") {
  CHECK(parse_address("unix:///run/x")->text() == "unix:/run/x");
  CHECK(parse_address("/run/x")->text() == "unix:/run/x");
  CHECK(parse_address("./x")->text() == "unix:./x");
  CHECK(parse_address("unix:x")->text() == "unix:x");
  CHECK(*parse_address("unix:///run/x") == *parse_address("/run/x"));
}

TEST_CASE("address: an empty text is refused") {
  CHECK(problem("") == "address is empty; write unix:/path/to/socket");
}

TEST_CASE("address: a scheme without a path is refused") {
  for (const char* text : {"unix:", "unix://"}) {
    CAPTURE(text);
    CHECK(problem(text) == "socket path is empty; write /path/to/socket");
  }
}

TEST_CASE("address: an authority in front of a path is refused and left out of the remedy") {
  CHECK(problem("unix://host/p") ==
        "address \"unix://host/p\" has the authority \"host\", and a socket path has none; "
        "write unix:///host/p for an absolute path");
  CHECK(problem("unix://run") ==
        "address \"unix://run\" has the authority \"run\", and a socket path has none; "
        "write unix:///run for an absolute path");
}

TEST_CASE("address: schemes that come later are refused as not supported by this version") {
  for (const std::string scheme :
       {"unix-abstract", "vsock", "ipv4", "ipv6", "dns", "fd", "memory"}) {
    const std::string text = scheme + ":3:4";
    CHECK(problem(text) == "address \"" + text + "\" has the scheme \"" + scheme +
                               "\", which is not supported by this version; "
                               "write unix:/path/to/socket");
  }
}

TEST_CASE("address: an unknown scheme is refused, a host with a port included") {
  CHECK(problem("localhost:50051") ==
        "address \"localhost:50051\" has the scheme \"localhost\", which is unknown; "
        "write unix:/path/to/socket");
  CHECK(
      problem("UNIX:/x") ==
      "address \"UNIX:/x\" has the scheme \"UNIX\", which is unknown; write unix:/path/to/socket");
  CHECK(problem(":/x") ==
        "address \":/x\" has the scheme \"\", which is unknown; write unix:/path/to/socket");
}

TEST_CASE("address: a bare relative name is refused, for it may be meant as a host") {
  CHECK(problem("x.sock") ==
        "address \"x.sock\" has no scheme; write unix:x.sock for a socket file of that name");
}

TEST_CASE("address: a path that is too long is refused with its length") {
  const std::string limit = " bytes, the limit is 107 (sockaddr_un); use a shorter directory";
  CHECK(problem("unix:" + std::string(112, 'x')) == "socket path has 112" + limit);
  CHECK(problem("/" + std::string(107, 'x')) == "socket path has 108" + limit);
  CHECK(problem("unix:///" + std::string(107, 'x')) == "socket path has 108" + limit);
  CHECK(path_of("unix:///" + std::string(106, 'x')).size() == 107);
}

TEST_CASE("address: a NUL is refused") {
  CHECK(problem(std::string_view{"unix:/a\0b", 9}) ==
        "address has a NUL at byte 7; write unix:/path/to/socket");
}

TEST_CASE("address: a directory is refused") {
  CHECK(problem("unix:/run/") ==
        "socket path /run/ names a directory; add the name of the socket file");
}

TEST_CASE("address: a long text is cut in the message") {
  const std::string text = "dns:" + std::string(5000, 'x');
  CHECK(problem(text).size() < 400);
  CHECK(problem(text).find("\"...") != std::string::npos);
  CHECK(problem(std::string(5000, 'x')).size() < 400);
}
