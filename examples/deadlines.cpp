// SPDX-License-Identifier: MIT
//
// Deadlines and cancellation: both reach the handler's stop token, and what the
// handler awaits ends at once.
#include <chrono>
#include <iostream>
#include <optional>
#include <string>

#include <ringrpc/ringrpc.hpp>

namespace {
using namespace std::chrono_literals;
using nap = ringrpc::unary_method<"/demo.Bed/Nap", std::string, std::string>;

ringrpc::task<ringrpc::result<std::string>> on_nap(ringrpc::server_context& context,
                                                   const std::string& who) {
  const bool slept = co_await ringrpc::sleep_for(1h);
  // False: the client's deadline passed, or it cancelled, or the connection was lost.
  const bool late = context.deadline() <= context.ring().now();
  std::cout << who << " was woken: " << (late ? "its deadline passed" : "it was cancelled") << '\n';
  if (!slept) co_return ringrpc::cancelled("woken");
  co_return who + " slept well";
}

ringrpc::task<> call_them(ringrpc::ring& ring) {
  ringrpc::memory_transport wire{ring};
  ringrpc::server server{ring};
  server.handle<nap>(&on_nap);
  server.listen(wire.listener());
  ringrpc::channel channel{ring, wire.factory()};

  const std::string ann = "ann";
  const ringrpc::result<std::string> first = co_await channel.call<nap>(ann, {.timeout = 20ms});
  std::cout << "ann: " << first.status() << '\n';

  // A call starts when it is made, and dropping its handle would cancel it as well.
  const std::string bob = "bob";
  auto call = channel.call<nap>(bob);
  const bool waited = co_await ringrpc::sleep_for(20ms);
  if (waited) call.cancel();
  const ringrpc::result<std::string> second = co_await call;
  std::cout << "bob: " << second.status() << '\n';

  // A stop source of one's own; that of a coroutine works without being passed.
  std::optional<ringrpc::stop_source> stop{std::in_place};
  const std::string eve = "eve";
  auto stopped = channel.call<nap>(eve, {.stop = stop->token()});
  stop->request_stop();
  const ringrpc::result<std::string> third = co_await stopped;
  std::cout << "eve: " << third.status() << '\n';
  co_await channel.close();
  co_await server.close();
}
}  // namespace

int main() {
  ringrpc::ring ring;
  ring.run(call_them(ring));
}
