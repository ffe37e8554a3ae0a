// SPDX-License-Identifier: MIT
#include <ringrpc/base/fixed_string.hpp>

#include <type_traits>

#include <doctest/doctest.h>

using namespace ringrpc;

namespace {
template <fixed_string Text> struct named { static constexpr std::string_view name = Text.view(); };
}  // namespace

TEST_CASE("fixed_string: a literal is a template argument, without its NUL") {
  CHECK(named<"/demo.Greeter/SayHello">::name == "/demo.Greeter/SayHello");
  CHECK(named<"">::name.empty());
  CHECK(named<"a\0b">::name == std::string_view{"a\0b", 3});
}

TEST_CASE("fixed_string: equal literals name one type, others do not") {
  CHECK(std::is_same_v<named<"/a/b">, named<"/a/b">>);
  CHECK_FALSE(std::is_same_v<named<"/a/b">, named<"/a/c">>);
  CHECK_FALSE(std::is_same_v<named<"/a/b">, named<"/a/b\0">>);
}
