// SPDX-License-Identifier: MIT
//
// The negative cases of gRPC's http2-interop-test-descriptions.md: a channel of ours and a
// server that misbehaves in ways that HTTP/2 allows (wire rule 58). And the frames of a small
// unary call, of which there are no others.
#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "forwarding_backend.hpp"
#include "raw_peer.hpp"

namespace ringrpc::wire_test {
namespace {
using fields = http2::test::field_list;

const fields end_ok{{"grpc-status", "0"}};
const std::string request_payload(271'828, 'q');
const std::string response_payload(314'159, 'r');

std::string head(std::int32_t id) { return headers_frame(id, response_fields); }
std::string end(std::int32_t id) { return headers_frame(id, end_ok, last); }
std::string whole_answer(std::int32_t id, std::string_view message) {
  return head(id) + data_frame(id, framed(message)) + end(id);
}

/// Reads a server stream to its end.
task<> read_all(channel& calls, std::vector<std::string>& seen, status& ended) {
  auto call = calls.call<Server>("x");
  while (std::string* one = co_await call.read()) seen.push_back(*one);
  ended = co_await call.finish();
}

/// Sends DATA of at most `frame_bytes`, each with so much padding, as the client's windows
/// allow, to the end of `body`.
void send_in_frames(client_bed& bed, std::int32_t id, std::string_view body,
                    std::size_t frame_bytes, std::uint8_t padding) {
  raw_peer& peer = bed.peer();
  while (!body.empty()) {
    const std::size_t size = std::min(frame_bytes, body.size());
    const auto flow = static_cast<std::int64_t>(size + padding + (padding > 0 ? 1 : 0));
    if (peer.connection_window < flow || peer.window_of(id) < flow) {
      bed.settle();  // the client reads and credits
      REQUIRE(peer.connection_window >= flow);
      REQUIRE(peer.window_of(id) >= flow);
    }
    peer.send(padding > 0 ? padded_data_frame(id, body.substr(0, size), padding)
                          : data_frame(id, body.substr(0, size)));
    peer.connection_window -= flow;
    peer.windows[id] -= flow;
    body.remove_prefix(size);
  }
}

void run_data_frames(std::uint8_t padding) {
  client_bed bed;
  bed.start(request_payload);
  static_cast<void>(bed.sent());
  CHECK(bed.peer().body[1].size() == request_payload.size() + 5);
  bed.send(head(1));
  send_in_frames(bed, 1, framed(response_payload), 5, padding);
  bed.send(end(1));
  bed.settle();
  CHECK(bed.code() == 0);
  CHECK(bed.text() == response_payload);
  // All that was sent is credited, padding too, but what waits for half a window.
  CHECK(bed.peer().connection_window >= 512 * 1024);
}
}  // namespace

TEST_CASE("wire rule 58: goaway: the next call is made on another connection, unseen") {
  client_bed bed;
  bed.start(request_payload);
  static_cast<void>(bed.sent());
  bed.send(whole_answer(1, "good") + goaway_frame(1));
  bed.settle();
  CHECK(bed.code(0) == 0);
  bed.start(request_payload);
  static_cast<void>(bed.sent());
  REQUIRE(bed.peers.size() == 2);
  CHECK(bed.peers[0]->ended);
  CHECK(bed.peer().body[1] == framed(request_payload));
  bed.send(whole_answer(1, "good"));
  bed.settle();
  CHECK(bed.code(1) == 0);
}

TEST_CASE("wire rule 58: rst_after_header: the call fails, and the next one works") {
  client_bed bed;
  bed.start(request_payload);
  static_cast<void>(bed.sent());
  bed.send(head(1) + reset_frame(1, error_code::no_error));
  bed.settle();
  CHECK(bed.code(0) == 13);
  bed.start("next");
  static_cast<void>(bed.sent());
  bed.send(whole_answer(3, "good"));
  bed.settle();
  CHECK(bed.code(1) == 0);
  CHECK(bed.peers.size() == 1);
}

TEST_CASE("wire rule 58: rst_during_data: the call fails, and gives no part of its message") {
  client_bed bed;
  std::vector<std::string> seen;
  status ended;
  bed.here.spawn(read_all(bed.calls, seen, ended));
  static_cast<void>(bed.sent());
  const std::string whole = framed(std::string(1000, 'r'));
  bed.send(head(1) + data_frame(1, whole.substr(0, whole.size() / 2)) +
           reset_frame(1, error_code::no_error));
  bed.settle();
  CHECK(seen.empty());
  CHECK(ended.code() == status_code::internal);
}

TEST_CASE("wire rule 58: rst_after_data: the message is read, and the call fails") {
  client_bed bed;
  std::vector<std::string> seen;
  status ended;
  bed.here.spawn(read_all(bed.calls, seen, ended));
  static_cast<void>(bed.sent());
  bed.send(head(1) + data_frame(1, framed("all of it")) + reset_frame(1, error_code::no_error));
  bed.settle();
  CHECK(seen == std::vector<std::string>{"all of it"});
  CHECK(ended.code() == status_code::internal);
}

TEST_CASE("wire rule 58: ping: every PING is answered with its own payload, wherever it comes") {
  client_bed bed;
  bed.start(request_payload);
  static_cast<void>(bed.sent());
  const std::string whole = framed(response_payload.substr(0, 20'000));
  bed.send(ping_frame("before 1") + head(1) + ping_frame("before 2") +
           data_frame(1, whole.substr(0, 10'000)) + ping_frame("between ") +
           data_frame(1, whole.substr(10'000)) + ping_frame("before 3") + end(1) +
           ping_frame("behind  "));
  CHECK(bed.sent() == "PING ack; PING ack; PING ack; PING ack; PING ack");
  CHECK(bed.code() == 0);
  CHECK(bed.peer().ping_payloads ==
        std::vector<std::string>{"before 1", "before 2", "between ", "before 3", "behind  "});
}

TEST_CASE("wire rule 58: max_streams: ten calls share the one stream that is allowed") {
  client_bed bed;
  bed.start(request_payload);
  static_cast<void>(bed.sent());
  bed.send(settings_frame({{settings_id::concurrent_streams, 1}}) +
           whole_answer(1, "good"));
  bed.settle();
  CHECK(bed.code(0) == 0);
  for (int i = 0; i < 10; ++i) bed.start(request_payload);
  for (std::int32_t id = 3; id <= 21; id += 2) {
    const std::string sent = bed.sent();
    CAPTURE(id);
    CHECK(sent.find("HEADERS " + std::to_string(id) + ' ') != std::string::npos);
    CHECK(sent.find("HEADERS " + std::to_string(id + 2) + ' ') == std::string::npos);
    CHECK(bed.peer().body[id] == framed(request_payload));
    bed.send(whole_answer(id, "good"));
    bed.settle();
    CHECK(bed.code(static_cast<std::size_t>(id - 1) / 2) == 0);
  }
  CHECK(bed.peers.size() == 1);
}

TEST_CASE("wire rule 58: data_frame_padding: frames of 5 bytes with 255 bytes of padding") {
  run_data_frames(255);
}

TEST_CASE("wire rule 58: no_df_padding_sanity_test: the same without padding") {
  run_data_frames(0);
}

TEST_CASE("wire rules 1, 23: a small unary call is two frames, then three, one send each way") {
  testing::plain_calls counted;
  simulated_kernel kernel;
  const auto options = [&] {
    ring_options made;
    made.kernel = std::make_unique<testing::forwarding_backend>(
        std::make_unique<testing::simulated_backend>(kernel), counted);
    return made;
  };
  ring here{options()};
  service methods;
  server served{here};
  served.add(methods);
  // Both talk to a peer that only passes on what it gets, and so sees all of it.
  int near[2];
  int far[2];
  REQUIRE(kernel.socket_pair(near) == 0);
  REQUIRE(kernel.socket_pair(far) == 0);
  served.attach(stream_of(here, far[0]));
  {
    channel calls{here, [end = near[0]](const connect_context& context)
                            -> task<io_result<unix_stream>> {
                    co_return stream_of(*context.home, end);
                  }};
    std::string into(64 * 1024, '\0');
    const auto pass_on = [&](int from, int to) {
      const int got = here.kernel().try_recv(from, std::as_writable_bytes(std::span{into}));
      if (got <= 0) return std::string{};
      const std::string bytes = into.substr(0, static_cast<std::size_t>(got));
      const ::iovec part{into.data(), bytes.size()};
      REQUIRE(here.kernel().try_send(to, {&part, 1}) == got);
      return bytes;
    };
    std::string up;
    std::string down;
    std::size_t sends = 0;
    const auto call_once = [&] {
      std::optional<result<std::string>> reply;
      up.clear();
      down.clear();
      sends = 0;
      here.spawn([](channel& on, std::optional<result<std::string>>& to) -> task<> {
        result<std::string> got = co_await on.call<Unary>("hello");
        to = std::move(got);
      }(calls, reply));
      for (int i = 0; i < 50; ++i) {
        const std::size_t before = counted.sends;
        static_cast<void>(here.turn());
        sends += counted.sends - before;
        up += pass_on(near[1], far[1]);
        down += pass_on(far[1], near[1]);
      }
      REQUIRE(reply);
      REQUIRE(*reply);
      CHECK(**reply == "hello");
    };
    call_once();  // with SETTINGS and their acknowledgements
    call_once();
    using lines = std::vector<std::string>;
    CHECK(lines_of(up) == lines{"HEADERS 3", "DATA 3 10 end"});
    CHECK(lines_of(down) == lines{"HEADERS 3", "DATA 3 10", "HEADERS 3 end"});
    CHECK(sends == 2);
    here.kernel().close(near[1]);
    here.run(calls.close());
  }
  here.kernel().close(far[1]);
  here.run(served.close());
  CHECK(kernel.open_descriptors() == 0);
}
}  // namespace ringrpc::wire_test
