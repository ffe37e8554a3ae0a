// SPDX-License-Identifier: MIT
#include <ringrpc/transport/transport_error.hpp>

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <system_error>

using namespace ringrpc;

TEST_CASE("transport_error: each value has a text of its own that says what to do about it") {
  const auto text = [](transport_error error) { return std::error_code{error}.message(); };
  CHECK(text(transport_error::peer_refused) == "the listener's policy does not allow this peer");
  CHECK(text(transport_error::server_refused) ==
        "the server runs as a user that is not trusted; nothing was sent to it "
        "(by default it must be this process's user or root)");
  CHECK(text(transport_error::accept_queue_full) ==
        "accept queue full until the deadline: the server does not accept connections fast enough");
  CHECK(text(transport_error::needs_kernel) ==
        "Unix sockets with a path need the kernel and this ring is simulated; use memory_transport "
        "or socket_pair");
}

TEST_CASE("transport_error: a value that is none of ours is shown as its number") {
  CHECK(transport_category().message(77) == "unknown transport error 77");
}

TEST_CASE("transport_error: codes compare with the enumeration and carry the category") {
  const std::error_code code = transport_error::peer_refused;
  CHECK(code == transport_error::peer_refused);
  CHECK(code != transport_error::server_refused);
  CHECK(&code.category() == &transport_category());
  CHECK(std::string{code.category().name()} == "ringrpc.transport");
  CHECK(code != std::error_code{code.value(), std::system_category()});
}
