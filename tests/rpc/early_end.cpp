// SPDX-License-Identifier: MIT
//
// Answers that come before the client has sent everything, or end in the middle: what
// waits is told, and nothing of the call stays on the connection (wire rule 27, B9).
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "raw_peer.hpp"

namespace ringrpc::wire_test {
namespace {
std::string refused(std::int32_t id) {
  http2::test::field_list both = response_fields;
  both.emplace_back("grpc-status", "9");
  return headers_frame(id, both, last);
}
/// Answers the call's connection with windows of so many bytes, and gives no credit.
void greet_with_window(client_bed& bed, std::uint32_t bytes) {
  bed.settle();
  bed.peer().credits = false;
  const settings_list small{{settings_id::initial_window, bytes}};
  bed.send(settings_frame(small));
  bed.settle();
}
}  // namespace

TEST_CASE("an upload that nobody wants is dropped, though the server resets nothing") {
  client_bed bed;
  bed.greets = false;
  bed.start(std::string(300'000, 'x'));
  greet_with_window(bed, 1000);
  CHECK(bed.peer().body[1].size() == 1000);
  bed.peer().take();
  bed.send(refused(1));
  CHECK(bed.sent() == "RST_STREAM 1 CANCEL");
  CHECK(bed.code() == 9);
  // The connection goes on, and its quota is free.
  bed.start("small");
  bed.settle();
  CHECK(bed.peer().body[3] == framed("small"));
  bed.send(refused(3));
  CHECK(bed.sent().find("RST_STREAM") == std::string::npos);  // all had been sent
  CHECK(bed.code(1) == 9);
  CHECK(bed.peers.size() == 1);
}

TEST_CASE("who ended a call is named in its status") {
  {
    client_bed bed;
    bed.start();
    bed.send(headers_frame(1, response_fields) + reset_frame(1, error_code::refused_stream));
    bed.settle();
    CHECK(bed.code() == 14);
    CHECK(bed.text() == "the stream was reset by custom transport with REFUSED_STREAM");
  }
  {
    client_bed bed;
    bed.start();
    bed.send(headers_frame(1, {{":status", "503"}}));
    bed.settle();
    CHECK(bed.code() == 14);
    CHECK(bed.text() == "the answer of custom transport is not gRPC, HTTP status 503");
  }
  // Over a real path, with the reason in words.
  ring here;
  here.run([](ring& on) -> task<> {
    channel to{on, "unix:/nonexistent/x.sock"};
    const std::string request;
    const result<std::string> reply = co_await to.call<Unary>(request);
    CHECK(reply.status().code() == status_code::unavailable);
    CHECK(reply.status().message().find("unix:/nonexistent/x.sock") != std::string_view::npos);
    CHECK(reply.status().message().find("No such file or directory") != std::string_view::npos);
    co_await to.close();
  }(here));
}

TEST_CASE("a writer that waits for room is told that the call has ended") {
  client_bed bed;
  bed.greets = false;
  std::optional<bool> second;
  std::optional<status> end;
  bed.here.spawn([](channel& to, std::optional<bool>& written,
                    std::optional<status>& into) -> task<> {
    auto call = to.call<Client>();
    const std::string large(200'000, 'x');
    const bool first = co_await call.write(large);
    CHECK(first);
    const bool queued = co_await call.write(large);
    written = queued;
    const result<std::string> reply = co_await call.finish();
    into = reply.status();
  }(bed.calls, second, end));
  greet_with_window(bed, 10);
  CHECK_FALSE(second);
  bed.peer().take();
  bed.send(refused(1));
  CHECK(bed.sent() == "RST_STREAM 1 CANCEL");
  REQUIRE(second);
  CHECK_FALSE(*second);
  REQUIRE(end);
  CHECK(end->code() == status_code::failed_precondition);
}

TEST_CASE("a reader is told when the stream ends inside a message, whatever the status") {
  for (const char* code : {"0", "13"}) {
    for (const bool by_data : {false, true}) {
      CAPTURE(std::string{code});
      CAPTURE(by_data);
      client_bed bed;
      bool ended = false;
      std::optional<status> end;
      bed.here.spawn([](channel& to, bool& done, std::optional<status>& into) -> task<> {
        const std::string request = "x";
        auto call = to.call<Server>(request);
        const std::string* first = co_await call.read();
        CHECK(first != nullptr);
        const std::string* none = co_await call.read();
        CHECK(none == nullptr);
        const status last_word = co_await call.finish();
        into = last_word;
        done = true;
      }(bed.calls, ended, end));
      bed.settle();
      const std::string half = framed("half a message");
      bed.send(headers_frame(1, response_fields) +
               data_frame(1, framed("whole") + half.substr(0, 10)));
      bed.settle();  // the second read waits
      bed.send(by_data ? data_frame(1, half.substr(10, 2), end_stream)
                       : headers_frame(1, {{"grpc-status", code}}, last));
      bed.settle();
      CHECK(ended);
      REQUIRE(end);
      CHECK(end->code() == status_code::internal);
      const bool by_status = !by_data && code == std::string_view{"13"};
      CHECK((end->message().find("inside a message") != std::string_view::npos) != by_status);
    }
  }
}
}  // namespace ringrpc::wire_test
