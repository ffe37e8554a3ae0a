// SPDX-License-Identifier: MIT
//
// How a channel finds connections for its calls: lazily, again after a loss, with the
// standard waits; and how it ends. In virtual time.
#include <ringrpc/rpc/channel.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "echo.hpp"
#include "support.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
bool contains(const status& end, std::string_view part) {
  return end.message().find(part) != std::string_view::npos;
}
}  // namespace

static_assert(std::is_nothrow_move_constructible_v<channel>);
static_assert(!std::is_copy_constructible_v<channel>);

TEST_CASE("a channel connects with its first call, and keeps the connection") {
  on_each_wire([](bed& here) {
    with_server(here, [](bed& on, server& serving, echo_service&) -> task<> {
      channel to = on.connect();
      co_await settle();
      CHECK(to.state() == channel_state::idle);
      CHECK(serving.connections() == 0);
      const std::string request = "r";
      auto call = to.call<unary>(request);
      CHECK(to.state() == channel_state::connecting);
      const result<std::string> reply = co_await call;
      CHECK(reply.status() == status{});
      CHECK(to.state() == channel_state::ready);
      for (int i = 0; i < 5; ++i) co_await call_once(to);
      CHECK(serving.connections() == 1);
      co_await to.close();
      CHECK(to.state() == channel_state::shutdown);
    });
  });
}

TEST_CASE("a target that cannot be is refused when the channel is made") {
  bed here;
  CHECK_THROWS_AS((channel{here.home(), "nonsense:"}), std::invalid_argument);
  CHECK_THROWS_AS((channel{here.home(), ""}), std::invalid_argument);
  CHECK_THROWS_AS((channel{here.home(), "unix:"}), std::invalid_argument);
}

TEST_CASE("a call that cannot connect fails at once, and says where and why") {
  bed here;
  here.run([](bed& on) -> task<> {
    channel to = on.connect();
    const time_point began = on.home().now();
    for (const int error : {ECONNREFUSED, ENOENT, EACCES, EMFILE}) {
      on.hub().error = error;
      const std::string request = "r";
      const result<std::string> reply = co_await to.call<unary>(request);
      CHECK(reply.status().code() == status_code::unavailable);
      CHECK(contains(reply.status(), "custom transport"));
      CHECK(contains(reply.status(), errno_code(ECONNREFUSED).message()));
      // Later calls fail without a new attempt.
      CHECK(to.state() == channel_state::transient_failure);
    }
    CHECK(on.hub().attempts.size() == 1);
    CHECK(on.home().now() - began < 1ms);
    co_await to.close();
  }(here));
}

TEST_CASE("a call whose deadline passes while it waits says what it waited for") {
  bed here;
  here.run([](bed& on) -> task<> {
    on.hub().error = ECONNREFUSED;
    channel to = on.connect();
    const std::string request;
    const result<std::string> refused =
        co_await to.call<unary>(request, {.timeout = 100ms, .wait_for_ready = true});
    CHECK(refused.status() ==
          deadline_exceeded("the deadline passed while the call waited: cannot connect to custom "
                            "transport: " +
                            errno_code(ECONNREFUSED).message()));
    on.hub().silent = true;
    channel other = on.connect();
    const result<std::string> unknown = co_await other.call<unary>(request, {.timeout = 100ms});
    CHECK(unknown.status() == deadline_exceeded("the deadline passed while the call waited: "
                                                "connecting to custom transport"));
    co_await to.close();
    co_await other.close();
  }(here));
}

TEST_CASE("a server that hangs up before its SETTINGS is told apart") {
  bed here;
  server_options options;
  options.connections = 1;
  with_server(here, options, [](bed& on, server&, echo_service&) -> task<> {
    channel first = on.connect();
    co_await call_once(first);
    channel second = on.connect();
    const std::string request;
    const result<std::string> reply = co_await second.call<unary>(request);
    CHECK(reply.status().code() == status_code::unavailable);
    CHECK(contains(reply.status(), "it closed the connection before its SETTINGS"));
    co_await first.close();
    co_await second.close();
  });
}

