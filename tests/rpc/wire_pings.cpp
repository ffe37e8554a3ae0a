// SPDX-License-Identifier: MIT
//
// How many PINGs a peer may send (wire rules 40 and 41): strikes where a server permits
// them at times only, and honest load, which is never punished. Frames by hand, in
// virtual time.
#include <algorithm>
#include <cstdint>
#include <string>

#include "raw_peer.hpp"

namespace ringrpc::wire_test {
namespace {
const std::string too_many = "GOAWAY 0 ENHANCE_YOUR_CALM too_many_pings";

server_options permitting_after(duration time) {
  server_options options;
  options.keepalive_permit_time = time;
  return options;
}
std::size_t how_many(const std::string& what, const std::string& in) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = in.find(what, at)) != std::string::npos; ++at) ++count;
  return count;
}
std::string repeated(int count, const std::string& text) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}
}  // namespace

TEST_CASE("wire rule 40: the third PING too soon ends the connection with too_many_pings") {
  server_bed bed{permitting_after(5min)};
  bed.send(repeated(3, ping_frame()));  // a good one and two strikes
  CHECK(bed.sent() == "PING ack; PING ack; PING ack");
  bed.pass(5min - 1ns);
  bed.send(ping_frame());
  CHECK(bed.sent() == "PING ack; " + too_many);
  CHECK(bed.peer->ended);
  bed.peer->close();
  bed.connect();  // what others did, or this one before, is no strike of it
  bed.start();
  bed.send(repeated(3, ping_frame()));
  CHECK(bed.sent() == "PING ack; PING ack; PING ack");
}

TEST_CASE("wire rule 40: its calls end, and the strikes of PINGs in one receive count") {
  server_bed bed{permitting_after(5min)};
  bed.request(1, "/t.S/Wait", framed("a"));
  bed.settle();
  CHECK(bed.methods.running == 1);
  bed.send(repeated(4, ping_frame()));
  CHECK(bed.sent().ends_with("GOAWAY 1 ENHANCE_YOUR_CALM too_many_pings"));
  CHECK(bed.methods.running == 0);
  CHECK(bed.methods.stopped == 1);
  bed.pass(1s);
  CHECK(bed.served.connections() == 0);
}

TEST_CASE("wire rule 40: PINGs at the permit time are good, with calls or where allowed without") {
  for (const bool calls : {true, false}) {
    server_options options = permitting_after(5min);
    options.keepalive_permit_without_calls = !calls;
    server_bed bed{options};
    if (calls) bed.request(1, "/t.S/Bidi", "", {}, false);
    bed.sent();
    for (int i = 0; i < 20; ++i) {
      bed.send(ping_frame());
      CHECK(bed.sent() == "PING ack");
      bed.pass(5min);
    }
    CHECK_FALSE(bed.peer->ended);
  }
}

TEST_CASE("wire rule 40: without calls, where not permitted, PINGs need two hours between them") {
  server_bed bed{permitting_after(5min)};
  for (int i = 0; i < 5; ++i) {
    bed.send(ping_frame());
    CHECK(bed.sent() == "PING ack");
    bed.pass(2h);
  }
  for (int i = 0; i < 3; ++i) {
    bed.send(ping_frame());
    CHECK(bed.sent() == "PING ack");
    bed.pass(30min);
  }
  bed.send(ping_frame());
  CHECK(bed.sent() == "PING ack; " + too_many);
}

TEST_CASE("wire rule 40: every HEADERS or DATA frame that is sent forgives all strikes") {
  server_bed bed{permitting_after(5min)};
  for (std::int32_t id = 1; id < 41; id += 2) {
    bed.send(repeated(3, ping_frame()));
    bed.settle();
    bed.request(id, "/t.S/Unary", framed("a"));
    CHECK(how_many("HEADERS", bed.sent()) == 2);
  }
  bed.pass(11s);
  bed.send(repeated(3, ping_frame()));
  bed.settle();
  bed.send(settings_frame());  // an answer that is neither
  CHECK(bed.sent().find("GOAWAY") == std::string::npos);
  bed.send(ping_frame());
  CHECK(bed.sent().ends_with("too_many_pings"));
}

