// SPDX-License-Identifier: MIT
//
// Loads a bench.Echo server and prints one line of JSON. A lane is one call or
// stream after the other; there are `--concurrency` of them over `--connections`.
#include <cstdio>
#include <exception>
#include <memory>
#include <vector>

#include <ringrpc/ringrpc.hpp>

#include "bench.ringrpc.hpp"
#include "flags.hpp"
#include "meter.hpp"

namespace {
using ringrpc::testing::flags;
using ringrpc::testing::meter;

struct load {
  const flags& given;
  meter& measured;
};

ringrpc::task<> unary_lane(load of, ringrpc::channel& channel) {
  bench::Echo::stub stub{channel};
  bench::Payload request;
  bench::Payload reply;
  request.mutable_data()->assign(of.given.payload, 'x');
  for (;;) {
    const std::int64_t began = meter::now();
    if (!of.measured.open(began)) co_return;
    const ringrpc::status end = co_await stub.Unary(request, reply);
    const std::int64_t ended = meter::now();
    if (end.ok() && reply.data().size() == of.given.payload) {
      of.measured.sample(began, ended);
      of.measured.count(ended, 1, of.given.payload);
    } else {
      of.measured.error();
    }
  }
}

ringrpc::task<> server_stream_lane(load of, ringrpc::channel& channel) {
  bench::Echo::stub stub{channel};
  bench::StreamRequest request;
  request.set_count(of.given.stream_count);
  request.set_size(of.given.payload);
  for (;;) {
    const std::int64_t began = meter::now();
    if (!of.measured.open(began)) co_return;
    auto stream = stub.ServerStream(request);
    std::int64_t at = began;
    while (bench::Payload* payload = co_await stream.read()) {
      at = meter::now();
      of.measured.count(at, 1, payload->data().size());
      if (!of.measured.open(at)) co_return;
    }
    const ringrpc::status end = co_await stream.finish();
    if (end.ok()) of.measured.sample(began, at);
    if (!end.ok()) of.measured.error();
  }
}

ringrpc::task<> client_stream_lane(load of, ringrpc::channel& channel) {
  bench::Echo::stub stub{channel};
  bench::Payload payload;
  payload.mutable_data()->assign(of.given.payload, 'x');
  for (;;) {
    const std::int64_t began = meter::now();
    if (!of.measured.open(began)) co_return;
    auto stream = stub.ClientStream();
    for (std::uint32_t i = 0; i < of.given.stream_count; ++i) {
      const bool queued = co_await stream.write(payload);
      if (!queued) break;
    }
    const ringrpc::result<bench::StreamSummary> summary = co_await stream.finish();
    const std::int64_t ended = meter::now();
    if (summary && summary->count() == of.given.stream_count) {
      of.measured.sample(began, ended);
      of.measured.count(ended, summary->count(), summary->bytes());
    } else {
      of.measured.error();
    }
  }
}

ringrpc::task<> bidi_lane(load of, ringrpc::channel& channel) {
  bench::Echo::stub stub{channel};
  bench::Payload payload;
  payload.mutable_data()->assign(of.given.payload, 'x');
  auto stream = stub.Bidi();
  for (;;) {
    const std::int64_t began = meter::now();
    if (!of.measured.open(began)) co_return;
    const bool queued = co_await stream.write(payload);
    const bench::Payload* answer = co_await stream.read();
    const std::int64_t ended = meter::now();
    if (!queued || answer == nullptr) {
      of.measured.error();
      co_return;
    }
    of.measured.sample(began, ended);
    of.measured.count(ended, 1, of.given.payload);
  }
}

ringrpc::task<> connect_lane(load of, ringrpc::ring& ring) {
  bench::Payload request;
  request.mutable_data()->assign(of.given.payload, 'x');
  for (;;) {
    const std::int64_t began = meter::now();
    if (!of.measured.open(began)) co_return;
    ringrpc::channel channel{ring, of.given.address};
    bench::Echo::stub stub{channel};
    const ringrpc::result<bench::Payload> reply = co_await stub.Unary(request);
    co_await channel.close();
    const std::int64_t ended = meter::now();
    if (reply) {
      of.measured.sample(began, ended);
      of.measured.count(ended, 1, of.given.payload);
    } else {
      of.measured.error();
    }
  }
}

ringrpc::task<> run_lanes(load of, ringrpc::ring& ring) {
  std::vector<std::unique_ptr<ringrpc::channel>> channels;
  ringrpc::channel_options options;
  options.connection.receive_message_bytes_max = 64 * 1024 * 1024;
  for (unsigned i = 0; i < of.given.connections; ++i) {
    channels.push_back(std::make_unique<ringrpc::channel>(ring, of.given.address, options));
  }
  std::vector<ringrpc::task<>> lanes;
  for (unsigned i = 0; i < of.given.concurrency; ++i) {
    ringrpc::channel& channel = *channels[i % channels.size()];
    if (of.given.scenario == "unary") lanes.push_back(unary_lane(of, channel));
    if (of.given.scenario == "server_stream") lanes.push_back(server_stream_lane(of, channel));
    if (of.given.scenario == "client_stream") lanes.push_back(client_stream_lane(of, channel));
    if (of.given.scenario == "bidi") lanes.push_back(bidi_lane(of, channel));
    if (of.given.scenario == "connect") lanes.push_back(connect_lane(of, ring));
  }
  if (lanes.empty()) ringrpc::testing::refuse_flag("--scenario", "no such scenario");
  of.measured.begin();
  co_await ringrpc::when_all(std::move(lanes));
}
}  // namespace

int main(int argc, char** argv) {
  const flags given = ringrpc::testing::parse_flags(argc, argv);
  try {
    ringrpc::ring ring{{.busy_poll = given.busy_poll}};
    meter measured{given};
    ring.run(run_lanes(load{given, measured}, ring));
    measured.report();
    return 0;
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "echo_client: %s\n", failed.what());
    return 1;
  }
}
