// SPDX-License-Identifier: MIT
//
// Messages that may not be sent, wait for room, find no memory, or that nobody reads:
// that call ends as it must, what was read is not lost, and the connection lives on.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "raw_peer.hpp"

namespace ringrpc::wire_test {
/// A message for whose text "size" or "parse" there is no memory.
struct greedy {
  std::string text{};
};
}  // namespace ringrpc::wire_test

template <>
struct ringrpc::codec<ringrpc::wire_test::greedy> {
  static std::size_t size(const wire_test::greedy& of) {
    if (of.text == "size") throw std::bad_alloc{};
    return of.text.size();
  }
  static void serialise(const wire_test::greedy& of, std::span<std::byte> into) {
    std::copy_n(ringrpc::as_bytes(of.text).data(), into.size(), into.data());
  }
  static bool parse(wire_test::greedy& into, std::span<const std::byte> from) {
    if (as_text(from) == "parse") throw std::bad_alloc{};
    into.text = as_text(from);
    return true;
  }
  static void clear(wire_test::greedy& of) { of.text.clear(); }
};

namespace ringrpc::wire_test {
namespace {
using Large = unary_method<"/t.S/Large", std::string, std::string>;
using Greedy = unary_method<"/t.S/Greedy", greedy, greedy>;
using Early = client_streaming_method<"/t.S/Early", std::string, std::string>;
using Talk = bidi_streaming_method<"/t.S/Talk", std::string, std::string>;

const std::string good_head = ":status=200 content-type=application/grpc";
std::string at(std::int32_t id, const std::string& rest) {
  return "HEADERS " + std::to_string(id) + ' ' + rest;
}
std::string ended_with(std::int32_t id, int code) {
  return at(id, good_head + " grpc-status=" + std::to_string(code) + " end");
}
std::string replied(std::int32_t id, std::size_t bytes) {
  return at(id, good_head) + "; DATA " + std::to_string(id) + ' ' + std::to_string(bytes + 5) +
         "; " + at(id, "grpc-status=0 end");
}
std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t from = 0; (from = text.find(part, from)) != std::string_view::npos; ++from) {
    ++found;
  }
  return found;
}
server_options at_most(std::uint32_t sent_bytes) {
  server_options options;
  options.connection.send_message_bytes_max = sent_bytes;
  return options;
}
}  // namespace

TEST_CASE("wire rule 17: a message above the server's limit for sending ends its call with 8") {
  server_bed bed{at_most(50)};
  bed.request(1, "/t.S/Unary", framed(std::string(51, 'x')));
  const std::string reply = bed.sent();
  CHECK(reply.ends_with("grpc-status=8 end"));
  CHECK(count_of(reply, "DATA") == 0);
  bed.request(3, "/t.S/Unary", framed(std::string(50, 'x')));
  CHECK(bed.sent() == replied(3, 50));
  bed.request(5, "/t.S/Server", framed("2 51"));
  const std::string stream = bed.sent();
  CHECK(stream.ends_with("grpc-status=8 end"));
  CHECK(count_of(stream, "DATA") == 0);
  CHECK(bed.methods.written == 0);
  bed.request(7, "/t.S/Server", framed("1 50"));
  CHECK(bed.sent() == replied(7, 50));
}

