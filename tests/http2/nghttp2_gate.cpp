// SPDX-License-Identifier: MIT
#include <ringrpc/http2/nghttp2_gate.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "bed.hpp"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;

namespace {
std::string opened(std::int32_t id = 1) { return headers_frame(id, request_fields()); }
std::string whole(std::int32_t id = 1, const field_list& more = {}) {
  return headers_frame(id, request_fields(more)) + data_frame(id, "12345hello", end_stream);
}
field_list request_without(std::string_view name) {
  field_list fields;
  for (const auto& field : request_fields()) {
    if (field.first != name) fields.push_back(field);
  }
  return fields;
}

// What a server that has shaken hands is fed, and everything it says and sends then.
struct row {
  const char* what;
  std::string bytes;
  const char* events;
  const char* sent;
};
void check_rows(const std::vector<row>& rows) {
  for (const row& one : rows) {
    CAPTURE(one.what);
    bed server{role::server};
    server.start();
    const feed_status status = server.feed(one.bytes);
    std::string events = server.sink.take();
    const std::string sent = server.sent();
    const std::string later = server.sink.take();
    if (!later.empty()) events += " || " + later;
    CHECK(events == one.events);
    CHECK(sent == one.sent);
    CHECK(server.sink.users_right);
    const bool fatal = sent.starts_with("GOAWAY");
    CHECK(status.fatal() == fatal);
    CHECK(server.engine.closed() == fatal);
    if (fatal) {
      // The code and the text are those of the GOAWAY, and nothing is taken any more.
      CHECK(sent.ends_with(std::string{name_of(status.code)} + ' ' + std::string{status.text}));
      CHECK(server.feed(whole(101)).fatal());
      CHECK(server.sink.take() == "");
    }
  }
}
}  // namespace

