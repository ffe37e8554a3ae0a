// SPDX-License-Identifier: MIT
//
// Serves bench.Echo and health on a Unix socket until SIGTERM or SIGINT, then
// drains: `echo_server unix:PATH`.
#include <csignal>
#include <cstdio>
#include <exception>

#include <ringrpc/services/health.hpp>

#include "echo_service.hpp"
#include "flags.hpp"

namespace {
int serve(const ringrpc::testing::flags& given) {
  ringrpc::signal_set stop = ringrpc::signals(SIGINT, SIGTERM);
  ringrpc::ring ring{{.busy_poll = given.busy_poll}};
  ringrpc::server_options options;
  options.connection.concurrent_streams = 1024;
  options.connections = options.connections_per_uid = 4096;
  ringrpc::server server{ring, options};
  ringrpc::testing::echo_service echo;
  bench::Echo::bind(server, echo);
  ringrpc::health_service health;
  server.add(health);
  const auto parsed = ringrpc::parse_address(given.address);
  if (!parsed) throw std::invalid_argument(parsed.error());
  // Tests of faults make directories that anybody can write; the policy stays.
  server.listen(ringrpc::unix_socket{parsed->path()}.any_directory());
  ring.run(server.serve_until(std::move(stop)));
  return 0;
}
}  // namespace

int main(int argc, char** argv) {
  const ringrpc::testing::flags given = ringrpc::testing::parse_flags(argc, argv);
  try {
    return serve(given);
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "echo_server: %s\n", failed.what());
    return 1;
  }
}
