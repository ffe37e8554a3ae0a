// SPDX-License-Identifier: MIT
//
// Calls on the scripted engine: a program of its own, whose include path has another
// <ringrpc/rpc/engine.hpp> in front. It shows that everything above the engine knows
// the concept only, and tells events in orders that a real engine rarely gives.
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <ringrpc/ringrpc.hpp>

#include "../echo.hpp"
#include "../support.hpp"

#if defined(NGHTTP2_H)
#error "nghttp2.h was included, so the engine is not chosen in one place only"
#endif

namespace ringrpc::testing {
namespace {
using http2::error_code;
using http2::test::engine_script;
using fields = engine_script::fields;

static_assert(
    std::is_same_v<rpc::engine<connection>, http2::test::scripted_engine<connection>>);

std::string framed(std::string_view message) {
  std::string made(5, '\0');
  made[4] = static_cast<char>(message.size());  // none here is longer than 255 bytes
  return made += message;
}
fields request_to(const std::string& path) {
  return {{":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "here"},
          {"te", "trailers"}, {"content-type", "application/grpc"}};
}
const fields response{{":status", "200"}, {"content-type", "application/grpc"}};
const fields ok_trailers{{"grpc-status", "0"}};

/// The far end of one connection: bytes in, which mean nothing, and bytes out.
class far_end {
public:
  far_end(ring& home, memory_stream end) : home_(home), stream_(std::move(end)) {
    home_.spawn(drain(stream_, taken_));
  }
  /// Makes the engine feed, which tells the script.
  void feed() { home_.spawn(poke(stream_)); }
  void close() { stream_.abort(); }
  std::size_t taken() const { return taken_; }

private:
  static task<> poke(memory_stream& on) {
    const std::byte one{};
    const ::iovec part{const_cast<std::byte*>(&one), 1};
    const std::span<const ::iovec> parts{&part, 1};
    const io_result<std::size_t> wrote = co_await on.write_some(parts);
    CHECK(wrote);
  }
  static task<> drain(memory_stream& of, std::size_t& count) {
    std::array<std::byte, 4096> buffer;
    for (;;) {
      const io_result<std::size_t> read = co_await of.read_some(buffer);
      if (!read || *read == 0) co_return;
      count += *read;
    }
  }

  ring& home_;
  memory_stream stream_;
  std::size_t taken_ = 0;
};

/// A ring in virtual time, and the far ends of its connections.
class scripted_bed {
public:
  scripted_bed() = default;
  scripted_bed(const scripted_bed&) = delete;
  scripted_bed& operator=(const scripted_bed&) = delete;

  void settle() {
    for (unsigned idle = 0; idle < 3;) idle = here.turn() ? 0 : idle + 1;
  }
  /// A new connection of `to`, whose client has sent its preface.
  void connect(server& to, const http2::settings& theirs = {}) {
    std::pair<memory_stream, memory_stream> both = memory_pair(here);
    to.attach(std::move(both.first));
    ends.emplace_back(here, std::move(both.second));
    settle();
    script().peer_settings_are(theirs);
    feed();
    script().take_calls();
  }
  /// The script is told on the newest connection, and what follows happens.
  void feed() {
    ends.back().feed();
    settle();
  }
  static engine_script& script() {
    REQUIRE_FALSE(engine_script::live().empty());
    return *engine_script::live().back();
  }
  /// What the engine was told, the prefix of a message as its length in brackets.
  static std::string calls() {
    std::string text = script().take_calls();
    for (std::size_t at = 0; (at = text.find(std::string(4, '\0'), at)) != std::string::npos;) {
      const auto length = static_cast<unsigned char>(text[at + 4]);
      text.replace(at, 5, '[' + std::to_string(length) + ']');
    }
    return text;
  }

  simulated_kernel kernel;
  ring here{on_simulated(kernel)};
  std::deque<far_end> ends;
};

struct server_side : scripted_bed {
  explicit server_side(const server_options& options = {}) : served{here, options} {
    served.add(methods);
    connect(served);
  }
  ~server_side() {
    for (far_end& one : ends) one.close();
    here.run(served.close());
    CHECK(engine_script::live().empty());
  }
  /// A whole call of one message.
  void call(std::int32_t id, const std::string& path, std::string_view message) {
    script().request(id, request_to(path));
    script().peer_data(id, framed(message), true);
    feed();
  }

  echo_service methods;
  server served;
};

struct client_side : scripted_bed {
  struct make_stream {
    client_side* of;
    task<io_result<memory_stream>> operator()(const connect_context&) const { return make(*of); }
    static task<io_result<memory_stream>> make(client_side& to) {
      std::pair<memory_stream, memory_stream> both = memory_pair(to.here);
      to.ends.emplace_back(to.here, std::move(both.second));
      co_return std::move(both.first);
    }
  };
  ~client_side() {
    for (far_end& one : ends) one.close();
    here.run(calls_to.close());
    CHECK(engine_script::live().empty());
  }
  /// Starts a call whose end is kept in `results`.
  void start(std::string request) {
    results.emplace_back();
    here.spawn(keep(calls_to.call<unary>(request), results, results.size() - 1));
    settle();
  }
  static task<> keep(unary_call<std::string> call, std::deque<std::optional<std::string>>& into,
                     std::size_t at) {
    const result<std::string> end = co_await call;
    into[at] = end ? *end : std::to_string(static_cast<int>(end.status().code()));
  }
  /// A first call on stream 1, so that the connection is there and has SETTINGS.
  void greet_first(const http2::settings& theirs = {}) {
    start("first");
    greet(theirs);
    answer(1, "first");
    results.clear();
    script().take_calls();
  }
  /// The server's preface has come.
  void greet(const http2::settings& theirs = {}) {
    script().peer_settings_are(theirs);
    feed();
  }
  void answer(std::int32_t id, std::string_view message) {
    script().response(id, response);
    script().peer_data(id, framed(message));
    script().peer_trailers(id, ok_trailers);
    feed();
  }
  std::string end_of(std::size_t at) { return results[at].value_or("none"); }

  std::deque<std::optional<std::string>> results;
  channel calls_to{here, make_stream{this}};
};

/// A handler that writes 5 messages of 30,000 bytes, or until it may not.
struct slow_service {
  task<status> Download(server_context&, const std::string&, writer<std::string>& out) {
    ++running;
    const std::string message(30'000, 'x');
    written = 0;
    for (int i = 0; i < 5; ++i) {
      const bool queued = co_await out.write(message);
      if (!queued) break;
      ++written;
    }
    --running;
    co_return status{};
  }
  template <class Registry>
  void ringrpc_bind(Registry& registry) {
    registry.template handle<download>(
        *this, [](auto& self, auto&... arguments) -> decltype(self.Download(arguments...)) {
          return self.Download(arguments...);
        });
  }
  int running = 0;
  int written = 0;
};
}  // namespace

namespace {
const std::string answer_headers = " :status=200, content-type=application/grpc";
}

TEST_CASE("server: a call of each kind is answered by headers, messages and trailers") {
  server_side side;
  side.call(1, "/test.Calls/Unary", "hello");
  CHECK(side.calls() == "credit_connection 10 | headers 1" + answer_headers +
                            " | data 1 [5]hello | trailers 1 grpc-status=0 end");
  side.call(3, "/test.Calls/Download", "ab");
  CHECK(side.calls() == "credit_connection 7 | headers 3" + answer_headers +
                            " | data 3 [1]a | data 3 [2]ab | trailers 3 grpc-status=0 end");
  side.script().request(5, request_to("/test.Calls/Upload"));
  side.script().peer_data(5, framed("one"));
  side.feed();
  CHECK(side.calls() == "credit_connection 8 | credit_stream 5 8");
  side.script().peer_data(5, framed("two"), true);
  side.feed();
  CHECK(side.calls() == "credit_connection 8 | headers 5" + answer_headers +
                            " | data 5 [6]onetwo | trailers 5 grpc-status=0 end");
  side.script().request(7, request_to("/test.Calls/Chat"));
  side.script().peer_data(7, framed("ping"));
  side.feed();
  CHECK(side.calls() == "credit_connection 9 | credit_stream 7 9 | headers 7" + answer_headers +
                            " | data 7 [4]ping");
  side.script().peer_data(7, {}, true);
  side.feed();
  CHECK(side.calls() == "credit_connection 0 | trailers 7 grpc-status=0 end");
  CHECK(side.script().ref_of(7).id == 0);  // it is closed
}

TEST_CASE("server: a call that was reset in the receive that brought it is answered nothing") {
  server_side side;
  side.script().request(1, request_to("/test.Calls/Unary"));
  side.script().peer_data(1, framed("hello"), true);
  side.script().peer_reset(1, error_code::cancel);
  side.feed();
  const std::string told = side.calls();
  CHECK(told.find("trailers") == std::string::npos);
  side.call(3, "/test.Calls/Unary", "next");
  CHECK(side.calls().ends_with("data 3 [4]next | trailers 3 grpc-status=0 end"));
}

TEST_CASE("server: two calls of one receive whose events are mixed are both answered") {
  server_side side;
  side.script().request(3, request_to("/test.Calls/Unary"));
  side.script().request(1, request_to("/test.Calls/Upload"));
  side.script().peer_data(1, framed("a"));
  side.script().peer_data(3, framed("b"), true);
  side.script().peer_data(1, framed("c"), true);
  side.feed();
  const std::string told = side.calls();
  CHECK(told.find("data 1 [2]ac | trailers 1 grpc-status=0 end") != std::string::npos);
  CHECK(told.find("data 3 [1]b | trailers 3 grpc-status=0 end") != std::string::npos);
}

TEST_CASE("server: a message cut at every byte is the same message") {
  const std::string whole = framed("cut anywhere");
  for (std::size_t at = 0; at <= whole.size(); ++at) {
    CAPTURE(at);
    server_side side;
    side.script().request(1, request_to("/test.Calls/Unary"));
    side.script().peer_data(1, whole.substr(0, at));
    side.feed();
    side.script().peer_data(1, whole.substr(at));
    side.feed();
    side.script().peer_data(1, {}, true);
    side.feed();
    CHECK(side.calls().ends_with("data 1 [12]cut anywhere | trailers 1 grpc-status=0 end"));
  }
}

TEST_CASE("server: header lists that are too large or ambiguous are refused by status") {
  server_side side;
  side.script().request(1, request_to("/test.Calls/Unary"), false, true);
  side.feed();
  CHECK(side.calls().find("grpc-status=8") != std::string::npos);
  side.script().request(3, request_to("/test.Calls/Unary"), false, false, true);
  side.feed();
  const std::string told = side.calls();
  CHECK(told.find("headers 3 :status=400") != std::string::npos);
}

TEST_CASE("server: padding is credited, and no message") {
  server_side side;
  side.script().request(1, request_to("/test.Calls/Upload"));
  side.script().peer_data(1, {}, false, 100);
  side.feed();
  CHECK(side.calls() == "credit_connection 100 | credit_stream 1 100");
  side.script().peer_data(1, framed("x"), true, 7);
  side.feed();
  CHECK(side.calls().ends_with("data 1 [1]x | trailers 1 grpc-status=0 end"));
}

TEST_CASE("server: a writer stops where the engine's queue has no room, and goes on after it") {
  server_side side;
  slow_service slow;
  server other{side.here};
  other.add(slow);
  side.connect(other);
  engine_script& script = side.script();
  script.hold_data = true;
  script.request(1, request_to("/test.Calls/Download"));
  script.peer_data(1, framed("go"), true);
  side.feed();
  CHECK(slow.written == 3);  // the third one is the first above 64 KiB
  script.hold_data = false;
  side.feed();
  CHECK(slow.written == 5);
  CHECK(side.calls().ends_with("trailers 1 grpc-status=0 end"));
  // A reset makes the waiting write false.
  script.hold_data = true;
  script.request(3, request_to("/test.Calls/Download"));
  script.peer_data(3, framed("go"), true);
  side.feed();
  CHECK(slow.running == 1);
  script.peer_reset(3, error_code::cancel);
  side.feed();
  CHECK(slow.running == 0);
  CHECK(slow.written == 3);
  side.ends.back().close();
  side.here.run(other.close());
}

TEST_CASE("server: a reply that waits for room holds its slot, until its deadline at most") {
  scripted_bed bed;
  server_options options;
  options.connection.concurrent_streams = 2;
  options.connection.connection_queue_bytes = 10;
  options.connection.stream_queue_bytes = 4 * 4;  // the share of a stream has no room for a reply
  server serving{bed.here, options};
  echo_service methods;
  serving.add(methods);
  bed.connect(serving);
  engine_script& script = bed.script();
  script.hold_data = true;
  const auto call = [&](std::int32_t id) {
    fields request = request_to("/test.Calls/Unary");
    request.emplace_back("grpc-timeout", "1S");
    script.request(id, request);
    script.peer_data(id, framed("hello"), true);
    bed.feed();
    return bed.calls();
  };
  CHECK(call(1).ends_with("data 1 [5]hello | trailers 1 grpc-status=0 end"));
  CHECK(call(3).find("data 3") == std::string::npos);
  CHECK(call(5).find("data 5") == std::string::npos);
  CHECK(call(7).find("reset 7 REFUSED_STREAM") != std::string::npos);
  bed.kernel.advance(std::chrono::seconds{2});
  bed.settle();
  const std::string late = bed.calls();
  CHECK(late.find("grpc-status=4") != std::string::npos);
  CHECK(call(9).find("REFUSED_STREAM") == std::string::npos);
  script.hold_data = false;
  bed.feed();
  CHECK(bed.calls().find("data 9 [5]hello | trailers 9 grpc-status=0 end") != std::string::npos);
  bed.ends.back().close();
  bed.here.run(serving.close());
}

TEST_CASE("server: a text of a status is left out where the client takes no such header list") {
  server_side side;
  http2::settings theirs;
  theirs.header_list_bytes_max = 150;
  side.script().peer_settings_are(theirs);
  side.feed();
  side.script().take_calls();
  side.call(1, "/nowhere/" + std::string(200, 'x'), "hello");
  const std::string told = side.calls();
  CHECK(told.find("grpc-status=12") != std::string::npos);
  CHECK(told.find("grpc-message") == std::string::npos);
}

TEST_CASE("server: a drain says so, asks by PING, and then names the last call") {
  server_side side;
  side.call(1, "/test.Calls/Unary", "x");
  side.script().take_calls();
  side.script().request(3, request_to("/test.Calls/Upload"));
  side.feed();
  side.served.stop();
  side.settle();
  const std::string asked = side.calls();
  const std::string notice = "goaway 2147483647 NO_ERROR | ping ";
  REQUIRE(asked.starts_with(notice));
  const std::uint64_t number = std::stoull(asked.substr(notice.size()));
  side.script().ping_ack(number + 1);  // an answer to another one
  side.feed();
  CHECK(side.calls() == "");
  side.script().request(5, request_to("/test.Calls/Upload"));  // it was under way
  side.script().ping_ack(number);
  side.feed();
  CHECK(side.calls() == "goaway 5 NO_ERROR");
  side.script().peer_data(3, framed("a"), true);
  side.script().peer_data(5, framed("b"), true);
  side.feed();
  const std::string told = side.calls();
  CHECK(told.find("trailers 3 grpc-status=0 end") != std::string::npos);
  CHECK(told.find("trailers 5 grpc-status=0 end") != std::string::npos);
}

TEST_CASE("server: PINGs too soon are too many, frames of calls between them forgive (rule 40)") {
  server_options options;
  options.keepalive_permit_time = std::chrono::minutes{5};
  {
    server_side side{options};
    side.script().settings_ack();
    const auto ping_thrice = [&side] {
      for (int i = 0; i < 3; ++i) side.script().ping();
      side.feed();
    };
    ping_thrice();
    CHECK(side.calls() == "");  // the engine answers them
    side.call(1, "/test.Calls/Unary", "a");
    side.calls();
    side.kernel.advance(std::chrono::seconds{11});
    ping_thrice();
    CHECK(side.calls() == "");
    ping_thrice();
    CHECK(side.calls().find("goaway 1 ENHANCE_YOUR_CALM too_many_pings") != std::string::npos);
  }
  server_side usual;
  for (int i = 0; i < 1000; ++i) usual.script().ping();
  usual.feed();
  CHECK(usual.calls() == "");
}

TEST_CASE("server: what the engine calls fatal ends the connection and stops its handlers") {
  server_side side;
  side.script().request(1, request_to("/test.Calls/Upload"));
  side.feed();
  side.script().feed_answer = {http2::feed_status::state::fatal, error_code::protocol_error,
                               "made up"};
  side.feed();
  CHECK(side.calls() == "fail NO_ERROR");
  side.ends.back().close();
  side.settle();
  CHECK(side.served.connections() == 0);  // so its handler has ended, too
  CHECK(engine_script::live().empty());
}

TEST_CASE("client: a call is opened after the SETTINGS of the server, and ends with its answer") {
  client_side side;
  side.start("hello");
  CHECK(side.calls() == "");
  side.greet();
  const std::string opened = side.calls();
  CHECK(opened.starts_with("open 1 :method=POST, :scheme=http, :path=/test.Calls/Unary"));
  CHECK(opened.ends_with(" | data 1 [5]hello end"));
  side.answer(1, "hi");
  CHECK(side.end_of(0) == "hi");
  CHECK(side.script().ref_of(1).id == 0);  // it is closed
}

TEST_CASE("client: a refused stream is tried again, with the same message") {
  client_side side;
  side.greet_first();
  side.start("once");
  side.script().take_calls();
  side.script().peer_reset(3, error_code::refused_stream);
  side.feed();
  const std::string again = side.calls();
  CHECK(again.find("open 5 ") != std::string::npos);
  CHECK(again.ends_with("data 5 [4]once end"));
  CHECK(side.end_of(0) == "none");
  side.answer(5, "twice");
  CHECK(side.end_of(0) == "twice");
}

TEST_CASE("client: calls above a GOAWAY move to a new connection, those below end on theirs") {
  client_side side;
  side.greet_first();
  side.start("one");
  side.start("two");
  side.script().peer_goaway(3, error_code::no_error);
  side.feed();
  REQUIRE(engine_script::live().size() == 2);
  side.greet();
  CHECK(side.calls().ends_with("data 1 [3]two end"));  // on the new one
  side.answer(1, "second");
  CHECK(side.end_of(1) == "second");
  CHECK(side.end_of(0) == "none");
  engine_script& old = *engine_script::live().front();
  old.response(3, response);
  old.peer_data(3, framed("first"));
  old.peer_trailers(3, ok_trailers);
  side.ends.front().feed();
  side.settle();
  CHECK(side.end_of(0) == "first");
}

TEST_CASE("client: a call beyond the server's limit waits for a slot (rule 36)") {
  client_side side;
  http2::settings one_stream;
  one_stream.concurrent_streams_max = 1;
  side.greet_first(one_stream);
  side.start("one");
  side.script().open_answer = http2::open_refusal::no_slot;
  side.start("two");
  CHECK(side.calls().ends_with("data 3 [3]one end"));
  side.script().open_answer.reset();
  side.answer(3, "1");
  CHECK(side.end_of(0) == "1");
  CHECK(side.calls().ends_with("data 5 [3]two end"));
  side.answer(5, "2");
  CHECK(side.end_of(1) == "2");
}

TEST_CASE("client: when stream ids are used up the next call takes a new connection") {
  client_side side;
  side.greet_first();
  side.start("one");
  side.script().open_answer = http2::open_refusal::ids_exhausted;
  side.start("two");
  REQUIRE(engine_script::live().size() == 2);
  side.greet();
  CHECK(side.calls().ends_with("data 1 [3]two end"));
}

TEST_CASE("client: the end of a stream without a status is an error of its own") {
  struct ending {
    const char* name;
    void (*script)(engine_script&);
    const char* code;
  };
  const std::vector<ending> endings{
      {"data ends it", [](engine_script& on) {
         on.response(3, response);
         on.peer_data(3, framed("x"), true);
       }, "13"},
      {"RST CANCEL", [](engine_script& on) { on.peer_reset(3, error_code::cancel); }, "1"},
      {"RST ENHANCE_YOUR_CALM",
       [](engine_script& on) { on.peer_reset(3, error_code::enhance_your_calm); }, "8"},
      {"RST INADEQUATE_SECURITY",
       [](engine_script& on) { on.peer_reset(3, error_code::inadequate_security); }, "7"},
      {"RST INTERNAL_ERROR",
       [](engine_script& on) { on.peer_reset(3, error_code::internal_error); }, "13"},
      {"HTTP 503", [](engine_script& on) { on.response(3, {{":status", "503"}}, true); }, "14"},
  };
  for (const ending& one : endings) {
    CAPTURE(one.name);
    client_side side;
    side.greet_first();
    side.start("x");
    one.script(side.script());
    side.feed();
    CHECK(side.end_of(0) == one.code);
  }
}
}  // namespace ringrpc::testing
