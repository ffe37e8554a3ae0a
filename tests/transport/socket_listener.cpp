// SPDX-License-Identifier: MIT
//
// Connections over TCP and abstract sockets: who accepted whom, what both read, and how it
// ends. (Those over socket files are in unix_listener.cpp.)
#include <ringrpc/transport/socket_listener.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <string>
#include <utility>

#include <ringrpc/transport/listen_socket.hpp>
#include <ringrpc/transport/socket_connector.hpp>

#include "beds.hpp"
#include "loopback.hpp"

using namespace ringrpc;

namespace {
/// An abstract name of this process alone.
std::string own_name() { return "unix-abstract:ringrpc-test-" + std::to_string(::getpid()); }
socket_connector to(const std::string& text) { return socket_connector{*parse_address(text)}; }

task<std::string> exchange(unix_stream& from, unix_stream& into) {
  std::string text = "hello";
  const ::iovec part{text.data(), text.size()};
  const std::span<const ::iovec> parts{&part, 1};
  const io_result<std::size_t> sent = co_await from.write_some(parts);
  CHECK(sent);
  std::string got(100, '\0');
  const io_result<std::size_t> read =
      co_await into.read_some(std::as_writable_bytes(std::span{got}));
  REQUIRE(read);
  got.resize(*read);
  co_return got;
}
task<> talk(ring& home, listen_socket where, bool knows_peers) {
  socket_listener listening = where.open(home);
  const socket_connector by = to(listening.text());
  const connect_context context{.home = &home};
  io_result<unix_stream> client = co_await by.connect(context);
  REQUIRE(client);
  io_result<accepted_socket> accepted = co_await listening.accept();
  REQUIRE(accepted);
  CHECK(accepted->peer().has_credentials() == knows_peers);
  io_result<unix_stream> served = co_await listening.establish(std::move(*accepted));
  REQUIRE(served);
  if (knows_peers) {
    CHECK(served->peer().uid() == ::geteuid());
    CHECK(served->peer().text().starts_with(listening.text() + " uid="));
  } else {
    // Where the client is, not where it came to.
    CHECK(served->peer().text().starts_with(listening.text().substr(0, 7)));
    CHECK(served->peer().text() != listening.text());
  }
  CHECK(client->peer().text().starts_with(listening.text()));
  const std::string up = co_await exchange(*client, *served);
  CHECK(up == "hello");
  const std::string down = co_await exchange(*served, *client);
  CHECK(down == "hello");
  listening.stop();
  const io_result<accepted_socket> none = co_await listening.accept();
  CHECK(none.error() == std::errc::operation_canceled);
  const io_result<unix_stream> refused = co_await by.connect(context);
  CHECK(refused.error() == std::errc::connection_refused);
  co_await client->close();
  co_await served->close();
}
}  // namespace

TEST_CASE("socket_listener: a client and a server over each kind of address") {
  for (const bool always_arm : {false, true}) {
    CAPTURE(always_arm);
    real_bed bed{always_arm};
    bed.loop.run(talk(bed.loop, listen_socket{own_name(), allow::same_user()}, true));
    bed.loop.run(talk(bed.loop, listen_socket{"ipv4:127.0.0.1:0", allow::anyone()}, false));
    if (!has_ipv6_loopback()) continue;
    bed.loop.run(talk(bed.loop, listen_socket{"ipv6:[::1]:0", allow::anyone()}, false));
  }
}

TEST_CASE("socket_listener: who is not allowed reads the end") {
  real_bed bed;
  bed.loop.run([](ring& home) -> task<> {
    // Nothing is known of a client of TCP.
    socket_listener listening =
        listen_socket{"ipv4:127.0.0.1:0", allow::same_user()}.open(home);
    const socket_connector by = to(listening.text());
    const connect_context context{.home = &home};
    io_result<unix_stream> client = co_await by.connect(context);
    REQUIRE(client);
    io_result<accepted_socket> accepted = co_await listening.accept();
    REQUIRE(accepted);
    const io_result<unix_stream> served = co_await listening.establish(std::move(*accepted));
    CHECK(served.error() == transport_error::peer_refused);
    std::byte byte{};
    const std::span<std::byte> room{&byte, 1};
    const io_result<std::size_t> read = co_await client->read_some(room);
    REQUIRE(read);
    CHECK(*read == 0);
    co_await client->close();
  }(bed.loop));
}

TEST_CASE("socket_listener: the abstract name is free again when the listener is gone") {
  real_bed bed;
  const listen_socket where{own_name(), allow::same_user()};
  { const socket_listener first = where.open(bed.loop); }
  const socket_listener second = where.open(bed.loop);
  CHECK(second.text() == own_name());
}
