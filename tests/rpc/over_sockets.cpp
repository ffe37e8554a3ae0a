// SPDX-License-Identifier: MIT
//
// Calls of each kind over the sockets that have no file, by the target texts that name them.
#include <string>
#include <utility>

#include <doctest/doctest.h>
#include <unistd.h>

#include "../transport/loopback.hpp"
#include "echo.hpp"

namespace ringrpc::testing {
namespace {
task<> call_each_kind(channel& calls) {
  const std::string large = pattern(300'000);
  const result<std::string> reply = co_await calls.call<unary>(large);
  REQUIRE(reply);
  CHECK(*reply == large);
  auto down = calls.call<download>("abcde");
  int count = 0;
  while (std::string* one = co_await down.read()) {
    CHECK(one->size() == static_cast<std::size_t>(++count));
  }
  CHECK(count == 5);
  const status down_end = co_await down.finish();
  CHECK(down_end.ok());
  auto up = calls.call<upload>();
  for (int i = 0; i < 3; ++i) {
    const bool queued = co_await up.write("x");
    CHECK(queued);
  }
  const result<std::string> joined = co_await up.finish();
  REQUIRE(joined);
  CHECK(*joined == "xxx");
  auto talk = calls.call<chat>();
  const bool queued = co_await talk.write(large);
  CHECK(queued);
  std::string* back = co_await talk.read();
  REQUIRE(back != nullptr);
  CHECK(*back == large);
  const status talk_end = co_await talk.finish();
  CHECK(talk_end.ok());
}

task<> serve_and_call(ring& home, listen_socket where, bool knows_peers) {
  server serving{home};
  serving.emplace<echo_service>();
  serving.handle<unary_method<"/test.Calls/Who", std::string, std::string>>(
      [](server_context& context, const std::string&) {
        return result<std::string>{std::string{context.peer().text()}};
      });
  socket_listener listening = where.open(home);
  const std::string target = listening.text();
  serving.listen(std::move(listening));
  channel calls{home, target};
  co_await call_each_kind(calls);
  using who = unary_method<"/test.Calls/Who", std::string, std::string>;
  const result<std::string> peer = co_await calls.call<who>("");
  REQUIRE(peer);
  CHECK((peer->find(" uid=" + std::to_string(::geteuid())) != std::string::npos) == knows_peers);
  co_await serving.close();
  const result<std::string> late =
      co_await calls.call<unary>("x", {.timeout = std::chrono::seconds{20}});
  CHECK(late.status().code() == status_code::unavailable);
  CHECK(late.status().message().find(target) != std::string_view::npos);
  CHECK(late.status().message().find("Connection refused") != std::string_view::npos);
  co_await calls.close();
}
}  // namespace

TEST_CASE("calls of each kind over TCP and over an abstract socket") {
  for (const bool always_arm : {false, true}) {
    CAPTURE(always_arm);
    ring_options options;
    options.log = &keep_log;
    options.always_arm = always_arm;
    ring home{std::move(options)};
    const std::string name = "unix-abstract:ringrpc-calls-" + std::to_string(::getpid());
    home.run(serve_and_call(home, listen_socket{name, allow::same_user()}, true));
    home.run(serve_and_call(home, listen_socket{"ipv4:127.0.0.1:0", allow::anyone()}, false));
    if (!has_ipv6_loopback()) continue;
    home.run(serve_and_call(home, listen_socket{"ipv6:[::1]:0", allow::anyone()}, false));
  }
}
}  // namespace ringrpc::testing
