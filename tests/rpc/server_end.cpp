// SPDX-License-Identifier: MIT
//
// How a server ends: drained, in time, from inside, at any moment.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <ringrpc/rpc/server.hpp>

#include "echo.hpp"
#include "support.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
/// Waits for a gate; `heeds_stop`: or for its stop.
struct gated {
  task<result<std::string>> wait(const std::string& in) {
    ++started;
    event::waiter waiting = heeds_stop ? gate.wait() : gate.wait_ignoring_stop();
    const bool open = co_await waiting;
    ++ended;
    if (!open) co_return cancelled("stopped");
    co_return in;
  }
  template <class Registry>
  void ringrpc_bind(Registry& registry) {
    registry.template handle<unary>(*this, [](gated& self, server_context&, const std::string& in) {
      return self.wait(in);
    });
  }
  event gate;
  bool heeds_stop = true;
  int started = 0;
  int ended = 0;
};
server_options draining(duration time) {
  server_options options;
  options.connection.drain_time = time;
  return options;
}
}  // namespace

TEST_CASE("close lets calls that run end, and takes no more") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      server serving{on.home()};
      gated service;
      serving.add(service);
      on.listen(serving);
      channel to = on.connect();
      const std::string request = "in flight";
      auto call = to.call<unary>(request);
      while (service.started == 0) co_await settle(1);
      const environment& environment_here = co_await this_environment();
      task_scope scope{environment_here};
      bool closed = false;
      scope.spawn([](server& ending, bool& done) -> task<> {
        co_await ending.close();
        done = true;
      }(serving, closed));
      co_await settle();
      CHECK_FALSE(closed);
      // The client has been told: a new call needs a new connection, which nobody takes.
      const std::string late = "late";
      const result<std::string> refused = co_await to.call<unary>(late);
      CHECK(refused.status().code() == status_code::unavailable);
      CHECK(service.started == 1);
      service.gate.set();
      const result<std::string> reply = co_await call;
      CHECK(reply.value_or("failed") == "in flight");
      co_await scope.join();
      CHECK(closed);
      CHECK(serving.connections() == 0);
      co_await to.close();
    }(here));
  });
}

TEST_CASE("after the drain time handlers are stopped, and what they answer still leaves") {
  bed here;
  here.run([](bed& on) -> task<> {
    server serving{on.home(), draining(3s)};
    gated service;
    serving.add(service);
    on.listen(serving);
    channel to = on.connect();
    const std::string request;
    auto call = to.call<unary>(request);
    co_await settle();
    CHECK(service.started == 1);
    const time_point began = on.home().now();
    co_await serving.close();
    CHECK(on.home().now() - began >= 3s);
    CHECK(on.home().now() - began < 5s);
    CHECK(service.ended == 1);
    const result<std::string> reply = co_await call;
    CHECK(reply.status() == cancelled("stopped"));
    CHECK_FALSE(was_logged("goes on although"));
    co_await to.close();
  }(here));
}

TEST_CASE("a handler that hears no stop is named in the log, and close waits for it") {
  bed here;
  here.run([](bed& on) -> task<> {
    server serving{on.home(), draining(1s)};
    gated service;
    service.heeds_stop = false;
    serving.add(service);
    on.listen(serving);
    channel to = on.connect();
    const std::string request;
    auto call = to.call<unary>(request);
    co_await settle();
    const environment& environment_here = co_await this_environment();
    task_scope scope{environment_here};
    bool closed = false;
    scope.spawn([](server& ending, bool& done) -> task<> {
      co_await ending.close();
      done = true;
    }(serving, closed));
    const bool slept = co_await sleep_for(14s);
    CHECK(slept);
    CHECK_FALSE(closed);
    CHECK(was_logged("/test.Calls/Unary"));
    CHECK(log_texts.size() == 2);  // every five seconds
    service.gate.set();
    co_await scope.join();
    CHECK(closed);
    CHECK(log_texts.size() == 2);
    const result<std::string> reply = co_await call;
    CHECK(reply.status().code() == status_code::unavailable);
    co_await to.close();
  }(here));
}

TEST_CASE("the end of the ring's run waits for a handler that hears no stop, and sleeps") {
  bed here;
  gated service;
  service.heeds_stop = false;
  server serving{here.home()};
  serving.add(service);
  here.run([](bed& on, server& to_serve, gated& handler) -> task<> {
    on.listen(to_serve);
    channel to = on.connect();
    const std::string request;
    auto call = to.call<unary>(request);
    co_await settle();
    CHECK(handler.started == 1);
    // Not a task of the ring's scope, which the end of the run would stop.
    static std::optional<stop_source> own;
    own.emplace();
    struct opener : timer {
      explicit opener(gated& of) noexcept
          : timer([](run_node& self) noexcept { static_cast<opener&>(self).of_.gate.set(); }),
            of_(of) {}
      gated& of_;
    };
    static std::optional<opener> later;
    later.emplace(handler);
    on.home().arm(*later, saturating_add(on.home().now(), 12s));
  }(here, serving, service));
  CHECK(service.ended == 1);
  CHECK(log_texts.size() == 2);
}