TEST_CASE("wire rule 40: how many strikes are borne is an option, 0 bears all") {
  server_options options = permitting_after(5min);
  options.ping_strikes_max = 5;
  server_bed bed{options};
  bed.send(repeated(6, ping_frame()));
  CHECK(bed.sent().find("GOAWAY") == std::string::npos);
  bed.send(ping_frame());
  CHECK(bed.sent().ends_with("too_many_pings"));
  options.ping_strikes_max = 0;
  server_bed patient{options};
  patient.send(repeated(100, ping_frame()));
  CHECK(how_many("PING ack", patient.sent()) == 100);
  CHECK_FALSE(patient.peer->ended);
}

TEST_CASE("wire rule 41: 1000 PINGs in a second are answered by either side, and nothing ends") {
  server_bed server;
  server.request(1, "/t.S/Wait", framed("a"));
  client_bed client;
  client.start();
  client.sent();
  std::size_t by_server = 0;
  std::size_t by_client = 0;
  for (int tenth = 0; tenth < 10; ++tenth) {
    server.send(repeated(100, ping_frame()));
    client.send(repeated(100, ping_frame()));
    by_server += how_many("PING ack", server.sent());
    by_client += how_many("PING ack", client.sent());
    server.pass(100ms);
    client.pass(100ms);
  }
  CHECK(by_server == 1000);
  CHECK(by_client == 1000);
  CHECK(server.methods.running == 1);
  CHECK_FALSE(server.peer->ended);
  CHECK_FALSE(client.done());
}

// What grpc++ does to measure the bandwidth, at its worst.
TEST_CASE("wire rules 40 and 41: a PING for each DATA frame of a 64 MiB message is not punished") {
  constexpr std::size_t bytes = 64 * 1024 * 1024;
  for (const duration permit : {duration{0s}, duration{5min}}) {
    server_options options = permitting_after(permit);
    server_bed bed{options};
    bed.peer->credits = false;
    bed.request(1, "/t.S/Server", framed("1 " + std::to_string(bytes)));
    bed.send(window_frame(0, 1 << 30));
    std::size_t received = 0;
    std::size_t frames = 0;
    std::string sent;
    for (std::size_t held = 0; sent.find("grpc-status=0") == std::string::npos;) {
      sent = bed.sent();
      const std::size_t now = bed.peer->body[1].size();
      REQUIRE((now > 0 || sent.find("grpc-status") != std::string::npos));
      bed.peer->body.clear();
      received += now;
      held += now;
      const std::size_t more = how_many("DATA 1 ", sent);
      frames += more;
      bed.send(repeated(static_cast<int>(more), ping_frame()));
      if (held > 0) bed.send(window_frame(1, static_cast<std::uint32_t>(held)));
      held = 0;
    }
    CHECK(received == bytes + 5);
    CHECK(frames >= bytes / 65'536);
    CHECK(bed.sent().find("GOAWAY") == std::string::npos);
    CHECK_FALSE(bed.peer->ended);
  }
}

TEST_CASE("wire rule 41: a PING with each DATA frame of a 64 MiB request is not punished") {
  constexpr std::size_t bytes = 64 * 1024 * 1024;
  constexpr std::size_t frame_bytes = 16 * 1024;
  server_options options;
  options.connection.receive_message_bytes_max = bytes;
  server_bed bed{options};
  bed.send(headers_frame(1, request_fields({}, "/t.S/Unary")));
  const std::string whole = framed(std::string(bytes, 'x'));
  std::size_t acknowledged = 0;
  std::size_t sent_frames = 0;
  std::string answer;
  for (std::size_t at = 0; at < whole.size();) {
    bed.settle();
    std::string burst;
    while (at < whole.size()) {
      const std::size_t count = std::min(frame_bytes, whole.size() - at);
      const auto window = std::min(bed.peer->connection_window, bed.peer->window_of(1));
      if (window < static_cast<std::int64_t>(count)) break;
      const bool end = at + count == whole.size();
      burst += data_frame(1, std::string_view{whole}.substr(at, count),
                          end ? end_stream : std::uint8_t{0}) + ping_frame();
      bed.peer->connection_window -= static_cast<std::int64_t>(count);
      bed.peer->windows[1] -= static_cast<std::int64_t>(count);
      at += count;
      ++sent_frames;
    }
    REQUIRE_FALSE(burst.empty());
    bed.send(burst);
    answer = bed.sent();
    acknowledged += how_many("PING ack", answer);
    REQUIRE(answer.find("GOAWAY") == std::string::npos);
  }
  CHECK(acknowledged == sent_frames);
  CHECK(answer.find("HEADERS 1 grpc-status=0 end") != std::string::npos);
  CHECK(bed.methods.received_bytes == bytes);
}
}  // namespace ringrpc::wire_test
