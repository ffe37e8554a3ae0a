// SPDX-License-Identifier: MIT
//
// Deadlines and cancellation, from the client and into the handler, in virtual time.
#include <ringrpc/rpc/call_options.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "echo.hpp"
#include "support.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
/// What a handler that waits for its stop has seen.
struct seen {
  int started = 0;
  int stopped = 0;
  time_point when{};       ///< the stop
  time_point deadline{};   ///< what the context said
};

/// Every kind waits for the stop of its call; streams read or write once before.
struct sleeper {
  explicit sleeper(seen& of) : seen_(&of) {}
  template <class Registry>
  void ringrpc_bind(Registry& registry) {
    registry.template handle<unary>(*this, [](sleeper& self, server_context& context,
                                              const std::string&) {
      return self.wait<result<std::string>>(context);
    });
    registry.template handle<download>(*this, [](sleeper& self, server_context& context,
                                                 const std::string&, writer<std::string>&) {
      return self.wait<status>(context);
    });
    registry.template handle<upload>(*this, [](sleeper& self, server_context& context,
                                               reader<std::string>&) {
      return self.wait<result<std::string>>(context);
    });
    registry.template handle<chat>(*this, [](sleeper& self, server_context& context,
                                             reader<std::string>&, writer<std::string>&) {
      return self.wait<status>(context);
    });
  }

  template <class R>
  task<R> wait(server_context& context) {
    seen& noted = *seen_;
    ++noted.started;
    noted.deadline = context.deadline();
    const bool slept = co_await sleep_until(never);
    CHECK_FALSE(slept);
    CHECK(context.stop_token().stop_requested());
    ++noted.stopped;
    noted.when = context.ring().now();
    co_return cancelled("stopped");
  }

private:
  seen* seen_;
};

/// Runs `client(bed, channel, seen)` against a sleeper.
template <class Client>
void with_sleeper(const wire& on, Client client) {
  CAPTURE(on.name);
  bed here{on};
  here.run([](bed& bench, Client body) -> task<> {
    seen noted;
    server serving{bench.home()};
    serving.emplace<sleeper>(noted);
    bench.listen(serving);
    {
      channel to = bench.connect();
      co_await body(bench, to, noted);
      co_await to.close();
    }
    co_await serving.close();
    CHECK(noted.started == noted.stopped);
  }(here, client));
}
template <class Client>
void with_sleeper(Client client) {
  with_sleeper(simulated_sockets, client);
  with_sleeper(in_memory, client);
}

/// The end of a call of each kind that is made with `options`.
task<status> end_of(channel& to, method_kind kind, call_options options) {
  const std::string request = "request";
  switch (kind) {
    case method_kind::unary: {
      const result<std::string> reply = co_await to.call<unary>(request, options);
      co_return reply.status();
    }
    case method_kind::server_streaming: {
      auto call = to.call<download>(request, options);
      const std::string* none = co_await call.read();
      CHECK(none == nullptr);
      co_return co_await call.finish();
    }
    case method_kind::client_streaming: {
      auto call = to.call<upload>(options);
      const bool queued = co_await call.write(request);
      static_cast<void>(queued);
      const result<std::string> reply = co_await call.finish();
      co_return reply.status();
    }
    case method_kind::bidi_streaming: {
      auto call = to.call<chat>(options);
      const std::string* none = co_await call.read();
      CHECK(none == nullptr);
      co_return co_await call.finish();
    }
  }
  co_return internal("unreachable");
}
}  // namespace

TEST_CASE("a deadline ends the call at its moment, at both ends (wire rule 11)") {
  for (const method_kind kind : kinds) {
    CAPTURE(static_cast<int>(kind));
    with_sleeper([kind](bed& on, channel& to, seen& noted) -> task<> {
      const time_point began = on.home().now();
      const status end = co_await end_of(to, kind, {.timeout = 200ms});
      CHECK(end.code() == status_code::deadline_exceeded);
      const duration took = on.home().now() - began;
      CHECK(took >= 200ms);
      CHECK(took < 201ms);
      co_await settle();
      CHECK(noted.started == 1);
      CHECK(noted.stopped == 1);
      // The server may have it a moment later, for the timeout is rounded up.
      CHECK(noted.when - began >= 200ms);
      CHECK(noted.when - began < 201ms);
      CHECK(noted.deadline - began >= 200ms);
      CHECK(noted.deadline - began < 201ms);
    });
  }
}

