// SPDX-License-Identifier: MIT
//
// A method is a type: no .proto, no generator. Any type with a codec can be a
// message; std::string is sent as the raw bytes that it holds. A handler is a
// function, a lambda or a member of a service.
#include <algorithm>
#include <exception>
#include <functional>
#include <iostream>
#include <string>

#include <ringrpc/ringrpc.hpp>

namespace {
using reverse = ringrpc::unary_method<"/demo.Text/Reverse", std::string, std::string>;
using number = ringrpc::unary_method<"/demo.Text/Number", std::string, std::string>;

// A handler need not be a coroutine.
ringrpc::result<std::string> on_reverse(ringrpc::server_context&, const std::string& text) {
  if (text.size() > 100) return ringrpc::out_of_range("at most 100 bytes are reversed");
  return std::string{text.rbegin(), text.rend()};
}

// A service is a class that says which member answers what; `emplace` and `add` ask it.
class numbering {
public:
  ringrpc::result<std::string> next(ringrpc::server_context&, const std::string& text) {
    return std::to_string(++last_) + ": " + text;
  }
  void ringrpc_bind(ringrpc::server& server) {
    server.handle<number>(*this, std::mem_fn(&numbering::next));
  }

private:
  int last_ = 0;
};

ringrpc::task<int> call_it(ringrpc::ring& ring) {
  ringrpc::memory_transport wire{ring};
  ringrpc::server server{ring};
  server.handle<reverse>(&on_reverse);
  server.emplace<numbering>();
  server.listen(wire.listener());

  ringrpc::channel channel{ring, wire.factory()};
  const std::string text = "stressed";
  const ringrpc::result<std::string> reversed = co_await channel.call<reverse>(text);
  if (!reversed) {
    std::cerr << reversed.status() << '\n';
    co_return 1;
  }
  std::cout << *reversed << '\n';
  const ringrpc::result<std::string> numbered = co_await channel.call<number>(*reversed);
  std::cout << numbered.value() << '\n';  // throws a status_error where there is none

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
