// SPDX-License-Identifier: MIT
#include <ringrpc/version.hpp>

#include <string>

#include <doctest/doctest.h>

TEST_CASE("version: the text is the three numbers joined by dots") {
  std::string joined = std::to_string(ringrpc::version_major) + '.' +
                       std::to_string(ringrpc::version_minor) + '.' +
                       std::to_string(ringrpc::version_patch);
  CHECK(ringrpc::version_text == joined);
}
