// SPDX-License-Identifier: MIT
//
// Calls that a server refuses or leaves behind find another connection unseen (report
// B11): the ones that are queued, the ones that are under way, once and only once.
#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "raw_peer.hpp"

namespace ringrpc::wire_test {
namespace {
std::string answer_to(std::int32_t id) {
  return headers_frame(id, response_fields) + data_frame(id, framed("done")) +
         headers_frame(id, status_ok, static_cast<std::uint8_t>(end_headers | end_stream));
}
/// How many requests the peer has seen since the last time, all of stream `first` on.
std::size_t requests_in(const std::string& seen) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = seen.find(":method=POST", at)) != std::string::npos; ++at) {
    ++count;
  }
  return count;
}
/// Answers all that comes on the last connection, until all calls have ended.
void answer_the_rest(client_bed& bed, std::int32_t& id) {
  for (int round = 0; round < 100; ++round) {
    bed.settle();
    bool all = true;
    for (std::size_t i = 0; i < bed.results.size(); ++i) all &= bed.done(i);
    if (all) return;
    bed.send(answer_to(id));
    id += 2;
  }
}
}  // namespace

TEST_CASE("B11: calls queued behind the stream limit move on when GOAWAY comes") {
  for (const bool notice_first : {false, true}) {
    CAPTURE(notice_first);
    client_bed bed;
    bed.settings = {{settings_id::concurrent_streams, 1}};
    for (int i = 0; i < 10; ++i) bed.start(std::to_string(i));
    bed.settle();
    CHECK(requests_in(bed.peer().take()) == 1);
    bed.send(answer_to(1));
    bed.settle();
    CHECK(bed.code(0) == 0);
    bed.peer().take();
    if (notice_first) bed.send(goaway_frame(0x7fff'ffff));
    bed.send(goaway_frame(1));
    bed.settle();
    REQUIRE(bed.peers.size() == 2);
    std::int32_t id = 1;
    answer_the_rest(bed, id);
    for (std::size_t i = 0; i < 10; ++i) {
      CAPTURE(i);
      CHECK(bed.code(i) == 0);
    }
    CHECK(id == 19);  // nine requests on the second connection, each once
    CHECK(bed.peers.size() == 2);
  }
}

TEST_CASE("B11: GOAWAY before the client's SETTINGS were acknowledged") {
  client_bed bed;
  bed.greets = false;
  bed.start("x");
  bed.send(settings_frame() + goaway_frame(0));
  bed.settle();
  REQUIRE(bed.peers.size() == 2);
  bed.send(settings_frame());
  bed.settle();
  CHECK_FALSE(bed.done());
  bed.send(answer_to(1));
  bed.settle();
  CHECK(bed.code() == 0);
}

TEST_CASE("B11: all calls that are refused at once are tried again, each once") {
  client_bed bed;
  for (int i = 0; i < 5; ++i) bed.start(std::to_string(i));
  bed.settle();
  CHECK(requests_in(bed.peer().take()) == 5);
  for (const std::int32_t id : {1, 3, 5, 7, 9}) {
    bed.send(reset_frame(id, error_code::refused_stream));
  }
  bed.settle();
  CHECK(requests_in(bed.peer().take()) == 5);
  std::int32_t id = 11;
  answer_the_rest(bed, id);
  for (std::size_t i = 0; i < 5; ++i) CHECK(bed.code(i) == 0);
  CHECK(id == 21);
  CHECK(bed.peers.size() == 1);
}

TEST_CASE("a call that was cancelled while it moves does not come back") {
  client_bed bed;
  stop_source stop;
  bed.start("stay");
  bed.start("go", {.stop = stop.token()});
  bed.settle();
  bed.peer().take();
  bed.send(goaway_frame(1));
  bed.peer().pump();
  stop.request_stop();
  bed.settle();
  CHECK(bed.code(1) == 1);
  bed.peers[0]->send(answer_to(1));
  bed.settle();
  CHECK(bed.code(0) == 0);
  std::size_t later = 0;
  for (std::size_t i = 1; i < bed.peers.size(); ++i) later += requests_in(bed.peers[i]->take());
  CHECK(later == 0);
}
}  // namespace ringrpc::wire_test
