// SPDX-License-Identifier: MIT
//
// A peer that vanishes at every byte of a session, with each kind of call, at both
// sides: the status is the one that is due, nothing is left, the next connection
// works.
#include "raw_peer.hpp"

#include <array>

namespace ringrpc::wire_test {
namespace {
enum class way { closes, dies, shuts_down };

/// What a client sends in a session with all kinds of calls.
std::string client_session() {
  std::string all{http2::client_preface};
  all += settings_frame() + settings_frame({}, ack);
  const auto headers = [](std::int32_t id, std::string_view path) {
    return headers_frame(id, request_fields({{"grpc-timeout", "9S"}}, path));
  };
  all += headers(1, "/t.S/Unary") + data_frame(1, framed("a"), end_stream);
  all += headers(3, "/t.S/Server") + data_frame(3, framed("3 10"), end_stream);
  all += headers(5, "/t.S/Client") + data_frame(5, framed("a") + framed("b"));
  all += headers(7, "/t.S/Bidi") + data_frame(7, framed("a"));
  all += headers(9, "/t.S/Wait") + data_frame(9, framed("a"), end_stream);
  all += data_frame(5, framed("c"), end_stream) + reset_frame(9) + ping_frame();
  all += data_frame(7, "", end_stream);
  return all;
}

struct call_outcome {
  std::optional<status> end;
  unsigned messages = 0;
};
task<> run_unary(channel& calls, call_outcome& of) {
  auto call = calls.call<Unary>(std::string{"q"});
  result<std::string> reply = co_await call;
  of.messages = reply ? 1 : 0;
  of.end = reply ? status{} : reply.status();
}
task<> run_server(channel& calls, call_outcome& of) {
  auto call = calls.call<Server>(std::string{"q"});
  while (std::string* one = co_await call.read()) of.messages += one->empty() ? 0 : 1;
  of.end = co_await call.finish();
}
task<> run_client(channel& calls, call_outcome& of) {
  auto call = calls.call<Client>();
  const std::string part = "part";
  const bool first = co_await call.write(part);
  const bool second = co_await call.write(part);
  static_cast<void>(first && second);
  result<std::string> reply = co_await call.finish();
  of.messages = reply ? 1 : 0;
  of.end = reply ? status{} : reply.status();
}
task<> run_bidi(channel& calls, call_outcome& of) {
  auto call = calls.call<Bidi>();
  const std::string part = "part";
  const bool queued = co_await call.write(part);
  static_cast<void>(queued);
  call.writes_done();
  while (std::string* one = co_await call.read()) of.messages += one->empty() ? 0 : 1;
  of.end = co_await call.finish();
}

struct kind_case {
  const char* name;
  task<> (*run)(channel&, call_outcome&);
  unsigned messages;  // in the answer
};
const kind_case kinds[] = {{"unary", &run_unary, 1},
                           {"server streaming", &run_server, 3},
                           {"client streaming", &run_client, 1},
                           {"bidirectional", &run_bidi, 3}};
}  // namespace

TEST_CASE("a client that vanishes at any byte leaves nothing, and the next one is served") {
  const std::string session = client_session();
  for (unsigned round = 0; round < 6; ++round) {
    const way how = std::array{way::closes, way::dies, way::shuts_down}[round % 3];
    server_bed bed;
    bed.without_sockets = round >= 3;
    CAPTURE(round);
    for (std::size_t bytes = 0; bytes <= session.size(); ++bytes) {
      CAPTURE(bytes);
      bed.peer->close();
      bed.connect();
      bed.send(std::string_view{session}.substr(0, bytes));
      bed.settle();
      switch (how) {
        case way::closes: bed.peer->close(); break;
        case way::dies: bed.kernel.kill_peer(bed.peer->fd()); break;
        case way::shuts_down: bed.here.kernel().shutdown_write(bed.peer->fd()); break;
      }
      bed.settle();
      CHECK(bed.methods.running == 0);
      const server_counters left = bed.served.counters();
      CHECK(left.connections == 0);
      CHECK(left.calls == 0);
      CHECK(left.held_bytes == 0);
      CHECK(left.queued_bytes == 0);
    }
    bed.peer->close();
    bed.connect();
    bed.start();
    bed.request(1, "/t.S/Unary", framed("a"));
    CHECK(bed.sent().find("grpc-status=0 end") != std::string::npos);
  }
}

TEST_CASE("a server that vanishes at any byte: UNAVAILABLE unless the trailers were whole") {
  for (const kind_case& kind : kinds) {
    std::string session = settings_frame() + headers_frame(1, response_fields);
    for (unsigned i = 0; i < kind.messages; ++i) session += data_frame(1, framed("reply"));
    session += headers_frame(1, status_ok, last);
    for (std::size_t bytes = 0; bytes <= session.size(); ++bytes) {
      CAPTURE(std::string{kind.name});
      CAPTURE(bytes);
      client_bed bed;
      bed.greets = false;
      call_outcome of;
      bed.here.spawn(kind.run(bed.calls, of));
      bed.settle();
      REQUIRE(bed.peers.size() == 1);
      const std::size_t greeting = std::min(bytes, settings_frame().size());
      bed.peer().greet(std::string_view{session}.substr(0, greeting));
      bed.settle();  // the request comes
      bed.send(std::string_view{session}.substr(greeting, bytes - greeting));
      bed.peer().pump();
      bed.peer().close();
      bed.settle();
      REQUIRE(of.end);
      if (bytes == session.size()) {
        CHECK(of.end->ok());
        CHECK(of.messages == kind.messages);
      } else {
        CHECK(of.end->code() == status_code::unavailable);
        CHECK(of.end->message().find("custom transport") != std::string_view::npos);
        CHECK(of.messages <= kind.messages);
      }
      // The next call finds a connection, at the latest after the back-off.
      bed.greets = true;
      bed.pass(3s);
      call_outcome next;
      bed.here.spawn(kind.run(bed.calls, next));
      bed.settle();
      REQUIRE(bed.peers.size() >= 2);
      if (bed.peer().settings_seen > 0 && !next.end) {
        bed.send(std::string_view{session}.substr(settings_frame().size()));
        bed.settle();
      }
      REQUIRE(next.end);
      CHECK(next.end->ok());
    }
  }
}
}  // namespace ringrpc::wire_test
