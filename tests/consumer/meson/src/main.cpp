// SPDX-License-Identifier: MIT
//
// A generated service and its stub over a pair of sockets: one unary call, and a stream of two
// messages each way.
#include <cstdio>
#include <string>
#include <utility>

#include <ringrpc/ringrpc.hpp>

#include "info/v1/info.ringrpc.hpp"

namespace {
struct info_service final : info::v1::Info::service {
  ringrpc::task<ringrpc::result<info::v1::Text>> Version(ringrpc::server_context&,
                                                         const info::v1::Name& name) override {
    info::v1::Text text;
    text.set_text(name.name() + ' ' + std::string{ringrpc::version_text});
    co_return text;
  }
  ringrpc::task<ringrpc::status> Repeat(ringrpc::server_context&,
                                        ringrpc::reader<info::v1::Name>& in,
                                        ringrpc::writer<info::v1::Text>& out) override {
    info::v1::Text text;
    while (info::v1::Name* name = co_await in.read()) {
      text.set_text(name->name());
      const bool sent = co_await out.write(text);
      if (!sent) break;
    }
    co_return ringrpc::status{};
  }
};

ringrpc::task<bool> repeats(ringrpc::channel& channel) {
  info::v1::Info::stub stub{channel};
  info::v1::Name name;
  auto call = stub.Repeat();
  for (const char* word : {"one", "two"}) {
    name.set_name(word);
    const bool sent = co_await call.write(name);
    const info::v1::Text* answer = co_await call.read();
    if (!sent || answer == nullptr || answer->text() != word) co_return false;
  }
  const ringrpc::status end = co_await call.finish();
  co_return end.ok();
}

ringrpc::task<int> ask(ringrpc::ring& ring) {
  auto ends = ringrpc::socket_pair(ring);
  ringrpc::server server{ring};
  if (!ends) co_return 1;
  server.emplace<info_service>();
  server.attach(std::move(ends->first));
  // A channel asks its factory once per connection; here there is one to give.
  auto factory = [&ends](const ringrpc::connect_context&)
      -> ringrpc::task<ringrpc::io_result<ringrpc::unix_stream>> {
    co_return std::move(ends->second);
  };
  ringrpc::channel channel{ring, factory};
  info::v1::Info::stub stub{channel};
  info::v1::Name name;
  name.set_name("ringrpc");
  const ringrpc::result<info::v1::Text> answer = co_await stub.Version(name);
  const bool repeated = co_await repeats(channel);
  if (!answer || !repeated) co_return 1;
  std::printf("%s\n", answer->text().c_str());
  co_return 0;
}
}  // namespace

int main() {
  ringrpc::ring ring;
  return ring.run(ask(ring));
}
