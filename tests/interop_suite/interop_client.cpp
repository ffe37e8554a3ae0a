// SPDX-License-Identifier: MIT
//
// The cases of gRPC's interop-test-descriptions.md on ringrpc, against any server of
// the standard test service: `interop_client --address unix:PATH --test_case NAME`, the
// latter as often as one likes. Those that need a cloud are not here.
#include <exception>
#include <string>
#include <string_view>

#include "client_compression.hpp"
#include "client_streams.hpp"
#include "client_unary.hpp"

namespace {
using namespace interop_suite;

struct named_case {
  std::string_view name;
  task<> (*run)(client&);
};
constexpr named_case all_cases[]{
    {"empty_unary", empty_unary},
    {"large_unary", large_unary},
    {"cacheable_unary", cacheable_unary},
    {"client_compressed_unary", client_compressed_unary},
    {"server_compressed_unary", server_compressed_unary},
    {"client_streaming", client_streaming},
    {"client_compressed_streaming", client_compressed_streaming},
    {"server_streaming", server_streaming},
    {"server_compressed_streaming", server_compressed_streaming},
    {"ping_pong", ping_pong},
    {"half_duplex", half_duplex},
    {"empty_stream", empty_stream},
    {"custom_metadata", custom_metadata},
    {"status_code_and_message", status_code_and_message},
    {"special_status_message", special_status},
    {"unimplemented_method", unimplemented_method},
    {"unimplemented_service", unimplemented_service},
    {"cancel_after_begin", cancel_after_begin},
    {"cancel_after_first_response", cancel_after_first_response},
    {"timeout_on_sleeping_server", timeout_on_sleeping_server},
    {"rpc_soak", rpc_soak},
    {"channel_soak", channel_soak},
    {"concurrent_large_unary", concurrent_large_unary},
};

const named_case* find(std::string_view name) {
  for (const named_case& one : all_cases) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

/// All on one channel, which has to bear what every case does to it.
task<int> run_cases(client& with, const std::vector<std::string>& names) {
  report made;
  for (const std::string& name : names) {
    made.begin(name);
    try {
      const named_case* found = find(name);
      expect(found != nullptr, "there is no such case");
      co_await found->run(with);
      made.right();
    } catch (...) {
      made.wrong();
    }
  }
  co_await with.channel.close();
  co_return made.exit_status();
}
}  // namespace

int main(int argc, char** argv) {
  const client_flags given = parse_client_flags(argc, argv);
  ringrpc::ring ring;
  client with{ring, given.address};
  return ring.run(run_cases(with, given.cases));
}
