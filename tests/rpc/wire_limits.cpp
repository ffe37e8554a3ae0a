// SPDX-License-Identifier: MIT
//
// What a server of ours does with a client that is slow, resets, floods or goes
// away: times, slots, refusals, the drain. In virtual time.
#include <functional>
#include <string>
#include <vector>

#include "raw_peer.hpp"

namespace ringrpc::wire_test {
namespace {
const std::string preface{http2::client_preface};

server_options with_streams(std::uint32_t count) {
  server_options options;
  options.connection.concurrent_streams = count;
  return options;
}
const std::string grpc = ":status=200 content-type=application/grpc";
}  // namespace

TEST_CASE("time limits: a client that does not finish its preface and SETTINGS in 5 s is dropped") {
  for (const std::string_view said : {std::string_view{}, std::string_view{preface}.substr(0, 10),
                                      std::string_view{preface}}) {
    CAPTURE(said);
    server_bed bed{{}, false};
    bed.send(said);
    bed.pass(4999ms);
    CHECK(bed.served.connections() == 1);
    CHECK_FALSE(bed.peer->ended);
    bed.pass(1ms);
    CHECK(bed.peer->ended);
    CHECK(bed.sent().find("GOAWAY 0 PROTOCOL_ERROR") != std::string::npos);
    bed.pass(2s);  // whether it closes its side or not
    CHECK(bed.served.connections() == 0);
  }
}

TEST_CASE("time limits: SETTINGS that are not acknowledged in 10 s end the connection") {
  server_bed bed{{}, false};
  bed.peer->acknowledges = false;
  bed.start();
  bed.pass(9999ms);
  CHECK(bed.sent().empty());
  bed.pass(1ms);
  CHECK(bed.sent().find("GOAWAY 0 SETTINGS_TIMEOUT") != std::string::npos);
  CHECK(bed.peer->ended);
}

TEST_CASE("time limits: a connection that is set up may be silent for ever") {
  server_bed bed;
  bed.pass(10h);
  CHECK(bed.sent().empty());
  bed.request(1, "/t.S/Unary", framed("a"));
  CHECK(bed.sent() == "HEADERS 1 " + grpc + "; DATA 1 6; HEADERS 1 grpc-status=0 end");
}

TEST_CASE("time limits: a header block that is not complete in 5 s ends the connection") {
  server_bed bed;
  const std::string whole = block(request_fields({}, "/t.S/Unary"));
  bed.send(headers_frame(1, whole.substr(0, 10), 0));
  bed.pass(4s);
  bed.send(continuation_frame(1, whole.substr(10, 1)));  // a little more buys no time
  bed.pass(999ms);
  CHECK(bed.sent().empty());
  bed.pass(1ms);
  CHECK(bed.sent().find("GOAWAY 0 PROTOCOL_ERROR") != std::string::npos);
  CHECK(bed.peer->ended);

  server_bed other;
  other.send(headers_frame(1, whole.substr(0, 10), 0));
  other.pass(4s);
  other.send(continuation_frame(1, whole.substr(10), end_headers) +
             data_frame(1, framed("a"), end_stream));
  other.sent();
  other.pass(5s);
  CHECK_FALSE(other.peer->ended);
}

TEST_CASE("slots: a reset stream's slot is held until its handler has ended") {
  server_bed bed{with_streams(2)};
  event gate;
  bed.methods.gate = &gate;
  bed.request(1, "/t.S/Wait", framed("a"));
  bed.request(3, "/t.S/Wait", framed("a"));
  CHECK(bed.sent().empty());
  bed.send(reset_frame(1) + reset_frame(3));
  for (std::int32_t id = 5; id < 45; id += 2) {
    bed.request(id, "/t.S/Unary", framed("a"));
    CHECK(bed.sent() == "RST_STREAM " + std::to_string(id) + " REFUSED_STREAM");
  }
  CHECK(bed.methods.running == 2);
  gate.set();
  bed.settle();
  CHECK(bed.methods.running == 0);
  bed.request(45, "/t.S/Unary", framed("a"));
  CHECK(bed.sent() == "HEADERS 45 " + grpc + "; DATA 45 6; HEADERS 45 grpc-status=0 end");
  CHECK(bed.methods.started == 3);
}

TEST_CASE("slots: a client at exactly its limit is never refused") {
  server_bed bed{with_streams(1)};
  for (std::int32_t id = 1; id < 21; id += 2) {
    bed.request(id, id % 4 == 1 ? "/t.S/Unary" : "/t.S/Other", framed("a"));
    const std::string sent = bed.sent();
    CHECK(sent.find("REFUSED") == std::string::npos);
    CHECK(sent.find("end") != std::string::npos);
  }
}

TEST_CASE("wire rule 32: a client's reset stops the handler and nothing is answered") {
  server_bed bed;
  bed.request(1, "/t.S/Wait", framed("a"));
  bed.request(3, "/t.S/Server", framed("1000 1000"));
  bed.peer->credits = false;
  bed.send(headers_frame(5, request_fields({}, "/t.S/Bidi")) + data_frame(5, framed("a")));
  bed.sent();
  CHECK(bed.methods.running == 3);
  bed.send(reset_frame(1) + reset_frame(3) + reset_frame(5));
  CHECK(bed.sent().empty());
  CHECK(bed.methods.running == 0);
  CHECK(bed.methods.stopped == 2);
}

TEST_CASE("wire rule 35: PING is echoed; the loss of the connection stops the handlers") {
  server_bed bed;
  bed.send(ping_frame("12345678"));
  CHECK(bed.sent() == "PING ack");
  bed.request(1, "/t.S/Wait", framed("a"));
  bed.settle();
  CHECK(bed.methods.running == 1);
  bed.peer->close();
  bed.settle();
  CHECK(bed.methods.running == 0);
  CHECK(bed.methods.stopped == 1);
  CHECK(bed.served.connections() == 0);
}

TEST_CASE("wire rule 33: a drain says so twice, finishes what runs and takes no more") {
  server_bed bed;
  event gate;
  bed.methods.gate = &gate;
  bed.peer->acknowledges = false;
  bed.request(1, "/t.S/Wait", framed("a"));
  bed.settle();
  bed.served.stop();
  bed.settle();
  const std::string notice = bed.sent();
  CHECK(notice == "GOAWAY 2147483647 NO_ERROR; PING");
  bed.request(3, "/t.S/Unary", framed("a"));  // was on its way
  CHECK(bed.sent() == "HEADERS 3 " + grpc + "; DATA 3 6; HEADERS 3 grpc-status=0 end");
  bed.send(ping_frame(be32(0x7269'6e67) + be32(0x7270'6301), ack));
  CHECK(bed.sent() == "GOAWAY 3 NO_ERROR");
  bed.request(5, "/t.S/Unary", framed("a"));
  const std::string late = bed.sent();
  CHECK((late.empty() || late == "RST_STREAM 5 REFUSED_STREAM"));
  CHECK(bed.methods.started == 2);
  CHECK_FALSE(bed.peer->ended);
  gate.set();
  // There is no third GOAWAY.
  CHECK(bed.sent() == "HEADERS 1 " + grpc + "; DATA 1 9; HEADERS 1 grpc-status=0 end");
  CHECK(bed.peer->ended);
  bed.peer->close();
  bed.settle();
  CHECK(bed.served.connections() == 0);
}

TEST_CASE("wire rule 33: a drain ends after its time, though a client does not answer the PING") {
  server_bed bed;
  bed.peer->acknowledges = false;
  bed.request(1, "/t.S/Wait", framed("a"));
  bed.settle();
  bed.served.stop();
  bed.pass(29s);
  CHECK(bed.methods.running == 1);
  bed.pass(1s);
  bed.pass(2s);
  CHECK(bed.methods.running == 0);
  CHECK(bed.peer->ended);
  CHECK(bed.served.connections() == 0);
}

TEST_CASE("wire rule 33: a drain without calls does not wait for a client that is deaf") {
  server_bed bed;
  bed.peer->acknowledges = false;
  bed.served.stop();
  bed.pass(5s);
  bed.pass(2s);
  CHECK(bed.peer->ended);
  CHECK(bed.served.connections() == 0);
}

TEST_CASE("floods: pings whose answers are not read stop the reading, and it goes on later") {
  simulated_options narrow;
  narrow.socket_buffer_bytes = 4096;
  server_bed bed{{}, true, narrow};
  bed.peer->reads = false;
  std::string pings;
  for (int i = 0; i < 500; ++i) pings += ping_frame();
  for (int i = 0; i < 8; ++i) {
    bed.send(pings);
    bed.pass(10s);
  }
  CHECK(bed.peer->unsent() > 0);  // it is not taken any more
  CHECK(bed.served.connections() == 1);
  bed.peer->reads = true;
  bed.settle();
  CHECK(bed.peer->unsent() == 0);
  bed.peer->take();
  bed.request(1, "/t.S/Unary", framed("a"));
  CHECK(bed.sent() == "HEADERS 1 " + grpc + "; DATA 1 6; HEADERS 1 grpc-status=0 end");
}

TEST_CASE("floods: what serves no call is bounded by options of the server") {
  server_options few;
  few.connection.peer_resets = {3, 1};
  few.connection.glitches = {3, 1};
  few.connection.pings = {3, 1};
  few.connection.continuations_max = 3;
  const std::string whole = block(request_fields({}, "/t.S/Wait"));
  const auto opened_and_reset = [](std::int32_t number) {
    const std::int32_t id = 2 * number + 1;
    return headers_frame(id, request_fields({}, "/t.S/Wait")) + reset_frame(id);
  };
  struct flood {
    const char* name;
    std::function<std::string(int)> one;
  };
  const std::vector<flood> floods{
      {"resets", opened_and_reset},
      {"priorities", [](int number) { return priority_frame(2 * number + 1); }},
      {"pings", [](int) { return ping_frame(); }},
      {"continuations",
       [&](int number) {
         const std::string part = whole.substr(static_cast<std::size_t>(number), 1);
         return number == 0 ? headers_frame(1, part, 0) : continuation_frame(1, part);
       }},
  };
  for (const flood& kind : floods) {
    CAPTURE(std::string{kind.name});
    server_bed bed{few};
    for (int number = 0; number < 3; ++number) bed.send(kind.one(number));
    CHECK(bed.sent().find("GOAWAY") == std::string::npos);
    bed.send(kind.one(3));
    if (!bed.peer->ended) bed.send(kind.one(4));  // a block begins with HEADERS
    CHECK(bed.sent().find("ENHANCE_YOUR_CALM") != std::string::npos);
    CHECK(bed.peer->ended);
    server_bed usual;
    for (int number = 0; number < 5; ++number) usual.send(kind.one(number));
    CHECK(usual.sent().find("GOAWAY") == std::string::npos);
  }
}

TEST_CASE("floods: how many of our replies may wait is an option of the server") {
  simulated_options narrow;
  narrow.socket_buffer_bytes = 4096;
  const auto read_with = [&](std::uint32_t replies) {
    server_options options;
    options.connection.reply_count_max = replies;
    server_bed bed{options, true, narrow};
    bed.peer->reads = false;
    std::string pings;
    for (int i = 0; i < 500; ++i) pings += ping_frame();
    for (int i = 0; i < 8; ++i) {
      bed.send(pings);
      bed.pass(1s);
    }
    return bed.peer->unsent();
  };
  CHECK(read_with(1000) < read_with(10));
}

TEST_CASE("wire rule 37: what breaks the connection ends it with GOAWAY, and the next one works") {
  struct breach {
    const char* name;
    std::string bytes;
    const char* answer;
  };
  const std::vector<breach> breaches{
      {"HEADERS on an even stream", headers_frame(2, request_fields()), "PROTOCOL_ERROR"},
      {"DATA on stream 0", data_frame(0, "x"), "PROTOCOL_ERROR"},
      {"a frame above 64 KiB", headers_frame(3, std::string(65'537, 'x')), "FRAME_SIZE_ERROR"},
      {"garbage as HPACK", headers_frame(1, std::string(20, '\xff')), "COMPRESSION_ERROR"},
      {"a window of 0", window_frame(0, 0), "PROTOCOL_ERROR"},
      {"a window too large", window_frame(0, 0x7fff'ffff), "FLOW_CONTROL_ERROR"},
  };
  server_bed bed;
  for (const breach& one : breaches) {
    CAPTURE(std::string{one.name});
    bed.request(1, "/t.S/Wait", framed("a"));
    bed.settle();
    bed.peer->take();
    CHECK(bed.methods.running == 1);
    bed.send(one.bytes);
    const std::string sent = bed.sent();
    CAPTURE(sent);
    CHECK(sent.find("GOAWAY") != std::string::npos);
    CHECK(sent.find(one.answer) != std::string::npos);
    CHECK(bed.peer->ended);
    CHECK(bed.methods.running == 0);
    bed.connect();
    bed.settle();
    CHECK(bed.served.connections() == 1);
    bed.start();
  }
}
}  // namespace ringrpc::wire_test
