// SPDX-License-Identifier: MIT
#include <ringrpc/services/rich_status.hpp>

#include <string>

#include <doctest/doctest.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

using namespace ringrpc;
using google::protobuf::Duration;
using google::protobuf::Timestamp;

namespace {
Duration seconds(int count) {
  Duration made;
  made.set_seconds(count);
  return made;
}
}  // namespace

TEST_CASE("wire rule 25: google.rpc.Status has code 1, message 2, details 3") {
  rich_status rich{status_code::not_found, "no"};
  CHECK(rich.serialised() == "\x08\x05\x12\x02no");
  rich.add(status_detail{"t/a.B", "xyz"});
  CHECK(rich.serialised() == "\x08\x05\x12\x02no\x1a\x0c\x0a\x05t/a.B\x12\x03xyz");
  CHECK(rich_status{status_code::aborted, ""}.serialised() == "\x08\x0a");
}

TEST_CASE("rich_status: what goes out comes back, and large details too") {
  rich_status rich{status_code::invalid_argument, "\xc3\xbc 100 %"};
  rich.add(seconds(3));
  rich.add(status_detail{"type.example/a.B", std::string(70'000, '\0')});
  rich.add(status_detail{"", ""});
  const status sent = rich.to_status();
  CHECK(sent.code() == status_code::invalid_argument);
  CHECK(sent.message() == "\xc3\xbc 100 %");
  const result<rich_status> back = rich_status::of(sent);
  REQUIRE(back);
  CHECK(*back == rich);
  CHECK(back->details()[1].type() == "a.B");
}

TEST_CASE("rich_status: details are found by their type, the first that can be parsed") {
  rich_status rich{status_code::unavailable, "later"};
  CHECK_FALSE(rich.find<Duration>());
  rich.add(status_detail{"type.googleapis.com/google.protobuf.Duration", "\xff"});
  rich.add(seconds(3));
  rich.add(seconds(4));
  REQUIRE(rich.find<Duration>());
  CHECK(rich.find<Duration>()->seconds() == 3);
  CHECK_FALSE(rich.find<Timestamp>());
  CHECK(rich.details()[1].type_url() == "type.googleapis.com/google.protobuf.Duration");
  google::protobuf::Any any;  // as protobuf itself packs it
  any.PackFrom(seconds(3));
  CHECK(rich.details()[1] == status_detail{any.type_url(), any.value()});
}

TEST_CASE("rich_status: a status without details has none, and gets none") {
  const result<rich_status> plain = rich_status::of(not_found("no"));
  REQUIRE(plain);
  CHECK(plain->code() == status_code::not_found);
  CHECK(plain->message() == "no");
  CHECK(plain->details().empty());
  CHECK(plain->to_status() == not_found("no"));
  CHECK(rich_status{status_code::ok, "x"}.to_status().ok());
}

TEST_CASE("rich_status: bytes that are no google.rpc.Status are said to be none") {
  for (const std::string& wrong : {std::string{"\x08"}, std::string{"\x12\x05no"},
                                   std::string{"\x1a\x02\x0a\x05"}, std::string{"\xff\xff"}}) {
    const result<rich_status> read = rich_status::of(status{status_code::aborted, "x", wrong});
    REQUIRE_FALSE(read);
    CHECK(read.status() == internal("the details of a status are no google.rpc.Status"));
  }
  // Fields of later versions are passed over.
  CHECK(rich_status::of(status{status_code::aborted, "x", "\x20\x01\x08\x0a"}));
}
