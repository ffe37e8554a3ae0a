// SPDX-License-Identifier: MIT
#include <ringrpc/transport/socket_connector.hpp>

#include <doctest/doctest.h>
#include <netinet/tcp.h>

#include <chrono>
#include <optional>
#include <string>

#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/transport/listen_socket.hpp>

#include "beds.hpp"

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {
io_result<unix_stream> connect_once(ring& home, socket_connector by) {
  const connect_context context{.home = &home};
  return home.run(by.connect(context));
}
}  // namespace

TEST_CASE("socket_connector: nobody who listens is ECONNREFUSED") {
  real_bed bed;
  std::string taken;
  {
    const socket_listener once = listen_socket{"ipv4:127.0.0.1:0", allow::anyone()}.open(bed.loop);
    taken = once.text();
  }
  CHECK(connect_once(bed.loop, socket_connector{*parse_address(taken)}).error() ==
        std::errc::connection_refused);
  CHECK(connect_once(bed.loop, socket_connector{*parse_address("@ringrpc-nobody-listens")})
            .error() == std::errc::connection_refused);
}

TEST_CASE("socket_connector: a server that is not trusted is left before a byte is said") {
  real_bed bed;
  const std::string name = "unix-abstract:ringrpc-trust-" + std::to_string(::getpid());
  const socket_listener listening = listen_socket{name, allow::anyone()}.open(bed.loop);
  const peer_policy nobody = allow::when("nobody", [](const peer_info&) { return false; });
  CHECK(connect_once(bed.loop, socket_connector{*parse_address(name), nobody}).error() ==
        transport_error::server_refused);
  CHECK(connect_once(bed.loop, socket_connector{*parse_address(name)}));
}

TEST_CASE("socket_connector: small frames of TCP leave at once") {
  real_bed bed;
  const socket_listener listening =
      listen_socket{"ipv4:127.0.0.1:0", allow::anyone()}.open(bed.loop);
  const auto made = connect_once(bed.loop, socket_connector{*parse_address(listening.text())});
  REQUIRE(made);
  int on = 0;
  ::socklen_t bytes = sizeof on;
  REQUIRE(::getsockopt(made->native_socket(), IPPROTO_TCP, TCP_NODELAY, &on, &bytes) == 0);
  CHECK(on != 0);
}

TEST_CASE("socket_connector: a stop ends the wait for a server that does not answer") {
  real_bed bed;
  bed.loop.run([](ring& home) -> task<> {
    // A full accept queue: TCP drops what comes then, and connect(2) waits.
    socket_listener listening =
        listen_socket{"ipv4:127.0.0.1:0", allow::anyone()}.backlog(0).open(home);
    const socket_connector by{*parse_address(listening.text())};
    const connect_context context{.home = &home};
    io_result<unix_stream> first = co_await by.connect(context);
    CHECK(first);
    const environment& here = co_await this_environment();
    task_scope waiting{here};
    std::optional<std::error_code> outcome;
    waiting.spawn([](const socket_connector& with, const connect_context& in,
                     std::optional<std::error_code>& to) -> task<> {
      io_result<unix_stream> second = co_await with.connect(in);
      to = second ? std::error_code{} : second.error();
    }(by, context, outcome));
    co_await let_others_run();
    CHECK_FALSE(outcome);
    waiting.request_stop();
    co_await waiting.join();
    REQUIRE(outcome);
    CHECK(*outcome == std::errc::operation_canceled);
    if (first) co_await first->close();
  }(bed.loop));
}

TEST_CASE("socket_connector: a simulated ring has no such sockets") {
  simulated_bed bed{1};
  CHECK(connect_once(bed.loop, socket_connector{*parse_address("@x")}).error() ==
        transport_error::needs_kernel);
}
