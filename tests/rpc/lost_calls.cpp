// SPDX-License-Identifier: MIT
//
// Calls that something else takes along: a parent that ends, a connection that is lost
// before it took anything, a server that hangs up again and again, a run that ends.
#include <doctest/doctest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echo.hpp"
#include "raw_peer.hpp"

namespace ringrpc::wire_test {
TEST_CASE("a call whose parent had ended leaves nothing armed for the next one") {
  simulated_kernel kernel{simulated_options{}};
  ring here{testing::on_simulated(kernel)};
  here.run([](ring& on) -> task<> {
    using outer = unary_method<"/test.Lost/Outer", std::string, std::string>;
    using inner = unary_method<"/test.Lost/Inner", std::string, std::string>;
    stop_source stop;
    memory_transport wire{on};
    channel between{on, wire.factory()};
    std::optional<status> inner_end;
    server serving{on};
    serving.handle<outer>([&](server_context& context, const std::string& in)
                              -> task<result<std::string>> {
      const bool slept = co_await sleep_for(10s);  // until the client's deadline
      CHECK_FALSE(slept);
      const result<std::string> reply =
          co_await between.call<inner>(in, {.stop = stop.token(), .parent = &context});
      inner_end = reply.status();
      co_return reply.status();
    });
    serving.handle<inner>([](server_context&, const std::string& in)
                              -> task<result<std::string>> {
      const bool slept = co_await sleep_for(200ms);
      if (!slept) co_return aborted("stopped");
      co_return in;
    });
    serving.listen(wire.listener());
    channel to{on, wire.factory()};
    const std::string request = "x";
    const result<std::string> late = co_await to.call<outer>(request, {.timeout = 50ms});
    CHECK(late.status().code() == status_code::deadline_exceeded);
    const bool waited = co_await sleep_for(50ms);
    CHECK(waited);
    REQUIRE(inner_end);
    CHECK_FALSE(inner_end->ok());
    // The same object, for somebody who knows nothing of `stop`.
    auto call = between.call<inner>(request);
    const bool begun = co_await sleep_for(50ms);
    CHECK(begun);
    stop.request_stop();
    const result<std::string> reply = co_await call;
    CHECK(reply.status() == status{});
    co_await between.close();
    co_await to.close();
    co_await serving.close();
  }(here));
}

TEST_CASE("wire rule 48: a call of which nothing was sent goes to the next connection") {
  client_bed bed;
  bed.start("first");
  bed.settle();
  bed.send(headers_frame(1, response_fields) + data_frame(1, framed("1")) +
           headers_frame(1, {{"grpc-status", "0"}}, last));
  bed.settle();
  CHECK(bed.code() == 0);
  bed.peer().close();  // the client has not noticed
  bed.start("second");
  bed.settle();
  REQUIRE(bed.peers.size() == 2);
  bed.send(headers_frame(1, response_fields) + data_frame(1, framed("2")) +
           headers_frame(1, {{"grpc-status", "0"}}, last));
  bed.settle();
  CHECK(bed.code(1) == 0);
}

TEST_CASE("a server that greets and hangs up is not asked again without a pause") {
  client_bed bed;
  bed.settings = {{settings_id::concurrent_streams, 0}};
  bed.start("x", {.wait_for_ready = true});
  std::size_t closed = 0;
  for (int round = 0; round < 50; ++round) {
    bed.settle();
    while (closed < bed.peers.size()) bed.peers[closed++]->close();
  }
  CHECK(bed.peers.size() <= 3);
  CHECK_FALSE(bed.done());
  bed.settings = {};
  bed.pass(2s);  // the back-off
  CHECK(bed.peers.size() == closed + 1);
  bed.send(headers_frame(1, response_fields) + data_frame(1, framed("1")) +
           headers_frame(1, {{"grpc-status", "0"}}, last));
  bed.settle();
  CHECK(bed.code() == 0);
}

TEST_CASE("wire rules 16, 17: data that is lost behind whole messages is not OK") {
  for (const bool slow : {false, true}) {
    for (const std::string& tail : {framed("third").substr(0, 7), framed("third", 9)}) {
      CAPTURE(slow);
      CAPTURE(tail.size());
      client_bed bed;
      std::vector<std::string> read;
      std::optional<status> end;
      bed.here.spawn([](channel& to, bool waits, std::vector<std::string>& into,
                        std::optional<status>& last_word) -> task<> {
        const std::string request = "x";
        auto call = to.call<Server>(request);
        if (waits) {
          const bool slept = co_await sleep_for(1s);
          CHECK(slept);
        }
        while (std::string* one = co_await call.read()) into.push_back(*one);
        const status ended = co_await call.finish();
        last_word = ended;
      }(bed.calls, slow, read, end));
      bed.settle();
      bed.send(headers_frame(1, response_fields) +
               data_frame(1, framed("first") + framed("second") + tail) +
               headers_frame(1, {{"grpc-status", "0"}}, last));
      bed.settle();
      bed.pass(2s);
      CHECK(read == std::vector<std::string>{"first", "second"});
      REQUIRE(end);
      CHECK(end->code() == status_code::internal);
    }
  }
}

TEST_CASE("a run that ends while a channel connects says nothing of the server") {
  simulated_kernel kernel{simulated_options{}};
  ring here{testing::on_simulated(kernel)};
  memory_transport wire{here};
  server serving{here};
  testing::echo_service methods;
  serving.add(methods);
  serving.listen(wire.listener());
  bool slow = true;
  channel to{here, [&](const connect_context& context) -> task<io_result<memory_stream>> {
               return [](bool waits, auto factory, const connect_context& told)
                          -> task<io_result<memory_stream>> {
                 if (waits) {
                   const bool slept = co_await sleep_for(10s);
                   if (!slept) co_return io_failure(ECANCELED);
                 }
                 io_result<memory_stream> made = co_await factory.connect(told);
                 co_return made;
               }(std::exchange(slow, false), wire.factory(), context);
             }};
  // The first run ends with the deadline of its call, the second one begins at once.
  CHECK(here.run(testing::status_of_call(to, {.timeout = 1s})).code() ==
        status_code::deadline_exceeded);
  CHECK(to.state() == channel_state::idle);
  serving.listen(wire.listener());
  CHECK(here.run(testing::status_of_call(to, {.timeout = 1s})) == status{});
  here.run([](channel& over, server& of) -> task<> {
    co_await over.close();
    co_await of.close();
  }(to, serving));
}

TEST_CASE("a handle that was moved from can be moved, cancelled and destroyed") {
  client_bed bed;
  auto first = bed.calls.call<Unary>(std::string{"x"});
  auto second = std::move(first);
  first.cancel();
  auto third = std::move(first);
  first = std::move(third);
  second.cancel();
  bed.settle();
}
}  // namespace ringrpc::wire_test
