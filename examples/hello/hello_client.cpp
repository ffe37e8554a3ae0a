// SPDX-License-Identifier: MIT
//
// Calls the hello server: `hello_client /run/user/1000/hello.sock world`.
#include <chrono>
#include <exception>
#include <iostream>
#include <string>

#include <ringrpc/ringrpc.hpp>

#include "hello.ringrpc.hpp"

namespace {
using namespace std::chrono_literals;

ringrpc::task<int> greet(ringrpc::ring& ring, std::string path, std::string name) {
  ringrpc::channel channel{ring, "unix:" + path};
  demo::Greeter::stub stub{channel};
  demo::HelloRequest request;
  request.set_name(name);
  const ringrpc::result<demo::HelloReply> reply =
      co_await stub.SayHello(request, {.timeout = 2s});
  if (!reply) {
    std::cerr << reply.status() << '\n';
    co_return 1;
  }
  std::cout << reply->message() << '\n';
  co_return 0;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: hello_client SOCKET NAME\n";
    return 2;
  }
  try {
    ringrpc::ring ring;
    return ring.run(greet(ring, argv[1], argv[2]));
  } catch (const std::exception& failed) {
    std::cerr << "hello_client: " << failed.what() << '\n';
    return 1;
  }
}