TEST_CASE("a factory that has a text is named by it") {
  bed here;
  here.run([](bed& on) -> task<> {
    memory_transport wire{on.home()};
    channel to{on.home(), wire.factory()};
    const std::string request;
    const result<std::string> reply = co_await to.call<unary>(request);
    CHECK(contains(reply.status(), "cannot connect to memory: "));
    co_await to.close();
  }(here));
}

TEST_CASE("a call with wait_for_ready waits for a connection; the waits are the standard's") {
  bed here;
  here.run([](bed& on) -> task<> {
    on.hub().error = ECONNREFUSED;
    channel to = on.connect();
    const std::string request = "patient";
    auto call = to.call<unary>(request, {.wait_for_ready = true});
    const bool slept = co_await sleep_for(20min);
    CHECK(slept);
    const std::vector<time_point>& at = on.hub().attempts;
    REQUIRE(at.size() > 12);
    double wanted = 1;  // seconds
    for (std::size_t i = 1; i < at.size(); ++i) {
      CAPTURE(i);
      const double waited = std::chrono::duration<double>(at[i] - at[i - 1]).count();
      CHECK(waited >= wanted * 0.799);
      CHECK(waited <= wanted * 1.201);
      CHECK(on.hub().numbers[i] == i + 1);
      wanted = std::min(wanted * 1.6, 120.0);
    }
    // Now there is a server: the next attempt finds it.
    server serving{on.home()};
    serving.emplace<echo_service>();
    on.listen(serving);
    on.hub().error = 0;
    const result<std::string> reply = co_await call;
    CHECK(reply.value_or("failed") == "patient");
    // The wait is the first one again.
    co_await serving.close();
    on.hub().error = ECONNREFUSED;
    const std::size_t before = on.hub().attempts.size();
    auto again = to.call<unary>(request, {.timeout = 3s, .wait_for_ready = true});
    const result<std::string> late = co_await again;
    CHECK(late.status().code() == status_code::deadline_exceeded);
    REQUIRE(on.hub().attempts.size() >= before + 3);
    CHECK(on.hub().numbers[before] == 1);
    const duration first = on.hub().attempts[before + 1] - on.hub().attempts[before];
    CHECK(first >= 799ms);
    CHECK(first <= 1201ms);
    co_await to.close();
  }(here));
}

TEST_CASE("the waits are an option of the channel") {
  bed here;
  here.run([](bed& on) -> task<> {
    on.hub().error = ECONNREFUSED;
    channel_options options;
    options.backoff = {.initial = 10ms, .multiplier = 2, .jitter = 0, .longest = 40ms};
    channel to = on.connect(options);
    const std::string request;
    const result<std::string> reply =
        co_await to.call<unary>(request, {.timeout = 155ms, .wait_for_ready = true});
    CHECK(reply.status().code() == status_code::deadline_exceeded);
    const std::vector<time_point>& at = on.hub().attempts;
    REQUIRE(at.size() == 6);  // 0, 10, 30, 70, 110, 150
    CHECK(at[1] - at[0] == 10ms);
    CHECK(at[2] - at[1] == 20ms);
    CHECK(at[3] - at[2] == 40ms);
    CHECK(at[4] - at[3] == 40ms);
    co_await to.close();
  }(here));
}

TEST_CASE("a call waits while the first connection is being made") {
  bed here;
  with_server(here, [](bed& on, server&, echo_service&) -> task<> {
    on.hub().delay = 700ms;
    channel to = on.connect();
    const time_point began = on.home().now();
    co_await call_once(to);
    CHECK(on.home().now() - began >= 700ms);
    CHECK(on.hub().attempts.size() == 1);
    co_await to.close();
  });
}

TEST_CASE("an attempt that takes too long is given up and fails the calls") {
  bed here;
  here.run([](bed& on) -> task<> {
    on.hub().silent = true;
    channel_options options;
    options.backoff.connect_time = 4s;
    channel to = on.connect(options);
    const time_point began = on.home().now();
    const std::string request;
    const result<std::string> reply = co_await to.call<unary>(request);
    CHECK(reply.status().code() == status_code::unavailable);
    CHECK(contains(reply.status(), errno_code(ETIMEDOUT).message()));
    CHECK(on.home().now() - began >= 4s);
    CHECK(on.home().now() - began < 4001ms);
    co_await to.close();
  }(here));
}

