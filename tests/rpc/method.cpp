// SPDX-License-Identifier: MIT
#include <ringrpc/rpc/method.hpp>

#include <string>
#include <type_traits>

#include <doctest/doctest.h>

using namespace ringrpc;

namespace {
using one = unary_method<"/a.b.S/One", std::string, std::string>;
using down = server_streaming_method<"/a.b.S/Down", std::string, std::string>;
using up = client_streaming_method<"/a.b.S/Up", std::string, std::string>;
using both = bidi_streaming_method<"/a.b.S/Both", std::string, std::string>;
}  // namespace

static_assert(rpc_method<one> && rpc_method<down> && rpc_method<up> && rpc_method<both>);
static_assert(!rpc_method<std::string>);
static_assert(one::kind == method_kind::unary && down::kind == method_kind::server_streaming &&
              up::kind == method_kind::client_streaming &&
              both::kind == method_kind::bidi_streaming);
static_assert(std::is_same_v<one::request_type, std::string>);
static_assert(generated_code_version == 1);

TEST_CASE("a method says its path as it goes over the wire") {
  CHECK(one::path == "/a.b.S/One");
  CHECK(both::path == "/a.b.S/Both");
}

TEST_CASE("a path has the form /service/method, both names not empty, printable") {
  CHECK(detail::is_method_path("/S/M"));
  CHECK(detail::is_method_path("/a.b.S/M"));
  for (const char* wrong : {"", "/", "//", "/S", "/S/", "//M", "S/M", "/S/M/", "/S /M", "/S/M\n"}) {
    CAPTURE(wrong);
    CHECK_FALSE(detail::is_method_path(wrong));
  }
}
