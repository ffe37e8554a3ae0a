// SPDX-License-Identifier: MIT
#include <ringrpc/rpc/server_counters.hpp>

#include "raw_peer.hpp"

namespace ringrpc::wire_test {
TEST_CASE("server_counters: they count what is there, and nothing when all is over") {
  server_bed bed;
  const server_counters before = bed.served.counters();
  CHECK(before.connections == 1);
  CHECK(before.calls == 0);
  CHECK(before.held_bytes == 0);
  CHECK(before.queued_bytes == 0);

  bed.peer->credits = false;
  bed.request(1, "/t.S/Wait", framed("x"));
  bed.request(3, "/t.S/Unary", framed(std::string(9000, 'm')).substr(0, 5000), {}, false);
  bed.request(5, "/t.S/Server", framed("10 50000"));
  bed.settle();
  const server_counters during = bed.served.counters();
  CHECK(during.calls == 3);
  CHECK(during.held_bytes >= 5000);
  CHECK(during.queued_bytes > 0);

  bed.send(reset_frame(1) + reset_frame(3) + reset_frame(5));
  bed.settle();
  const server_counters after = bed.served.counters();
  CHECK(after.connections == 1);
  CHECK(after.calls == 0);
  CHECK(after.held_bytes == 0);
  CHECK(after.queued_bytes == 0);
  bed.peer->close();
  bed.settle();
  CHECK(bed.served.counters().connections == 0);
}
}  // namespace ringrpc::wire_test