TEST_CASE("wire rule 44: a wait is counted from the beginning of the attempt before it") {
  bed here;
  here.run([](bed& on) -> task<> {
    on.hub().error = ECONNREFUSED;
    on.hub().delay = 400ms;
    channel_options options;
    options.backoff = {.initial = 1s, .multiplier = 1, .jitter = 0, .longest = 1s};
    channel to = on.connect(options);
    const std::string request;
    const result<std::string> reply =
        co_await to.call<unary>(request, {.timeout = 2500ms, .wait_for_ready = true});
    CHECK(reply.status().code() == status_code::deadline_exceeded);
    const std::vector<time_point>& at = on.hub().attempts;
    REQUIRE(at.size() == 3);
    CHECK(at[1] - at[0] == 1s);
    CHECK(at[2] - at[1] == 1s);
    co_await to.close();
  }(here));
}

TEST_CASE("wire rule 44: an attempt may take as long as the wait that began with it") {
  bed here;
  here.run([](bed& on) -> task<> {
    on.hub().silent = true;
    channel_options options;
    options.backoff = {.initial = 6s, .jitter = 0, .connect_time = 4s};
    channel to = on.connect(options);
    const time_point began = on.home().now();
    const std::string request;
    const result<std::string> reply = co_await to.call<unary>(request);
    CHECK(reply.status().code() == status_code::unavailable);
    CHECK(on.home().now() - began >= 6s);
    CHECK(on.home().now() - began < 6001ms);
    co_await to.close();
  }(here));
}

TEST_CASE("a factory that throws is one that failed, and the log has what the code does not say") {
  bed here;
  here.run([](bed& on) -> task<> {
    struct thrown {
      const char* what;
      std::errc code;
      const char* logged;
    };
    const std::string left = "an exception left the connection factory of custom transport: ";
    for (const thrown one : {thrown{"system", std::errc::host_unreachable, nullptr},
                             thrown{"memory", std::errc::not_enough_memory, "std::bad_alloc"},
                             thrown{"number", std::errc::io_error, "not a std::exception"},
                             thrown{"other", std::errc::io_error, "broken"}}) {
      for (const bool later : {false, true}) {
        log_texts.clear();
        channel to{on.home(),
                   [what = std::string{one.what},
                    later](const connect_context&) -> task<io_result<memory_stream>> {
                     const auto fail = [](std::string kind) {
                       if (kind == "system") {
                         throw std::system_error{
                             std::make_error_code(std::errc::host_unreachable)};
                       }
                       if (kind == "memory") throw std::bad_alloc{};
                       if (kind == "number") throw 5;
                       throw std::runtime_error{"broken"};
                     };
                     if (!later) fail(what);
                     return [](auto throws, std::string kind) -> task<io_result<memory_stream>> {
                       const bool slept = co_await sleep_for(1ms);
                       CHECK(slept);
                       throws(kind);
                       co_return io_failure(EIO);
                     }(fail, what);
                   }};
        const std::string request;
        const result<std::string> reply = co_await to.call<unary>(request);
        CHECK(reply.status().code() == status_code::unavailable);
        CHECK(contains(reply.status(), std::make_error_code(one.code).message()));
        CHECK_FALSE(contains(reply.status(), "broken"));
        CHECK(to.state() == channel_state::transient_failure);
        CHECK(log_texts.size() == (one.logged == nullptr ? 0U : 1U));
        if (one.logged != nullptr) CHECK(was_logged(left + one.logged));
        co_await to.close();
      }
    }
  }(here));
}

TEST_CASE("the factory is told what the channel knows") {
  bed here;
  here.run([](bed& on) -> task<> {
    struct told {
      std::string target;
      std::string authority;
      unsigned attempt = 0;
      duration left{};
      bool stoppable = false;
      ring* home = nullptr;
    } seen;
    channel_options options;
    options.authority = "somewhere.example";
    channel to{on.home(),
               [&seen](const connect_context& context) -> task<io_result<memory_stream>> {
                 seen = {std::string{context.target}, std::string{context.authority},
                         context.attempt, context.deadline - context.home->now(),
                         context.stop.stop_possible(), context.home};
                 co_return io_failure(ENETDOWN);
               },
               options};
    const std::string request;
    const result<std::string> reply = co_await to.call<unary>(request);
    CHECK(contains(reply.status(), errno_code(ENETDOWN).message()));
    CHECK(seen.target == "custom transport");
    CHECK(seen.authority == "somewhere.example");
    CHECK(seen.attempt == 1);
    CHECK(seen.left == 20s);
    CHECK(seen.stoppable);
    CHECK(seen.home == &on.home());
    co_await to.close();
  }(here));
}