TEST_CASE("close in a handler of the same server fails at once and stops nothing") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      server serving{on.home()};
      std::optional<std::error_code> direct;
      std::optional<std::error_code> nested;
      const auto close_it = [](server& ending, std::optional<std::error_code>& into) -> task<> {
        try {
          co_await ending.close();
        } catch (const std::system_error& failed) {
          into = failed.code();
        }
      };
      serving.handle<unary>(
          [&](server_context&, const std::string& in) -> task<result<std::string>> {
        try {
          co_await serving.close();
        } catch (const std::system_error& failed) {
          direct = failed.code();
        }
        task<> one = close_it(serving, nested);
        auto all = when_all(std::move(one));
        co_await std::move(all);
        co_return in;
      });
      on.listen(serving);
      {
        channel to = on.connect();
        for (int i = 0; i < 2; ++i) {
          const std::string request = "r";
          const result<std::string> reply = co_await to.call<unary>(request);
          CHECK(reply.value_or("failed") == "r");
          REQUIRE(direct);
          CHECK(*direct == std::errc::resource_deadlock_would_occur);
          REQUIRE(nested);
          CHECK(*nested == std::errc::resource_deadlock_would_occur);
        }
      }
      co_await serving.close();
    }(here));
  });
}

TEST_CASE("stop in a handler drains the server, whose calls end in order") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      server serving{on.home()};
      serving.handle<unary>(
          [&](server_context&, const std::string& in) -> task<result<std::string>> {
        serving.stop();
        const bool slept = co_await sleep_for(1ms);
        CHECK(slept);
        co_return in;
      });
      on.listen(serving);
      channel to = on.connect();
      const std::string request = "last words";
      const result<std::string> reply = co_await to.call<unary>(request);
      CHECK(reply.value_or("failed") == "last words");
      co_await serving.close();
      co_await to.close();
    }(here));
  });
}

TEST_CASE("a server may be destroyed in its own handler") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      auto serving = std::make_unique<server>(on.home());
      serving->handle<unary>(
          [&](server_context&, const std::string& in) -> task<result<std::string>> {
        serving.reset();
        const bool slept = co_await sleep_for(1ms);
        CHECK(slept);
        co_return in;
      });
      on.listen(*serving);
      channel to = on.connect();
      const std::string request = "r";
      const result<std::string> reply = co_await to.call<unary>(request);
      CHECK(reply.value_or("failed") == "r");
      CHECK(serving == nullptr);
      co_await to.close();
    }(here));
  });
}

TEST_CASE("serve_until serves until its event, its task or the ring's end") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      server serving{on.home()};
      serving.emplace<echo_service>();
      on.listen(serving);
      event enough;
      const environment& environment_here = co_await this_environment();
      task_scope scope{environment_here};
      scope.spawn(serving.serve_until(enough));
      channel to = on.connect();
      co_await call_once(to);
      enough.set();
      co_await scope.join();
      CHECK(serving.connections() == 0);

      server other{on.home()};
      co_await other.serve_until([]() -> task<> { co_return; }());
      co_await to.close();
    }(here));
    event never_set;  // outlives what waits for it
    here.run([](bed& on, event& stop) -> task<> {
      server serving{on.home()};
      on.home().spawn(serving.serve_until(stop));
      co_await settle(1);
      // The run ends here, and with it what serves.
    }(here, never_set));
  });
}

TEST_CASE("close twice, and at once from two coroutines") {
  bed here;
  with_server(here, [](bed& on, server& serving, echo_service&) -> task<> {
    channel to = on.connect();
    co_await call_once(to);
    auto both = when_all(serving.close(), serving.close());
    co_await std::move(both);
    co_await serving.close();
    co_await to.close();
  });
}

TEST_CASE("a server that serves one attached stream ends with it") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      server serving{on.home()};
      serving.emplace<echo_service>();
      io_result<std::pair<memory_stream, memory_stream>> ends = memory_pair(on.home());
      serving.attach(std::move(ends->second));
      std::optional<memory_stream> near{std::move(ends->first)};
      {
        channel to{on.home(), [&](const connect_context&) -> task<io_result<memory_stream>> {
                     if (!near) co_return io_failure(ECONNREFUSED);
                     memory_stream given = std::move(*near);
                     near.reset();
                     co_return std::move(given);
                   }};
        co_await call_once(to);
        CHECK(serving.connections() == 1);
        co_await to.close();
      }
      co_await settle();
      CHECK(serving.connections() == 0);
      co_await serving.close();
    }(here));
  });
}
}  // namespace ringrpc::testing
