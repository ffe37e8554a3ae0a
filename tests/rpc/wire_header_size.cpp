// SPDX-License-Identifier: MIT
//
// Metadata that the peer does not take, by its SETTINGS_MAX_HEADER_LIST_SIZE, is not
// sent: C-core closes the connection for it. The numbers are the wire rules'.
#include <ringrpc/services/rich_status.hpp>

#include "raw_peer.hpp"

namespace ringrpc::wire_test {
namespace {
using Large = unary_method<"/t.S/Large", std::string, std::string>;
using LargeStream = server_streaming_method<"/t.S/LargeStream", std::string, std::string>;

constexpr std::size_t announced = 1000;
const settings_list small{{settings_id::header_list, announced}};

/// Where the request says so: `headers 900` or `trailers 900`.
void add_metadata(server_context& to, const std::string& in) {
  const std::size_t space = in.rfind(' ');
  if (space == std::string::npos) return;
  const std::string value(std::stoul(in.substr(space + 1)), 'm');
  CHECK((in.starts_with("headers") ? to.headers() : to.trailers()).add("x", value).ok());
}

task<result<std::string>> on_large(server_context& context, const std::string& in) {
  add_metadata(context, in);
  const bool fails = in.starts_with("trailers of error");
  if (fails) co_return not_found("nothing here");
  co_return in;
}

task<status> on_large_stream(server_context& context, const std::string& in,
                             writer<std::string>& out) {
  add_metadata(context, in);
  const bool first = co_await out.write(in);
  const bool second = co_await out.write(in);
  CHECK(first == second);
  CHECK(context.stop_token().stop_requested() != first);
  co_return status{};
}

struct limited_server : server_bed {
  limited_server() : server_bed({}, false) {
    served.handle<Large>(&on_large);
    served.handle<LargeStream>(&on_large_stream);
    start(small);
  }
  std::string answer(std::string_view path, std::string_view request) {
    next += 2;
    this->request(next, path, framed(request));
    return sent();
  }
  std::int32_t next = -1;
};
}  // namespace

TEST_CASE("wire rule 7: a call whose metadata the server does not take ends with 8, unsent") {
  client_bed bed;
  bed.settings = small;
  bed.start();
  bed.sent();
  // The fixed fields are 7, of 105 bytes and what the version has, and maybe one for encodings;
  // the key has one.
  const std::string_view encodings = built_in_encodings.accept_value();
  const std::size_t accepted = encodings == "identity" ? 0 : 32 + 20 + encodings.size();
  const std::string_view rest{":methodPOST:schemehttp:path/t.S/Unary"
      ":authoritylocalhostcontent-typeapplication/grpctetrailersuser-agent"};
  const std::size_t fixed = accepted + 7 * 32 + rest.size() + user_agent.size();
  for (const std::size_t over : {0U, 1U}) {
    ringrpc::metadata large;
    REQUIRE(large.add("x", std::string(announced - fixed - 33 + over, 'm')).ok());
    bed.start("x", {.metadata = &large});
  }
  CHECK(bed.code(1) == -1);
  CHECK(bed.code(2) == 8);
  CHECK(bed.text(2) == "the metadata is larger than the server takes");
  const std::string sent = bed.sent();
  CHECK(sent.starts_with("HEADERS 3 "));
  CHECK(sent.find("HEADERS 5") == std::string::npos);
  bed.start();
  CHECK(bed.sent().starts_with("HEADERS 5 "));
}

TEST_CASE("wire rule 7: response headers that the client does not take end the call with 8") {
  limited_server bed;
  const std::string refused = ":status=200 content-type=application/grpc grpc-status=8 end";
  CHECK(bed.answer("/t.S/Large", "headers 900") == "HEADERS 1 " + refused);
  CHECK(bed.peer->message == "the response's metadata is larger than the client takes");
  CHECK(bed.answer("/t.S/LargeStream", "headers 900") == "HEADERS 3 " + refused);
  CHECK(bed.answer("/t.S/Large", "headers 800").starts_with("HEADERS 5 :status=200"));
  CHECK(bed.answer("/t.S/LargeStream", "headers 800").ends_with("HEADERS 7 grpc-status=0 end"));
}

TEST_CASE("wire rule 7: trailers that the client does not take are left out, the code is 8") {
  limited_server bed;
  const std::string reply = " :status=200 content-type=application/grpc; DATA ";
  CHECK(bed.answer("/t.S/Large", "trailers 1000") ==
        "HEADERS 1" + reply + "1 18; HEADERS 1 grpc-status=8 end");
  CHECK(bed.answer("/t.S/LargeStream", "trailers 1000").ends_with("HEADERS 3 grpc-status=8 end"));
  // An error before any message: one block says all.
  CHECK(bed.answer("/t.S/Large", "trailers of error 900") ==
        "HEADERS 5 :status=200 content-type=application/grpc grpc-status=8 end");
  CHECK(bed.peer->message == "the response's metadata is larger than the client takes");
  CHECK(bed.answer("/t.S/Large", "trailers 800").find("grpc-status=0") != std::string::npos);
}

TEST_CASE("wire rule 7: without an announced limit header lists of 64 KiB are sent") {
  server_bed bed{{}, false};
  bed.served.handle<Large>(&on_large);
  bed.start();
  const std::size_t fixed = 32 + std::string_view{"grpc-status0"}.size() + 32 + 1;
  const std::size_t most = 64 * 1024 - fixed;
  bed.request(1, "/t.S/Large", framed("trailers " + std::to_string(most)));
  CHECK(bed.sent().find("grpc-status=0 x=mmm") != std::string::npos);
  bed.request(3, "/t.S/Large", framed("trailers " + std::to_string(most + 1)));
  CHECK(bed.sent().ends_with("HEADERS 3 grpc-status=8 end"));
}

TEST_CASE("wire rule 25: details that no header block takes are left out, the status is not") {
  server_bed bed{{}, false};
  bed.served.handle<Large>([](server_context&, const std::string&) {
    rich_status rich{status_code::not_found, "no such user"};
    rich.add(status_detail{"a/b.C", std::string(60'000, 'd')});
    return result<std::string>{rich.to_status()};
  });
  bed.start();
  bed.request(1, "/t.S/Large", framed("x"));
  CHECK(bed.sent() == "HEADERS 1 :status=200 content-type=application/grpc grpc-status=5 end");
  CHECK(bed.peer->message == "no such user");
}

TEST_CASE("wire rule 7: a request with more metadata than can be sent ends with 8, unsent") {
  client_bed bed;
  ringrpc::metadata large;
  REQUIRE(large.add("x", std::string(64 * 1024, 'm')).ok());
  bed.start("x", {.metadata = &large});
  CHECK(bed.code() == 8);
  CHECK(bed.sent() == "");
}
}  // namespace ringrpc::wire_test
