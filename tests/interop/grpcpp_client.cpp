// SPDX-License-Identifier: MIT
//
// grpc++'s client: runs cases against a server of interop.proto, see runner.hpp.
#include "grpcpp_client.hpp"

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

void hang(client& with) {
  grpc::ClientContext context;
  ringrpc_interop::Request order;
  order.mutable_orders()->set_name(with.given.hang);
  order.mutable_orders()->set_hang(true);
  ringrpc_interop::Reply reply;
  with.stub.Unary(&context, order, &reply);
}
}  // namespace

int main(int argc, char** argv) {
  const interop::flags given = interop::parse_flags(argc, argv);
  client with{given};
  if (!given.hang.empty()) {
    hang(with);
    return 0;
  }
  interop::report report;
  for (const std::string& name : given.cases) {
    report.begin(name);
    try {
      const named_case* found = find(name);
      interop::expect(found != nullptr, "there is no such case");
      found->run(with);
      report.right();
    } catch (...) {
      report.wrong();
    }
  }
  return report.exit_status();
}
