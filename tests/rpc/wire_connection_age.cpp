// SPDX-License-Identifier: MIT
//
// Connections that retire (wire rules 34 and 39): too old, too long without a call, out
// of stream ids. The peer hears it in order, and no call of a channel notices.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ringrpc/rpc/detail/run_connection.hpp>

#include "raw_peer.hpp"

namespace ringrpc::wire_test {
namespace {
const std::string drain_ack = ping_frame(be32(0x7269'6e67) + be32(0x7270'6301), ack);
const std::string echoed_a = ":status=200 content-type=application/grpc; DATA ";

server_options with_age(duration age, duration grace = duration::max()) {
  server_options options;
  options.connection_age = age;
  options.connection_age_grace = grace;
  return options;
}
server_options with_idle(duration idle) {
  server_options options;
  options.connection_idle = idle;
  return options;
}
/// Waits until something is sent, by steps of virtual time. @return how long that took.
duration time_to_send(server_bed& bed, std::string& sent, duration step = 100ms) {
  duration passed{};
  for (sent.clear(); sent.empty() && passed < 200s; passed += step) {
    bed.pass(step);
    sent = bed.sent();
  }
  return passed;
}
}  // namespace

TEST_CASE("wire rule 39: an old connection says max_age twice and closes when its calls ended") {
  server_bed bed{with_age(100s)};
  bed.peer->acknowledges = false;
  bed.request(1, "/t.S/Bidi", framed("a"), {}, false);
  bed.sent();
  std::string sent;
  const duration age = time_to_send(bed, sent);
  CHECK(age >= 90s);
  CHECK(age <= 111s);
  CHECK(sent == "GOAWAY 2147483647 NO_ERROR max_age; PING");
  bed.request(3, "/t.S/Unary", framed("a"));  // was on its way
  CHECK(bed.sent() == "HEADERS 3 " + echoed_a + "3 6; HEADERS 3 grpc-status=0 end");
  bed.send(drain_ack);
  CHECK(bed.sent() == "GOAWAY 3 NO_ERROR max_age");
  // By default what runs may take its time.
  bed.pass(10h);
  CHECK(bed.methods.running == 1);
  CHECK_FALSE(bed.peer->ended);
  bed.send(data_frame(1, framed("b"), end_stream));
  CHECK(bed.sent() == "DATA 1 6; HEADERS 1 grpc-status=0 end");
  CHECK(bed.peer->ended);
  bed.pass(1s);
  CHECK(bed.served.connections() == 0);
}

TEST_CASE("wire rule 39: after the grace the handlers are stopped, and a second later all ends") {
  server_bed bed{with_age(100s, 7s)};
  bed.request(1, "/t.S/Wait", framed("a"));
  std::string sent;
  time_to_send(bed, sent);
  CHECK(sent == "GOAWAY 2147483647 NO_ERROR max_age; PING; GOAWAY 1 NO_ERROR max_age");
  bed.pass(6s);
  CHECK(bed.methods.stopped == 0);
  bed.pass(1s);
  CHECK(bed.methods.stopped == 1);
  CHECK(bed.sent() == "HEADERS 1 " + echoed_a + "1 9; HEADERS 1 grpc-status=0 end");
  CHECK(bed.peer->ended);

  server_bed deaf{with_age(100s, 7s)};
  deaf.methods.gate = nullptr;
  deaf.request(1, "/t.S/Bidi", "", {}, false);  // reads on, and hears the stop only then
  time_to_send(deaf, sent);
  deaf.pass(7s);
  deaf.pass(1s);
  CHECK(deaf.peer->ended);
  CHECK(deaf.methods.running == 0);
}

TEST_CASE("wire rule 39: connections that were made together do not retire together") {
  std::vector<duration> ages;
  for (std::uint64_t seed = 1; seed < 9; ++seed) {
    simulated_options on;
    on.seed = seed;
    server_bed bed{with_age(100s), true, on};
    bed.pass(90s - 1ns);
    CHECK(bed.sent() == "");
    std::string sent;
    ages.push_back(time_to_send(bed, sent, 50ms));
    CHECK(sent == "GOAWAY 2147483647 NO_ERROR max_age; PING; GOAWAY 0 NO_ERROR max_age");
    CHECK(bed.peer->ended);
  }
  std::sort(ages.begin(), ages.end());
  CHECK(std::unique(ages.begin(), ages.end()) == ages.end());
}

TEST_CASE("wire rule 39: a server that stops does not wait for the grace of an old connection") {
  server_bed bed{with_age(100s)};
  bed.request(1, "/t.S/Wait", framed("a"));
  std::string sent;
  time_to_send(bed, sent);
  CHECK(bed.methods.running == 1);
  bed.served.stop();
  bed.pass(29s);
  CHECK(bed.methods.stopped == 0);
  CHECK(bed.sent() == "");  // it has said so already
  bed.pass(1s);
  CHECK(bed.methods.stopped == 1);
  CHECK(bed.peer->ended);
}

TEST_CASE("wire rule 39: a connection without a call for so long says max_idle and closes") {
  server_bed bed{with_idle(60s)};
  bed.pass(60s - 1ns);
  CHECK(bed.sent() == "");
  bed.pass(1ns);
  CHECK(bed.sent() == "GOAWAY 2147483647 NO_ERROR max_idle; PING; GOAWAY 0 NO_ERROR max_idle");
  CHECK(bed.peer->ended);
}

TEST_CASE("wire rule 39: calls keep a connection from being idle, PINGs do not") {
  server_bed bed{with_idle(60s)};
  std::int32_t id = 1;
  for (; id < 11; id += 2) {
    bed.pass(50s);
    bed.request(id, "/t.S/Unary", framed("a"));
    bed.sent();
  }
  bed.request(id, "/t.S/Bidi", framed("a"), {}, false);
  bed.sent();
  bed.pass(10h);  // a call that is silent is a call
  CHECK(bed.sent() == "");
  bed.send(data_frame(id, "", end_stream));
  CHECK(bed.sent() == "HEADERS 11 grpc-status=0 end");
  bed.pass(40s);
  bed.send(ping_frame());
  CHECK(bed.sent() == "PING ack");
  bed.pass(20s - 1ns);
  CHECK(bed.sent() == "");
  bed.pass(1ns);
  CHECK(bed.sent() == "GOAWAY 2147483647 NO_ERROR max_idle; PING; GOAWAY 11 NO_ERROR max_idle");
}

TEST_CASE("wire rule 39: a call that comes while an idle connection retires is served") {
  server_bed bed{with_idle(60s)};
  bed.peer->acknowledges = false;
  bed.pass(60s);
  CHECK(bed.sent() == "GOAWAY 2147483647 NO_ERROR max_idle; PING");
  bed.request(1, "/t.S/Unary", framed("a"));
  CHECK(bed.sent() == "HEADERS 1 " + echoed_a + "1 6; HEADERS 1 grpc-status=0 end");
  bed.pass(5s);  // no answer to the PING
  CHECK(bed.sent() == "GOAWAY 1 NO_ERROR max_idle");
  CHECK(bed.peer->ended);
}

TEST_CASE("wire rule 39: neither age nor idleness is watched before the client's SETTINGS") {
  server_options options = with_idle(1s);
  options.connection_age = 1s;
  server_bed bed{options, false};
  bed.pass(4s);
  CHECK(bed.peer->take() == "");
  bed.start();
  CHECK_FALSE(bed.peer->ended);
  bed.pass(2s);
  CHECK(bed.peer->ended);
}

TEST_CASE("wire rule 41: by default a connection is never too old and never too long idle") {
  server_bed bed;
  bed.pass(23h);
  CHECK(bed.sent() == "");
}

TEST_CASE("idle_timeout: a channel without calls closes its connection, the next call makes one") {
  channel_options options;
  options.idle_timeout = 30s;
  client_bed bed{options};
  for (std::size_t round = 0; round < 4; ++round) {
    CAPTURE(round);
    bed.start();
    REQUIRE(bed.peers.size() == round + 1);
    bed.pass(10h / 4);  // a call is a call, however long
    CHECK_FALSE(bed.done(round));
    bed.send(headers_frame(1, response_fields) + data_frame(1, framed("done")) +
             headers_frame(1, status_ok, last));
    bed.settle();
    CHECK(bed.code(round) == 0);
    bed.sent();
    bed.pass(30s - 1ns);
    CHECK(bed.sent() == "");
    CHECK(bed.calls.state() == channel_state::ready);
    bed.pass(1ns);
    CHECK(bed.sent() == "GOAWAY 0 NO_ERROR max_idle");
    CHECK(bed.peer().ended);
    CHECK(bed.calls.state() == channel_state::idle);
  }
}

TEST_CASE("idle_timeout: its end is no fault of the server's, however soon it comes") {
  channel_options options;
  options.idle_timeout = 1ms;
  client_bed bed{options};
  for (std::size_t round = 0; round < 10; ++round) {
    call_options soon;
    soon.timeout = 1ms;
    bed.start("x", soon);  // never answered
    REQUIRE(bed.peers.size() == round + 1);
    bed.pass(1ms);
    CHECK(bed.code(round) == 4);
    bed.pass(1ms);
    CHECK(bed.calls.state() == channel_state::idle);
  }
}

namespace {
/// Connections to raw servers whose streams begin at a number of one's choice.
class late_connector final : public ringrpc::detail::connector {
public:
  late_connector(simulated_kernel& kernel, std::vector<std::unique_ptr<raw_peer>>& peers,
                 std::uint32_t stream_id_first)
      : kernel_(kernel), peers_(peers), stream_id_first_(stream_id_first) {}
  task<> run(std::shared_ptr<ringrpc::detail::channel_core> core) override {
    co_await serve(*core);
    core->task_ended();
  }

private:
  task<> serve(ringrpc::detail::channel_core& core) {
    int ends[2] = {-1, -1};
    REQUIRE(kernel_.socket_pair(ends) == 0);
    peers_.push_back(std::make_unique<raw_peer>(core.home(), ends[1]));
    ringrpc::detail::connection_life life;
    life.stream_id_first = stream_id_first_;
    ringrpc::detail::client_connection one{core, core.home(), core.options().connection, life,
                                           peer_info{}};
    unix_stream stream = stream_of(core.home(), ends[0]);
    task<> running = ringrpc::detail::run_connection(one, std::move(stream));
    core.connected(one);
    co_await std::move(running);
    core.connection_gone(one);
    const bool idle = co_await one.idle().wait_ignoring_stop();
    static_cast<void>(idle);
  }

