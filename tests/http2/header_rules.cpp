// SPDX-License-Identifier: MIT
#include <ringrpc/http2/header_rules.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace ringrpc::http2;

namespace {
using fields = std::vector<header_field>;
block_findings request_with(const fields& more, bool too_large = false) {
  fields all{{":method", "POST", false}, {":scheme", "http", false}, {":path", "/a/b", false}};
  all.insert(all.end(), more.begin(), more.end());
  return check_block(all, block_kind::request, too_large);
}
block_findings response(const fields& all) { return check_block(all, block_kind::response, false); }
block_findings trailers(const fields& all) { return check_block(all, block_kind::trailers, false); }
}  // namespace

TEST_CASE("header_rules: names have no upper case, control, space, colon or non-ASCII byte") {
  for (int c = 0; c < 256; ++c) {
    const std::string name{'a', static_cast<char>(c)};
    const bool wrong = c <= 0x20 || c >= 0x7f || (c >= 'A' && c <= 'Z') || c == ':';
    CAPTURE(c);
    CHECK(valid_field_name(name) == !wrong);
  }
  CHECK_FALSE(valid_field_name(""));
  CHECK(valid_field_name("!#$%&'*+^`|~-._09az"));
}

TEST_CASE("header_rules: values have no NUL, CR or LF") {
  for (int c = 0; c < 256; ++c) {
    const std::string value{'a', static_cast<char>(c), 'b'};
    CAPTURE(c);
    CHECK(valid_field_value(value) == (c != 0 && c != '\r' && c != '\n'));
  }
  CHECK(valid_field_value(""));
  CHECK(valid_field_value(" padded\t"));
}

TEST_CASE("header_rules: a request needs :method, :scheme and :path, unless fields were dropped") {
  CHECK(request_with({}).malformed.empty());
  for (const std::string_view missing : {":method", ":scheme", ":path"}) {
    fields some;
    for (const std::string_view name : {":method", ":scheme", ":path"}) {
      if (name != missing) some.push_back({name, "x", false});
    }
    CHECK_FALSE(check_block(some, block_kind::request, false).malformed.empty());
    CHECK(check_block(some, block_kind::request, true).malformed.empty());
  }
  CHECK_FALSE(check_block(fields{{":method", "POST", false},
                                 {":scheme", "http", false},
                                 {":path", "", false}},
                          block_kind::request, false)
                  .malformed.empty());
}

TEST_CASE("header_rules: what makes any block malformed") {
  const std::vector<fields> wrong = {
      {{"X", "v", false}},
      {{"a", std::string_view{"\0", 1}, false}},
      {{"connection", "close", false}},
      {{"keep-alive", "1", false}},
      {{"proxy-connection", "close", false}},
      {{"transfer-encoding", "chunked", false}},
      {{"upgrade", "h2c", false}},
      {{"te", "gzip", false}},
      {{"te", "trailers, deflate", false}},
      {{"te", "", false}},
      {{"content-length", "", false}},
      {{"content-length", "-1", false}},
      {{"content-length", "1x", false}},
      {{"content-length", "1234567890123456789", false}},
      {{"content-length", "1", false}, {"content-length", "2", false}},
      {{":unknown", "v", false}},
      {{":", "v", false}},
  };
  for (const fields& some : wrong) {
    CAPTURE(some.front().name);
    CAPTURE(some.front().value);
    CHECK_FALSE(request_with(some).malformed.empty());
    fields of_response{{":status", "200", false}};
    of_response.insert(of_response.end(), some.begin(), some.end());
    CHECK_FALSE(response(of_response).malformed.empty());
    CHECK_FALSE(trailers(some).malformed.empty());
  }
}

TEST_CASE("header_rules: pseudo fields come first, once, and where they belong") {
  CHECK_FALSE(request_with({{"a", "b", false}, {":authority", "x", false}}).malformed.empty());
  CHECK_FALSE(request_with({{":path", "/", false}}).malformed.empty());
  CHECK_FALSE(request_with({{":status", "200", false}}).malformed.empty());
  CHECK_FALSE(response({{":status", "200", false}, {":status", "200", false}}).malformed.empty());
  CHECK_FALSE(response({{":status", "200", false}, {":path", "/", false}}).malformed.empty());
  CHECK_FALSE(trailers({{":status", "200", false}}).malformed.empty());
}

TEST_CASE("header_rules: two :authority or two host are found, not refused (gRFC A41)") {
  CHECK_FALSE(request_with({{":authority", "a", false}, {"host", "a", false}}).duplicate_authority);
  const block_findings twice =
      request_with({{":authority", "a", false}, {":authority", "a", false}});
  CHECK(twice.malformed.empty());
  CHECK(twice.duplicate_authority);
  CHECK(request_with({{"host", "a", false}, {"host", "b", false}}).duplicate_authority);
  CHECK_FALSE(response({{":status", "200", false}, {"host", "a", false}, {"host", "b", false}})
                  .duplicate_authority);
}

TEST_CASE("header_rules: :status is a number of three digits") {
  CHECK(response({{":status", "200", false}}).status == 200);
  CHECK(response({{":status", "100", false}}).status == 100);
  CHECK(response({{":status", "999", false}}).status == 999);
  for (const std::string_view wrong : {"", "20", "2000", "099", "2x0", "-20", " 20"}) {
    CAPTURE(wrong);
    CHECK_FALSE(response({{":status", wrong, false}}).malformed.empty());
  }
  CHECK_FALSE(response({{"a", "b", false}}).malformed.empty());
}

TEST_CASE("header_rules: te may be trailers in any case, content-length a number, twice the same") {
  CHECK(request_with({{"te", "trailers", false}}).malformed.empty());
  CHECK(request_with({{"te", "Trailers", false}}).malformed.empty());
  CHECK(request_with({}).content_length == -1);
  CHECK(request_with({{"content-length", "0", false}}).content_length == 0);
  CHECK(request_with({{"content-length", "42", false}, {"content-length", "42", false}})
            .content_length == 42);
}
