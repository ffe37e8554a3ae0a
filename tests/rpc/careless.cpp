// SPDX-License-Identifier: MIT
//
// Code that takes no notice: handlers that go on when they were stopped, retries without
// a pause, streams that nobody reads, handles that are used once too often. Others are
// served all the while, or the process ends with a text.
#include <doctest/doctest.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <ringrpc/rpc/channel.hpp>
#include <ringrpc/rpc/server.hpp>

#include "../coro/support.hpp"
#include "echo.hpp"
#include "support.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
/// What a handler does over and over again, although it was told to stop.
enum class habit { sleeps, writes, reads, calls, waits };

struct careless_service {
  task<status> Chat(server_context& context, reader<std::string>& in, writer<std::string>& out) {
    const std::string text = "x";
    event never_set;
    ++running;
    while (!let_go) {
      if (what == habit::sleeps) {
        const bool slept = co_await sleep_for(1ms);
        static_cast<void>(slept);
      } else if (what == habit::writes) {
        const bool queued = co_await out.write(text);
        static_cast<void>(queued);
      } else if (what == habit::reads) {
        const std::string* message = co_await in.read();
        static_cast<void>(message);
      } else if (what == habit::calls) {
        const result<std::string> reply = co_await onward->call<unary>(text, {.parent = &context});
        static_cast<void>(reply);
      } else {
        const bool set = co_await never_set.wait();
        static_cast<void>(set);
      }
    }
    --running;
    co_return status{};
  }
  template <class Registry>
  void ringrpc_bind(Registry& registry) {
    registry.template handle<chat>(
        *this, [](careless_service& self, server_context& context, reader<std::string>& in,
                  writer<std::string>& out) { return self.Chat(context, in, out); });
  }

  habit what = habit::sleeps;
  channel* onward = nullptr;
  bool let_go = false;
  int running = 0;
};

/// `count` calls, one after the other. @return how many were good.
task<int> make_unary_calls(channel& to, int count) {
  int good = 0;
  for (int i = 0; i < count; ++i) {
    const status end = co_await status_of_call(to);
    good += end.ok() ? 1 : 0;
  }
  co_return good;
}
}  // namespace

TEST_CASE("a handler that goes on after its stop does not keep the ring from others") {
  for (const habit what :
       {habit::sleeps, habit::writes, habit::reads, habit::calls, habit::waits}) {
    CAPTURE(static_cast<int>(what));
    bed here;
    here.run([](bed& on, habit how) -> task<> {
      server serving{on.home()};
      serving.handle<unary>([](server_context&, const std::string& in) -> result<std::string> {
        return in;
      });
      careless_service& service = serving.emplace<careless_service>();
      on.listen(serving);
      channel to = on.connect();
      service.what = how;
      service.onward = &to;
      {
        auto talk = to.call<chat>();
        const std::string text = "begin";
        const bool queued = co_await talk.write(text);
        CHECK(queued);
        const int first = co_await make_unary_calls(to, 1);
        CHECK(first == 1);
      }  // cancelled, which the handler does not heed
      const int good = co_await make_unary_calls(to, 20);
      CHECK(good == 20);
      CHECK(service.running == 1);
      service.let_go = true;
      co_await to.close();
      co_await serving.close();
      CHECK(service.running == 0);
    }(here, what));
  }
}

TEST_CASE("who repeats a call that fails at once lets others run") {
  bed here;
  here.run([](bed& on) -> task<> {
    on.hub().error = ECONNREFUSED;
    channel to = on.connect();
    bool enough = false;
    int failures = 0;
    const environment& where = co_await this_environment();
    task_scope scope{where};
    scope.spawn([](channel& over, const bool& until, int& count) -> task<> {
      const std::string request;
      while (!until) {
        const result<std::string> reply = co_await over.call<unary>(request);
        count += reply.has_value() ? 0 : 1;
      }
    }(to, enough, failures));
    while (failures < 1000) {
      const int before = failures;
      const int good = co_await make_unary_calls(to, 1);
      CHECK(good == 0);
      REQUIRE(failures <= before + 10);
    }
    enough = true;
    co_await scope.join();
    co_await to.close();
  }(here));
}

