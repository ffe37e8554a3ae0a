// SPDX-License-Identifier: MIT
//
// What a handler sees of its call and what it adds to the answer: metadata both ways,
// headers, trailers, peer, method.
#include <ringrpc/rpc/server_context.hpp>

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "support.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {
/// Serves with what `prepare(server)` registers, and runs `client(channel)`.
template <class Prepare, class Client>
void serve_and_call(Prepare prepare, Client client) {
  on_each_wire([&](bed& here) {
    here.run([](bed& on, Prepare& register_handlers, Client& body) -> task<> {
      server serving{on.home()};
      register_handlers(serving);
      on.listen(serving);
      {
        channel to = on.connect();
        co_await body(to);
      }
      co_await serving.close();
    }(here, prepare, client));
  });
}
std::vector<std::string> all_of(const metadata& from, std::string_view key) {
  std::vector<std::string> values;
  for (const std::string_view value : from.get_all(key)) values.emplace_back(value);
  return values;
}
}  // namespace

TEST_CASE("wire rules 13, 14: metadata goes both ways, in order, bytes and all") {
  const std::string bytes{"\0\1\2\xff,", 5};
  serve_and_call(
      [&](server& serving) {
        serving.handle<unary>([&](server_context& context,
                                  const std::string& in) -> task<result<std::string>> {
          const std::vector<std::string> twice = all_of(context.metadata(), "x-twice");
          CHECK(twice == std::vector<std::string>{"one", "two"});
          CHECK(context.metadata().get("x-raw-bin") == bytes);
          CHECK(context.metadata().get("x-empty") == "");
          CHECK_FALSE(context.metadata().get("grpc-timeout"));
          CHECK_FALSE(context.metadata().get("te"));
          CHECK_FALSE(context.metadata().get("content-type"));
          CHECK(context.headers().add("h-first", "1").ok());
          CHECK(context.headers().add("h-bin", bytes).ok());
          CHECK(context.trailers().add("t-last", "9").ok());
          CHECK(context.trailers().add("t-bin", bytes).ok());
          // All that came may go back: what is reserved is passed over (report B26).
          CHECK(context.trailers().append(context.metadata()).ok());
          co_return in;
        });
      },
      [&](channel& to) -> task<> {
        const std::string request = "r";
        metadata sent;
        CHECK(sent.add("x-twice", "one").ok());
        CHECK(sent.add("x-raw-bin", bytes).ok());
        CHECK(sent.add("x-twice", "two").ok());
        CHECK(sent.add("x-empty", "").ok());
        auto call = to.call<unary>(request, {.timeout = 10s, .metadata = &sent});
        sent.clear();  // it was copied
        const result<std::string> reply = co_await call;
        CHECK(reply.value_or("failed") == "r");
        CHECK(call.headers().get("h-first") == "1");
        CHECK(call.headers().get("h-bin") == bytes);
        CHECK_FALSE(call.headers().get("t-last"));
        CHECK(call.trailers().get("t-last") == "9");
        CHECK(call.trailers().get("t-bin") == bytes);
        CHECK(all_of(call.trailers(), "x-twice") == std::vector<std::string>{"one", "two"});
        CHECK_FALSE(call.trailers().get("grpc-status"));
      });
}

TEST_CASE("the context says method, peer, deadline and ring") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      server serving{on.home()};
      serving.handle<unary>([&](server_context& context,
                                const std::string& in) -> task<result<std::string>> {
        CHECK(context.method() == "/test.Calls/Unary");
        CHECK(context.peer().has_credentials());
        CHECK(context.peer().uid() == ::geteuid());
        CHECK_FALSE(context.peer().text().empty());
        CHECK(&context.ring() == &on.home());
        CHECK(context.deadline() == never);
        CHECK(context.stop_token().stop_possible());
        CHECK_FALSE(context.stop_token().stop_requested());
        CHECK(context.metadata().get("user-agent").value_or("").starts_with("grpc-"));
        co_return in;
      });
      on.listen(serving);
      {
        channel to = on.connect();
        const std::string request = "r";
        const result<std::string> reply = co_await to.call<unary>(request);
        CHECK(reply.value_or("failed") == "r");
      }
      co_await serving.close();
    }(here));
  });
}

