// SPDX-License-Identifier: MIT
//
// The same bytes give the same events, wherever they are cut.
#include <ringrpc/http2/nghttp2_engine.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../support/random.hpp"
#include "bed.hpp"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;

namespace {
// Events in which neighbouring pieces of one body are one: where DATA is cut is the
// only thing that may differ.
std::string merged(const std::vector<std::string>& events) {
  std::vector<std::string> lines;
  std::string open;  // "data 1 " while the last line is such a piece without end
  std::size_t bytes = 0;
  for (const std::string& event : events) {
    const bool is_data = event.starts_with("data ");
    const std::size_t size_at = is_data ? event.find(' ', 5) + 1 : 0;
    const std::string prefix = event.substr(0, size_at);
    if (!is_data || prefix != open) {
      lines.push_back(event);
      bytes = is_data ? std::stoul(event.substr(size_at)) : 0;
    } else {
      bytes += std::stoul(event.substr(size_at));
      lines.back() = prefix + std::to_string(bytes) + (event.ends_with(" end") ? " end" : "");
    }
    open = is_data && !event.ends_with(" end") ? prefix : std::string{};
  }
  return joined(lines);
}

// What both sides do in one session. The client acts first, then the server.
struct shape {
  const char* what;
  void (*client)(bed&);
  void (*server)(bed&);
};

void answer(bed& server, std::int32_t id, int messages, std::string_view status = "0") {
  const stream_ref r = server.sink.refs[id];
  server.respond(r);
  for (int i = 0; i < messages; ++i) server.engine.data(r, slice_of("reply"), false);
  server.trailers(r, status);
}
void ask(bed& client, int messages) {
  const stream_ref r = client.open();
  for (int i = 0; i < messages; ++i) {
    client.engine.data(r, slice_of("question"), i + 1 == messages);
  }
}
const shape shapes[] = {
    {"unary", [](bed& client) { ask(client, 1); }, [](bed& server) { answer(server, 1, 1); }},
    {"client streaming", [](bed& client) { ask(client, 3); },
     [](bed& server) { answer(server, 1, 1); }},
    {"server streaming", [](bed& client) { ask(client, 1); },
     [](bed& server) { answer(server, 1, 4); }},
    {"bidirectional",
     [](bed& client) {
       const stream_ref r = client.open();
       for (int i = 0; i < 3; ++i) client.engine.data(r, slice_of("question"), false);
       client.engine.data(r, slice{}, true);
     },
     [](bed& server) { answer(server, 1, 3); }},
    {"three calls at once, one fails",
     [](bed& client) {
       for (int i = 0; i < 3; ++i) ask(client, i + 1);
     },
     [](bed& server) {
       answer(server, 1, 2);
       answer(server, 5, 1);
       server.respond(server.sink.refs[3], true);
     }},
    {"early end and reset (wire rule 27), PING",
     [](bed& client) {
       const stream_ref r = client.open();
       client.engine.data(r, slice_of("unfinished"), false);
       client.engine.ping(7);
     },
     [](bed& server) {
       answer(server, 1, 1, "5");
       server.engine.reset(server.sink.refs[1], error_code::no_error);
     }},
    {"a refusal, then the end of the connection",
     [](bed& client) {
       ask(client, 1);
       ask(client, 1);
     },
     [](bed& server) {
       answer(server, 1, 1);
       server.engine.reset(server.sink.refs[3], error_code::refused_stream);
       server.engine.goaway(0x7fff'ffff, error_code::no_error, "notice");
       server.engine.goaway(3, error_code::no_error, "max_age");
     }},
};

struct session {
  std::string up;
  std::string down;
};
session record(const shape& one) {
  bed client{role::client};
  bed server{role::server};
  session recorded;
  one.client(client);
  recorded.up = client.sent_bytes();
  server.feed(recorded.up);
  one.server(server);
  recorded.down = server.sent_bytes();
  return recorded;
}
}  // namespace

TEST_CASE("cut_positions: a server sees the same wherever a session's bytes are cut in two") {
  for (const shape& one : shapes) {
    CAPTURE(one.what);
    const std::string up = record(one).up;
    std::string expected;
    for (std::size_t cut = 0; cut <= up.size(); ++cut) {
      CAPTURE(cut);
      bed server{role::server};
      REQUIRE(server.feed(std::string_view{up}.substr(0, cut)).ok());
      REQUIRE(server.feed(std::string_view{up}.substr(cut)).ok());
      const std::string seen = merged(server.sink.events);
      if (cut == 0) expected = seen;
      REQUIRE(seen == expected);
    }
    CHECK(expected.find("request 1") != std::string::npos);
  }
}

TEST_CASE("cut_positions: a client sees the same wherever a session's bytes are cut in two") {
  for (const shape& one : shapes) {
    CAPTURE(one.what);
    const std::string down = record(one).down;
    std::string expected;
    for (std::size_t cut = 0; cut <= down.size(); ++cut) {
      CAPTURE(cut);
      bed client{role::client};
      one.client(client);
      client.sent_bytes();
      client.feed(std::string_view{down}.substr(0, cut));
      client.feed(std::string_view{down}.substr(cut));
      const std::string seen = merged(client.sink.events);
      if (cut == 0) expected = seen;
      REQUIRE(seen == expected);
    }
    CHECK(expected.find("closed 1") != std::string::npos);
  }
}

TEST_CASE("cut_positions: one byte at a time gives the same events, and the same answers") {
  for (const shape& one : shapes) {
    CAPTURE(one.what);
    const session recorded = record(one);
    bed client{role::client};
    bed server{role::server};
    one.client(client);
    CHECK(client.sent_bytes() == recorded.up);
    for (const char byte : recorded.up) server.feed({&byte, 1});
    one.server(server);
    CHECK(server.sent_bytes() == recorded.down);
    for (const char byte : recorded.down) client.feed({&byte, 1});
    bed whole{role::client};
    one.client(whole);
    whole.sent_bytes();
    whole.feed(recorded.down);
    CHECK(merged(client.sink.events) == merged(whole.sink.events));
  }
}

TEST_CASE("cut_positions: hostile bytes end the same way wherever they are cut") {
  const std::string attacks[] = {
      headers_frame(1, request_fields()) + window_frame(1, 0) + data_frame(1, "x"),
      headers_frame(1, request_fields(), end_headers | end_stream) + data_frame(1, "late") +
          headers_frame(3, request_fields()),
      headers_frame(1, request_fields(), end_headers | end_stream) +
          headers_frame(1, {{"late", "x"}}) + headers_frame(3, request_fields()),
      headers_frame(5, request_fields()) + headers_frame(3, request_fields()),
      headers_frame(1, field_list{{"te", "gzip"}}) + data_frame(1, "x") + ping_frame("1234567"),
      headers_frame(1, request_fields()) + padded_data_frame(1, "abc", 7, end_stream) +
          frame(frame_type::settings, 0, 0, "abc"),
  };
  for (const std::string& attack : attacks) {
    std::string expected;
    for (std::size_t cut = 0; cut <= attack.size(); ++cut) {
      CAPTURE(cut);
      bed server{role::server};
      server.start();
      server.feed(std::string_view{attack}.substr(0, cut));
      server.feed(std::string_view{attack}.substr(cut));
      const std::string seen = merged(server.sink.events) + " => " + server.sent();
      if (cut == 0) expected = seen;
      REQUIRE(seen == expected);
    }
  }
}

TEST_CASE("cut_positions: random frames, by seed, give the same in one piece and in many") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    testing::seeded_random random{seed};
    const auto id = [&] { return static_cast<std::int32_t>(random.below(9)); };
    std::string bytes;
    for (int i = 0; i < 30; ++i) {
      const std::uint8_t flags = static_cast<std::uint8_t>(random.below(2) | 4);
      switch (random.below(12)) {
        case 0:
        case 1:
        case 2: bytes += headers_frame(id(), request_fields(), flags); break;
        case 3:
        case 4: bytes += data_frame(id(), std::string(random.below(50), 'd'),
                                    static_cast<std::uint8_t>(random.below(2))); break;
        case 5: bytes += reset_frame(id()); break;
        case 6: bytes += window_frame(id(), static_cast<std::uint32_t>(random.below(3))); break;
        case 7: bytes += ping_frame(); break;
        case 8: bytes += priority_frame(id()); break;
        case 9: bytes += settings_frame({{settings_id::initial_window,
                                          static_cast<std::uint32_t>(random.below(100))}}); break;
        case 10: bytes += frame(static_cast<std::uint8_t>(random.below(20)), flags, id(),
                                std::string(random.below(20), 'u')); break;
        default: bytes += headers_frame(id(), {{"x", "y"}}, flags | end_stream); break;
      }
    }
    bed whole{role::server};
    whole.start();
    whole.feed(bytes);
    bed cut{role::server};
    cut.start();
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t count = random.between(1, 40);
      cut.feed(std::string_view{bytes}.substr(at, count));
      at += count;
    }
    REQUIRE(merged(whole.sink.events) == merged(cut.sink.events));
    REQUIRE(whole.sent() == cut.sent());
    CHECK(whole.sink.users_right);
  }
}

TEST_CASE("cut_positions: random bytes behind a good start never hang, grow or crash an engine") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    testing::seeded_random random{seed};
    const role side = random.chance(0.5) ? role::client : role::server;
    bed one{side};
    one.start();
    if (side == role::client) one.open();
    std::string bytes(random.between(1, 3000), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.below(256));
    // Plausible lengths, so that more than the first frame is looked at.
    if (random.chance(0.8)) bytes[0] = bytes[1] = '\0';
    one.feed(bytes);
    one.sent_bytes();
    CHECK(one.pool.used_bytes() < 512 * 1024);
  }
}