TEST_CASE("the earlier of timeout and deadline holds") {
  with_sleeper([](bed& on, channel& to, seen&) -> task<> {
    const time_point began = on.home().now();
    const status first =
        co_await end_of(to, method_kind::unary, {.timeout = 1s, .deadline = began + 300ms});
    CHECK(first.code() == status_code::deadline_exceeded);
    CHECK(on.home().now() - began < 301ms);
    const time_point again = on.home().now();
    const status second =
        co_await end_of(to, method_kind::unary, {.timeout = 100ms, .deadline = again + 300ms});
    CHECK(second.code() == status_code::deadline_exceeded);
    CHECK(on.home().now() - again < 101ms);
  });
}

TEST_CASE("a call whose deadline has passed ends at once and never leaves the client") {
  with_sleeper([](bed& on, channel& to, seen& noted) -> task<> {
    const time_point began = on.home().now();
    for (const method_kind kind : kinds) {
      const status end = co_await end_of(to, kind, {.deadline = began - 1ns});
      CHECK(end.code() == status_code::deadline_exceeded);
    }
    CHECK(on.home().now() - began < 1ms);
    CHECK(noted.started == 0);
  });
}

TEST_CASE("a timeout that is used up has passed: the call does not begin") {
  with_sleeper([](bed& on, channel& to, seen& noted) -> task<> {
    const time_point began = on.home().now();
    for (const duration timeout : {duration{0}, duration{-1ns}, duration::min()}) {
      for (const method_kind kind : kinds) {
        const status end = co_await end_of(to, kind, {.timeout = timeout});
        CHECK(end.code() == status_code::deadline_exceeded);
      }
    }
    CHECK(on.home().now() - began < 1ms);
    CHECK(noted.started == 0);
  });
}

TEST_CASE("a deadline of centuries is no deadline in the past (report B15)") {
  with_sleeper([](bed&, channel& to, seen& noted) -> task<> {
    const std::string request;
    for (const duration timeout :
         {duration{24h * 30}, duration{24h * 365 * 200}, duration::max()}) {
      const int before = noted.started;
      auto call = to.call<unary>(request, {.timeout = timeout});
      co_await settle();
      CHECK(noted.started == before + 1);
      call.cancel();
      const result<std::string> reply = co_await call;
      CHECK(reply.status().code() == status_code::cancelled);
      co_await settle();
    }
  });
}

TEST_CASE("cancel ends the call at both ends") {
  for (const method_kind kind : kinds) {
    CAPTURE(static_cast<int>(kind));
    with_sleeper([kind](bed& on, channel& to, seen& noted) -> task<> {
      stop_source stop;
      const environment& here = co_await this_environment();
      task_scope scope{here};
      status end;
      const auto keep = [](channel& over, method_kind of, stop_token token,
                           status& into) -> task<> {
        into = co_await end_of(over, of, {.stop = token});
      };
      scope.spawn(keep(to, kind, stop.token(), end));
      co_await settle();
      CHECK(noted.started == 1);
      CHECK(noted.stopped == 0);
      const time_point began = on.home().now();
      stop.request_stop();
      co_await scope.join();
      CHECK(end.code() == status_code::cancelled);
      co_await settle();
      CHECK(noted.stopped == 1);
      CHECK(on.home().now() - began < 1ms);
    });
  }
}

TEST_CASE("a token that was stopped before the call began ends it at once") {
  with_sleeper([](bed&, channel& to, seen& noted) -> task<> {
    stop_source stop;
    stop.request_stop();
    for (const method_kind kind : kinds) {
      const status end = co_await end_of(to, kind, {.stop = stop.token()});
      CHECK(end.code() == status_code::cancelled);
    }
    co_await settle();
    CHECK(noted.started == 0);
  });
}

TEST_CASE("a stop of the coroutine that awaits the call cancels it") {
  for (const method_kind kind : kinds) {
    CAPTURE(static_cast<int>(kind));
    with_sleeper([kind](bed&, channel& to, seen& noted) -> task<> {
      const environment& here = co_await this_environment();
      task_scope scope{here};
      status end;
      const auto keep = [](channel& over, method_kind of, status& into) -> task<> {
        into = co_await end_of(over, of, {});
      };
      scope.spawn(keep(to, kind, end));
      co_await settle();
      CHECK(noted.started == 1);
      scope.request_stop();
      co_await scope.join();
      CHECK(end.code() == status_code::cancelled);
      co_await settle();
      CHECK(noted.stopped == 1);
    });
  }
}

