// SPDX-License-Identifier: MIT
//
// A method is a type: no .proto, no generator. Any type with a codec can be a
// message; std::string is sent as the raw bytes that it holds.
#include <algorithm>
#include <exception>
#include <iostream>
#include <string>

#include <ringrpc/ringrpc.hpp>

namespace {
using reverse = ringrpc::unary_method<"/demo.Text/Reverse", std::string, std::string>;

// A handler need not be a coroutine.
ringrpc::result<std::string> on_reverse(ringrpc::server_context&, const std::string& text) {
  if (text.size() > 100) return ringrpc::out_of_range("at most 100 bytes are reversed");
  return std::string{text.rbegin(), text.rend()};
}

ringrpc::task<int> call_it(ringrpc::ring& ring) {
  ringrpc::memory_transport wire{ring};
  ringrpc::server server{ring};
  server.handle<reverse>(&on_reverse);
  server.listen(wire.listener());

  ringrpc::channel channel{ring, wire.factory()};
  const std::string text = "stressed";
  const ringrpc::result<std::string> reversed = co_await channel.call<reverse>(text);
  if (!reversed) {
    std::cerr << reversed.status() << '\n';
    co_return 1;
  }
  std::cout << *reversed << '\n';

  const std::string long_text(101, 'x');
  const ringrpc::result<std::string> refused = co_await channel.call<reverse>(long_text);
  std::cout << refused.status() << '\n';
  co_await channel.close();
  co_await server.close();
  co_return 0;
}
}  // namespace

int main() {
  try {
    ringrpc::ring ring;
    return ring.run(call_it(ring));
  } catch (const std::exception& failed) {
    std::cerr << "by_hand: " << failed.what() << '\n';
    return 1;
  }
}
