// SPDX-License-Identifier: MIT
//
// ringrpc's client: runs cases against a server of interop.proto, see runner.hpp.
#include "ringrpc_client.hpp"

namespace {
using interop::client, interop::named_case;

const named_case* find(std::string_view name) {
  for (const auto cases :
       {interop::message_cases(), interop::ending_cases(), interop::load_cases()}) {
    for (const named_case& one : cases) {
      if (one.name == name) return &one;
    }
  }
  return nullptr;
}

ringrpc::task<> hang(client& with) {
  ringrpc_interop::Request order;
  order.mutable_orders()->set_name(with.given.hang);
  order.mutable_orders()->set_hang(true);
  const ringrpc::result<ringrpc_interop::Reply> reply = co_await with.stub.Unary(order);
  interop::expect(!reply, "a call that hangs has ended");
}

// All on one channel, which has to bear what every case does to it.
ringrpc::task<int> run_cases(client& with) {
  interop::report report;
  for (const std::string& name : with.given.cases) {
    report.begin(name);
    try {
      const named_case* found = find(name);
      interop::expect(found != nullptr, "there is no such case");
      co_await found->run(with);
      report.right();
    } catch (...) {
      report.wrong();
    }
  }
  co_await with.channel.close();
  co_return report.exit_status();
}
}  // namespace

int main(int argc, char** argv) {
  const interop::flags given = interop::parse_flags(argc, argv);
  ringrpc::ring ring;
  client with{ring, given};
  if (given.hang.empty()) return ring.run(run_cases(with));
  ring.run(hang(with));
  return 0;
}
