// SPDX-License-Identifier: MIT
//
// How many connections a server takes, in all and of one user, and how long they may
// take to be established.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ringrpc/rpc/channel.hpp>
#include <ringrpc/rpc/server.hpp>

#include "echo.hpp"
#include "support.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
/// Connects until a call fails. @return how many did not.
task<std::size_t> connect_all(bed& on, std::vector<channel>& into, ::uid_t uid) {
  std::size_t good = 0;
  for (;;) {
    on.hub().client_uid = uid;
    into.push_back(on.connect());
    const status end = co_await status_of_call(into.back());
    if (!end.ok()) {
      CHECK(end.code() == status_code::unavailable);
      co_return good;
    }
    ++good;
  }
}
/// Accepts, and never establishes what it accepted.
class stuck_listener {
public:
  using accepted_type = unix_stream;
  using stream_type = unix_stream;
  explicit stuck_listener(pair_listener over) : over_(std::move(over)) {}
  task<io_result<unix_stream>> accept() { return over_.accept(); }
  task<io_result<unix_stream>> establish(unix_stream accepted) {
    return wait(std::move(accepted));
  }
  void stop() noexcept { over_.stop(); }
  std::string text() const { return "stuck"; }

private:
  static task<io_result<unix_stream>> wait(unix_stream accepted) {
    const bool slept = co_await sleep_until(never);
    CHECK_FALSE(slept);
    accepted.abort();
    co_return io_failure(ETIMEDOUT);
  }
  pair_listener over_;
};
}  // namespace

TEST_CASE("a server takes so many connections and no more, until one has ended") {
  bed here;
  server_options options;
  options.connections = 5;
  options.connections_per_uid = 5;
  with_server(here, options, [](bed& on, server& serving, echo_service&) -> task<> {
    std::vector<channel> channels;
    const std::size_t good = co_await connect_all(on, channels, 1000);
    CHECK(good == 5);
    CHECK(serving.connections() == 5);
    CHECK(was_logged("too many connections"));
    co_await channels[2].close();
    co_await settle();  // the server notices
    channels.push_back(on.connect());
    const status next = co_await status_of_call(channels.back());
    CHECK(next.ok());
    for (channel& one : channels) co_await one.close();
  });
}

TEST_CASE("who is refused again and again does not fill the log") {
  bed here;
  server_options options;
  options.connections = 1;
  options.connections_per_uid = 1;
  with_server(here, options, [](bed& on, server&, echo_service&) -> task<> {
    channel first = on.connect();
    const status good = co_await status_of_call(first);
    CHECK(good.ok());
    const auto refuse_one = [](bed& by) -> task<> {
      channel next = by.connect();
      const status end = co_await status_of_call(next);
      CHECK(end.code() == status_code::unavailable);
      co_await next.close();
    };
    for (int i = 0; i < 25; ++i) co_await refuse_one(on);
    CHECK(log_texts.size() == 10);
    const bool slept = co_await sleep_for(1s);
    CHECK(slept);
    co_await refuse_one(on);
    CHECK(log_texts.size() == 12);
    CHECK(was_logged("15 more connections were refused"));
    co_await first.close();
  });
}

TEST_CASE("one user cannot lock the others out") {
  bed here;
  server_options options;
  options.connections = 8;  // 6 of one user
  with_server(here, options, [](bed& on, server&, echo_service&) -> task<> {
    std::vector<channel> greedy;
    const std::size_t of_greedy = co_await connect_all(on, greedy, 1000);
    CHECK(of_greedy == 6);
    std::vector<channel> modest;
    const std::size_t of_modest = co_await connect_all(on, modest, 2000);
    CHECK(of_modest == 2);
    // The places of a user are free when its connections have ended.
    for (channel& one : greedy) co_await one.close();
    greedy.clear();
    co_await settle();
    const std::size_t again = co_await connect_all(on, greedy, 2000);
    CHECK(again == 4);  // six in all
    for (channel& one : greedy) co_await one.close();
    for (channel& one : modest) co_await one.close();
  });
}

TEST_CASE("a peer without credentials counts against no user") {
  bed here;
  server_options options;
  options.connections = 4;  // 3 of one user
  with_server(here, options, [](bed& on, server&, echo_service&) -> task<> {
    std::vector<channel> channels;
    const std::size_t good = co_await connect_all(on, channels, unknown_uid);
    CHECK(good == 4);
    for (channel& one : channels) co_await one.close();
  });
}

TEST_CASE("a connection counts until its last handler has ended") {
  bed here;
  here.run([](bed& on) -> task<> {
    server_options options;
    options.connections = 1;
    options.connections_per_uid = 1;
    server serving{on.home(), options};
    event gate;
    serving.handle<unary>([&](server_context&,
                              const std::string& in) -> task<result<std::string>> {
      if (in == "ping") co_return in;
      const bool open = co_await gate.wait_ignoring_stop();
      CHECK(open);
      co_return in;
    });
    on.listen(serving);
    {
      channel first = on.connect();
      const std::string request = "wait";
      auto call = first.call<unary>(request);
      co_await settle();
      on.kernel().kill_peer(on.hub().client_ends.back() + 1);  // the client
      const result<std::string> lost = co_await call;
      CHECK(lost.status().code() == status_code::unavailable);
      co_await first.close();
    }
    channel second = on.connect();
    const status refused = co_await status_of_call(second);
    CHECK(refused.code() == status_code::unavailable);
    CHECK(serving.connections() == 1);
    gate.set();
    co_await settle();
    CHECK(serving.connections() == 0);
    channel third = on.connect();
    const status good = co_await status_of_call(third);
    CHECK(good.ok());
    co_await second.close();
    co_await third.close();
    co_await serving.close();
  }(here));
}

TEST_CASE("what is not established in time is dropped") {
  bed here;
  here.run([](bed& on) -> task<> {
    server_options options;
    options.establish_time = 3s;
    server serving{on.home(), options};
    serving.listen(stuck_listener{pair_listener{on.shared_hub()}});
    channel to = on.connect();
    const time_point began = on.home().now();
    const status end = co_await status_of_call(to);
    CHECK(end.code() == status_code::unavailable);
    CHECK(on.home().now() - began >= 3s);
    CHECK(on.home().now() - began < 3001ms);
    CHECK(was_logged("stuck: connection refused: "));
    // One in the handshake does not hold up the end of the server.
    channel other = on.connect();
    const std::string request;
    auto call = other.call<unary>(request);
    co_await settle();
    const time_point closing = on.home().now();
    co_await serving.close();
    CHECK(on.home().now() - closing <= 3s);
    co_await to.close();
    co_await other.close();
  }(here));
}

TEST_CASE("connections that are being established count against the limit") {
  bed here;
  here.run([](bed& on) -> task<> {
    server_options options;
    options.connections = 2;
    options.establish_time = 3s;
    server serving{on.home(), options};
    serving.listen(stuck_listener{pair_listener{on.shared_hub()}});
    channel first = on.connect();
    channel second = on.connect();
    channel third = on.connect();
    const std::string request;
    auto held = first.call<unary>(request);
    auto held_too = second.call<unary>(request);
    co_await settle();
    const time_point began = on.home().now();
    const status refused = co_await status_of_call(third);
    CHECK(refused.code() == status_code::unavailable);
    CHECK(on.home().now() - began < 3s);  // at once, not when its time was over
    CHECK(was_logged("stuck: connection refused: too many connections"));
    co_await serving.close();
    co_await first.close();
    co_await second.close();
    co_await third.close();
  }(here));
}
}  // namespace ringrpc::testing
