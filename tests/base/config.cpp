// SPDX-License-Identifier: MIT
#include <ringrpc/base/config.hpp>

#include <string_view>

#include <doctest/doctest.h>

// That units with different switches do not link is tested in tests/grpc/switches.

#define RINGRPC_TEST_TEXT_OF(token) #token
#define RINGRPC_TEST_TEXT(token) RINGRPC_TEST_TEXT_OF(token)

namespace ringrpc::inline RINGRPC_ABI {
inline constexpr int something_that_depends_on_a_switch = 1;
}

TEST_CASE("config: the name of the inline namespace says which switches are on") {
  CHECK((RINGRPC_WITH_ZLIB == 0 || RINGRPC_WITH_ZLIB == 1));
  const std::string_view expected = RINGRPC_WITH_ZLIB == 1 ? "abi_z1" : "abi_z0";
  CHECK(std::string_view{RINGRPC_TEST_TEXT(RINGRPC_ABI)} == expected);
}

TEST_CASE("config: users do not write the inline namespace") {
  CHECK(ringrpc::something_that_depends_on_a_switch == 1);
  CHECK(&ringrpc::something_that_depends_on_a_switch ==
        &ringrpc::RINGRPC_ABI::something_that_depends_on_a_switch);
}
