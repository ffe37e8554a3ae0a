// SPDX-License-Identifier: MIT
#include <ringrpc/transport/listen_socket.hpp>

#include <doctest/doctest.h>

#include <string>

#include "beds.hpp"
#include "private_directory.hpp"

using namespace ringrpc;

namespace {
std::string problem(const std::string& text) {
  real_bed bed;
  return text_thrown_by([&] {
    const socket_listener made = listen_socket{text, allow::anyone()}.open(bed.loop);
  });
}
}  // namespace

TEST_CASE("listen_socket: port 0 is a free one, and the listener tells which") {
  real_bed bed;
  const listen_socket where{"ipv4:127.0.0.1:0", allow::anyone()};
  const socket_listener first = where.open(bed.loop);
  const socket_listener second = where.open(bed.loop);
  CHECK(first.text().starts_with("ipv4:127.0.0.1:"));
  CHECK_FALSE(first.text().ends_with(":0"));
  CHECK(first.text() != second.text());
}

TEST_CASE("listen_socket: what cannot be listened on is refused with the reason") {
  CHECK(problem("ipv4:127.0.0.1") ==
        "cannot listen on ipv4:127.0.0.1: address \"ipv4:127.0.0.1\" is not ipv4:ADDRESS:PORT");
  CHECK(problem("unix:/tmp/x") ==
        "cannot listen on unix:/tmp/x: it is a socket file; listen on a unix_socket, which sees "
        "to the file");
  // TEST-NET-1 (RFC 5737): no address of this machine.
  CHECK(problem("ipv4:192.0.2.1:1") ==
        "cannot listen on ipv4:192.0.2.1:1: cannot bind: Cannot assign requested address");
}

TEST_CASE("listen_socket: an address that is taken is refused with the remedy") {
  real_bed bed;
  const socket_listener taken =
      listen_socket{"ipv4:127.0.0.1:0", allow::anyone()}.open(bed.loop);
  CHECK(problem(taken.text()) == "cannot listen on " + taken.text() +
                                     ": cannot bind: Address already in use; stop who listens "
                                     "there, or choose another one");
}

TEST_CASE("listen_socket: a simulated ring has no such sockets") {
  simulated_bed bed{1};
  CHECK(text_thrown_by([&] {
          const socket_listener made =
              listen_socket{"@x", allow::same_user()}.open(bed.loop);
        }).starts_with("cannot listen on @x: "));
}
