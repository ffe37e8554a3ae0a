// SPDX-License-Identifier: MIT
//
// A gRPC server on a Unix socket: `hello_server /run/user/1000/hello.sock`. Only
// its own user (and root) may call it. SIGINT and SIGTERM drain it.
#include <csignal>
#include <exception>
#include <iostream>
#include <string>

#include <ringrpc/ringrpc.hpp>

#include "hello.ringrpc.hpp"

namespace {
struct greeter final : demo::Greeter::service {
  ringrpc::task<ringrpc::result<demo::HelloReply>> SayHello(
      ringrpc::server_context& context, const demo::HelloRequest& request) override {
    demo::HelloReply reply;
    if (request.name().empty()) co_return ringrpc::invalid_argument("name is empty");
    reply.set_message("hello " + request.name() + ", uid " + std::to_string(context.peer().uid()));
    co_return reply;
  }
};
}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: hello_server SOCKET\n";
    return 2;
  }
  try {
    ringrpc::signal_set stop = ringrpc::signals(SIGINT, SIGTERM);
    ringrpc::ring ring;
    ringrpc::server server{ring};
    server.emplace<greeter>();
    server.listen(ringrpc::unix_socket{argv[1]});
    ring.run(server.serve_until(std::move(stop)));
    return 0;
  } catch (const std::exception& failed) {
    std::cerr << "hello_server: " << failed.what() << '\n';
    return 1;
  }
}
