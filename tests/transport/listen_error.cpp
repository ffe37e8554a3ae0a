// SPDX-License-Identifier: MIT
#include <ringrpc/transport/listen_error.hpp>

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <system_error>

using namespace ringrpc;

TEST_CASE("listen_error: the text names the address and goes on with the reason") {
  const listen_error error{"unix:/run/x.sock", "it is busy; stop it",
                           std::make_error_code(std::errc::address_in_use)};
  CHECK(std::string{error.what()} == "cannot listen on unix:/run/x.sock: it is busy; stop it");
  CHECK(error.code() == std::errc::address_in_use);
}