TEST_CASE("a lost connection fails its calls, and the next call makes another") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      for (int round = 0; round < 3; ++round) {
        server serving{on.home()};
        event running;
        serving.handle<unary>(
            [&](server_context&, const std::string& in) -> task<result<std::string>> {
          if (in != "wait") co_return in;
          running.set();
          const bool slept = co_await sleep_until(never);
          CHECK_FALSE(slept);
          co_return cancelled("stopped");
        });
        std::optional<memory_transport> wire{std::in_place, on.home()};
        serving.listen(wire->listener());
        channel to{on.home(), wire->factory()};
        co_await call_once(to);
        const std::string request = "wait";
        auto call = to.call<unary>(request);
        const bool started = co_await running.wait();
        CHECK(started);
        channel_state before = to.state();
        CHECK(before == channel_state::ready);
        call.cancel();
        const result<std::string> reply = co_await call;
        CHECK(reply.status().code() == status_code::cancelled);
        co_await to.close();
        co_await serving.close();
      }
    }(here));
  });
}

TEST_CASE("a server that dies makes its calls UNAVAILABLE; one that comes back is found") {
  bed here;
  here.run([](bed& on) -> task<> {
    channel to = on.connect();
    for (int round = 0; round < 5; ++round) {
      auto serving = std::make_unique<server>(on.home());
      event running;
      serving->handle<unary>(
          [&](server_context&, const std::string& in) -> task<result<std::string>> {
        if (in == "ping") co_return in;
        running.set();
        const bool slept = co_await sleep_until(never);
        CHECK_FALSE(slept);
        co_return cancelled("stopped");
      });
      on.listen(*serving);
      co_await call_once(to, {.wait_for_ready = true});
      const std::string request = "wait";
      auto call = to.call<unary>(request);
      const bool started = co_await running.wait();
      CHECK(started);
      on.kernel().kill_peer(on.hub().client_ends.back());
      const result<std::string> reply = co_await call;
      CHECK(reply.status().code() == status_code::unavailable);
      CHECK(contains(reply.status(), "custom transport"));
      co_await serving->close();
    }
    co_await to.close();
  }(here));
}

TEST_CASE("a drained server's channel connects to the next one without a failed call") {
  bed here;
  here.run([](bed& on) -> task<> {
    channel to = on.connect();
    for (int round = 0; round < 10; ++round) {
      server serving{on.home()};
      serving.emplace<echo_service>();
      on.listen(serving);
      for (int i = 0; i < 3; ++i) co_await call_once(to);
      co_await serving.close();
      CHECK(to.state() == channel_state::idle);
    }
    CHECK(on.hub().attempts.size() == 10);
    co_await to.close();
  }(here));
}

TEST_CASE("calls beyond the server's stream limit wait for their turn (wire rule 36)") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      server_options options;
      options.connection.concurrent_streams = 3;
      server serving{on.home(), options};
      int running = 0;
      int most = 0;
      serving.handle<unary>(
          [&](server_context&, const std::string& in) -> task<result<std::string>> {
        most = std::max(most, ++running);
        co_await settle(1);
        --running;
        co_return in;
      });
      on.listen(serving);
      {
        channel to = on.connect();
        std::vector<unary_call<std::string>> calls;
        for (std::size_t i = 0; i < 40; ++i) {
          const std::string request = pattern(i);
          calls.push_back(to.call<unary>(request));
        }
        // One in the middle of the queue gives up.
        calls[20].cancel();
        for (std::size_t i = 0; i < calls.size(); ++i) {
          const result<std::string> reply = co_await calls[i];
          if (i == 20) {
            CHECK(reply.status().code() == status_code::cancelled);
          } else {
            CHECK(reply.value_or("failed") == pattern(i));
          }
        }
        CHECK(most == 3);
        CHECK(serving.connections() == 1);
      }
      co_await serving.close();
    }(here));
  });
}

