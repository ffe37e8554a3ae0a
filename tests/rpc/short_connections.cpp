// SPDX-License-Identifier: MIT
//
// Thousands of clients that come, call once and go, while their descriptors' numbers are
// used again and again; clients that are refused, that vanish at once or half way
// through, and that meet nobody. The failure of others: descriptors that are closed
// under an armed read, so that the peer sees no end, or somebody else's bytes.
// Not covered here: idle timeouts of connections, which the library does not have yet.
#include <ringrpc/rpc/channel.hpp>
#include <ringrpc/rpc/server.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "../transport/private_directory.hpp"
#include "far_server.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
constexpr int short_connections = 2000;
#else
constexpr int short_connections = 10'000;
#endif

/// How many descriptors this process has, that of the count included.
std::ptrdiff_t descriptors() {
  return std::distance(std::filesystem::directory_iterator{"/proc/self/fd"},
                       std::filesystem::directory_iterator{});
}
/// The number that the next descriptor gets: it grows where one is lost.
int next_descriptor() { return test::stream_socket().get(); }

file_descriptor connected_to(const std::string& path) {
  const socket_address address = unix_socket_address(path);
  file_descriptor made = test::stream_socket();
  test::check(::connect(made.get(), address.data(), address.size()), "connect");
  return made;
}
int connect_error(const std::string& path) {
  const socket_address address = unix_socket_address(path);
  const file_descriptor made = test::stream_socket();
  return ::connect(made.get(), address.data(), address.size()) == 0 ? 0 : errno;
}

/// What the clients of a test share.
struct crowd {
  ring& home;
  std::string path;
  int calls = 0;  ///< still to make
  int right = 0;
};
/// Connects, calls and goes, until all calls are made; every third time without a word.
task<> come_and_go(crowd& in) {
  std::string target = "unix:" + in.path;
  while (in.calls > 0) {
    const int number = --in.calls;
    std::optional<channel> to{std::in_place, in.home, target};
    const bool right = co_await call_numbered(*to, static_cast<std::size_t>(number));
    if (right) ++in.right;
    if (number % 3 != 0) co_await to->close();
  }
}
/// Lets the server see what its clients did, until it has no connection any more.
task<bool> server_is_empty(server& of) {
  const environment& here = co_await this_environment();
  while (of.connections() > 0 && !here.stop.stop_requested()) co_await settle(1);
  const server_counters left = of.counters();
  co_return left.connections == 0 && left.calls == 0 && left.held_bytes == 0 &&
      left.queued_bytes == 0;
}

peer_policy nobody() {
  return allow::when("nobody", [](const peer_info&) { return false; });
}

/// Runs `body(ring, server, path)` with a server that listens at `path`, and sees to it
/// that neither a connection nor a descriptor is left.
template <class Body>
void with_server(const test::mode& how, Body body, const server_options& limits = {},
                 const peer_policy& allowed = allow::same_user()) {
  CAPTURE(std::string{how.name});
  const private_directory place;
  const std::string path = place / "s";
  log_texts.clear();
  ring_options options = how.options();
  options.log = &keep_log;
  ring home{std::move(options)};
  const std::ptrdiff_t before = descriptors();
  const int next_before = next_descriptor();
  {
    server serving{home, limits};
    serve_calls(serving);
    serving.listen(unix_socket{path}.policy(allowed));
    home.run([](ring& on, server& of, std::string where, Body inside) -> task<> {
      co_await inside(on, of, where);
      const bool empty = co_await server_is_empty(of);
      CHECK(empty);
      co_await of.close();
    }(home, serving, path, body));
  }
  CHECK(home.kernel().in_flight() == 0);
  CHECK(connect_error(path) == ENOENT);
  CHECK(descriptors() == before);
  CHECK(next_descriptor() == next_before);
}
}  // namespace

TEST_CASE("short connections: thousands of clients come, call once and go, and nothing is left") {
  for (const test::mode& how : {test::modes[0], test::modes[1]}) {
    const int calls = how.always_arm ? short_connections / 10 : short_connections;
    with_server(how, [calls](ring& on, server& serving, std::string path) -> task<> {
      const environment& here = co_await this_environment();
      const std::ptrdiff_t before = descriptors();
      const int next_before = next_descriptor();
      for (const int clients : {1, 8}) {
        crowd all{on, path, calls / 2};
        task_scope scope{here};
        for (int i = 0; i < clients; ++i) scope.spawn(come_and_go(all));
        co_await scope.join();
        CHECK(all.right == calls / 2);
        const bool empty = co_await server_is_empty(serving);
        CHECK(empty);
        co_await settle();  // a client that was not closed
        CHECK(descriptors() == before);
        CHECK(next_descriptor() == next_before);
      }
    });
  }
}

