// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/user_agent.hpp>

#include <string>

#include <doctest/doctest.h>

using namespace ringrpc;

TEST_CASE("wire rule 51: user-agent names gRPC, the language, the variant and the version") {
  CHECK(user_agent == "grpc-c++-ringrpc/" + std::string{version_text});
  CHECK(make_user_agent("").value() == user_agent);
}

TEST_CASE("wire rule 51: an application names itself first") {
  CHECK(make_user_agent("frontend/2.1").value() == "frontend/2.1 " + std::string{user_agent});
  CHECK(make_user_agent("a b (c)").value() == "a b (c) " + std::string{user_agent});
}

TEST_CASE("user_agent: a name that cannot stand in a header field is refused") {
  for (std::string_view name : {" a", "a ", " ", "a\nb", "a\tb", "gr\xc3\xbc\xc3\x9f", "\x7f"}) {
    CAPTURE(name);
    CHECK(make_user_agent(name).status().code() == status_code::internal);
  }
  CHECK_FALSE(make_user_agent(std::string_view{"a\0b", 3}));
}
