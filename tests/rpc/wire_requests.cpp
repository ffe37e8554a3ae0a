// SPDX-License-Identifier: MIT
//
// What a server of ours answers to requests of a raw client, good and bad. The
// numbers are the wire rules' (gRPC over HTTP/2 and what servers of gRPC do).
#include <ringrpc/services/rich_status.hpp>

#include "raw_peer.hpp"

namespace ringrpc::wire_test {
namespace {
const std::string s200 = ":status=200 content-type=application/grpc";
std::string trailers_only(int id, int code) {
  return "HEADERS " + std::to_string(id) + ' ' + s200 + " grpc-status=" + std::to_string(code) +
         " end";
}
std::string reset(int id, std::string_view code) {
  return "; RST_STREAM " + std::to_string(id) + ' ' + std::string{code};
}
std::string answer(int id, std::size_t bytes) {
  const std::string stream = std::to_string(id);
  return "HEADERS " + stream + ' ' + s200 + "; DATA " + stream + ' ' + std::to_string(bytes + 5) +
         "; HEADERS " + stream + " grpc-status=0 end";
}
using fields = http2::test::field_list;

fields with(fields base, std::string_view name, std::string_view value) {
  for (auto& [n, v] : base) {
    if (n == name) {
      v = value;
      return base;
    }
  }
  base.emplace_back(name, value);
  return base;
}
fields without(fields base, std::string_view name) {
  std::erase_if(base, [&](const auto& one) { return one.first == name; });
  return base;
}
fields good_request() { return request_fields({}, "/t.S/Unary"); }

struct request_case {
  const char* name;
  fields sent;
  std::string answered;
};

/// Each request comes with a message, then with END_STREAM on its HEADERS.
void run_cases(const std::vector<request_case>& cases, bool ends_at_once = false) {
  server_bed bed;
  std::int32_t id = 1;
  for (const request_case& one : cases) {
    CAPTURE(std::string{one.name});
    CAPTURE(ends_at_once);
    std::string expected = one.answered;
    if (ends_at_once) {
      bed.send(headers_frame(id, one.sent, end_headers | end_stream));
      // Nothing is left to reset, and a good request lacks its message.
      const std::size_t reset = expected.find("; RST_STREAM # NO_ERROR");
      if (reset != std::string::npos) expected.erase(reset);
      if (expected.ends_with("; HEADERS # grpc-status=0 end")) {
        expected.erase(expected.find("; DATA"));
        expected += " grpc-status=12 end";
      }
    } else {
      bed.send(headers_frame(id, one.sent));
      bed.settle();
      bed.send(data_frame(id, framed("hi"), end_stream));
    }
    for (std::size_t at; (at = expected.find('#')) != std::string::npos;) {
      expected.replace(at, 1, std::to_string(id));
    }
    CHECK(bed.sent() == expected);
    id += 2;
  }
  CHECK(bed.served.connections() == 1);  // it lives on
  if (!ends_at_once) run_cases(cases, true);
}
const std::string ok_answer = "HEADERS # " + s200 + "; DATA # 7; HEADERS # grpc-status=0 end";
const std::string malformed = "RST_STREAM # PROTOCOL_ERROR";
std::string refused(const std::string& block) {
  return "HEADERS # " + block + " end; RST_STREAM # NO_ERROR";
}
}  // namespace

TEST_CASE("wire rules 2 to 5, 12, 13, 20, 21: headers that are good, refused or malformed") {
  const fields base = good_request();
  fields two_authorities = base;
  two_authorities.insert(two_authorities.begin(), {":authority", "b"});
  fields late_pseudo = without(base, ":authority");
  late_pseudo.emplace_back(":authority", "late");
  fields two_paths = base;
  two_paths.insert(two_paths.begin(), {":path", "/t.S/Unary"});
  fields two_hosts = base;
  two_hosts.emplace_back("host", "a");
  two_hosts.emplace_back("host", "b");
  const std::string s400 = ":status=400 content-type=application/grpc grpc-status=13";
  run_cases({
      {"as it should be", base, ok_answer},
      {"3: +proto", with(base, "content-type", "application/grpc+proto"),
       "HEADERS # :status=200 content-type=application/grpc+proto; DATA # 7; "
       "HEADERS # grpc-status=0 end"},
      {"3: a codec that is not spoken", with(base, "content-type", "application/grpc+json"),
       refused(":status=415")},
      {"3: parameters", with(base, "content-type", "application/grpc;charset=utf-8"), ok_answer},
      {"3: no content-type", without(base, "content-type"), refused(":status=415")},
      {"3: another", with(base, "content-type", "text/plain"), refused(":status=415")},
      {"3: grpcfoo", with(base, "content-type", "application/grpcfoo"), refused(":status=415")},
      {"B19: in any case", with(base, "content-type", "APPLICATION/GRPC"), ok_answer},
      {"B19: gRPC-Web", with(base, "content-type", "application/grpc-web"), refused(":status=415")},
      {"B19: te in any case", with(base, "te", "Trailers"), ok_answer},
      {"B19: te with more", with(base, "te", "trailers, deflate"), malformed},
      {"4, B19: te absent", without(base, "te"), ok_answer},
      {"4: te not trailers", with(base, "te", "gzip"), malformed},
      {"4: GET", with(base, ":method", "GET"), refused(":status=405")},
      {"4: PUT", with(base, ":method", "PUT"), refused(":status=405")},
      {"4: connection header", with(base, "connection", "close"), malformed},
      {"4: two authorities", two_authorities, refused(s400)},
      {"4: two hosts", two_hosts, refused(s400)},
      {"4: one host beside", with(base, "host", "a"), ok_answer},
      {"4: host alone", with(without(base, ":authority"), "host", "a"), ok_answer},
      {"2: no authority", without(base, ":authority"), ok_answer},
      {"2: empty authority", with(base, ":authority", ""), ok_answer},
      {"2: a path as authority", with(base, ":authority", "/tmp/x.sock"), ok_answer},
      {"2: https", with(base, ":scheme", "https"), ok_answer},
      {"2: no method", without(base, ":method"), malformed},
      {"2: no path", without(base, ":path"), malformed},
      {"2: empty path", with(base, ":path", ""), malformed},
      {"2: no scheme", without(base, ":scheme"), malformed},
      {"2: a pseudo header late", late_pseudo, malformed},
      {"2: two paths", two_paths, malformed},
      {"2: unknown pseudo header", with(fields{{":x", "y"}}, ":x", "y"), malformed},
      {"12: upper case name", with(base, "Name", "y"), malformed},
      {"12: NUL in a value", with(base, "name", std::string_view{"a\0b", 3}), malformed},
      {"12: LF in a value", with(base, "name", "a\nb"), malformed},
      {"12: bytes above ASCII", with(base, "name", "gr\xc3\xbc\xc3\x9f"), ok_answer},
      {"13: padded", with(base, "a-bin", "AQIDBA=="), ok_answer},
      {"13: unpadded", with(base, "a-bin", "AQIDBA"), ok_answer},
      {"13: joined by a comma", with(base, "a-bin", "AQ,Ag=="), ok_answer},
      {"13: undecodable", with(base, "a-bin", "A!"), refused(s200 + " grpc-status=13")},
      {"5: unknown service", with(base, ":path", "/x.Y/Unary"), refused(s200 + " grpc-status=12")},
      {"5: unknown method", with(base, ":path", "/t.S/Other"), refused(s200 + " grpc-status=12")},
      {"5: other case", with(base, ":path", "/t.S/unary"), refused(s200 + " grpc-status=12")},
      {"5: no slash in front", with(base, ":path", "t.S/Unary"),
       refused(s200 + " grpc-status=12")},
      {"5: no second slash", with(base, ":path", "/t.S"), refused(s200 + " grpc-status=12")},
      {"5: root", with(base, ":path", "/"), refused(s200 + " grpc-status=12")},
      {"5: a star", with(base, ":path", "*"), refused(s200 + " grpc-status=12")},
      {"5: one slash more", with(base, ":path", "/t.S/Unary/"), refused(s200 + " grpc-status=12")},
      {"21: unknown encoding", with(base, "grpc-encoding", "snappy"),
       "HEADERS # " + s200 + " grpc-status=12 grpc-accept-encoding=" +
           std::string{built_in_encodings.accept_value()} + " end; RST_STREAM # NO_ERROR"},
      {"20: identity", with(base, "grpc-encoding", "identity"), ok_answer},
      {"20: what we may answer in", with(base, "grpc-accept-encoding", "identity, deflate,gzip"),
       ok_answer},
      {"content-length that is no number", with(base, "content-length", "x"), malformed},
  });
}

TEST_CASE("wire rule 2, RFC 9113 section 8.1.1: content-length that is right, and wrong") {
  server_bed bed;
  bed.request(1, "/t.S/Unary", framed("hi"), {{"content-length", "7"}});
  CHECK(bed.sent() == answer(1, 2));
  bed.request(3, "/t.S/Unary", framed("hi"), {{"content-length", "8"}});
  CHECK(bed.sent() == "RST_STREAM 3 PROTOCOL_ERROR");
  bed.request(5, "/t.S/Unary", framed("hi"), {{"content-length", "6"}});
  CHECK(bed.sent() == "RST_STREAM 5 PROTOCOL_ERROR");
  bed.send(headers_frame(7, request_fields({{"content-length", "7"}}, "/t.S/Unary"),
                         end_headers | end_stream));
  CHECK(bed.sent() == "RST_STREAM 7 PROTOCOL_ERROR");
}

TEST_CASE("wire rules 8 to 10: grpc-timeout in every form, malformed, expired and huge") {
  const fields base = good_request();
  const std::string bad =
      refused(":status=400 content-type=application/grpc grpc-status=13");
  std::vector<request_case> cases;
  for (const char* text : {"1H", "1M", "1S", "1000m", "1000000u", "99999999n", "99999999H",
                           "00000001S"}) {
    cases.push_back({text, with(base, "grpc-timeout", text), ok_answer});
  }
  for (const char* text : {"", "1", "S", "1s", "1 S", "-1S", "+1S", "1.5S", "123456789S", "1SS",
                           "0x1S", " 1S", "1h"}) {
    cases.push_back({text, with(base, "grpc-timeout", text), bad});
  }
  for (const char* text : {"0n", "0S", "0H"}) {
    cases.push_back({text, with(base, "grpc-timeout", text), refused(s200 + " grpc-status=4")});
  }
  run_cases(cases);
}

TEST_CASE("wire rule 6: the end of a request on DATA, on an empty DATA, on HEADERS, on trailers") {
  server_bed bed;
  bed.send(headers_frame(1, good_request()) + data_frame(1, framed("a")));
  bed.settle();
  CHECK(bed.sent().empty());  // the end is awaited
  bed.send(data_frame(1, "", end_stream));
  CHECK(bed.sent() == answer(1, 1));
  bed.send(headers_frame(3, good_request(), end_headers | end_stream));
  CHECK(bed.sent() == trailers_only(3, 12));
  bed.send(headers_frame(5, request_fields({}, "/t.S/Client"), end_headers | end_stream));
  CHECK(bed.sent() == answer(5, 0));
  bed.send(headers_frame(7, good_request()) + data_frame(7, framed("b")) +
           headers_frame(7, fields{{"x", "y"}}, end_headers | end_stream));
  CHECK(bed.sent() == answer(7, 1));
}

TEST_CASE("wire rule 11: at the deadline the server answers 4 at once and stops the handler") {
  server_bed bed;
  bed.request(1, "/t.S/Wait", framed("x"), {{"grpc-timeout", "2S"}});
  bed.send(headers_frame(3, request_fields({{"grpc-timeout", "2S"}}, "/t.S/Bidi")) +
           data_frame(3, framed("x")));
  CHECK(bed.sent() == "HEADERS 3 " + s200 + "; DATA 3 6");
  CHECK(bed.methods.running == 2);
  bed.pass(1999ms);
  CHECK(bed.sent().empty());
  bed.pass(1ms);
  const std::string both = bed.sent();
  CAPTURE(both);
  CHECK(both.find(trailers_only(1, 4)) != std::string::npos);
  CHECK(both.find("HEADERS 3 grpc-status=4 end") != std::string::npos);
  CHECK(both.find("RST_STREAM 3 NO_ERROR") != std::string::npos);  // rule 27
  CHECK(both.find("RST_STREAM 1") == std::string::npos);           // the client had ended
  CHECK(bed.methods.running == 0);
  CHECK(bed.methods.stopped == 1);
}

TEST_CASE("wire rules 16, 19: the borders of DATA frames and their padding mean nothing") {
  server_bed bed;
  const std::string three = framed("one") + framed("") + framed("three");
  bed.request(1, "/t.S/Client", three);
  CHECK(bed.sent() == answer(1, 11));
  CHECK(bed.peer->body[1] == framed("one,,three,"));
  for (std::size_t cut = 1; cut <= 6; ++cut) {
    CAPTURE(cut);
    const auto id = static_cast<std::int32_t>(1 + 2 * cut);
    bed.send(headers_frame(id, request_fields({}, "/t.S/Client")));
    for (std::size_t at = 0; at < three.size(); at += cut) {
      bed.send(padded_data_frame(id, three.substr(at, cut), 255));
      if (at % 2 == 0) bed.settle();
    }
    bed.send(data_frame(id, "", end_stream));
    CHECK(bed.sent() == answer(id, 11));
    CHECK(bed.peer->body[id] == framed("one,,three,"));
  }
  bed.request(101, "/t.S/Unary", framed(""));  // rule 19
  CHECK(bed.sent() == answer(101, 0));
  CHECK(bed.peer->connection_window == 1024 * 1024);
}

TEST_CASE("wire rules 16 to 18, 21: messages that end the call") {
  struct message_case {
    const char* name;
    const char* path;
    std::string data;
    bool end;
    int code;
  };
  const std::string too_long = std::string{'\0'} + be32(4 * 1024 * 1024 + 1);
  const std::vector<message_case> cases{
      {"17: over the limit, on the prefix alone", "/t.S/Unary", too_long, false, 8},
      {"17: the same of a stream", "/t.S/Client", too_long, false, 8},
      {"17: at the limit, cut", "/t.S/Unary", std::string{'\0'} + be32(4 * 1024 * 1024), true, 13},
      {"17: cut in the prefix", "/t.S/Unary", std::string(3, '\0'), true, 13},
      {"17: cut in the message", "/t.S/Client", framed("abc").substr(0, 6), true, 13},
      {"17: cut behind a whole one", "/t.S/Client", framed("a") + framed("abc").substr(0, 6), true,
       13},
      {"17: no message of the type", "/t.S/Picky", framed("bad"), true, 13},
      {"16: flag 2", "/t.S/Unary", framed("a", 2), true, 13},
      {"16: flag 255", "/t.S/Bidi", framed("a", 255), false, 13},
      {"21: flag 1 without an encoding", "/t.S/Unary", framed("a", 1), true, 13},
      {"21: the same of a stream", "/t.S/Client", framed("a", 1), false, 13},
      {"18: no message", "/t.S/Unary", "", true, 12},
      {"18: no message of a server stream", "/t.S/Server", "", true, 12},
      {"18: two messages", "/t.S/Unary", framed("a") + framed("b"), true, 12},
      {"18: two messages, and more to come", "/t.S/Server", framed("1 1") + framed("1 1"), false,
       12},
  };
  server_bed bed;
  std::int32_t id = 1;
  for (const message_case& one : cases) {
    CAPTURE(std::string{one.name});
    bed.request(id, one.path, one.data, {}, one.end);
    CHECK(bed.sent() == trailers_only(id, one.code) + (one.end ? "" : reset(id, "NO_ERROR")));
    id += 2;
  }
  bed.request(id, "/t.S/Unary", framed("still here"));
  CHECK(bed.sent() == answer(id, 10));
  CHECK(bed.peer->connection_window == 1024 * 1024);
}

TEST_CASE("wire rule 18: a second message that comes later ends the call, and starts nothing") {
  server_bed bed;
  bed.send(headers_frame(1, request_fields({}, "/t.S/Wait")) + data_frame(1, framed("a")));
  CHECK(bed.sent().empty());
  bed.send(data_frame(1, framed("b")));
  CHECK(bed.sent() == trailers_only(1, 12) + reset(1, "NO_ERROR"));
  CHECK(bed.methods.started == 0);
}

TEST_CASE("wire rules 23, 24, 29: how a handler's status goes out") {
  server_bed bed;
  bed.request(1, "/t.S/Unary", framed("fail"));
  CHECK(bed.sent() == trailers_only(1, 5));
  CHECK(bed.peer->message == "100%25 %01 gr%C3%BC%C3%9F%20");
  bed.request(3, "/t.S/Unary", framed("throw"));
  CHECK(bed.sent() == trailers_only(3, 2));
  bed.request(5, "/t.S/Unary", framed("memory"));
  CHECK(bed.sent() == trailers_only(5, 8));
  bed.request(7, "/t.S/Unary", framed("headers"));
  CHECK(bed.sent() == answer(7, 7));
  bed.request(9, "/t.S/Server", framed("0 0"));
  CHECK(bed.sent() == trailers_only(9, 0));
  bed.request(11, "/t.S/Server", framed("2 3"));
  CHECK(bed.sent() ==
        "HEADERS 11 " + s200 + "; DATA 11 16; HEADERS 11 grpc-status=0 end");
  bed.request(13, "/t.S/Server", framed("no number"));
  CHECK(bed.sent() == trailers_only(13, 2));
}

TEST_CASE("wire rule 25: a status with details goes as grpc-status-details-bin, unpadded") {
  server_bed bed{{}, false};
  bed.served.handle<unary_method<"/t.S/Rich", std::string, std::string>>(
      [](server_context&, const std::string& in) -> result<std::string> {
        rich_status rich{status_code::not_found, "no"};
        rich.add(status_detail{"t/a.B", in});
        return rich.to_status();
      });
  settings_list limited{{6, 300}};  // header list, in bytes
  bed.start(limited);
  bed.request(1, "/t.S/Rich", framed("xyz"));
  CHECK(bed.sent() ==
        "HEADERS 1 :status=200 content-type=application/grpc grpc-status=5 "
        "grpc-status-details-bin=CAUSAm5vGgwKBXQvYS5CEgN4eXo end");
  CHECK(bed.peer->message == "no");
  // More than the client takes: the details go without saying.
  bed.request(3, "/t.S/Rich", framed(std::string(300, 'x')));
  CHECK(bed.sent() ==
        "HEADERS 3 :status=200 content-type=application/grpc grpc-status=5 end");
  CHECK(bed.peer->message == "no");
}

TEST_CASE("wire rule 27: trailers before the client's end are followed by RST_STREAM NO_ERROR") {
  server_bed bed;
  bed.send(headers_frame(1, request_fields({}, "/t.S/Bidi")) + data_frame(1, framed("a")));
  CHECK(bed.sent() == "HEADERS 1 " + s200 + "; DATA 1 6");
  bed.send(data_frame(1, framed("a", 1)));
  CHECK(bed.sent() == "HEADERS 1 grpc-status=13 end" + reset(1, "NO_ERROR"));
  bed.send(data_frame(1, framed("late"), end_stream));  // on its way: borne, and credited
  CHECK(bed.sent().empty());
  CHECK(bed.peer->connection_window == 1024 * 1024);
}

TEST_CASE("wire rule 7: a header list above the limit is answered 431 with 8") {
  server_bed bed;
  const std::string big(3000, 'v');
  fields sent = good_request();
  for (int i = 0; i < 6; ++i) sent.emplace_back("x-" + std::to_string(i), big);
  const std::string whole = block(sent);
  bed.send(headers_frame(1, whole.substr(0, 16'000), 0) +
           continuation_frame(1, whole.substr(16'000), end_headers));
  CHECK(bed.sent() == "HEADERS 1 :status=431 content-type=application/grpc grpc-status=8 end" +
                          reset(1, "NO_ERROR"));
  bed.request(3, "/t.S/Unary", framed("a"));
  CHECK(bed.sent() == answer(3, 1));
}

TEST_CASE("B13: a client that accepts no pushes may still call") {
  server_bed bed{{}, false};
  bed.start({{settings_id::concurrent_streams, 0}, {settings_id::enable_push, 0}, {0xfe03, 1}});
  bed.request(1, "/t.S/Unary", framed("a"));
  CHECK(bed.sent() == answer(1, 1));
}

TEST_CASE("wire rule 26: HEADERS without END_STREAM in mid-stream is a protocol error") {
  server_bed bed;
  bed.send(headers_frame(1, request_fields({}, "/t.S/Bidi")) + data_frame(1, framed("a")));
  bed.sent();
  bed.send(headers_frame(1, fields{{"x", "y"}}));
  CHECK(bed.sent() == "RST_STREAM 1 PROTOCOL_ERROR");
  CHECK(bed.methods.running == 0);
}
}  // namespace ringrpc::wire_test