TEST_CASE("send_headers sends them before the first message, once") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      server serving{on.home()};
      event go_on;
      serving.handle<chat>([&](server_context& context, reader<std::string>&,
                               writer<std::string>&) -> task<status> {
        CHECK(context.headers().add("early", "yes").ok());
        CHECK(context.send_headers());
        CHECK_FALSE(context.send_headers());
        CHECK(context.headers().add("late", "no").ok());  // no effect
        const bool woken = co_await go_on.wait();
        CHECK(woken);
        co_return status{};
      });
      on.listen(serving);
      {
        channel to = on.connect();
        auto call = to.call<chat>();
        while (!call.headers().get("early")) {
          const bool slept = co_await sleep_for(100us);
          static_cast<void>(slept);
        }
        go_on.set();
        const status end = co_await call.finish();
        CHECK(end.ok());
        CHECK_FALSE(call.headers().get("late"));
        CHECK_FALSE(call.trailers().get("late"));
      }
      co_await serving.close();
    }(here));
  });
}

TEST_CASE("headers of an answer without a message come with its status") {
  serve_and_call(
      [](server& serving) {
        serving.handle<unary>([](server_context& context,
                                 const std::string&) -> task<result<std::string>> {
          CHECK(context.headers().add("a-bin", "header").ok());
          CHECK(context.trailers().add("b-bin", "trailer").ok());
          co_return not_found("nothing here");
        });
      },
      [](channel& to) -> task<> {
        const std::string request;
        auto call = to.call<unary>(request);
        const result<std::string> reply = co_await call;
        CHECK(reply.status().code() == status_code::not_found);
        CHECK(reply.status().message() == "nothing here");
        // One block was sent (wire rule 23): all of it are trailers.
        CHECK(call.trailers().get("a-bin") == "header");
        CHECK(call.trailers().get("b-bin") == "trailer");
        CHECK(call.headers().empty());
      });
}

TEST_CASE("every status code and any text arrive as they were (wire rule 24)") {
  const std::string_view texts[] = {
      "", "plain", "  spaces \t\n", "100%", "%41", "\xe2\x98\xba and \xf0\x9f\x98\x88 \r\n",
      "\x01\x7f"};
  serve_and_call(
      [&](server& serving) {
        serving.handle<unary>([&](server_context&,
                                  const std::string& in) -> task<result<std::string>> {
          const auto code = static_cast<status_code>(in[0]);
          co_return status{code, texts[static_cast<std::size_t>(in[1])]};
        });
      },
      [&](channel& to) -> task<> {
        for (char code = 1; code <= 16; ++code) {
          for (std::size_t i = 0; i < std::size(texts); ++i) {
            const std::string request{code, static_cast<char>(i)};
            const result<std::string> reply = co_await to.call<unary>(request);
            CHECK(static_cast<char>(reply.status().code()) == code);
            CHECK(reply.status().message() == texts[i]);
          }
        }
      });
}

TEST_CASE("a stopped handler may still look at its context, and sends nothing") {
  on_each_wire([](bed& here) {
    here.run([](bed& on) -> task<> {
      server serving{on.home()};
      event stopped;
      serving.handle<chat>([&](server_context& context, reader<std::string>& in,
                               writer<std::string>& out) -> task<status> {
        const std::string* none = co_await in.read();
        CHECK(none == nullptr);
        CHECK(context.stop_token().stop_requested());
        CHECK_FALSE(context.send_headers());
        const std::string message = "late";
        const bool queued = co_await out.write(message);
        CHECK_FALSE(queued);
        CHECK(context.metadata().get("k") == "v");
        CHECK(context.peer().has_credentials());
        stopped.set();
        co_return status{};
      });
      on.listen(serving);
      {
        channel to = on.connect();
        metadata sent;
        CHECK(sent.add("k", "v").ok());
        {
          auto call = to.call<chat>({.metadata = &sent});
          const bool slept = co_await sleep_for(1ms);
          CHECK(slept);
        }
        const bool seen = co_await stopped.wait();
        CHECK(seen);
      }
      co_await serving.close();
    }(here));
  });
}
}  // namespace ringrpc::testing
