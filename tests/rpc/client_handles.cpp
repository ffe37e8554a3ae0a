// SPDX-License-Identifier: MIT
//
// The four kinds of call as a client sees them, on every wire.
#include <ringrpc/rpc/client_handles.hpp>

#include <doctest/doctest.h>

#include <string>
#include <type_traits>
#include <utility>

#include "echo.hpp"
#include "support.hpp"

namespace ringrpc::testing {
static_assert(!std::is_copy_constructible_v<unary_call<std::string>>);
static_assert(std::is_nothrow_move_constructible_v<unary_call<std::string>>);
static_assert(!std::is_aggregate_v<unary_call<std::string>>);

TEST_CASE("a unary call returns the reply") {
  with_echo([](bed&, channel& to, echo_service& service) -> task<> {
    const std::string request = "hello";
    const result<std::string> reply = co_await to.call<unary>(request);
    REQUIRE(reply);
    CHECK(*reply == "hello");
    CHECK(service.started == 1);
  });
}

TEST_CASE("wire rule 19: an empty message is a message") {
  with_echo([](bed&, channel& to, echo_service&) -> task<> {
    const std::string nothing;
    const result<std::string> reply = co_await to.call<unary>(nothing);
    REQUIRE(reply);
    CHECK(reply->empty());
  });
}

TEST_CASE("a unary call fills the message of its caller") {
  with_echo([](bed&, channel& to, echo_service&) -> task<> {
    const std::string request = pattern(300'000);
    std::string reply = "left over";
    const status end = co_await to.call<unary>(request, reply);
    CHECK(end.ok());
    CHECK(reply == request);
  });
}

TEST_CASE("the request may change as soon as the call is made") {
  with_echo([](bed&, channel& to, echo_service&) -> task<> {
    std::string request = "first";
    auto call = to.call<unary>(request);
    request = "second";
    const result<std::string> reply = co_await call;
    REQUIRE(reply);
    CHECK(*reply == "first");
  });
}

TEST_CASE("calls that are made before the first is awaited run at the same time") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      server serving{on.home()};
      int running = 0;
      event both;
      serving.handle<unary>(
          [&](server_context&, const std::string& in) -> task<result<std::string>> {
        if (++running == 2) both.set();
        const bool met = co_await both.wait();
        co_return met ? in : "alone";
      });
      on.listen(serving);
      {
        channel to = on.connect();
        const std::string one = "one";
        const std::string two = "two";
        auto first = to.call<unary>(one);
        auto second = to.call<unary>(two);
        const result<std::string> first_reply = co_await first;
        const result<std::string> second_reply = co_await second;
        CHECK(first_reply.value_or("failed") == "one");
        CHECK(second_reply.value_or("failed") == "two");
      }
      co_await serving.close();
    }(here));
  });
}

TEST_CASE("a call is moved and awaited elsewhere, and gives its reply") {
  with_echo([](bed&, channel& to, echo_service&) -> task<> {
    const std::string request = pattern(100);
    auto call = to.call<unary>(request);
    auto moved = std::move(call);
    auto replaced = to.call<unary>(request);
    replaced = std::move(moved);  // drops the call that was held
    const result<std::string> reply = co_await replaced;
    REQUIRE(reply);
    CHECK(*reply == request);
    // Also when it has ended before it is moved.
    auto ended = to.call<unary>(request);
    co_await settle();
    auto kept = std::move(ended);
    const result<std::string> late = co_await kept;
    CHECK(late.value_or("failed") == request);
  });
}

TEST_CASE("a server-streaming call reads every message, then the end") {
  with_echo([](bed&, channel& to, echo_service&) -> task<> {
    const std::string request = "abcdefghij";
    auto call = to.call<download>(request);
    std::size_t read = 0;
    while (std::string* message = co_await call.read()) {
      CHECK(*message == request.substr(0, ++read));
      const std::string taken = std::move(*message);  // it is ours
    }
    CHECK(read == request.size());
    const std::string* after = co_await call.read();
    CHECK(after == nullptr);
    const status end = co_await call.finish();
    CHECK(end.ok());
  });
}

TEST_CASE("finish drops what was not read, and still has the status") {
  with_echo([](bed&, channel& to, echo_service&) -> task<> {
    const std::string request = pattern(2000);  // two million bytes in all
    auto call = to.call<download>(request);
    const std::string* first = co_await call.read();
    REQUIRE(first != nullptr);
    const status end = co_await call.finish();
    CHECK(end.ok());
  });
}

TEST_CASE("a client-streaming call writes any number of messages") {
  with_echo([](bed&, channel& to, echo_service&) -> task<> {
    for (int count = 0; count < 4; ++count) {
      auto call = to.call<upload>();
      std::string expected;
      for (int i = 0; i < count; ++i) {
        const std::string message = pattern(40'000, static_cast<std::uint64_t>(i));
        const bool queued = co_await call.write(message);
        CHECK(queued);
        expected += message;
      }
      const result<std::string> reply = co_await call.finish();
      REQUIRE(reply);
      CHECK(*reply == expected);
    }
  });
}

TEST_CASE("a bidirectional call reads and writes in turns") {
  with_echo([](bed&, channel& to, echo_service&) -> task<> {
    auto call = to.call<chat>();
    for (int i = 0; i < 20; ++i) {
      const std::string message = pattern(static_cast<std::size_t>(i) * 500);
      const bool queued = co_await call.write(message);
      CHECK(queued);
      const std::string* back = co_await call.read();
      REQUIRE(back != nullptr);
      CHECK(*back == message);
    }
    call.writes_done();
    const std::string* last = co_await call.read();
    CHECK(last == nullptr);
    const status end = co_await call.finish();
    CHECK(end.ok());
  });
}

TEST_CASE("a bidirectional call reads while its writer waits for room") {
  with_echo([](bed&, channel& to, echo_service&) -> task<> {
    auto call = to.call<chat>();
    constexpr int count = 40;
    const auto write_all = [](auto& over) -> task<> {
      for (int i = 0; i < count; ++i) {
        const std::string message = pattern(50'000, static_cast<std::uint64_t>(i));
        const bool queued = co_await over.write(message);
        CHECK(queued);
      }
      over.writes_done();
    };
    const environment& here = co_await this_environment();
    task_scope scope{here};
    scope.spawn(write_all(call));
    int read = 0;
    while (std::string* back = co_await call.read()) {
      CHECK(*back == pattern(50'000, static_cast<std::uint64_t>(read++)));
    }
    CHECK(read == count);
    co_await scope.join();
    const status end = co_await call.finish();
    CHECK(end.ok());
  });
}

TEST_CASE("writes after the end of the writes, or of the call, say so") {
  with_echo([](bed&, channel& to, echo_service&) -> task<> {
    const std::string message = "late";
    for (const int turns : {0, 50}) {  // before and after there is a connection
      auto ending = to.call<chat>();
      co_await settle(turns);
      ending.writes_done();
      const bool written = co_await ending.write(message);
      CHECK_FALSE(written);
      const status in_order = co_await ending.finish();
      CHECK(in_order.ok());
    }
    auto call = to.call<chat>();
    const status end = co_await call.finish();
    CHECK(end.ok());
    const bool queued = co_await call.write(message);
    CHECK_FALSE(queued);
  });
}
}  // namespace ringrpc::testing