  simulated_kernel& kernel_;
  std::vector<std::unique_ptr<raw_peer>>& peers_;
  std::uint32_t stream_id_first_;
};
}  // namespace

TEST_CASE("wire rule 34: beyond three quarters of the stream ids calls take a new connection") {
  using ringrpc::detail::client_method_of;
  constexpr std::int32_t id_last = 1'610'612'733;
  simulated_kernel kernel;
  std::vector<std::unique_ptr<raw_peer>> peers;
  ring here{testing::on_simulated(kernel)};
  const auto core = std::make_shared<ringrpc::detail::channel_core>(
      here, "late", channel_options{},
      std::make_unique<late_connector>(kernel, peers, std::uint32_t{id_last - 2}));
  const auto settle = [&] {
    for (unsigned idle = 0; idle < 3;) {
      bool moved = false;
      for (std::size_t i = 0; i < peers.size(); ++i) {
        if (!peers[i]->greeted()) peers[i]->greet(settings_frame());
        moved |= peers[i]->pump();
      }
      const bool turned = here.turn();
      idle = moved || turned ? 0 : idle + 1;
    }
  };
  std::vector<bidi_stream_call<std::string, std::string>> calls;
  for (int i = 0; i < 5; ++i) {
    ringrpc::detail::client_call& call = core->make_call(client_method_of<Bidi>(), {});
    calls.emplace_back(call);
    call.start();
    settle();
  }
  REQUIRE(peers.size() == 3);
  const auto opened = [&](std::size_t peer) {
    std::string ids;
    const std::string seen = peers[peer]->take();
    for (std::size_t at = 0; (at = seen.find("HEADERS ", at)) != std::string::npos; ++at) {
      ids += seen.substr(at + 8, seen.find(' ', at + 8) - at - 7);
    }
    if (seen.find("GOAWAY 0 NO_ERROR") != std::string::npos) ids += "GOAWAY";
    return ids;
  };
  // The calls that run go on, though a GOAWAY was sent behind them.
  CHECK(opened(0) == "1610612731 1610612733 GOAWAY");
  CHECK(opened(1) == "1610612731 1610612733 GOAWAY");
  CHECK(opened(2) == "1610612731 ");
  CHECK_FALSE(peers[0]->ended);
  unsigned well = 0;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const std::int32_t id = id_last - 2 + static_cast<std::int32_t>(i % 2) * 2;
    peers[i / 2]->send(headers_frame(id, response_fields) + headers_frame(id, status_ok, last));
  }
  here.spawn([](std::vector<bidi_stream_call<std::string, std::string>>& all,
                unsigned& ended_well) -> task<> {
    for (auto& one : all) {
      const status end = co_await one.finish();
      if (end.ok()) ++ended_well;
    }
  }(calls, well));
  settle();
  CHECK(well == 5);
  CHECK(peers[0]->ended);
  CHECK(peers[1]->ended);
  CHECK_FALSE(peers[2]->ended);
  calls.clear();
  for (const auto& one : peers) one->close();
  core->shut_down();
  here.run([](ringrpc::detail::channel_core& of) -> task<> {
    const bool ended = co_await of.ended().wait_ignoring_stop();
    static_cast<void>(ended);
  }(*core));
  CHECK(kernel.open_descriptors() == 0);
}
}  // namespace ringrpc::wire_test
