// SPDX-License-Identifier: MIT
//
// Handlers in all their forms, what they may throw, and how services live.
#include <ringrpc/rpc/server.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "echo.hpp"
#include "support.hpp"

namespace ringrpc::testing {
namespace {
/// Calls `M`, a unary method, with `request` and gives the result.
template <class M>
result<std::string> answer_of(bed& here, server& serving, const std::string& request) {
  return here.run([](bed& on, server& to_serve, std::string text) -> task<result<std::string>> {
    on.listen(to_serve);
    result<std::string> reply = internal("not called");
    {
      channel to = on.connect();
      reply = co_await to.call<M>(text);
    }
    co_await to_serve.close();
    co_return reply;
  }(here, serving, request));
}

/// Counts what lives.
struct counted_service {
  explicit counted_service(int& alive) : alive_(alive) { ++alive_; }
  counted_service(const counted_service&) = delete;
  counted_service& operator=(const counted_service&) = delete;
  ~counted_service() { --alive_; }
  template <class Registry>
  void ringrpc_bind(Registry& registry) {
    registry.template handle<unary>(*this, [](counted_service& self, server_context&,
                                              const std::string& in) { return self.wait(in); });
  }
  task<result<std::string>> wait(std::string in) {
    started.set();
    const bool open = co_await gate.wait_ignoring_stop();
    CHECK(open);
    CHECK(alive_ == 1);
    co_return in;
  }
  event started;
  event gate;

private:
  int& alive_;
};
}  // namespace

static_assert(server::can_handle<unary, echo_service, decltype([](echo_service& self,
                                                                  auto&... arguments)
                                                                   -> decltype(self.Unary(
                                                                       arguments...)) {
                return self.Unary(arguments...);
              })>);
static_assert(!std::is_copy_constructible_v<server> && !std::is_move_constructible_v<server>);

TEST_CASE("a unary handler may be a coroutine, a plain function, or fill a pooled reply") {
  on_each_wire([](bed& here) {
    server value{here.home()};
    value.handle<unary>([](server_context&, const std::string& in) -> task<result<std::string>> {
      co_return in + " by value";
    });
    CHECK(answer_of<unary>(here, value, "a").value_or("failed") == "a by value");
  });
  on_each_wire([](bed& here) {
    server plain{here.home()};
    plain.handle<unary>([](server_context&, const std::string& in) -> result<std::string> {
      if (in.empty()) return invalid_argument("empty");
      return in + " plainly";
    });
    CHECK(answer_of<unary>(here, plain, "b").value_or("failed") == "b plainly");
  });
  on_each_wire([](bed& here) {
    server fill{here.home()};
    fill.handle<unary>(
        [](server_context&, const std::string& in, std::string& out) -> task<status> {
      CHECK(out.empty());
      out = in + " filled";
      co_return status{};
    });
    CHECK(answer_of<unary>(here, fill, "c").value_or("failed") == "c filled");
  });
}

TEST_CASE("a handler that fails sends its status, in every form") {
  bed here;
  server value{here.home()};
  value.handle<unary>([](server_context&, const std::string&) -> task<result<std::string>> {
    co_return failed_precondition("value");
  });
  CHECK(answer_of<unary>(here, value, "").status() == failed_precondition("value"));
  server plain{here.home()};
  plain.handle<unary>([](server_context&, const std::string&) -> result<std::string> {
    return aborted("plain");
  });
  CHECK(answer_of<unary>(here, plain, "").status() == aborted("plain"));
  server fill{here.home()};
  fill.handle<unary>([](server_context&, const std::string&, std::string& out) -> task<status> {
    out = "dropped";
    co_return data_loss("fill");
  });
  CHECK(answer_of<unary>(here, fill, "").status() == data_loss("fill"));
}

TEST_CASE("what a handler throws becomes a status (wire rule 29)") {
  const auto thrown = [](const std::string& what) {
    if (what == "status") throw status_error{not_found("by exception")};
    if (what == "ok status") throw status_error{status{}};
    if (what == "memory") throw std::bad_alloc{};
    if (what == "secret") throw std::runtime_error{"secret"};
    throw 17;
  };
  const auto check_all = [](bed& here, auto handler) {
    const auto end_with = [&](const std::string& what) {
      server serving{here.home()};
      serving.handle<unary>(handler);
      return answer_of<unary>(here, serving, what).status();
    };
    CHECK(end_with("status") == not_found("by exception"));
    CHECK(end_with("ok status").code() == status_code::unknown);
    CHECK(end_with("memory").code() == status_code::resource_exhausted);
    const status secret = end_with("secret");
    CHECK(secret.code() == status_code::unknown);
    CHECK(secret.message().find("secret") == std::string_view::npos);
    CHECK(end_with("int").code() == status_code::unknown);
  };
  bed here;
  SUBCASE("a coroutine, at once") {
    check_all(here, [&](server_context&, const std::string& in) -> task<result<std::string>> {
      thrown(in);
      co_return in;
    });
  }
  SUBCASE("a coroutine, later") {
    check_all(here, [&](server_context&, const std::string& in) -> task<result<std::string>> {
      const bool slept = co_await sleep_for(std::chrono::milliseconds{1});
      CHECK(slept);
      thrown(in);
      co_return in;
    });
  }
  SUBCASE("before there is a coroutine") {
    check_all(here, [&](server_context&, const std::string& in, std::string&) -> task<status> {
      thrown(in);
      return []() -> task<status> { co_return status{}; }();
    });
  }
  SUBCASE("a plain function") {
    check_all(here, [&](server_context&, const std::string& in) -> result<std::string> {
      thrown(in);
      return in;
    });
  }
}

TEST_CASE("streaming handlers end with a status of their own, after their messages") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      server serving{on.home()};
      serving.handle<download>([](server_context&, const std::string& in,
                                  writer<std::string>& out) -> task<status> {
        const bool queued = co_await out.write(in);
        CHECK(queued);
        if (in == "throw") throw std::runtime_error{"secret"};
        co_return out_of_range("no more");
      });
      serving.handle<upload>(
          [](server_context&, reader<std::string>& in) -> task<result<std::string>> {
        const std::string* first = co_await in.read();
        CHECK(first != nullptr);
        co_return permission_denied("not you");  // the rest is not read
      });
      on.listen(serving);
      {
        channel to = on.connect();
        for (const std::string request : {"plain", "throw"}) {
          auto call = to.call<download>(request);
          const std::string* message = co_await call.read();
          REQUIRE(message != nullptr);
          CHECK(*message == request);
          const std::string* none = co_await call.read();
          CHECK(none == nullptr);
          const status end = co_await call.finish();
          CHECK(end.code() ==
                (request == "throw" ? status_code::unknown : status_code::out_of_range));
        }
        // Early end (report B9): what is blocked is told, and the connection goes on.
        for (int i = 0; i < 3; ++i) {
          auto call = to.call<upload>();
          const std::string large = pattern(100'000);
          bool queued = true;
          while (queued) queued = co_await call.write(large);
          const result<std::string> end = co_await call.finish();
          CHECK(end.status() == permission_denied("not you"));
        }
      }
      co_await serving.close();
    }(here));
  });
}

