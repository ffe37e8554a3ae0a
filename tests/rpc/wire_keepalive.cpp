// SPDX-License-Identifier: MIT
//
// Signs of life (wire rules 38, 39 and 41): when either side sends a PING, what happens
// where nothing comes back, and what a client makes of `too_many_pings`. Frames by hand,
// in virtual time.
#include <string>

#include "raw_peer.hpp"

namespace ringrpc::wire_test {
namespace {
channel_options asking_after(duration time) {
  channel_options options;
  options.keepalive_time = time;
  return options;
}
server_options server_asking_after(duration time) {
  server_options options;
  options.keepalive_time = time;
  return options;
}
void end_call(client_bed& bed, std::int32_t id) {
  bed.send(headers_frame(id, response_fields) + data_frame(id, framed("done")) +
           headers_frame(id, status_ok, last));
  bed.settle();
}
}  // namespace

TEST_CASE("wire rule 38: a client with a call asks after keepalive_time, again and again") {
  client_bed bed{asking_after(15s)};
  bed.start();
  bed.sent();
  for (int round = 0; round < 3; ++round) {
    bed.pass(15s - 1ns);
    CHECK(bed.sent() == "");
    bed.pass(1ns);
    CHECK(bed.sent() == "PING");
  }
  // Any byte that is read begins the time anew.
  bed.pass(10s);
  bed.send(window_frame(0, 1));
  bed.pass(10s);
  CHECK(bed.sent() == "");
  bed.pass(5s);
  CHECK(bed.sent() == "PING");
  end_call(bed, 1);
  CHECK(bed.code() == 0);
}

TEST_CASE("wire rule 38: a PING without an answer ends the calls with UNAVAILABLE and a reason") {
  client_bed bed{asking_after(10s)};
  bed.start();
  bed.start();
  bed.peer().acknowledges = false;
  bed.sent();
  bed.pass(10s);
  CHECK(bed.sent() == "PING");
  bed.pass(20s - 1ns);
  CHECK(bed.sent() == "");
  CHECK_FALSE(bed.done());
  bed.pass(1ns);
  for (const std::size_t call : {0U, 1U}) {
    CHECK(bed.code(call) == 14);
    CHECK(bed.text(call).find("keepalive_timeout") != std::string::npos);
  }
  CHECK(bed.sent().find("GOAWAY 0 NO_ERROR") != std::string::npos);  // wire rule 37
  CHECK(bed.peer().ended);
  bed.start();  // on a new connection
  CHECK(bed.peers.size() == 2);
  end_call(bed, 1);
  CHECK(bed.code(2) == 0);
}

TEST_CASE("wire rule 38: a peer that takes nothing any more ends calls a second later") {
  channel_options options = asking_after(10s);
  options.keepalive_timeout = 5s;
  client_bed bed{options};
  bed.settings = {{settings_id::initial_window, 1 << 20}};
  bed.start("first");
  bed.send(window_frame(0, 1 << 20));
  end_call(bed, 1);
  bed.peer().reads = false;
  bed.start(std::string(500'000, 'x'));  // more than the socket holds
  bed.pass(10s);
  bed.pass(5s);
  CHECK_FALSE(bed.done(1));
  bed.pass(1s);
  CHECK(bed.code(1) == 14);
  CHECK(bed.text(1).find("keepalive_timeout") != std::string::npos);
}

TEST_CASE("wire rule 38: a byte behind the PING is a sign of life, its answer need not come") {
  client_bed bed{asking_after(10s)};
  bed.start();
  bed.peer().acknowledges = false;
  bed.pass(10s);
  bed.pass(19s);
  bed.send(window_frame(0, 1));
  bed.pass(9s);
  CHECK_FALSE(bed.done());
  bed.sent();
  bed.pass(1s);
  CHECK(bed.sent() == "PING");
  CHECK_FALSE(bed.done());
}

TEST_CASE("wire rule 38: a client without calls is silent, unless keepalive_without_calls") {
  client_bed bed{asking_after(10s)};
  bed.start();
  end_call(bed, 1);
  bed.sent();
  bed.pass(1h);
  CHECK(bed.sent() == "");
  // The first call after such a silence is not left to wait for the time once more.
  bed.start();
  const std::string sent = bed.sent();
  CHECK(sent.find("HEADERS 3") == 0);
  CHECK(sent.ends_with("; PING"));
  end_call(bed, 3);
  CHECK(bed.code(1) == 0);
  // It was dormant, and is again.
  bed.pass(1h);
  CHECK(bed.sent() == "");

  channel_options options = asking_after(10s);
  options.keepalive_without_calls = true;
  client_bed always{options};
  always.start();
  end_call(always, 1);
  always.sent();
  for (int round = 0; round < 3; ++round) {
    always.pass(10s);
    CHECK(always.sent() == "PING");
  }
  always.peer().acknowledges = false;
  always.pass(10s);
  always.pass(20s);
  CHECK(always.peer().ended);
  CHECK(always.calls.state() == channel_state::idle);
}

TEST_CASE("wire rule 38: a keepalive_time below 10 s is 10 s") {
  for (const duration time : {duration{0s}, duration{1ms}, duration{10s - 1ns}}) {
    client_bed bed{asking_after(time)};
    bed.start();
    bed.sent();
    bed.pass(10s - 1ns);
    CHECK(bed.sent() == "");
    bed.pass(1ns);
    CHECK(bed.sent() == "PING");
  }
}

TEST_CASE("wire rule 41: by default neither side sends a PING, however long nothing comes") {
  client_bed client;
  client.start();
  client.sent();
  client.pass(20h);
  CHECK(client.sent() == "");
  CHECK_FALSE(client.done());
  server_bed server;
  server.request(1, "/t.S/Wait", framed("a"));
  server.pass(59min);
  CHECK(server.sent() == "");
  CHECK(server.methods.running == 1);
}

TEST_CASE("keepalive: an answer that waits unread while the ring was held up counts") {
  for (const duration late : {duration{11ms}, duration{500ms}, duration{1h}}) {
    client_bed bed{asking_after(10s)};
    bed.start();
    bed.peer().acknowledges = false;
    bed.pass(10s);
    bed.send(ping_frame("12345678", ack));
    bed.peer().pump();
    bed.kernel.advance(20s + late);
    bed.settle();
    CHECK_FALSE(bed.done());
    end_call(bed, 1);
    CHECK(bed.code() == 0);
  }
}

TEST_CASE("wire rule 38: too_many_pings doubles keepalive_time, once for each connection") {
  client_bed bed{asking_after(10s)};
  duration time = 10s;
  for (std::size_t round = 0; round < 3; ++round) {
    bed.start();
    REQUIRE(bed.peers.size() == round + 1);
    bed.sent();
    bed.pass(time - 1ns);
    CHECK(bed.sent() == "");
    bed.pass(1ns);
    CHECK(bed.sent() == "PING");
    bed.send(goaway_frame(1, error_code::enhance_your_calm, "too_many_pings"));
    bed.send(goaway_frame(1, error_code::enhance_your_calm, "too_many_pings"));
    end_call(bed, 1);
    CHECK(bed.code(round) == 0);
    CHECK(bed.peer().ended);
    time *= 2;
  }
}

TEST_CASE("wire rule 38: what an older connection says of its shorter time changes nothing") {
  client_bed bed{asking_after(10s)};
  bed.start();
  bed.send(goaway_frame(1));  // its call goes on
  bed.settle();
  for (std::size_t round = 1; round < 3; ++round) {
    bed.start();
    end_call(bed, 1);
    bed.send(goaway_frame(1, error_code::enhance_your_calm, "too_many_pings"));
    bed.settle();
  }
  bed.peers[0]->send(goaway_frame(1, error_code::enhance_your_calm, "too_many_pings"));
  bed.settle();
  bed.start();
  REQUIRE(bed.peers.size() == 4);
  CHECK_FALSE(bed.done());
  bed.sent();
  bed.pass(40s - 1ns);
  CHECK(bed.sent() == "");
  bed.pass(1ns);
  CHECK(bed.sent() == "PING");
}

TEST_CASE("wire rule 38: other GOAWAYs leave keepalive_time as it is") {
  client_bed bed{asking_after(10s)};
  bed.start();
  bed.send(goaway_frame(1, error_code::enhance_your_calm, "too many resets"));
  end_call(bed, 1);
  bed.start();
  bed.send(goaway_frame(1, error_code::no_error, "too_many_pings"));
  end_call(bed, 1);
  bed.start();
  REQUIRE(bed.peers.size() == 3);
  bed.sent();
  bed.pass(10s);
  CHECK(bed.sent() == "PING");
}

TEST_CASE("wire rule 39: a server asks a client that is silent, with calls or without") {
  for (const bool sockets : {true, false}) {
    for (const bool calls : {false, true}) {
      server_bed bed{server_asking_after(10s), false};
      bed.without_sockets = !sockets;
      bed.peer->close();
      bed.connect();
      bed.start();
      if (calls) bed.request(1, "/t.S/Wait", framed("a"));
      bed.sent();
      for (int round = 0; round < 2; ++round) {
        bed.pass(10s - 1ns);
        CHECK(bed.sent() == "");
        bed.pass(1ns);
        CHECK(bed.sent() == "PING");
      }
      bed.send(window_frame(0, 1));
      bed.pass(6s);
      bed.send(window_frame(0, 1));
      bed.pass(6s);
      CHECK(bed.sent() == "");
      CHECK_FALSE(bed.peer->ended);
    }
  }
}

TEST_CASE("wire rules 35 and 39: a server's PING without an answer cancels the handlers") {
  server_options options = server_asking_after(0s);  // 1 s at least
  options.keepalive_timeout = 3s;
  server_bed bed{options};
  bed.request(1, "/t.S/Wait", framed("a"));
  bed.request(3, "/t.S/Wait", framed("a"));
  bed.settle();
  CHECK(bed.methods.running == 2);
  bed.peer->acknowledges = false;
  bed.pass(1s);
  CHECK(bed.sent() == "PING");
  bed.pass(3s - 1ns);
  CHECK(bed.methods.running == 2);
  bed.pass(1ns);
  CHECK(bed.methods.stopped == 2);
  CHECK(bed.methods.running == 0);
  CHECK(bed.sent() == "GOAWAY 3 NO_ERROR no answer to a PING within keepalive_timeout");
  CHECK(bed.peer->ended);
  bed.pass(1s);
  CHECK(bed.served.connections() == 0);
}
}  // namespace ringrpc::wire_test
