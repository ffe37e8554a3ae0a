// SPDX-License-Identifier: MIT
#include <ringrpc/transport/address.hpp>

#include <doctest/doctest.h>
#include <sys/un.h>

#include <cstddef>
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
  for (const std::string scheme : {"fd", "memory"}) {
    const std::string text = scheme + ":3:4";
    CHECK(problem(text) == "address \"" + text + "\" has the scheme \"" + scheme +
                               "\", which is not supported by this version; "
                               "write unix:/path/to/socket");
  }
}

TEST_CASE("address: abstract sockets in both spellings, with any byte (rule 45)") {
  struct row {
    const char* text;
    const char* usual;
    std::size_t name_bytes;
  };
  for (const row& one : {row{"unix-abstract:foo", "unix-abstract:foo", 3},
                         row{"@foo", "unix-abstract:foo", 3},
                         row{"unix-abstract:a%00b", "unix-abstract:a%00b", 3},
                         row{"unix-abstract:/run/x", "unix-abstract:/run/x", 6},
                         row{"unix-abstract:@x", "unix-abstract:@x", 2},
                         row{"unix-abstract:%25%2f", "unix-abstract:%25/", 2}}) {
    CAPTURE(one.text);
    const auto parsed = parse_address(one.text);
    REQUIRE(parsed);
    CHECK(parsed->kind() == address_kind::unix_abstract);
    CHECK(parsed->text() == one.usual);
    CHECK(parsed->to().family() == AF_UNIX);
    CHECK(parsed->to().size() == offsetof(::sockaddr_un, sun_path) + 1 + one.name_bytes);
    CHECK(parsed->path().empty());
  }
  CHECK(parse_address("unix-abstract:" + std::string(107, 'x')));
}

TEST_CASE("address: names of abstract sockets that cannot be are refused") {
  CHECK(problem("unix-abstract:") ==
        "the name of an abstract socket is empty; write unix-abstract:name");
  CHECK(problem("@") == "the name of an abstract socket is empty; write unix-abstract:name");
  CHECK(problem("unix-abstract:" + std::string(108, 'x')) ==
        "the name of an abstract socket has 108 bytes, the limit is 107 (sockaddr_un)");
  for (const char* text : {"@ab%", "@ab%4", "@ab%4g", "@ab%%41"}) {
    CAPTURE(text);
    CHECK(problem(text) == "the name of an abstract socket has a % at byte 2 without two "
                           "hexadecimal digits; write %25 for a percent sign");
  }
}

TEST_CASE("address: TCP by numbers, and localhost, which is looked up nowhere") {
  struct row {
    const char* text;
    const char* usual;
  };
  for (const row& one :
       {row{"ipv4:127.0.0.1:80", "ipv4:127.0.0.1:80"}, row{"ipv4:0.0.0.0:0", "ipv4:0.0.0.0:0"},
        row{"ipv6:[::1]:65535", "ipv6:[::1]:65535"},
        row{"ipv6:[0:0:0:0:0:0:0:1]:1", "ipv6:[::1]:1"},
        row{"dns:localhost:80", "ipv4:127.0.0.1:80"},
        row{"dns:///localhost:80", "ipv4:127.0.0.1:80"},
        row{"dns:ip6-localhost:80", "ipv6:[::1]:80"}, row{"dns:[::1]:80", "ipv6:[::1]:80"},
        row{"dns:10.0.0.1:80", "ipv4:10.0.0.1:80"}}) {
    CAPTURE(one.text);
    const auto parsed = parse_address(one.text);
    REQUIRE(parsed);
    CHECK(parsed->kind() == address_kind::inet);
    CHECK(parsed->text() == one.usual);
  }
}

TEST_CASE("address: what is wrong with an address of TCP is said") {
  struct row {
    const char* text;
    const char* why;
  };
  for (const row& one :
       {row{"ipv4:127.0.0.1", "is not ipv4:ADDRESS:PORT"},
        row{"ipv4:127.0.0.1:", "is not ipv4:ADDRESS:PORT"},
        row{"ipv4:127.0.0.1:65536", "is not ipv4:ADDRESS:PORT"},
        row{"ipv4:127.0.0.1:x", "is not ipv4:ADDRESS:PORT"},
        row{"ipv4:127.0.0.1:+1", "is not ipv4:ADDRESS:PORT"},
        row{"ipv4:host:80", "has the host \"host\", which is no IPv4 address"},
        row{"ipv4:127.1:80", "has the host \"127.1\", which is no IPv4 address"},
        row{"ipv6:::1:80", "is not ipv6:[ADDRESS]:PORT"},
        row{"ipv6:[::1]", "is not ipv6:[ADDRESS]:PORT"},
        row{"ipv6:[1.2.3.4]:80", "has the host \"[1.2.3.4]\", which is no IPv6 address"},
        row{"ipv4:1.2.3.4:80,5.6.7.8:80", "has several addresses; a channel connects to one"},
        row{"dns:localhost", "is not dns:HOST:PORT"},
        row{"dns:example.com:80", "has the host \"example.com\", and no names are looked up but "
                                  "localhost; write ipv4:ADDRESS:PORT"}}) {
    CAPTURE(one.text);
    CHECK(problem(one.text) == "address \"" + std::string{one.text} + "\" " + one.why);
  }
}

TEST_CASE("address: vsock by two numbers") {
  const auto parsed = parse_address("vsock:2:4294967295");
  REQUIRE(parsed);
  CHECK(parsed->kind() == address_kind::vsock);
  CHECK(parsed->text() == "vsock:2:4294967295");
  CHECK(parsed->to().family() == AF_VSOCK);
  for (const char* text : {"vsock:2", "vsock:2:", "vsock::2", "vsock:2:3:4", "vsock:-1:2",
                           "vsock:2:4294967296", "vsock:x:1"}) {
    CAPTURE(text);
    CHECK(problem(text) == "address \"" + std::string{text} +
                               "\" is not vsock:CID:PORT with two numbers below 2^32");
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
  const std::string text = "dns:" + std::string(5000, 'x') + ":80";
  CHECK(problem(text).size() < 600);
  CHECK(problem(text).find("\"...") != std::string::npos);
  CHECK(problem(std::string(5000, 'x')).size() < 400);
}
