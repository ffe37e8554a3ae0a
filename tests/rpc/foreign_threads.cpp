// SPDX-License-Identifier: MIT
//
// In which thread a channel and a server may be used. The failure of others: a kernel's
// ring of one issuer that is made in one thread refuses every other one (EEXIST), and
// loses what a thread submitted that has ended. Here whatever is made before the first
// run moves with its ring, and a later use from elsewhere ends the process with a text.
// Not covered here: a channel that blocks, and a server over several threads, which the
// library does not have yet.
#include <ringrpc/rpc/channel.hpp>
#include <ringrpc/rpc/server.hpp>

#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <doctest/doctest.h>

#include "../coro/support.hpp"
#include "../transport/private_directory.hpp"
#include "far_server.hpp"

namespace ringrpc::testing {
namespace {
constexpr const char* remedy = "use ring.remote().post(...)";

/// A ring with a server and a channel on it.
struct workplace {
  explicit workplace(const std::string& path, const test::mode& how = test::modes.front())
      : home(how.options()), serving(home), to(home, "unix:" + path) {
    serve_calls(serving);
    serving.listen(unix_socket{path});
  }
  task<> close() {
    co_await to.close();
    co_await serving.close();
  }
  ring home;
  server serving;
  channel to;
};
template <class Body>
void in_other_thread(Body body) {
  std::thread{body}.join();
}
}  // namespace

TEST_CASE("threads: ring, server and channel that are made in one thread run in another") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    const private_directory place;
    std::unique_ptr<workplace> made;
    in_other_thread([&] { made = std::make_unique<workplace>(place / "s", how); });  // and ends
    in_other_thread([&] {
      CHECK(made->home.run(call_all_kinds(made->to, 10)) == calls_of(10));
      made->serving.listen(unix_socket{place / "s"});  // its first listener ended with that run
      CHECK(made->home.run(call_numbered(made->to, 1)));
      made->home.run(made->close());
      made.reset();
    });
  }
}

TEST_CASE("threads: calls that are made before the first run are carried out by it, elsewhere") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    const private_directory place;
    auto made = std::make_unique<workplace>(place / "s", how);
    const std::string request = "made early";
    std::optional<unary_call<std::string>> one{
        made->to.call<unary>(request, {.timeout = std::chrono::hours{1}})};
    std::optional<server_stream_call<std::string>> dropped{made->to.call<download>(request)};
    dropped.reset();
    in_other_thread([&] {
      made->home.run([](workplace& on, unary_call<std::string>& early) -> task<> {
        const result<std::string> reply = co_await early;
        CHECK(reply.value_or("failed") == "made early");
        co_await on.close();
      }(*made, *one));
      one.reset();
      made.reset();
    });
  }
}

TEST_CASE("threads: a server and a channel that were never run may die in any thread") {
  const private_directory place;
  for (const bool with_call : {false, true}) {
    CAPTURE(with_call);
    auto made = std::make_unique<workplace>(place / "s");
    std::optional<unary_call<std::string>> one;
    const std::string request = "x";
    if (with_call) one.emplace(made->to.call<unary>(request));
    in_other_thread([&] {
      one.reset();
      made.reset();
    });
  }
}

TEST_CASE("threads: client and server on rings of two threads, in both orders of their ends") {
  for (const test::mode& how : test::modes) {
    for (const bool client_first : {false, true}) {
      CAPTURE(std::string{how.name});
      CAPTURE(client_first);
      const private_directory place;
      const std::string path = place / "s";
      auto serving = std::make_unique<far_server>(path, how);
      ring ours{how.options()};
      std::optional<channel> to{std::in_place, ours, "unix:" + path};
      CHECK(ours.run(call_all_kinds(*to, 10)) == calls_of(10));
      if (client_first) ours.run(to->close());
      serving.reset();
    }
  }
}

TEST_CASE("threads: a use of channel or server from another thread ends the process and says why") {
  const private_directory place;  // of this process, which lives on
  const auto dies_in_thread = [&place](auto use) {
    return test::dies_saying(remedy, [&place, use] {
      workplace here{place / "s"};
      here.home.run([](workplace& on, const auto& inside) -> task<> {
        const bool right = co_await call_numbered(on.to, 1);  // there is a connection
        if (right) in_other_thread([&] { inside(on); });
      }(here, use));
      ::_exit(0);
    });
  };
  const std::string request = "x";
  CHECK(dies_in_thread([&](workplace& on) { static_cast<void>(on.to.call<unary>(request)); }));
  CHECK(dies_in_thread([&](workplace& on) {
    static_cast<void>(on.to.call<unary>(request, {.timeout = std::chrono::hours{1}}));
  }));
  CHECK(dies_in_thread([&](workplace& on) { static_cast<void>(on.to.call<download>(request)); }));
  CHECK(dies_in_thread([&](workplace& on) { static_cast<void>(on.to.call<chat>()); }));
  CHECK(dies_in_thread([](workplace& on) {
    channel ended = std::move(on.to);  // and its destructor
  }));
  CHECK(dies_in_thread([](workplace& on) {
    ring other;
    other.run(on.to.close());
  }));
  CHECK(dies_in_thread([](workplace& on) { on.serving.stop(); }));
  CHECK(dies_in_thread([](workplace& on) {
    ring other;
    other.run(on.serving.close());
  }));
  CHECK(dies_in_thread([&](workplace& on) { on.serving.listen(unix_socket{place / "t"}); }));
  CHECK(dies_in_thread([](workplace& on) {
    io_result<std::pair<unix_stream, unix_stream>> ends = socket_pair(on.home);
    on.serving.attach(std::move(ends->second));
  }));
  CHECK(dies_in_thread([&](workplace& on) {
    channel late{on.home, "unix:/nowhere"};
    static_cast<void>(late.call<unary>(request));
  }));
}
}  // namespace ringrpc::testing
