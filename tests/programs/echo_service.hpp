// SPDX-License-Identifier: MIT
//
// The handlers of bench.Echo, in the forms that reuse messages.
#pragma once

#include <chrono>
#include <string>

#include <ringrpc/ringrpc.hpp>

#include "bench.ringrpc.hpp"

namespace ringrpc::testing {
struct echo_service {
  task<status> Unary(server_context&, const bench::Payload& in, bench::Payload& out) {
    out.set_data(in.data());
    co_return status{};
  }
  task<status> ServerStream(server_context&, const bench::StreamRequest& in,
                            writer<bench::Payload>& out) {
    bench::Payload payload;
    payload.mutable_data()->assign(in.size(), 'x');
    for (std::uint32_t i = 0; i < in.count(); ++i) {
      const bool queued = co_await out.write(payload);
      if (!queued) break;
    }
    co_return status{};
  }
  task<result<bench::StreamSummary>> ClientStream(server_context&, reader<bench::Payload>& in) {
    bench::StreamSummary summary;
    while (bench::Payload* payload = co_await in.read()) {
      summary.set_count(summary.count() + 1);
      summary.set_bytes(summary.bytes() + payload->data().size());
    }
    co_return summary;
  }
  task<status> Bidi(server_context&, reader<bench::Payload>& in, writer<bench::Payload>& out) {
    while (bench::Payload* payload = co_await in.read()) {
      const bool queued = co_await out.write(*payload);
      if (!queued) break;
    }
    co_return status{};
  }
  task<status> Sleep(server_context&, const bench::Payload& in, bench::Payload& out) {
    const bool slept = co_await sleep_for(std::chrono::seconds{30});
    if (!slept) co_return cancelled("the sleeping call was stopped");
    out.set_data(in.data());
    co_return status{};
  }
};
}  // namespace ringrpc::testing