TEST_CASE("streams that nobody reads hold up no call and no other stream of their connection") {
  with_echo([](bed&, channel& to, echo_service&) -> task<> {
    // 180 KB each: more than the stream's window and its queue at the server.
    const std::string size(600, 'x');
    std::vector<server_stream_call<std::string>> unread;
    for (int i = 0; i < 40; ++i) unread.push_back(to.call<download>(size));
    co_await settle();
    const int good = co_await make_unary_calls(to, 10);
    CHECK(good == 10);
    for (std::size_t last = unread.size(); last > 35; --last) {
      server_stream_call<std::string>& read = unread[last - 1];
      std::size_t messages = 0;
      while (const std::string* message = co_await read.read()) {
        messages += message->empty() ? 0 : 1;
      }
      CHECK(messages == 600);
      const status end = co_await read.finish();
      CHECK(end.ok());
    }
  });
}

TEST_CASE("what a handler throws is in the log, with the method, ten times a second") {
  bed here;
  here.run([](bed& on) -> task<> {
    server serving{on.home()};
    serving.handle<unary>([](server_context&, const std::string& in) -> task<result<std::string>> {
      if (in == "status") throw status_error{not_found("no such thing")};
      throw std::runtime_error{"a secret of the server"};
      co_return in;
    });
    on.listen(serving);
    channel to = on.connect();
    const std::string expected = "status";
    const result<std::string> said = co_await to.call<unary>(expected);
    CHECK(said.status() == not_found("no such thing"));
    CHECK(log_texts.empty());
    const std::string request;
    for (int i = 0; i < 25; ++i) {
      const result<std::string> reply = co_await to.call<unary>(request);
      CHECK(reply.status() == unknown("the handler ended with an exception"));
    }
    CHECK(log_texts.size() == 10);
    CHECK(was_logged("an exception left the handler of /test.Calls/Unary: a secret of the server"));
    co_await to.close();
    co_await serving.close();
  }(here));
}

TEST_CASE("a handle or a channel that is used once too often ends the process and says why") {
  const auto dies = [](const char* text, auto use) {
    return test::dies_saying(text, [use] {
      bed here;
      with_echo(here, [use](bed&, channel& to, echo_service&) { return use(to); });
    });
  };
  CHECK(dies("awaited a second time", [](channel& to) -> task<> {
    const std::string request;
    auto call = to.call<unary>(request);
    const result<std::string> first = co_await call;
    const result<std::string> second = co_await call;
    CHECK(first.has_value() == second.has_value());
  }));
  CHECK(dies("awaited a second time", [](channel& to) -> task<> {
    auto call = to.call<upload>();
    const result<std::string> first = co_await call.finish();
    const result<std::string> second = co_await call.finish();
    CHECK(first.has_value() == second.has_value());
  }));
  CHECK(dies("a call handle was used that had been moved from", [](channel& to) -> task<> {
    auto call = to.call<chat>();
    auto owner = std::move(call);
    call.writes_done();
    const bool slept = co_await sleep_for(1ms);
    CHECK(slept);
  }));
  CHECK(dies("awaited on another ring", [](channel& to) -> task<> {
    const std::string request;
    auto call = to.call<unary>(request);
    ring other;
    other.run([](unary_call<std::string>& one) -> task<> {
      const result<std::string> reply = co_await one;
      CHECK_FALSE(reply);
    }(call));
    co_return;
  }));
  CHECK(dies("a channel was used that had been moved from", [](channel& to) -> task<> {
    const channel owner = std::move(to);
    static_cast<void>(to.state());
    const bool slept = co_await sleep_for(1ms);
    CHECK(slept);
  }));
}
}  // namespace ringrpc::testing
