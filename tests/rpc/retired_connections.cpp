// SPDX-License-Identifier: MIT
//
// Channels and servers of ours whose connections retire, or are asked for signs of life,
// while calls go on (wire rules 38 to 40): what a user sees of it, which is nothing
// unless somebody is at fault.
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include <ringrpc/rpc/channel.hpp>
#include <ringrpc/rpc/server.hpp>

#include "echo.hpp"
#include "support.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
task<> pass_time(duration span) {
  const bool slept = co_await sleep_for(span);
  static_cast<void>(slept);
}
task<> call_each(channel& to, duration pause, int times, int& well) {
  const std::string request(3000, 'x');
  for (int i = 0; i < times; ++i) {
    result<std::string> reply = co_await to.call<unary>(request);
    if (reply && *reply == request) ++well;
    co_await pass_time(pause);
  }
}
}  // namespace

TEST_CASE("wire rule 39: a channel moves on from connections that are too old, unseen") {
  for (const wire& on : {simulated_sockets, in_memory}) {
    CAPTURE(on.name);
    bed here{on};
    here.run([](bed& under) -> task<> {
      server_options options;
      options.connection_age = 10s;
      server serving{under.home(), options};
      echo_service service;
      serving.add(service);
      under.listen(serving);
      channel to = under.connect();
      auto talk = to.call<chat>();  // as old as the first connection, and survives it
      int well = 0;
      const environment& where = co_await this_environment();
      task_scope scope{where};
      for (int i = 0; i < 3; ++i) scope.spawn(call_each(to, 100ms, 600, well));
      for (int i = 0; i < 20; ++i) {
        const std::string said = std::to_string(i);
        const bool queued = co_await talk.write(said);
        CHECK(queued);
        std::string* heard = co_await talk.read();
        REQUIRE(heard != nullptr);
        CHECK(*heard == said);
        co_await pass_time(3s);
        CHECK(serving.connections() <= 3);
      }
      co_await scope.join();
      CHECK(well == 3 * 600);
      if (!under.hub().client_ends.empty()) CHECK(under.hub().client_ends.size() >= 5);
      talk.writes_done();
      const status end = co_await talk.finish();
      CHECK(end.ok());
      co_await to.close();
      co_await serving.close();
    }(here));
    CHECK(log_texts.empty());
  }
}

TEST_CASE("wire rule 39: calls from time to time find an idle server as if it had waited") {
  for (const bool by_server : {true, false}) {
    bed here;
    here.run([](bed& under, bool server_ends) -> task<> {
      server_options options;
      channel_options at_client;
      (server_ends ? options.connection_idle : at_client.idle_timeout) = 2s;
      server serving{under.home(), options};
      echo_service service;
      serving.add(service);
      under.listen(serving);
      channel to = under.connect(at_client);
      int well = 0;
      co_await call_each(to, 1s, 10, well);
      CHECK(under.hub().client_ends.size() == 1);
      co_await call_each(to, 3s, 10, well);
      CHECK(well == 20);
      CHECK(under.hub().client_ends.size() == 10);
      CHECK(to.state() == channel_state::idle);
      co_await pass_time(2s);
      CHECK(serving.connections() == 0);
      co_await to.close();
      co_await serving.close();
    }(here, by_server));
    CHECK(log_texts.empty());
  }
}

TEST_CASE("wire rules 38 and 40: a server that forbids them ends PINGs, the client asks less") {
  bed here;
  here.run([](bed& under) -> task<> {
    server_options options;
    options.keepalive_permit_time = 5min;
    server serving{under.home(), options};
    echo_service service;
    serving.add(service);
    under.listen(serving);
    channel_options asking;
    asking.keepalive_time = 10s;
    channel to = under.connect(asking);
    duration before{};
    for (int round = 0; round < 3; ++round) {
      auto talk = to.call<chat>();
      const time_point began = under.home().now();
      std::string* heard = co_await talk.read();  // nobody speaks but the PINGs
      CHECK(heard == nullptr);
      const status end = co_await talk.finish();
      CHECK(end.code() == status_code::unavailable);
      CHECK(end.message().find("too_many_pings") != std::string::npos);
      const duration lasted = under.home().now() - began;
      CHECK(lasted >= 2 * before);
      before = lasted;
    }
    // A good one and three strikes, 40 s apart.
    CHECK(before >= 160s);
    CHECK(before < 165s);
    co_await to.close();
    co_await serving.close();
  }(here));
  CHECK(was_logged("custom transport says too_many_pings: keepalive_time is 20 s from now on"));
  CHECK(was_logged("keepalive_time is 40 s"));
  CHECK(was_logged("keepalive_time is 80 s"));
  CHECK(log_texts.size() == 3);
}

TEST_CASE("wire rule 41: with signs of life on both sides a silent call goes on for ever") {
  for (const wire& on : {simulated_sockets, in_memory}) {
    bed here{on};
    here.run([](bed& under) -> task<> {
      server_options options;
      options.keepalive_time = 1s;
      server serving{under.home(), options};
      echo_service service;
      serving.add(service);
      under.listen(serving);
      channel_options asking;
      asking.keepalive_time = 10s;
      asking.keepalive_without_calls = true;
      channel to = under.connect(asking);
      auto talk = to.call<chat>();
      co_await pass_time(1h);
      const std::string said = "still here";
      const bool queued = co_await talk.write(said);
      CHECK(queued);
      std::string* heard = co_await talk.read();
      REQUIRE(heard != nullptr);
      CHECK(*heard == said);
      talk.writes_done();
      const status end = co_await talk.finish();
      CHECK(end.ok());
      CHECK(serving.connections() == 1);
      co_await to.close();
      co_await serving.close();
    }(here));
  }
}
}  // namespace ringrpc::testing
