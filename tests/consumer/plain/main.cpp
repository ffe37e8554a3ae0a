// SPDX-License-Identifier: MIT
//
// A call of a method by hand over a transport in memory; prints its answer.
#include <cstdio>
#include <string>

#include <ringrpc/ringrpc.hpp>

namespace {
using version = ringrpc::unary_method<"/consumer.Info/Version", std::string, std::string>;

ringrpc::task<int> ask(ringrpc::ring& ring) {
  ringrpc::memory_transport wire{ring};
  ringrpc::server server{ring};
  server.handle<version>([](ringrpc::server_context&, const std::string& name) {
    return ringrpc::result<std::string>{name + ' ' + std::string{ringrpc::version_text}};
  });
  server.listen(wire.listener());
  ringrpc::channel channel{ring, wire.factory()};
  const std::string name = "ringrpc";
  const ringrpc::result<std::string> answer = co_await channel.call<version>(name);
  if (!answer) co_return 1;
  std::printf("%s\n", answer->c_str());
  co_return 0;
}
}  // namespace

int main() {
  ringrpc::ring ring;
  return ring.run(ask(ring));
}