TEST_CASE("short connections: clients that drop call and channel at any moment leave nothing") {
  for (const test::mode& how : test::modes) {
    with_server(how, [](ring& on, server&, std::string path) -> task<> {
      const std::string target = "unix:" + path;
      const std::string request = pattern(100);
      for (int cycle = 0; cycle < 300; ++cycle) {
        channel to{on, target};
        std::optional<unary_call<std::string>> unanswered{to.call<silent>(request)};
        auto both = to.call<chat>();
        co_await settle(cycle % 12);  // anywhere between connect and the handlers
        if (cycle % 2 == 0) unanswered.reset();
      }
    });
  }
}

TEST_CASE("short connections: strangers that say nothing, half of it or nonsense leave nothing") {
  for (const test::mode& how : test::modes) {
    with_server(how, [](ring& on, server&, std::string path) -> task<> {
      const std::string preface{http2::client_preface};
      const std::string words[] = {"", preface.substr(0, 9), preface, "GET / HTTP/1.1\r\n\r\n",
                                   preface + std::string(400, '\xff')};
      channel to{on, "unix:" + path};
      for (int cycle = 0; cycle < 300; ++cycle) {
        file_descriptor stranger = connected_to(path);
        test::put(stranger.get(), words[cycle % 5]);
        if (cycle % 4 == 1) ::shutdown(stranger.get(), SHUT_WR);
        co_await settle(cycle % 7);
        if (cycle % 4 == 2) static_cast<void>(test::drained(stranger.get()));
        stranger.reset();  // else with unread bytes
        const bool right = co_await call_numbered(to, static_cast<std::size_t>(cycle));
        CHECK(right);
      }
      co_await to.close();
    });
  }
}

TEST_CASE("short connections: who is refused sees the end at once, every time") {
  for (const test::mode& how : test::modes) {
    const auto body = [](ring& on, server& serving, std::string path) -> task<> {
      const std::string target = "unix:" + path;
      const std::string request = "x";
      const std::ptrdiff_t before = descriptors();
      for (int cycle = 0; cycle < 300; ++cycle) {
        if (cycle % 2 == 0) {
          channel to{on, target};
          const result<std::string> reply = co_await to.call<unary>(request);
          CHECK(reply.status().code() == status_code::unavailable);
        } else {
          const file_descriptor stranger = connected_to(path);
          const std::string said = co_await test::read_once(on, stranger.get());
          CHECK(said.empty());
        }
        CHECK(serving.connections() == 0);
        co_await settle(3);
        CHECK(descriptors() == before);
      }
    };
    with_server(how, body, {}, nobody());
  }
}

TEST_CASE("short connections: a channel that meets nobody fails at once and keeps no descriptor") {
  const private_directory place;
  const std::string stale = place / "stale";
  test::listener_at(unix_socket_address(stale)).reset();
  REQUIRE(connect_error(stale) == ECONNREFUSED);
  ring home{test::modes.front().options()};
  home.run([](ring& on, std::string nobody, std::string nothing) -> task<> {
    const std::string request = "x";
    const std::ptrdiff_t before = descriptors();
    for (int cycle = 0; cycle < 500; ++cycle) {
      channel to{on, "unix:" + (cycle % 2 == 0 ? nobody : nothing)};
      const result<std::string> reply = co_await to.call<unary>(request);
      CHECK(reply.status().code() == status_code::unavailable);
      if (cycle % 3 == 0) co_await to.close();
    }
    co_await settle(3);
    CHECK(descriptors() == before);
  }(home, stale, place / "nothing"));
}

TEST_CASE("short connections: a server that closes ends them all, and no more can be made") {
  for (const test::mode& how : test::modes) {
    server_options options;
    options.connection.drain_time = 10ms;
    with_server(how, [](ring& on, server& serving, std::string path) -> task<> {
      const environment& here = co_await this_environment();
      task_scope strangers{here};
      int ended = 0;
      std::vector<channel> clients;
      for (int i = 0; i < 20; ++i) {
        strangers.spawn([](ring& home, std::string where, bool greets, int& ends) -> task<> {
          const file_descriptor stranger = connected_to(where);
          if (greets) test::put(stranger.get(), http2::client_preface);
          const std::string heard = co_await test::read_all(home, stranger.get(), 10'000);
          if (heard.size() < 10'000) ++ends;
        }(on, path, i % 2 == 0, ended));
        clients.emplace_back(on, "unix:" + path);
        const bool right = co_await call_numbered(clients.back(), static_cast<std::size_t>(i));
        CHECK(right);
      }
      co_await serving.close();
      CHECK(connect_error(path) == ENOENT);
      co_await strangers.join();
      CHECK(ended == 20);
      const std::string request = "x";
      for (channel& to : clients) {
        const result<std::string> reply = co_await to.call<unary>(request);
        CHECK(reply.status().code() == status_code::unavailable);
        co_await to.close();
      }
    }, options);
  }
}
}  // namespace ringrpc::testing