TEST_CASE("a method that nobody serves is UNIMPLEMENTED, and named (wire rule 5)") {
  on_each_wire([](bed& here) {
    server serving{here.home()};
    const result<std::string> reply = answer_of<unary>(here, serving, "x");
    CHECK(reply.status().code() == status_code::unimplemented);
    CHECK(reply.status().message().find("/test.Calls/Unary") != std::string_view::npos);
  });
}

TEST_CASE("a method has one handler") {
  bed here;
  server serving{here.home()};
  echo_service service;
  serving.add(service);
  CHECK_THROWS_AS(serving.add(service), std::logic_error);
  CHECK_THROWS_WITH(
      serving.handle<unary>(
          [](server_context&, const std::string& in) -> result<std::string> { return in; }),
      "method /test.Calls/Unary has a handler already");
}

TEST_CASE("a server that was stopped does not listen again") {
  bed here;
  server serving{here.home()};
  serving.stop();
  CHECK_THROWS_AS(here.listen(serving), std::logic_error);
}

TEST_CASE("a service that the server made lives until its last handler has ended") {
  on_each_wire([](bed& here) {
    int alive = 0;
    here.run([](bed& on, int& living) -> task<> {
      auto serving = std::make_unique<server>(on.home());
      counted_service& service = serving->emplace<counted_service>(living);
      on.listen(*serving);
      CHECK(living == 1);
      channel to = on.connect();
      const std::string request = "r";
      auto call = to.call<unary>(request);
      const bool running = co_await service.started.wait();
      CHECK(running);
      serving.reset();  // asks for the end, and does not wait
      co_await settle();
      CHECK(living == 1);
      service.gate.set();
      const result<std::string> reply = co_await call;
      CHECK(reply.value_or("failed") == "r");
      co_await to.close();
      co_await settle();
    }(here, alive));
    CHECK(alive == 0);
  });
}

TEST_CASE("messages of a pooled call hold nothing of the call before") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      server serving{on.home()};
      serving.handle<unary>([](server_context& context, const std::string& in,
                               std::string& out) -> task<status> {
        CHECK(out.empty());
        CHECK(context.headers().empty());
        CHECK(context.trailers().empty());
        CHECK(context.deadline() == never);
        CHECK(context.trailers().add("k", in).ok());
        out = in;
        if (in == "fail") co_return internal("failed");
        co_return status{};
      });
      on.listen(serving);
      {
        channel to = on.connect();
        std::string reply;
        for (const std::string request : {"long enough for the heap, surely", "fail", "", "x"}) {
          auto call = to.call<unary>(request, reply);
          const status end = co_await call;
          CHECK(end.ok() == (request != "fail"));
          if (end.ok()) CHECK(reply == request);
          CHECK(call.trailers().size() == 1);
        }
      }
      co_await serving.close();
    }(here));
  });
}

TEST_CASE("many calls at once are answered in one connection, each with its own bytes") {
  on_each_wire([](bed& here) {
    with_server(here, [](bed& on, server& serving, echo_service& service) -> task<> {
      channel to = on.connect();
      std::vector<unary_call<std::string>> calls;
      for (std::size_t i = 0; i < 300; ++i) {
        const std::string request = pattern(i * 20, i);
        calls.push_back(to.call<unary>(request));
      }
      for (std::size_t i = 0; i < calls.size(); ++i) {
        const result<std::string> reply = co_await calls[i];
        REQUIRE(reply);
        CHECK(*reply == pattern(i * 20, i));
      }
      CHECK(service.started == 300);
      CHECK(serving.connections() == 1);
    });
  });
}
}  // namespace ringrpc::testing
