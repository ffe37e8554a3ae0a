// SPDX-License-Identifier: MIT
#include "scripted_engine.hpp"

#include <doctest/doctest.h>

#include <string>

#include "recorder.hpp"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;

namespace {
struct fixture {
  memory_pool pool;
  recorder sink;
  scripted_engine<recorder> engine{role::server, default_settings, limits{}, pool, sink};
  time_point now{};

  std::string gathered(std::uint32_t bytes = 1 << 16) {
    output out{pool};
    engine.gather(out, bytes, now);
    std::string text;
    for (const ::iovec& part : out.parts()) {
      text.append(static_cast<const char*>(part.iov_base), part.iov_len);
    }
    return text;
  }
  stream_ref request(std::int32_t id, bool end) {
    engine.request(id, {{":path", "/a/b"}}, end);
    engine.feed({}, now);
    sink.take();
    return engine.ref_of(id);
  }
  static slice text_slice(std::string_view text) {
    return {as_bytes(text).data(), static_cast<std::uint32_t>(text.size()), nullptr};
  }
};
}  // namespace

TEST_CASE_FIXTURE(fixture, "scripted_engine: the next feed tells the script in order, once") {
  engine.peer_settings_are(settings{});
  engine.settings_ack();
  engine.request(1, {{":path", "/a/b"}, {"k", "v"}});
  engine.peer_data(1, "hello", false, 3);
  engine.peer_trailers(1, {{"t", "x"}});
  engine.peer_goaway(0, error_code::no_error, "bye");
  engine.ping_ack(5);
  CHECK(sink.take() == "");
  CHECK(engine.feed(as_bytes("bytes"), now).ok());
  CHECK(sink.take() == "settings | settings_ack | request 1 | data 1 5 | trailers 1 end | "
                       "goaway 0 NO_ERROR bye | ping_ack 5");
  CHECK(sink.flow_bytes[1] == 8);
  CHECK(engine.fed() == "bytes");
  CHECK(engine.receive_window(engine.ref_of(1)) == 0);
  engine.feed({}, now);
  CHECK(sink.take() == "");
  CHECK(sink.users_right);
}

TEST_CASE_FIXTURE(fixture, "scripted_engine: calls are written down, gather takes and closes") {
  const stream_ref r = request(1, true);
  const header_field field[] = {{"grpc-status", "0", false}};
  engine.headers(r, {}, false);
  engine.data(r, text_slice("hello"), false);
  engine.trailers(r, {nullptr, field});
  CHECK(engine.queued(r) == 5);
  CHECK(engine.queued() == 5);
  CHECK(engine.take_calls() == "headers 1 | data 1 hello | trailers 1 grpc-status=0 end");
  CHECK(gathered() == "PREFACEHEADERShelloHEADERS");
  CHECK(sink.take() == "closed 1");
  CHECK(engine.queued() == 0);
  CHECK_FALSE(engine.wants_write());
  engine.data(r, text_slice("stale"), false);
  CHECK(engine.take_calls() == "");
}

TEST_CASE_FIXTURE(fixture, "scripted_engine: output can be held, and leaves in parts") {
  const stream_ref r = request(1, true);
  sink.note_writable = true;
  gathered();
  engine.headers(r, {}, false);
  engine.data(r, text_slice("hello"), false);
  engine.hold_output = true;
  CHECK_FALSE(engine.wants_write());
  CHECK(gathered() == "");
  engine.hold_output = false;
  engine.hold_data = true;
  CHECK(gathered() == "HEADERS");
  CHECK_FALSE(engine.wants_write());
  engine.hold_data = false;
  CHECK(gathered(2) == "he");
  CHECK(engine.queued(r) == 3);
  CHECK(gathered() == "llo");
  CHECK(sink.take() == "writable 1 | writable 1");
}

TEST_CASE_FIXTURE(fixture, "scripted_engine: a reset closes at the next gather, a peer's at once") {
  const stream_ref first = request(1, false);
  const stream_ref second = request(3, false);
  engine.headers(first, {}, false);
  engine.reset(first, error_code::cancel);
  engine.peer_data(1, "late");
  engine.peer_reset(3, error_code::cancel);
  engine.feed({}, now);
  CHECK(sink.take() == "reset 3 CANCEL | closed 3");
  CHECK(engine.user(second) == nullptr);
  gathered();
  CHECK(sink.take() == "closed 1");
}

TEST_CASE_FIXTURE(fixture, "scripted_engine: a reset with NO_ERROR lets the end leave first") {
  const stream_ref r = request(1, false);
  gathered();
  engine.headers(r, {}, true);
  engine.reset(r, error_code::no_error);
  CHECK(gathered() == "HEADERS");
  CHECK(sink.take() == "closed 1");
}

TEST_CASE_FIXTURE(fixture, "scripted_engine: windows count what is received, credited and raised") {
  const stream_ref r = request(1, false);
  engine.peer_data(1, "12345");
  engine.feed({}, now);
  CHECK(engine.receive_window(r) == 65'536 - 5);
  engine.credit_stream(r, 2);
  engine.raise_window(r, 10);
  engine.credit_connection(5);
  CHECK(engine.receive_window(r) == 65'536 + 7);
  CHECK(engine.take_calls() == "credit_stream 1 2 | raise_window 1 10 | credit_connection 5");
}

TEST_CASE("scripted_engine: a client opens streams, a GOAWAY resets those above its last id") {
  memory_pool pool;
  recorder sink;
  scripted_engine<recorder> client{role::client, default_settings, limits{}, pool, sink};
  REQUIRE(client.open({}, true, recorder::user_of(1)));
  REQUIRE(client.open({}, false, recorder::user_of(3)));
  CHECK(client.next_id() == 5);
  client.peer_goaway(1, error_code::no_error);
  client.feed({}, {});
  CHECK(sink.take() == "goaway 1 NO_ERROR | reset 3 REFUSED_STREAM | closed 3");
  CHECK(client.open({}, true, nullptr).error() == open_refusal::going_away);
  client.open_answer = open_refusal::no_slot;
  CHECK(client.open({}, true, nullptr).error() == open_refusal::no_slot);
  client.response(1, {{":status", "200"}});
  client.informational(1, {{":status", "103"}});
  client.feed({}, {});
  CHECK(sink.take() == "response 1 | informational 1");
  client.fail(error_code::internal_error);
  CHECK(sink.take() == "closed 1");
  CHECK(client.closed());
  CHECK(client.take_calls() == "open 1 end | open 3 | fail INTERNAL_ERROR");
}

TEST_CASE("scripted_engine: tests find the engines that others made") {
  memory_pool pool;
  recorder sink;
  const std::size_t before = engine_script::live().size();
  {
    scripted_engine<recorder> client{role::client, default_settings, limits{}, pool, sink};
    REQUIRE(engine_script::live().size() == before + 1);
    CHECK(engine_script::live().back()->side() == role::client);
  }
  CHECK(engine_script::live().size() == before);
}