TEST_CASE("dropping the handle cancels the call and does not wait") {
  with_sleeper([](bed& on, channel& to, seen& noted) -> task<> {
    const std::string request;
    const time_point began = on.home().now();
    {
      auto first = to.call<unary>(request);
      auto second = to.call<download>(request);
      auto third = to.call<upload>();
      auto fourth = to.call<chat>();
      co_await settle();
      CHECK(noted.started == 4);
    }
    CHECK(noted.stopped == 0);  // not inline
    co_await settle();
    CHECK(noted.stopped == 4);
    CHECK(on.home().now() - began < 1ms);
  });
}

TEST_CASE("a call that is dropped in the turn that made it never reaches a handler for long") {
  with_sleeper([](bed&, channel& to, seen& noted) -> task<> {
    const std::string request;
    for (int i = 0; i < 10; ++i) {
      auto call = to.call<unary>(request);
      if (i % 2 == 0) co_await settle(i);
    }
    co_await settle();
    CHECK(noted.started == noted.stopped);
  });
}

TEST_CASE("cancel twice, or after the end, changes nothing") {
  with_sleeper([](bed&, channel& to, seen&) -> task<> {
    const std::string request;
    auto call = to.call<unary>(request, {.timeout = 10ms});
    const result<std::string> reply = co_await call;
    CHECK(reply.status().code() == status_code::deadline_exceeded);
    call.cancel();
    call.cancel();
    auto other = to.call<unary>(request);
    other.cancel();
    other.cancel();
    const result<std::string> cancelled_reply = co_await other;
    CHECK(cancelled_reply.status().code() == status_code::cancelled);
  });
}

TEST_CASE("a handler's own calls end with its deadline and its stop") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      seen noted;
      server back{on.home()};
      back.emplace<sleeper>(noted);
      memory_transport behind{on.home()};
      back.listen(behind.listener());
      channel inner{on.home(), behind.factory()};

      server front{on.home()};
      std::optional<status> inner_end;
      time_point inner_deadline{};
      front.handle<chat>([&](server_context& context, reader<std::string>&,
                             writer<std::string>&) -> task<status> {
        const std::string request;
        inner_deadline = context.deadline();
        // Not awaited in the handler's coroutine alone: by its token.
        auto call = inner.call<unary>(request, {.timeout = 1h, .parent = &context});
        const result<std::string> reply = co_await call;
        inner_end = reply.status();
        co_return reply.status();
      });
      on.listen(front);
      {
        channel to = on.connect();
        auto outer = to.call<chat>({.timeout = 50ms});
        const status end = co_await outer.finish();
        CHECK(end.code() == status_code::deadline_exceeded);
        const bool slept = co_await sleep_for(5ms);
        CHECK(slept);
        REQUIRE(inner_end);
        CHECK((inner_end->code() == status_code::deadline_exceeded ||
               inner_end->code() == status_code::cancelled));
        CHECK(noted.started == 1);
        CHECK(noted.deadline < inner_deadline + 1s);  // not its own hour

        inner_end.reset();
        auto cancelled_outer = to.call<chat>();
        while (noted.started < 2) {
          const bool later = co_await sleep_for(100us);
          static_cast<void>(later);
        }
        cancelled_outer.cancel();
        while (noted.stopped < 2) {
          const bool later = co_await sleep_for(100us);
          static_cast<void>(later);
        }
        co_await settle();
        REQUIRE(inner_end);
        CHECK(inner_end->code() == status_code::cancelled);
      }
      co_await front.close();
      co_await inner.close();
      co_await back.close();
    }(here));
  });
}

TEST_CASE("a call's own limit on the response goes before that of the channel") {
  with_echo([](bed&, channel& to, echo_service&) -> task<> {
    const std::string request = pattern(1000);
    const result<std::string> refused =
        co_await to.call<unary>(request, {.receive_message_bytes_max = 999});
    CHECK(refused.status().code() == status_code::resource_exhausted);
    const result<std::string> taken =
        co_await to.call<unary>(request, {.receive_message_bytes_max = 1000});
    CHECK(taken.value_or("failed") == request);
  });
}

TEST_CASE("a deadline that passes while the call waits for a connection ends it") {
  bed here;
  here.run([](bed& on) -> task<> {
    on.hub().silent = true;
    channel to = on.connect();
    const time_point began = on.home().now();
    for (const method_kind kind : kinds) {
      const status end = co_await end_of(to, kind, {.timeout = 70ms, .wait_for_ready = true});
      CHECK(end.code() == status_code::deadline_exceeded);
    }
    CHECK(on.home().now() - began >= 280ms);
    CHECK(on.home().now() - began < 281ms);
    co_await to.close();
  }(here));
}
}  // namespace ringrpc::testing