TEST_CASE("a reply waits for room, holds its slot, and is freed by credit or a reset") {
  constexpr std::uint32_t calls = 100;
  constexpr std::uint64_t mebibyte = 1024 * 1024;
  server_options options;
  options.connection.concurrent_streams = calls;
  server_bed bed{options, false};
  unsigned returned = 0;
  bed.served.handle<Large>([&returned](server_context&, const std::string&) {
    ++returned;
    return result<std::string>{std::string(65'536, 'x')};
  });
  bed.start({{settings_id::initial_window, 0}});
  bed.peer->credits = false;
  bed.peer->keeps_bodies = false;
  std::int32_t id = 1;
  for (std::uint32_t i = 0; i < calls; ++i, id += 2) {
    bed.request(id, "/t.S/Large", framed("a"));
    bed.settle();
    CHECK(bed.served.counters().queued_bytes <= mebibyte + 65'541);
  }
  CHECK(returned == calls);
  CHECK(bed.served.counters().queued_bytes > mebibyte / 2);
  CHECK(bed.served.counters().calls == calls);
  bed.sent();
  bed.request(id, "/t.S/Large", framed("a"));
  CHECK(bed.sent() == "RST_STREAM " + std::to_string(id) + " REFUSED_STREAM");

  bed.send(reset_frame(id - 2));  // one whose reply is not queued yet
  bed.settle();
  CHECK(bed.served.counters().calls == calls - 1);
  bed.send(window_frame(0, 16 * mebibyte));
  bed.send(window_frame(1, 65'541));
  CHECK(count_of(bed.sent(), "HEADERS 1 grpc-status=0 end") == 1);
  CHECK(bed.served.counters().calls == calls - 2);
  CHECK(bed.served.counters().queued_bytes > mebibyte / 2);  // the next one took the room
  for (std::int32_t one = 3; one < id - 12; one += 2) bed.send(window_frame(one, 65'541));
  CHECK(count_of(bed.sent(), "grpc-status=0 end") == calls - 7);
  CHECK(bed.served.counters().calls == 5);
  for (std::int32_t one = id - 12; one < id - 2; one += 2) bed.send(reset_frame(one));
  bed.settle();
  CHECK(bed.served.counters().calls == 0);
  CHECK(bed.served.counters().queued_bytes == 0);
  bed.request(id + 2, "/t.S/Server", framed("0 0"));
  CHECK(bed.sent() == ended_with(id + 2, 0));
}

TEST_CASE("wire rule 29: a codec of the server without memory ends that call with 8") {
  server_bed bed{{}, false};
  bed.served.handle<Greedy>([](server_context&, const greedy& in) {
    return result<greedy>{greedy{in.text == "reply" ? "size" : in.text}};
  });
  bed.start();
  bed.request(1, "/t.S/Bidi", framed("a"), {}, false);
  CHECK(bed.sent() == at(1, good_head) + "; DATA 1 6");
  bed.request(3, "/t.S/Greedy", framed("parse"));
  CHECK(bed.sent() == ended_with(3, 8));
  bed.request(5, "/t.S/Greedy", framed("reply"));
  const std::string reply = bed.sent();
  CHECK(reply.ends_with("grpc-status=8 end"));
  CHECK(count_of(reply, "DATA") == 0);
  bed.request(7, "/t.S/Greedy", framed("good"));
  CHECK(bed.sent() == replied(7, 4));
  bed.send(data_frame(1, framed("b"), end_stream));
  CHECK(bed.sent() == "DATA 1 6; HEADERS 1 grpc-status=0 end");
}

namespace {
task<> call_greedy(channel& to, std::string text, int& code) {
  const greedy request{std::move(text)};
  auto call = to.call<Greedy>(request);
  result<greedy> end = co_await call;
  code = end ? 0 : static_cast<int>(end.status().code());
}
}  // namespace

TEST_CASE("wire rule 29: a codec of the client without memory ends that call with 8") {
  client_bed bed;
  int sending = -1;
  int receiving = -1;
  bed.start();
  bed.here.spawn(call_greedy(bed.calls, "size", sending));
  bed.settle();
  CHECK(sending == 8);
  bed.here.spawn(call_greedy(bed.calls, "good", receiving));
  const std::string text = bed.sent();
  const std::int32_t id = text.find("HEADERS 5") != std::string::npos ? 5 : 3;
  bed.send(headers_frame(id, response_fields) + data_frame(id, framed("parse")));
  CHECK(bed.sent() == "RST_STREAM " + std::to_string(id) + " CANCEL");
  CHECK(receiving == 8);
  const http2::test::field_list ok{{"grpc-status", "0"}};
  bed.send(headers_frame(1, response_fields) + data_frame(1, framed("other")) +
           headers_frame(1, ok, last));
  bed.settle();
  CHECK(bed.text() == "other");
  CHECK(bed.peers.size() == 1);
}

namespace {
/// A read or a write in a coroutine of its own, which can be stopped.
template <class From>
task<> read_one(From& from, std::optional<std::string>& into) {
  std::string* one = co_await from.read();
  into = one == nullptr ? std::string{"(null)"} : *one;
}
template <class To>
task<> write_one(To& to, const std::string& message, std::optional<bool>& into) {
  const bool queued = co_await to.write(message);
  into = queued;
}
/// Reads once in vain, stops that, and reads again when the gate is open.
template <class From>
task<> read_stopped(From& from, event& gate, std::vector<std::string>& seen) {
  const environment& here = co_await this_environment();
  std::optional<std::string> first;
  task_scope scope{here};
  scope.spawn(read_one(from, first));
  CHECK_FALSE(first);
  scope.request_stop();
  co_await scope.join();
  seen.push_back(first.value_or("(not ended)"));
  const bool open = co_await gate.wait();
  CHECK(open);
  while (std::string* one = co_await from.read()) seen.push_back(*one);
}
task<> talk_stopped(channel& to, event& gate, std::vector<std::string>& seen, int& code) {
  auto call = to.call<Bidi>();
  co_await read_stopped(call, gate, seen);
  const status end = co_await call.finish();
  code = static_cast<int>(end.code());
}
const std::vector<std::string> nothing_lost{"(null)", "one", "two"};
}  // namespace

TEST_CASE("a client's read that is stopped loses nothing") {
  client_bed bed;
  event gate;
  std::vector<std::string> seen;
  int code = -1;
  bed.here.spawn(talk_stopped(bed.calls, gate, seen, code));
  bed.sent();
  CHECK(seen.size() == 1);
  bed.send(headers_frame(1, response_fields) + data_frame(1, framed("one")));
  bed.settle();
  gate.set();
  bed.settle();
  const http2::test::field_list end{{"grpc-status", "0"}};
  bed.send(data_frame(1, framed("two")) + headers_frame(1, end, last));
  bed.settle();
  CHECK(seen == nothing_lost);
  CHECK(code == 0);
}

TEST_CASE("a handler's read that is stopped loses nothing") {
  event gate;
  std::vector<std::string> seen;
  server_bed bed{{}, false};
  bed.served.handle<Talk>([&](server_context&, reader<std::string>& in,
                              writer<std::string>&) -> task<status> {
    co_await read_stopped(in, gate, seen);
    co_return status{};
  });
  bed.start();
  bed.send(headers_frame(1, request_fields({}, "/t.S/Talk")));
  bed.settle();
  CHECK(seen.size() == 1);
  bed.send(data_frame(1, framed("one")));
  bed.settle();
  gate.set();
  bed.settle();
  bed.send(data_frame(1, framed("two"), end_stream));
  CHECK(bed.sent() == ended_with(1, 0));
  CHECK(seen == nothing_lost);
}

namespace {
/// Reads when the gate is open, all that there is; then tries again.
task<> read_late(channel& to, event& gate, std::vector<std::string>& seen, int& code) {
  auto call = to.call<Bidi>();
  const std::string message = "m";
  const bool queued = co_await call.write(message);
  CHECK(queued);
  const bool open = co_await gate.wait();
  CHECK(open);
  while (std::string* one = co_await call.read()) seen.push_back(*one);
  const std::string* again = co_await call.read();
  CHECK(again == nullptr);
  const bool late = co_await call.write(message);
  CHECK_FALSE(late);
  const status end = co_await call.finish();
  code = static_cast<int>(end.code());
  const std::string* after = co_await call.read();
  CHECK(after == nullptr);
}
/// Stops a write that waits for room; reads go on.
template <class Both>
task<> write_stopped(Both& in, auto& out, std::vector<std::string>& seen) {
  const environment& here = co_await this_environment();
  const std::string large(200'000, 'x');
  const bool first = co_await out.write(large);
  CHECK(first);
  std::optional<bool> second;
  task_scope scope{here};
  scope.spawn(write_one(out, large, second));
  CHECK_FALSE(second);
  scope.request_stop();
  co_await scope.join();
  CHECK_FALSE(second.value_or(true));
  while (std::string* one = co_await in.read()) seen.push_back(*one);
}
task<> talk_without_writes(channel& to, std::vector<std::string>& seen, int& code) {
  auto call = to.call<Bidi>();
  co_await write_stopped(call, call, seen);
  const status end = co_await call.finish();
  code = static_cast<int>(end.code());
}
const std::vector<std::string> two_read{"one", "two"};
}  // namespace

TEST_CASE("wire rule 30: a client reads what came before the status, and nothing after it") {
  client_bed bed;
  event gate;
  std::vector<std::string> seen;
  int code = -1;
  bed.here.spawn(read_late(bed.calls, gate, seen, code));
  bed.sent();
  const http2::test::field_list end{{"grpc-status", "5"}};
  bed.send(headers_frame(1, response_fields) + data_frame(1, framed("one") + framed("two")) +
           headers_frame(1, end, last));
  bed.settle();
  CHECK(code == -1);
  gate.set();
  bed.settle();
  CHECK(seen == two_read);
  CHECK(code == 5);
}

TEST_CASE("wire rule 30: a client whose write failed still reads") {
  client_bed bed;
  std::vector<std::string> seen;
  int code = -1;
  bed.settings = {{settings_id::initial_window, 10}};
  bed.here.spawn(talk_without_writes(bed.calls, seen, code));
  bed.settle();
  bed.peer().credits = false;
  const http2::test::field_list end{{"grpc-status", "5"}};
  bed.send(headers_frame(1, response_fields) + data_frame(1, framed("one")));
  bed.settle();
  bed.send(data_frame(1, framed("two")) + headers_frame(1, end, last));
  bed.settle();
  CHECK(seen == two_read);
  CHECK(code == 5);
}

TEST_CASE("wire rule 30: a handler whose write failed still reads") {
  std::vector<std::string> seen;
  server_bed bed{{}, false};
  bed.served.handle<Talk>([&](server_context&, reader<std::string>& in,
                              writer<std::string>& out) -> task<status> {
    co_await write_stopped(in, out, seen);
    co_return status{};
  });
  bed.start({{settings_id::initial_window, 10}});
  bed.peer->credits = false;
  bed.send(headers_frame(1, request_fields({}, "/t.S/Talk")) + data_frame(1, framed("one")));
  bed.settle();
  bed.send(data_frame(1, framed("two"), end_stream));
  bed.settle();
  CHECK(seen == two_read);
}

TEST_CASE("wire rule 30: a handler neither reads nor writes after its call was reset") {
  event gate;
  bool read = true;
  bool queued = true;
  server_bed bed{{}, false};
  bed.served.handle<Talk>([&](server_context&, reader<std::string>& in,
                              writer<std::string>& out) -> task<status> {
    const bool open = co_await gate.wait_ignoring_stop();
    static_cast<void>(open);
    const std::string message = "late";
    const std::string* one = co_await in.read();
    read = one != nullptr;
    queued = co_await out.write(message);
    co_return status{};
  });
  bed.start();
  bed.send(headers_frame(1, request_fields({}, "/t.S/Talk")) + data_frame(1, framed("one")));
  bed.settle();
  bed.send(reset_frame(1));
  bed.settle();
  gate.set();
  CHECK(bed.sent().empty());
  CHECK_FALSE(read);
  CHECK_FALSE(queued);
}

TEST_CASE("B25: a second message of a server stream's request ends the call with 12") {
  server_bed bed;
  bed.request(1, "/t.S/Server", framed("1 1"), {}, false);
  CHECK(bed.sent().empty());
  bed.send(data_frame(1, framed("1 1")));
  CHECK(bed.sent() == ended_with(1, 12) + "; RST_STREAM 1 NO_ERROR");
  bed.send(data_frame(1, framed("1 1"), end_stream));
  CHECK(bed.sent().empty());
  CHECK(bed.methods.started == 0);
  CHECK(bed.served.counters().calls == 0);
  CHECK(bed.peer->connection_window == 1024 * 1024);
}

TEST_CASE("wire rule 21: flag 1 ends a call with 13 where grpc-encoding is identity") {
  server_bed bed;
  bed.request(1, "/t.S/Unary", framed("a", 1), {{"grpc-encoding", "identity"}});
  CHECK(bed.sent() == ended_with(1, 13));
  bed.request(3, "/t.S/Unary", framed("a"), {{"grpc-encoding", "identity"}});
  CHECK(bed.sent() == replied(3, 1));

  client_bed client;
  http2::test::field_list head = response_fields;
  head.emplace_back("grpc-encoding", "identity");
  client.start();
  client.sent();
  client.send(headers_frame(1, head) + data_frame(1, framed("a", 1)));
  CHECK(client.sent() == "RST_STREAM 1 CANCEL");
  CHECK(client.code() == 13);
}

TEST_CASE("wire rule 27: a handler that reads nothing and returns: status, then NO_ERROR") {
  server_bed bed{{}, false};
  bed.served.handle<Early>([](server_context&, reader<std::string>&) -> task<result<std::string>> {
    co_return std::string{"no"};
  });
  bed.start();
  bed.send(headers_frame(1, request_fields({}, "/t.S/Early")) +
           data_frame(1, framed("unread") + framed("half").substr(0, 7)));
  CHECK(bed.sent() == replied(1, 2) + "; RST_STREAM 1 NO_ERROR");
  bed.send(data_frame(1, std::string(10'000, 'x'), end_stream));
  CHECK(bed.sent().empty());
  CHECK(bed.served.counters().calls == 0);
  CHECK(bed.served.counters().held_bytes == 0);
  CHECK(bed.peer->connection_window == 1024 * 1024);
}

namespace {
task<> read_in_turn(channel& to, std::size_t count, std::size_t bytes, std::size_t& whole) {
  std::vector<server_stream_call<std::string>> calls;
  const std::string request = "x";
  for (std::size_t i = 0; i < count; ++i) calls.push_back(to.call<Server>(request));
  for (auto& one : calls) {
    const std::string* message = co_await one.read();
    if (message != nullptr && message->size() == bytes) ++whole;
    one.cancel();
  }
}
}  // namespace

TEST_CASE("receive: 64 responses of 4 MiB at once, read in turn, are held within 24 MiB") {
  constexpr std::size_t mebibyte = 1024 * 1024;
  constexpr std::int32_t end = 129;
  const std::string message = framed(std::string(4 * mebibyte, 'm'));
  client_bed bed;
  std::size_t whole = 0;
  bed.here.spawn(read_in_turn(bed.calls, 64, 4 * mebibyte, whole));
  bed.settle();
  for (std::int32_t id = 1; id < end; id += 2) bed.send(headers_frame(id, response_fields));
  bed.settle();
  raw_peer& peer = bed.peer();
  std::map<std::int32_t, std::size_t> sent;
  std::uint64_t most = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (std::int32_t id = 1; id < end; id += 2) {
      const std::int64_t room = std::min(peer.connection_window, peer.window_of(id));
      const std::size_t bytes = std::min<std::size_t>(
          {message.size() - sent[id], 16'384, room > 0 ? static_cast<std::size_t>(room) : 0});
      if (bytes == 0) continue;
      moved = true;
      peer.send(data_frame(id, std::string_view{message}.substr(sent[id], bytes)));
      sent[id] += bytes;
      peer.connection_window -= static_cast<std::int64_t>(bytes);
      peer.windows[id] -= static_cast<std::int64_t>(bytes);
    }
    bed.settle();
    most = std::max<std::uint64_t>(most, bed.here.memory().used_bytes());
  }
  CHECK(whole == 64);
  CHECK(most < 24 * mebibyte);
  CHECK(most > 4 * mebibyte);
}
}  // namespace ringrpc::wire_test