TEST_CASE("a queued call's deadline counts while it waits") {
  bed here;
  here.run([](bed& on) -> task<> {
    server_options options;
    options.connection.concurrent_streams = 1;
    server serving{on.home(), options};
    int started = 0;
    serving.handle<unary>([&](server_context&, const std::string& in) -> task<result<std::string>> {
      ++started;
      const bool slept = co_await sleep_for(1s);
      if (!slept) co_return cancelled("stopped");
      co_return in;
    });
    on.listen(serving);
    channel to = on.connect();
    const std::string request;
    auto first = to.call<unary>(request);
    auto second = to.call<unary>(request, {.timeout = 400ms});
    const time_point began = on.home().now();
    const result<std::string> late = co_await second;
    CHECK(late.status().code() == status_code::deadline_exceeded);
    CHECK(on.home().now() - began >= 400ms);
    CHECK(on.home().now() - began < 401ms);
    const result<std::string> reply = co_await first;
    CHECK(reply.status() == status{});
    CHECK(started == 1);
    co_await to.close();
    co_await serving.close();
  }(here));
}

TEST_CASE("close ends calls in every phase with CANCELLED, and waits for the rest") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      server_options options;
      options.connection.concurrent_streams = 1;
      server serving{on.home(), options};
      serving.handle<unary>([](server_context&, const std::string&) -> task<result<std::string>> {
        const bool slept = co_await sleep_until(never);
        CHECK_FALSE(slept);
        co_return cancelled("stopped");
      });
      on.listen(serving);
      const std::string request;
      for (const int turns : {0, 1, 2, 3, 5, 8, 100}) {
        CAPTURE(turns);
        channel to = on.connect();
        auto running = to.call<unary>(request);
        auto queued = to.call<unary>(request);
        co_await settle(turns);
        co_await to.close();
        const result<std::string> first = co_await running;
        const result<std::string> second = co_await queued;
        CHECK(first.status().code() == status_code::cancelled);
        CHECK(second.status().code() == status_code::cancelled);
        const result<std::string> after = co_await to.call<unary>(request);
        CHECK(after.status().code() == status_code::cancelled);
        co_await to.close();  // again
      }
      co_await serving.close();
    }(here));
  });
}

TEST_CASE("a channel that is moved goes on; one that is assigned to ends what it had") {
  bed here;
  with_server(here, [](bed& on, server& serving, echo_service&) -> task<> {
    channel first = on.connect();
    co_await call_once(first);
    channel second = std::move(first);
    co_await call_once(second);
    CHECK(serving.connections() == 1);
    channel third = on.connect();
    co_await call_once(third);
    CHECK(serving.connections() == 2);
    third = std::move(second);
    co_await settle();
    CHECK(serving.connections() == 1);
    co_await call_once(third);
    co_await third.close();
  });
}

TEST_CASE("a channel that outlives a run connects anew in the next") {
  bed here;
  channel to = here.connect();
  for (int run = 0; run < 3; ++run) {
    here.run([](bed& on, channel& over) -> task<> {
      server serving{on.home()};
      serving.emplace<echo_service>();
      on.listen(serving);
      co_await call_once(over);
      co_await call_once(over);
    }(here, to));
    CHECK(to.state() == channel_state::idle);
  }
  CHECK(here.hub().attempts.size() == 3);
}

TEST_CASE("a request above the channel's limit is refused before it is sent") {
  bed here;
  with_server(here, [](bed& on, server&, echo_service& service) -> task<> {
    channel_options options;
    options.connection.send_message_bytes_max = 10;
    channel to = on.connect(options);
    const std::string fits(10, 'x');
    const std::string large(11, 'x');
    const result<std::string> good = co_await to.call<unary>(fits);
    CHECK(good.status() == status{});
    const result<std::string> refused = co_await to.call<unary>(large);
    CHECK(refused.status().code() == status_code::resource_exhausted);
    auto stream = to.call<upload>();
    const bool first = co_await stream.write(fits);
    CHECK(first);
    const bool second = co_await stream.write(large);
    CHECK_FALSE(second);
    const result<std::string> end = co_await stream.finish();
    CHECK(end.status().code() == status_code::resource_exhausted);
    CHECK(service.started <= 2);  // the second was reset before it was sent
    co_await to.close();
  });
}
}  // namespace ringrpc::testing
