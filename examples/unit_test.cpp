// SPDX-License-Identifier: MIT
//
// A unit test of a service: client and server in one process and one thread over
// a transport in memory, no socket and no file.
#include <cstdlib>
#include <iostream>
#include <string>

#include <ringrpc/ringrpc.hpp>

#include "hello.ringrpc.hpp"

namespace {
// The service under test. It gets what it needs by its constructor.
class greeter final : public demo::Greeter::service {
public:
  explicit greeter(std::string greeting) : greeting_(std::move(greeting)) {}
  ringrpc::task<ringrpc::result<demo::HelloReply>> SayHello(
      ringrpc::server_context& context, const demo::HelloRequest& request) override {
    demo::HelloReply reply;
    const auto language = context.metadata().get("x-language");
    if (language && *language != "en") co_return ringrpc::unimplemented("only English");
    reply.set_message(greeting_ + ' ' + request.name());
    co_return reply;
  }

private:
  std::string greeting_;
};

void check(bool holds, const char* what) {
  std::cout << (holds ? "ok: " : "FAILED: ") << what << '\n';
  if (!holds) std::exit(1);
}

ringrpc::task<> test_greeter(ringrpc::ring& ring) {
  ringrpc::memory_transport wire{ring};
  ringrpc::server server{ring};
  server.emplace<greeter>("good morning");
  server.listen(wire.listener());
  ringrpc::channel channel{ring, wire.factory()};
  demo::Greeter::stub stub{channel};

  demo::HelloRequest request;
  request.set_name("world");
  const ringrpc::result<demo::HelloReply> reply = co_await stub.SayHello(request);
  check(reply && reply->message() == "good morning world", "it greets by name");

  ringrpc::metadata french;
  const ringrpc::status added = french.add("x-language", "fr");
  check(added.ok(), "the metadata is valid");
  const ringrpc::result<demo::HelloReply> refused =
      co_await stub.SayHello(request, {.metadata = &french});
  check(refused.status().code() == ringrpc::status_code::unimplemented, "it speaks English only");
}
}  // namespace

int main() {
  ringrpc::ring ring;
  ring.run(test_greeter(ring));
}
