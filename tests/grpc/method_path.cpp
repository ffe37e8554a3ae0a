// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/method_path.hpp>

#include <doctest/doctest.h>

using namespace ringrpc;

TEST_CASE("wire rule 2: a path is the service and the method, in their case") {
  struct row {
    std::string_view path, service, method;
  };
  for (const row& r :
       {row{"/demo.Greeter/SayHello", "demo.Greeter", "SayHello"}, row{"/S/M", "S", "M"},
        row{"/s/m", "s", "m"}, row{"/a.b.C/d_e", "a.b.C", "d_e"},
        row{"/prefix/a.B/C", "prefix/a.B", "C"}, row{"//M", "/", "M"}}) {
    CAPTURE(r.path);
    const auto parsed = parse_method_path(r.path);
    if (r.path == "//M") {
      CHECK_FALSE(parsed);
      continue;
    }
    REQUIRE(parsed);
    CHECK(parsed->service == r.service);
    CHECK(parsed->method == r.method);
  }
}

TEST_CASE("wire rule 5: a path without two slashes or without both names is no method") {
  for (std::string_view path :
       {"", "/", "//", "///", "S/M", "S", "/S", "/S/", "//M", "*", "S/M/"}) {
    CAPTURE(path);
    CHECK_FALSE(parse_method_path(path));
  }
}