TEST_CASE("gate: a breach of the whole connection gives GOAWAY with the code of RFC 9113") {
  check_rows({
      {"DATA longer than the advertised frame size",
       opened() + frame(frame_type::data, 0, 1, std::string(16'385, 'x'), 65'537), "request 1",
       "GOAWAY 1 FRAME_SIZE_ERROR too large frame size"},
      {"HEADERS longer than the advertised frame size",
       frame(frame_type::headers, end_headers, 1, "x", 65'537), "",
       "GOAWAY 0 FRAME_SIZE_ERROR too large frame size"},
      {"SETTINGS length not a multiple of 6", frame(frame_type::settings, 0, 0, "abc"), "",
       "GOAWAY 0 FRAME_SIZE_ERROR a frame has a size its type does not allow"},
      {"SETTINGS ack with a payload", frame(frame_type::settings, ack, 0, "abcdef"), "",
       "GOAWAY 0 FRAME_SIZE_ERROR a frame has a size its type does not allow"},
      {"SETTINGS on a stream", settings_frame({}, 0, 1), "",
       "GOAWAY 0 PROTOCOL_ERROR SETTINGS: stream_id != 0"},
      {"ENABLE_PUSH 2", settings_frame({{settings_id::enable_push, 2}}), "",
       "GOAWAY 0 PROTOCOL_ERROR SETTINGS: invalid SETTINGS_ENBLE_PUSH"},
      {"INITIAL_WINDOW_SIZE 2^31", settings_frame({{settings_id::initial_window, 0x8000'0000}}),
       "", "GOAWAY 0 FLOW_CONTROL_ERROR SETTINGS: too large SETTINGS_INITIAL_WINDOW_SIZE"},
      {"MAX_FRAME_SIZE 16383", settings_frame({{settings_id::frame_size, 16'383}}), "",
       "GOAWAY 0 PROTOCOL_ERROR SETTINGS: invalid SETTINGS_MAX_FRAME_SIZE"},
      {"MAX_FRAME_SIZE 2^24", settings_frame({{settings_id::frame_size, 1 << 24}}), "",
       "GOAWAY 0 PROTOCOL_ERROR SETTINGS: invalid SETTINGS_MAX_FRAME_SIZE"},
      {"PING of 7 bytes", ping_frame("1234567"), "",
       "GOAWAY 0 FRAME_SIZE_ERROR a frame has a size its type does not allow"},
      {"PING of 16 bytes", ping_frame("1234567812345678"), "",
       "GOAWAY 0 FRAME_SIZE_ERROR a frame has a size its type does not allow"},
      {"PING on a stream", ping_frame("12345678", 0, 1), "",
       "GOAWAY 0 PROTOCOL_ERROR PING: stream_id != 0"},
      {"WINDOW_UPDATE of 0 on the connection", window_frame(0, 0), "",
       "GOAWAY 0 PROTOCOL_ERROR WINDOW_UPDATE: window_size_increment == 0"},
      {"WINDOW_UPDATE beyond the connection's window",
       window_frame(0, 0x7fff'ffff) + window_frame(0, 0x7fff'ffff), "",
       "GOAWAY 0 FLOW_CONTROL_ERROR a flow-control window was exceeded"},
      {"WINDOW_UPDATE on an idle stream", window_frame(7, 1), "",
       "GOAWAY 0 PROTOCOL_ERROR WINDOW_UPDATE to idle stream"},
      {"WINDOW_UPDATE of 3 bytes", frame(frame_type::window_update, 0, 0, "123"), "",
       "GOAWAY 0 FRAME_SIZE_ERROR a frame has a size its type does not allow"},
      {"RST_STREAM on stream 0", reset_frame(0), "",
       "GOAWAY 0 PROTOCOL_ERROR RST_STREAM: stream_id == 0"},
      {"RST_STREAM on an idle stream", reset_frame(5), "",
       "GOAWAY 0 PROTOCOL_ERROR RST_STREAM: stream in idle"},
      {"RST_STREAM of 3 bytes", opened() + frame(frame_type::rst_stream, 0, 1, "abc"),
       "request 1", "GOAWAY 1 FRAME_SIZE_ERROR a frame has a size its type does not allow"},
      {"DATA on stream 0", data_frame(0, "x"), "",
       "GOAWAY 0 PROTOCOL_ERROR DATA: stream_id == 0"},
      {"DATA on an idle stream", data_frame(3, "x"), "",
       "GOAWAY 0 PROTOCOL_ERROR DATA: stream in idle"},
      {"DATA with padding as long as the payload",
       opened() + frame(frame_type::data, padded, 1, "\x05" "abcd"), "request 1",
       "GOAWAY 1 PROTOCOL_ERROR DATA: invalid padding"},
      {"HEADERS on stream 0", opened(0), "",
       "GOAWAY 0 PROTOCOL_ERROR request HEADERS: stream_id == 0"},
      {"HEADERS on an even stream", opened(2), "",
       "GOAWAY 0 PROTOCOL_ERROR request HEADERS: invalid stream_id"},
      {"HEADERS with too much padding",
       frame(frame_type::headers, end_headers | padded, 1, "\xff" + block(request_fields())), "",
       "GOAWAY 0 PROTOCOL_ERROR HEADERS: invalid padding"},
      {"a stream id lower than one before", whole(5) + opened(3), "request 5 | data 5 10 end",
       "GOAWAY 5 PROTOCOL_ERROR a new stream has a lower id than one before it"},
      {"PUSH_PROMISE from a client",
       opened() + frame(frame_type::push_promise, end_headers, 1, be32(2) + "x"), "request 1",
       "GOAWAY 1 PROTOCOL_ERROR PUSH_PROMISE: push disabled"},
      {"CONTINUATION without HEADERS", continuation_frame(1, "x", end_headers), "",
       "GOAWAY 0 PROTOCOL_ERROR CONTINUATION: unexpected"},
      {"DATA inside a header block", headers_frame(1, request_fields(), 0) + data_frame(1, "x"),
       "",
       "GOAWAY 1 PROTOCOL_ERROR unexpected non-CONTINUATION frame or stream_id is invalid"},
      {"an unknown frame inside a header block",
       headers_frame(1, request_fields(), 0) + frame(0xfa, 0, 1, "x"), "",
       "GOAWAY 1 PROTOCOL_ERROR unexpected non-CONTINUATION frame or stream_id is invalid"},
      {"GOAWAY on a stream", goaway_frame(0, error_code::no_error, "", 1), "",
       "GOAWAY 0 PROTOCOL_ERROR GOAWAY: stream_id != 0"},
      {"GOAWAY of 4 bytes", frame(frame_type::goaway, 0, 0, "1234"), "",
       "GOAWAY 0 FRAME_SIZE_ERROR a frame has a size its type does not allow"},
      {"PRIORITY on stream 0", priority_frame(0), "",
       "GOAWAY 0 PROTOCOL_ERROR PRIORITY on stream 0"},
      // RFC 9113 section 6.3 asks for an error of the stream only; nghttp2 decides this one.
      {"PRIORITY of 4 bytes", frame(frame_type::priority, 0, 1, "1234"), "",
       "GOAWAY 0 FRAME_SIZE_ERROR a frame has a size its type does not allow"},
      {"a SETTINGS ack for nothing", settings_frame({}, ack), "",
       "GOAWAY 0 PROTOCOL_ERROR SETTINGS: unexpected ACK"},
  });
}

TEST_CASE("gate: a header block that cannot be decoded gives COMPRESSION_ERROR") {
  constexpr const char* refused = "GOAWAY 1 COMPRESSION_ERROR a header block cannot be decoded";
  using namespace std::string_view_literals;
  check_rows({
      {"index 0", headers_frame(1, "\x80"sv), "", refused},
      {"index beyond the tables", headers_frame(1, "\xff\x80\x01"sv), "", refused},
      {"literal cut short", headers_frame(1, "\x00\x05" "ab"sv), "", refused},
      {"integer without end", headers_frame(1, '\xff' + std::string(64, '\xff') + '\x7f'), "",
       refused},
      {"integer padded with zeros", headers_frame(1, '\xff' + std::string(12'000, '\x80') + '\0'),
       "", refused},
      {"table size above the announced one",
       headers_frame(1, hpack_integer(5, 0x20, 1 << 20) + block(request_fields())), "", refused},
      {"Huffman string with EOS",
       headers_frame(1, "\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff"sv), "", refused},
  });
}

TEST_CASE("gate: a breach of one stream resets it and leaves the connection alone") {
  check_rows({
      {"WINDOW_UPDATE of 0 on a stream", opened() + window_frame(1, 0),
       "request 1 | reset 1 PROTOCOL_ERROR | closed 1", "RST_STREAM 1 PROTOCOL_ERROR"},
      {"WINDOW_UPDATE beyond a stream's window",
       opened() + window_frame(1, 0x7fff'ffff) + window_frame(1, 0x7fff'ffff),
       "request 1 || reset 1 FLOW_CONTROL_ERROR | closed 1", "RST_STREAM 1 FLOW_CONTROL_ERROR"},
      {"DATA after END_STREAM", whole() + data_frame(1, "x"),
       "request 1 | data 1 10 end | reset 1 STREAM_CLOSED | closed 1",
       "RST_STREAM 1 STREAM_CLOSED"},
      {"HEADERS after END_STREAM", whole() + opened(),
       "request 1 | data 1 10 end | reset 1 STREAM_CLOSED | closed 1",
       "RST_STREAM 1 STREAM_CLOSED"},
      {"DATA after the client's RST_STREAM, then a good call",
       opened() + reset_frame(1) + data_frame(1, "x") + whole(3),
       "request 1 | reset 1 CANCEL | closed 1 | request 3 | data 3 10 end",
       "RST_STREAM 1 STREAM_CLOSED"},
      {"second HEADERS without END_STREAM (wire rule 26)",
       opened() + headers_frame(1, {{"x", "y"}}),
       "request 1 | reset 1 PROTOCOL_ERROR || closed 1", "RST_STREAM 1 PROTOCOL_ERROR"},
  });
}

TEST_CASE("gate: what RFC 9113 tells to ignore is ignored, and the call goes on") {
  check_rows({
      {"unknown frame type", frame(0xfa, 0xff, 0, std::string(100, 'x')) + whole(),
       "request 1 | data 1 10 end", ""},
      {"undefined flags of PING", ping_frame("12345678", 0xfe) + whole(),
       "request 1 | data 1 10 end", "PING ack"},
      {"reserved bit of the stream id",
       [] {
         std::string bytes = opened();
         bytes[5] = static_cast<char>(0x80);
         return bytes + data_frame(1, "x", end_stream);
       }(),
       "request 1 | data 1 1 end", ""},
      {"unknown setting", settings_frame({{0x999, 7}}) + whole(),
       "settings | request 1 | data 1 10 end", "SETTINGS ack"},
      {"PRIORITY, also on itself", priority_frame(1) + priority_frame(3, 3) + whole(),
       "request 1 | data 1 10 end", ""},
      {"a PING ack for nothing", ping_frame(std::string(7, '\0') + '\5', ack) + whole(),
       "ping_ack 5 | request 1 | data 1 10 end", ""},
      {"RST_STREAM and WINDOW_UPDATE for a closed stream",
       opened() + reset_frame(1) + reset_frame(1) + window_frame(1, 5) + window_frame(1, 0) +
           whole(3),
       "request 1 | reset 1 CANCEL | closed 1 | request 3 | data 3 10 end", ""},
  });
}

TEST_CASE("gate: a malformed request is reset without a word to the sink") {
  const auto malformed = [](const char* what, std::string bytes) {
    return row{what, std::move(bytes), "", "RST_STREAM 1 PROTOCOL_ERROR"};
  };
  check_rows({
      malformed("upper case", whole(1, {{"X-Up", "1"}})),
      malformed("pseudo field after a regular one",
                headers_frame(1, field_list{{"te", "trailers"}, {":method", "POST"}})),
      malformed(":path twice", whole(1, {{":path", "/a"}})),
      malformed("unknown pseudo field", headers_frame(1, field_list{{":foo", "1"}})),
      malformed("no :path", headers_frame(1, request_without(":path"))),
      malformed("no :method", headers_frame(1, request_without(":method"))),
      malformed("no :scheme", headers_frame(1, request_without(":scheme"))),
      malformed("connection", whole(1, {{"connection", "keep-alive"}})),
      malformed("transfer-encoding", whole(1, {{"transfer-encoding", "chunked"}})),
      malformed("te: gzip", whole(1, {{"te", "gzip"}})),
      malformed("NUL in a value", whole(1, {{"x-a", std::string{"a\0b", 3}}})),
      malformed("CR LF in a value", whole(1, {{"x-a", "a\r\nb: c"}})),
      malformed("empty name", whole(1, {{"", "v"}})),
      malformed("space in a name", whole(1, {{"a b", "v"}})),
      malformed("content-length without a body",
                headers_frame(1, request_fields({{"content-length", "3"}}),
                              end_headers | end_stream)),
  });
}

TEST_CASE("gate: a malformed end of a request resets a stream that the sink knows") {
  check_rows({
      {"more DATA than content-length",
       headers_frame(1, request_fields({{"content-length", "3"}})) + data_frame(1, "1234"),
       "request 1 | reset 1 PROTOCOL_ERROR || closed 1", "RST_STREAM 1 PROTOCOL_ERROR"},
      {"less DATA than content-length",
       headers_frame(1, request_fields({{"content-length", "3"}})) +
           data_frame(1, "12", end_stream),
       "request 1 | reset 1 PROTOCOL_ERROR || closed 1", "RST_STREAM 1 PROTOCOL_ERROR"},
      {"trailers with a pseudo field",
       opened() + data_frame(1, "x") +
           headers_frame(1, {{":path", "/x"}}, end_headers | end_stream),
       "request 1 | data 1 1 | reset 1 PROTOCOL_ERROR || closed 1",
       "RST_STREAM 1 PROTOCOL_ERROR"},
  });
}

TEST_CASE("gate: requests that gRPC wants answered with a status are let through") {
  check_rows({
      {"two :authority",
       headers_frame(1, field_list{{":authority", "a"}, {":authority", "b"}, {":method", "POST"},
                                   {":path", "/a/b"}, {":scheme", "http"}}),
       "request 1 duplicate_authority", ""},
      {"two host", whole(1, {{"host", "v"}, {"host", "w"}}),
       "request 1 duplicate_authority | data 1 10 end", ""},
      {"method GET, path without a slash",
       headers_frame(1, field_list{{":method", "GET"}, {":path", "foo"}, {":scheme", "x"}}),
       "request 1", ""},
      {"content-length that is right", whole(1, {{"content-length", "10"}}),
       "request 1 | data 1 10 end", ""},
      {"trailers", opened() + data_frame(1, "x") +
                       headers_frame(1, {{"x-t", "1"}}, end_headers | end_stream),
       "request 1 | data 1 1 | trailers 1 end", ""},
  });
}

TEST_CASE("gate: any value of :authority is accepted (grpc-wire section 14)") {
  for (const char* authority : {"localhost", "", "/tmp/x.sock", "%2Ftmp%2Fx.sock", "@abs", "a:0"}) {
    CAPTURE(authority);
    bed server{role::server};
    server.start();
    server.feed(headers_frame(1, field_list{{":method", "POST"},
                                            {":scheme", "http"},
                                            {":path", "/a/b"},
                                            {":authority", authority}}));
    CHECK(server.sink.take() == "request 1");
    CHECK(server.sink.fields == std::string{":method=POST, :scheme=http, :path=/a/b, :authority="} +
                                    authority);
  }
}

TEST_CASE("gate: a frame for a stream that both sides ended is an error of the connection") {
  for (const std::string& late : {data_frame(1, "x"), opened(1)}) {
    bed server{role::server};
    server.start();
    const stream_ref r = server.request(1, end_headers | end_stream);
    server.respond(r, true);
    CHECK(server.sent() == "HEADERS 1 end");
    CHECK(server.sink.take() == "closed 1");
    CHECK(server.feed(late).code == error_code::stream_closed);
    CHECK(server.sent() ==
          "GOAWAY 1 STREAM_CLOSED a frame for a stream that both sides had ended");
  }
}

TEST_CASE("gate: a client bears a server that ends a call twice, as C-core does at a deadline") {
  const std::string first = headers_frame(1, {{":status", "200"}, {"grpc-status", "4"}},
                                          end_headers | end_stream);
  // The second end puts an entry into the table that the next response refers to.
  const std::string second =
      headers_frame(1, literal("x-kept", "value", 0x40), end_headers | end_stream) +
      data_frame(1, "x") + reset_frame(1, error_code::no_error);
  for (const bool all_sent : {true, false}) {
    CAPTURE(all_sent);
    bed client{role::client};
    client.start();
    client.open(all_sent);
    client.sent();
    CHECK_FALSE(client.feed(first + reset_frame(1, error_code::no_error)).fatal());
    client.sink.take();
    CHECK_FALSE(client.feed(second).fatal());
    CHECK(client.sink.take() == "");
    CHECK(client.sent() == "");
    client.open(true);
    client.sent();
    client.feed(headers_frame(3, block({{":status", "200"}}) + '\xbe'));
    CHECK(client.sink.take() == "response 3");
    CHECK(client.sink.fields.ends_with("x-kept=value"));
  }
}

TEST_CASE("gate: a client bears so many late frames of ended streams, and no more") {
  limits bounds;
  bounds.peer_resets = {5, 1};
  bed client{role::client, default_settings, bounds};
  client.start();
  client.open(true);
  client.sent();
  const std::string end = headers_frame(1, {{":status", "200"}}, end_headers | end_stream);
  client.feed(end);
  for (int i = 0; i < 5; ++i) CHECK_FALSE(client.feed(end).fatal());
  CHECK(client.feed(end).code == error_code::enhance_your_calm);
}

TEST_CASE("gate: frames on their way to a stream that we reset are ignored, HPACK state is kept") {
  bed server{role::server};
  server.start();
  const stream_ref r = server.request(1);
  server.engine.reset(r, error_code::cancel);
  CHECK(server.sent() == "RST_STREAM 1 CANCEL");
  CHECK(server.sink.take() == "closed 1");
  // The trailers put an entry into the table that the next request refers to.
  server.feed(data_frame(1, "x") +
              headers_frame(1, literal("x-kept", "value", 0x40), end_headers | end_stream));
  server.feed(headers_frame(3, block(request_fields()) + '\xbe'));
  CHECK(server.sink.take() == "request 3");
  CHECK(server.sink.fields.ends_with("x-kept=value"));
  CHECK(server.sent() == "");
}

TEST_CASE("gate: a wrong preface gives SETTINGS, then GOAWAY that says what the client speaks") {
  struct opening {
    std::string bytes;
    const char* said;
  };
  const opening openings[] = {
      {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "the client speaks HTTP/1.1, not HTTP/2"},
      {"POST /x HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", "the client speaks HTTP/1.1, not HTTP/2"},
      {"\x16\x03\x01\x01\x7a\x01", "the client speaks TLS here, not HTTP/2 in clear"},
      {std::string{client_preface.substr(0, 23)} + "X" + settings_frame(),
       "this is not the preface of an HTTP/2 client"},
      {std::string(1024, 'r'), "this is not the preface of an HTTP/2 client"},
  };
  for (const opening& one : openings) {
    CAPTURE(one.said);
    bed server{role::server};
    const feed_status status = server.feed(one.bytes);
    CHECK(status.code == error_code::protocol_error);
    CHECK(status.text == one.said);
    CHECK(server.sent() == std::string{"SETTINGS | WINDOW_UPDATE 0 983041 | "
                                       "GOAWAY 0 PROTOCOL_ERROR "} + one.said);
    CHECK(server.engine.closed());
    CHECK(server.sink.take() == "");
  }
}

TEST_CASE("gate: the first frame must be SETTINGS, at both roles") {
  bed server{role::server};
  CHECK(server.feed(std::string{client_preface} + ping_frame()).text ==
        "the first frame is not SETTINGS");
  CHECK(server.sent().ends_with("GOAWAY 0 PROTOCOL_ERROR the first frame is not SETTINGS"));

  bed acknowledged{role::server};
  CHECK(acknowledged.feed(std::string{client_preface} + settings_frame({}, ack)).fatal());

  bed client{role::client};
  CHECK(client.feed(ping_frame()).text == "the first frame is not SETTINGS");
  bed to_http1{role::client};
  CHECK(to_http1.feed("HTTP/1.1 400 Bad Request\r\n").text ==
        "the peer speaks HTTP/1.1, not HTTP/2");
  bed to_tls{role::client};
  CHECK(to_tls.feed(std::string{"\x15\x03\x01\x00\x02\x02\x46\x00\x00", 9}).text ==
        "the peer speaks TLS here, not HTTP/2 in clear");
}

TEST_CASE("gate: a header block is open from its first byte to END_HEADERS") {
  bed server{role::server};
  server.start();
  const std::string fields = block(request_fields());
  const std::string bytes = headers_frame(1, fields.substr(0, 10), 0) +
                            continuation_frame(1, fields.substr(10), end_headers);
  CHECK_FALSE(server.engine.block_open());
  // Nine bytes make a header; before them nothing is known.
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    CAPTURE(i);
    server.feed(bytes.substr(i, 1));
    CHECK(server.engine.block_open() == (i >= 8 && i + 1 < bytes.size()));
  }
  CHECK(server.sink.take() == "request 1");
  server.feed(data_frame(1, "abc").substr(0, 10));
  CHECK_FALSE(server.engine.block_open());
}
