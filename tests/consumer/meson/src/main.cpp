// SPDX-License-Identifier: MIT
//
// As ../../plain/main.cpp, over a pair of sockets.
#include <cstdio>
#include <string>
#include <utility>

#include <ringrpc/ringrpc.hpp>

namespace {
using version = ringrpc::unary_method<"/consumer.Info/Version", std::string, std::string>;

ringrpc::task<int> ask(ringrpc::ring& ring) {
  auto ends = ringrpc::socket_pair(ring);
  ringrpc::server server{ring};
  if (!ends) co_return 1;
  server.handle<version>([](ringrpc::server_context&, const std::string& name) {
    return ringrpc::result<std::string>{name + ' ' + std::string{ringrpc::version_text}};
  });
  server.attach(std::move(ends->first));
  // A channel asks its factory once per connection; here there is one to give.
  auto factory = [&ends](const ringrpc::connect_context&)
      -> ringrpc::task<ringrpc::io_result<ringrpc::unix_stream>> {
    co_return std::move(ends->second);
  };
  ringrpc::channel channel{ring, factory};
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
