// SPDX-License-Identifier: MIT
//
// What a channel of ours sends, and what it makes of the answers of a raw server,
// good and bad. The numbers are the wire rules'.
#include "raw_peer.hpp"

#include <ringrpc/version.hpp>

namespace ringrpc::wire_test {
namespace {
using fields = http2::test::field_list;
const fields good{{":status", "200"}, {"content-type", "application/grpc"}};
fields trailers(std::string_view status) { return {{"grpc-status", std::string{status}}}; }

struct answer_case {
  const char* name;
  std::string sent;  // on stream 1
  int code;
  const char* after;  // what the client sends then
  const char* after_bytes = nullptr;  // the same where it came byte by byte, if different
};

/// Each answer comes at once, then byte by byte: the result is the same.
void run_cases(const std::vector<answer_case>& cases) {
  for (const answer_case& one : cases) {
    CAPTURE(std::string{one.name});
    {
      client_bed bed;
      bed.start();
      bed.sent();
      bed.send(one.sent);
      CHECK(bed.sent() == std::string{one.after});
      CAPTURE(bed.text());
      CHECK(bed.code() == one.code);
    }
    client_bed bed;
    bed.start();
    bed.sent();
    for (const char byte : one.sent) {
      bed.send({&byte, 1});
      bed.settle();
    }
    CHECK(bed.sent() == std::string{one.after_bytes == nullptr ? one.after : one.after_bytes});
    CHECK(bed.code() == one.code);
  }
}
std::string answered(const fields& end) {
  return headers_frame(1, good) + data_frame(1, framed("reply")) + headers_frame(1, end, last);
}
std::string trailers_only(fields end) {
  end.insert(end.begin(), good.begin(), good.end());
  return headers_frame(1, end, last);
}
/// What a request says of encodings; nothing where none is built in.
std::string said_of_encodings() {
  if (built_in_encodings.encodings().empty()) return {};
  return " grpc-accept-encoding=" + std::string{built_in_encodings.accept_value()};
}
constexpr const char* cancelled_after = "RST_STREAM 1 CANCEL";
constexpr const char* malformed_after = "RST_STREAM 1 PROTOCOL_ERROR";
}  // namespace

TEST_CASE("wire rules 1, 2, 6, 9, 13: the frames of a request and the order of its headers") {
  client_bed bed;
  ringrpc::metadata more;
  REQUIRE(more.add("key", "value").ok());
  REQUIRE(more.add("key-bin", "\x01\x02\x03\x04").ok());
  bed.start("hello", {.timeout = 200ms, .metadata = &more});
  CHECK(bed.sent() ==
        "HEADERS 1 :method=POST :scheme=http :path=/t.S/Unary :authority=localhost "
        "grpc-timeout=200000u content-type=application/grpc te=trailers" +
            said_of_encodings() + " user-agent=grpc-c++-ringrpc/" +
            std::string{version_text} + " key=value key-bin=AQIDBA; DATA 1 10 end");
  CHECK(bed.peer().body[1] == framed("hello"));
  bed.start("");
  CHECK(bed.sent().starts_with(
      "HEADERS 3 :method=POST :scheme=http :path=/t.S/Unary :authority=localhost content-type="));
}

TEST_CASE("wire rule 51: the application's name comes first in user-agent") {
  channel_options options;
  std::string name{"frontend/2.1"};
  options.application = name;
  client_bed bed{options};
  name.clear();  // it was copied
  const std::string expected = " user-agent=frontend/2.1 " + std::string{user_agent};
  bed.start("hello");
  CHECK(bed.sent().find(expected + "; DATA") != std::string::npos);
  bed.start("hello", {.timeout = 1s});
  CHECK(bed.sent().find(expected) != std::string::npos);
  options.application = "a\nb";
  CHECK_THROWS_WITH_AS((channel{bed.here, "unix:/x", options}),
                       "the application's name in user-agent must be printable ASCII",
                       std::invalid_argument);
}

TEST_CASE("wire rules 23 to 25, 28: how a call ends by what its trailers say") {
  run_cases({
      {"OK", answered(trailers("0")), 0, ""},
      {"an error", answered(trailers("5")), 5, ""},
      {"every code: 16", answered(trailers("16")), 16, ""},
      {"28: 17 is no code", answered(trailers("17")), 2, ""},
      {"28: not a number", answered(trailers("x")), 2, ""},
      {"28: empty", answered(trailers("")), 2, ""},
      {"28: negative", answered(trailers("-1")), 2, ""},
      {"28: above all integers", answered(trailers("99999999999999999999")), 2, ""},
      {"28: trailers without grpc-status", answered({{"x", "y"}}), 2, ""},
      {"23: trailers only", trailers_only(trailers("7")), 7, ""},
      {"18: trailers only with OK", trailers_only(trailers("0")), 12, ""},
      {"18: OK without a message", headers_frame(1, good) + headers_frame(1, trailers("0"), last),
       12, ""},
      {"12: END_STREAM without trailers",
       headers_frame(1, good) + data_frame(1, framed("reply"), end_stream), 13, ""},
      {"12: the same on an empty DATA",
       headers_frame(1, good) + data_frame(1, framed("reply")) + data_frame(1, "", end_stream), 13,
       ""},
      {"17: a message that is cut", headers_frame(1, good) +
                                        data_frame(1, framed("reply").substr(0, 7)) +
                                        headers_frame(1, trailers("0"), last),
       13, ""},
      {"17: a prefix that is cut", headers_frame(1, good) + data_frame(1, std::string(3, '\0')) +
                                       headers_frame(1, trailers("0"), last),
       13, ""},
      {"17: over the limit, on the prefix",
       headers_frame(1, good) + data_frame(1, std::string{'\0'} + be32(4 * 1024 * 1024 + 1)), 8,
       cancelled_after},
      {"21: flag 1", headers_frame(1, good) + data_frame(1, framed("a", 1)), 13, cancelled_after},
      {"16: flag 2", headers_frame(1, good) + data_frame(1, framed("a", 2)), 13, cancelled_after},
      {"B25: two messages, then silence",
       headers_frame(1, good) + data_frame(1, framed("a") + framed("b")), 12, cancelled_after},
      {"16: 255 bytes of padding",
       headers_frame(1, good) + padded_data_frame(1, framed("reply").substr(0, 5), 255) +
           padded_data_frame(1, "reply", 255) + headers_frame(1, trailers("0"), last),
       0, ""},
      {"26: 1xx is skipped", headers_frame(1, fields{{":status", "103"}, {"x", "y"}}) +
                                 headers_frame(1, fields{{":status", "100"}}) +
                                 answered(trailers("0")),
       0, ""},
      {"26: 1xx with END_STREAM", headers_frame(1, fields{{":status", "103"}}, last), 13,
       malformed_after},
      {"26: HEADERS in mid-stream",
       headers_frame(1, good) + data_frame(1, framed("a")) + headers_frame(1, fields{{"x", "y"}}),
       13, malformed_after},
      {"2: no :status", headers_frame(1, fields{{"content-type", "application/grpc"}}), 13,
       malformed_after},
      {"21: unknown encoding",
       headers_frame(1, fields{{":status", "200"},
                               {"content-type", "application/grpc"},
                               {"grpc-encoding", "snappy"}}),
       13, cancelled_after},
  });
}

namespace {
task<> stream_to(channel& calls, std::optional<status>& end) {
  auto call = calls.call<Client>();
  const std::string part = "part";
  const bool queued = co_await call.write(part);
  static_cast<void>(queued);
  result<std::string> reply = co_await call.finish();
  end = reply ? status{} : reply.status();
}
}  // namespace

TEST_CASE("B25: 100,000 messages where one is due end the call at the second") {
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += framed("");
  for (const bool streams : {false, true}) {
    client_bed bed;
    std::optional<status> end;
    if (streams) {
      bed.here.spawn(stream_to(bed.calls, end));
    } else {
      bed.start();
    }
    bed.sent();
    bed.send(headers_frame(1, good));
    std::string after;
    for (std::size_t at = 0; at < many.size(); at += 16'000) {
      bed.send(data_frame(1, std::string_view{many}.substr(at, 16'000)));
      after += bed.sent();
    }
    bed.send(headers_frame(1, trailers("0"), last));
    after += bed.sent();
    CHECK(after == "RST_STREAM 1 CANCEL");
    CHECK((streams ? static_cast<int>(end->code()) : bed.code()) == 12);
    bed.start();
    bed.sent();
    CHECK(bed.peers.size() == 1);  // the connection is as good as before
  }
}

TEST_CASE("B25: a client-streaming call without a response message and with OK ends with 12") {
  client_bed bed;
  std::optional<status> end;
  bed.here.spawn(stream_to(bed.calls, end));
  bed.sent();
  bed.send(headers_frame(1, good) + headers_frame(1, trailers("0"), last));
  bed.settle();
  REQUIRE(end);
  CHECK(end->code() == status_code::unimplemented);
}

TEST_CASE("wire rule 7: a header list above the limit ends the call with 8") {
  const auto large = [](fields base, bool ends) {
    for (int i = 0; i < 6; ++i) base.emplace_back("x-" + std::to_string(i), std::string(3000, 'v'));
    const std::string whole = block(base);
    return headers_frame(1, whole.substr(0, 16'000), ends ? end_stream : std::uint8_t{0}) +
           continuation_frame(1, whole.substr(16'000), end_headers);
  };
  fields end_behind = good;  // the limit cuts off what says how the call ended
  fields end_before = good;
  end_before.emplace_back("grpc-status", "5");
  for (const std::string& sent :
       {large(good, false), large(end_behind, true), large(end_before, true),
        headers_frame(1, good) + data_frame(1, framed("reply")) + large({}, true),
        headers_frame(1, good) + data_frame(1, framed("reply")) + large(trailers("0"), true)}) {
    client_bed bed;
    bed.start();
    bed.sent();
    bed.send(sent);
    bed.settle();
    CAPTURE(bed.text());
    CHECK(bed.code() == 8);
  }
}

TEST_CASE("wire rule 27: trailers before our end are answered by RST_STREAM NO_ERROR") {
  client_bed bed;
  auto call = bed.calls.call<Bidi>();
  CHECK(bed.sent().find("HEADERS 1") == 0);
  bed.send(trailers_only(trailers("9")));
  CHECK(bed.sent() == "RST_STREAM 1 NO_ERROR");
}

TEST_CASE("wire rule 24: grpc-message is decoded, whatever is in it") {
  struct text_case {
    const char* sent;
    const char* text;
  };
  for (const text_case& one :
       {text_case{"plain", "plain"}, {"%C3%BC%25", "\xc3\xbc%"}, {"%c3%bc", "\xc3\xbc"},
        {"broken %", "broken %"}, {"broken %4", "broken %4"}, {"%zz", "%zz"}, {"", ""}}) {
    client_bed bed;
    bed.start();
    bed.sent();
    bed.send(trailers_only({{"grpc-status", "3"}, {"grpc-message", one.sent}}));
    bed.settle();
    CHECK(bed.code() == 3);
    CHECK(bed.text() == one.text);
  }
}

TEST_CASE("wire rule 25: a status with details, good, ambiguous and contradictory") {
  const std::string good_details = "CAUSAm5v";  // code 5, message "no"
  struct row {
    const char* name;
    fields end;
    int code;
    std::string_view details;
  };
  const auto with = [](std::string_view code, std::string_view details) {
    return fields{{"grpc-status", std::string{code}},
                  {"grpc-message", "no"},
                  {"grpc-status-details-bin", std::string{details}}};
  };
  fields twice = with("5", good_details);
  twice.push_back(twice.back());
  const std::string_view decoded = "\x08\x05\x12\x02no";
  for (const row& one :
       {row{"good", with("5", good_details), 5, decoded},
        row{"padded", with("5", "CAUSAm5vGgA="), 5, "\x08\x05\x12\x02no\x1a\0"},
        row{"another code", with("7", good_details), 13, ""},
        row{"no code", with("7", "EgJubw"), 13, ""}, row{"twice", twice, 5, ""},
        row{"no base64", with("5", "!"), 5, ""}, row{"no message", with("5", "CA"), 5, ""},
        row{"empty", with("5", ""), 5, ""}, row{"of an OK", with("0", good_details), 0, ""}}) {
    CAPTURE(one.name);
    for (const bool at_once : {true, false}) {  // Trailers-Only, or behind a message
      CAPTURE(at_once);
      if (at_once && one.code == 0) continue;
      client_bed bed;
      bed.start();
      bed.settle();
      bed.send(at_once ? trailers_only(one.end) : answered(one.end));
      bed.settle();
      CHECK(bed.code() == one.code);
      if (one.code == 0) continue;
      const std::string_view expected =
          one.details.ends_with('\x1a') ? std::string_view{"\x08\x05\x12\x02no\x1a\0", 8}
                                        : one.details;
      CHECK(bed.results[0]->status().details() == expected);
      const bool contradicts = one.code == 13;
      CHECK(bed.text().starts_with(contradicts ? "grpc-status is 7, but grpc-status-details-bin"
                                               : "no"));
    }
  }
}

TEST_CASE("wire rule 28: answers that are not gRPC get the code of their HTTP status") {
  const std::vector<std::pair<const char*, int>> rows{
      {"400", 13}, {"401", 16}, {"403", 7},  {"404", 12}, {"429", 14}, {"502", 14}, {"503", 14},
      {"504", 14}, {"200", 2},  {"204", 2},  {"302", 2},  {"405", 2},  {"415", 2},  {"500", 2}};
  for (const auto& [status, code] : rows) {
    CAPTURE(std::string{status});
    const fields html{{":status", status}, {"content-type", "text/html"}};
    fields both = html;
    both.emplace_back("grpc-status", "5");
    run_cases({
        {"one block", headers_frame(1, html, last), code, ""},
        {"with a body", headers_frame(1, html) + data_frame(1, "<html>", end_stream), code,
         "", cancelled_after},
        {"with grpc-status", headers_frame(1, both, last), 5, ""},
    });
  }
}

TEST_CASE("wire rule 31: RST_STREAM ends a call with the code of the table") {
  const std::vector<std::pair<error_code, int>> rows{
      {error_code::no_error, 13},          {error_code::protocol_error, 13},
      {error_code::internal_error, 13},    {error_code::flow_control_error, 13},
      {error_code::settings_timeout, 13},  {error_code::frame_size_error, 13},
      {error_code::compression_error, 13}, {error_code::connect_error, 13},
      {error_code::cancel, 1},             {error_code::enhance_your_calm, 8},
      {error_code::inadequate_security, 7}};
  for (const auto& [code, status] : rows) {
    const std::string name{http2::name_of(code)};
    run_cases({
        {name.c_str(), reset_frame(1, code), status, ""},
        {name.c_str(), headers_frame(1, good) + reset_frame(1, code), status, ""},
        {"the trailers win", answered(trailers("0")) + reset_frame(1, code), 0, ""},
    });
  }
}

TEST_CASE("wire rule 48: REFUSED_STREAM is tried once more, and never a third time") {
  client_bed bed;
  bed.start("again");
  CHECK(bed.sent().find("HEADERS 1") == 0);
  bed.send(reset_frame(1, error_code::refused_stream));
  const std::string second = bed.sent();
  CHECK(second.find("HEADERS 3 :method=POST") == 0);
  CHECK(second.find("DATA 3 10 end") != std::string::npos);
  CHECK(bed.peer().body[3] == framed("again"));
  CHECK_FALSE(bed.done());
  bed.send(reset_frame(3, error_code::refused_stream));
  CHECK(bed.sent().empty());
  CHECK(bed.code() == 14);
}

TEST_CASE("wire rule 48: what was answered already is not tried again") {
  client_bed bed;
  bed.start();
  bed.sent();
  bed.send(headers_frame(1, good) + reset_frame(1, error_code::refused_stream));
  CHECK(bed.sent().empty());
  CHECK(bed.code() == 14);
}

TEST_CASE("wire rule 33: after GOAWAY older calls go on, younger ones move to a new connection") {
  client_bed bed;
  bed.start("one");
  bed.start("two");
  bed.sent();
  bed.send(goaway_frame(1));
  bed.settle();
  REQUIRE(bed.peers.size() == 2);
  CHECK(bed.peer().take().find("HEADERS 1 :method=POST") == 0);
  CHECK(bed.peer().body[1] == framed("two"));
  bed.start("three");
  CHECK(bed.peer().body[3] == framed("three"));
  bed.peers[0]->send(answered(trailers("0")));
  bed.settle();
  CHECK(bed.text(0) == "reply");
  CHECK_FALSE(bed.done(1));
  bed.send(answered(trailers("0")));
  bed.settle();
  CHECK(bed.text(1) == "reply");
  CHECK(bed.peers[0]->ended);  // nothing was left on it
}

TEST_CASE("wire rule 29: a lost connection: UNAVAILABLE and where; the next call connects anew") {
  client_bed bed;
  bed.start();
  bed.sent();
  bed.peer().close();
  bed.settle();
  CHECK(bed.code() == 14);
  CHECK(bed.text().find("custom transport") != std::string::npos);
  CAPTURE(bed.text());
  bed.start();
  bed.settle();
  REQUIRE(bed.peers.size() == 2);
  bed.send(answered(trailers("0")));
  bed.settle();
  CHECK(bed.code(1) == 0);
}

TEST_CASE("a GOAWAY with an error is named in the status of the calls that it ends") {
  client_bed bed;
  bed.start();
  bed.sent();
  bed.send(goaway_frame(1, error_code::enhance_your_calm, "too_many_pings"));
  bed.settle();
  bed.peer().close();
  bed.settle();
  CHECK(bed.code() == 14);
  CAPTURE(bed.text());
  CHECK(bed.text().find("too_many_pings") != std::string::npos);
}

TEST_CASE("B6, B9: trailers win over what comes with or after them") {
  for (const std::string& more :
       {reset_frame(1, error_code::no_error), reset_frame(1, error_code::cancel),
        goaway_frame(1) + goaway_frame(0), goaway_frame(1, error_code::internal_error, "bye")}) {
    client_bed bed;
    bed.start();
    bed.sent();
    bed.send(answered(trailers("9")) + more);
    bed.peer().pump();
    bed.peer().close();
    bed.settle();
    CHECK(bed.code() == 9);
  }
}

TEST_CASE("wire rule 11: at the deadline a call ends with 4 and RST_STREAM CANCEL") {
  client_bed bed;
  bed.start("x", {.timeout = 2s});
  bed.sent();
  bed.pass(1999ms);
  CHECK_FALSE(bed.done());
  bed.pass(1ms);
  CHECK(bed.sent() == cancelled_after);
  CHECK(bed.code() == 4);
  bed.send(answered(trailers("0")));  // late: nobody minds
  CHECK(bed.sent().empty());

  bed.start("y", {.timeout = 2s});
  bed.sent();
  bed.kernel.advance(2s);
  bed.send(reset_frame(3));  // CANCEL at the deadline
  bed.settle();
  CHECK(bed.code(1) == 4);
}

TEST_CASE("wire rule 32: a cancelled call sends RST_STREAM CANCEL and ends with 1") {
  client_bed bed;
  std::optional<unary_call<std::string>> call{bed.calls.call<Unary>("x")};
  bed.sent();
  call->cancel();
  CHECK(bed.sent() == cancelled_after);
  call.reset();
  call.emplace(bed.calls.call<Unary>("y"));
  bed.sent();
  call.reset();  // dropped
  CHECK(bed.sent() == "RST_STREAM 3 CANCEL");
}

TEST_CASE("wire rule 36: no more streams than the server allows; the rest waits its turn") {
  client_bed bed;
  bed.settings = {{settings_id::concurrent_streams, 2}};
  for (int i = 0; i < 5; ++i) bed.start();
  const std::string first = bed.sent();
  CHECK(first.find("DATA 3") != std::string::npos);
  CHECK(first.find("HEADERS 5") == std::string::npos);
  bed.send(answered(trailers("0")));
  CHECK(bed.sent().find("HEADERS 5") == 0);
  bed.send(settings_frame({{settings_id::concurrent_streams, 100}}));
  const std::string rest = bed.sent();
  CHECK(rest.find("HEADERS 7") == 0);
  CHECK(rest.find("HEADERS 9") != std::string::npos);
}

TEST_CASE("wire rule 36: calls wait for a server that allows none yet") {
  client_bed bed;
  bed.settings = {{settings_id::concurrent_streams, 0}};
  bed.start();
  CHECK(bed.sent().empty());
  bed.send(settings_frame({{settings_id::concurrent_streams, 1}}));
  CHECK(bed.sent().find("HEADERS 1") == 0);
}

TEST_CASE("time limits: a server that never sends SETTINGS is given up after 5 s") {
  client_bed bed;
  bed.greets = false;
  bed.start();
  bed.pass(4999ms);
  CHECK_FALSE(bed.done());
  bed.pass(1ms);
  CHECK(bed.code() == 14);
  CAPTURE(bed.text());
  CHECK(bed.text().find("SETTINGS") != std::string::npos);
}

TEST_CASE("wire rule 35: a server's PING is echoed") {
  client_bed bed;
  bed.start();
  bed.sent();
  bed.send(ping_frame("12345678"));
  CHECK(bed.sent() == "PING ack");
}
}  // namespace ringrpc::wire_test
