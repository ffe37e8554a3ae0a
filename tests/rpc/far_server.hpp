// SPDX-License-Identifier: MIT
//
// Calls over real sockets, and a server that has a ring and a thread of its own.
#pragma once

#include <pthread.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <ringrpc/ringrpc.hpp>

#include "../ring/support.hpp"
#include "echo.hpp"
#include "support.hpp"

namespace ringrpc::testing {
/// Unary, and answered by nothing but the end of the call.
using silent = unary_method<"/test.Calls/Silent", std::string, std::string>;

/// Has `to` serve the echo's methods and the silent one.
inline void serve_calls(server& to) {
  to.emplace<echo_service>();
  to.handle<silent>([](server_context&, const std::string&) -> task<result<std::string>> {
    const bool slept = co_await sleep_until(never);
    static_cast<void>(slept);
    co_return cancelled("stopped");
  });
}

/// Listens at `path` at once, and serves in another thread until it dies.
class far_server {
public:
  far_server(const std::string& path, const test::mode& how)
      : parts_(std::make_unique<parts>(path, how)), remote_(parts_->home.remote()) {
    thread_ = std::thread{[this] {
      parts_->home.run(parts_->serving.serve_until(parts_->stop));
      parts_.reset();
    }};
  }
  far_server(const far_server&) = delete;
  far_server& operator=(const far_server&) = delete;
  ~far_server() {
    const bool posted = remote_.post([&stop = parts_->stop] { stop.set(); });
    CHECK(posted);
    thread_.join();
  }
  ::pthread_t thread() { return thread_.native_handle(); }

private:
  struct parts {
    parts(const std::string& path, const test::mode& how) : home(how.options()) {
      serve_calls(serving);
      serving.listen(unix_socket{path});
    }
    ring home;
    server serving{home};
    event stop;
  };
  std::unique_ptr<parts> parts_;
  remote_handle remote_;
  std::thread thread_;
};

/// One unary call whose bytes nobody else sends. @return whether they came back.
inline task<bool> call_numbered(channel& to, std::size_t number, call_options options = {}) {
  const std::string request = pattern(10 + number % 300, number);
  const result<std::string> reply = co_await to.call<unary>(request, options);
  CHECK(reply.status() == status{});
  co_return reply.value_or("failed") == request;
}

/// A call of each kind of stream, with messages that fill the socket.
/// @return how many of the three were right.
inline task<int> call_streams(channel& to, call_options options = {}) {
  int right = 0;
  const std::string request = pattern(50);
  const std::string large = pattern(150'000, 1);
  auto down = to.call<download>(request, options);
  std::size_t messages = 0;
  while (const std::string* message = co_await down.read()) {
    if (*message == request.substr(0, messages + 1)) ++messages;
  }
  const status down_end = co_await down.finish();
  if (down_end.ok() && messages == request.size()) ++right;

  auto up = to.call<upload>(options);
  for (int i = 0; i < 3; ++i) {
    const bool queued = co_await up.write(large);
    CHECK(queued);
  }
  const result<std::string> joined = co_await up.finish();
  if (joined.value_or("failed") == large + large + large) ++right;

  auto both = to.call<chat>(options);
  int answers = 0;
  for (int i = 0; i < 3; ++i) {
    const bool queued = co_await both.write(large);
    CHECK(queued);
    const std::string* answer = co_await both.read();
    if (answer != nullptr && *answer == large) ++answers;
  }
  const status both_end = co_await both.finish();
  if (both_end.ok() && answers == 3) ++right;
  co_return right;
}

/// `rounds` unary calls, every other one with a deadline that is far away, and streams
/// of both sorts. @return how many calls were right, of `calls_of(rounds)`.
inline task<int> call_all_kinds(channel& to, int rounds) {
  int right = 0;
  for (int round = 0; round < rounds; ++round) {
    call_options options;
    if (round % 2 == 0) options.timeout = std::chrono::hours{1};
    const bool unary_right = co_await call_numbered(to, static_cast<std::size_t>(round), options);
    if (unary_right) ++right;
  }
  const int without = co_await call_streams(to);
  const int with = co_await call_streams(to, {.timeout = std::chrono::hours{1}});
  co_return right + without + with;
}
constexpr int calls_of(int rounds) { return rounds + 6; }
}  // namespace ringrpc::testing
