// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/metadata_rules.hpp>

#include <set>
#include <string>

#include <doctest/doctest.h>

using namespace ringrpc;

static_assert(key_fault("x-request-id").empty());

TEST_CASE("wire rule 14: the fields of the protocol are hidden, some others are read-only") {
  struct row {
    std::string_view name;
    metadata_use use;
  };
  for (const row& r : {
           row{":method", metadata_use::hidden},
           row{":path", metadata_use::hidden},
           row{":scheme", metadata_use::hidden},
           row{":status", metadata_use::hidden},
           row{":anything", metadata_use::hidden},
           row{":authority", metadata_use::read_only},
           row{"content-type", metadata_use::hidden},
           row{"content-length", metadata_use::hidden},
           row{"te", metadata_use::hidden},
           row{"host", metadata_use::hidden},
           row{"connection", metadata_use::hidden},
           row{"keep-alive", metadata_use::hidden},
           row{"proxy-connection", metadata_use::hidden},
           row{"transfer-encoding", metadata_use::hidden},
           row{"upgrade", metadata_use::hidden},
           row{"grpc-encoding", metadata_use::hidden},
           row{"grpc-accept-encoding", metadata_use::hidden},
           row{"grpc-message", metadata_use::hidden},
           row{"grpc-message-type", metadata_use::hidden},
           row{"grpc-status", metadata_use::hidden},
           row{"grpc-timeout", metadata_use::hidden},
           row{"grpc-previous-rpc-attempts", metadata_use::read_only},
           row{"grpc-status-details-bin", metadata_use::read_only},
           row{"grpc-foo", metadata_use::read_only},
           row{"grpc-", metadata_use::read_only},
           row{"user-agent", metadata_use::read_only},
           row{"grpc-retry-pushback-ms", metadata_use::open},
           row{"grpc-tags-bin", metadata_use::open},
           row{"grpc-trace-bin", metadata_use::open},
           row{"grpc", metadata_use::open},
           row{"x-grpc-foo", metadata_use::open},
           row{"authorization", metadata_use::open},
           row{"accept-encoding", metadata_use::open},
       }) {
    CAPTURE(r.name);
    CHECK(use_of(r.name) == r.use);
  }
}

TEST_CASE("wire rule 14: the table names each field once, and what it says is what counts") {
  std::set<std::string_view> names;
  for (const reserved_name& row : reserved_names) {
    CAPTURE(row.name);
    CHECK(names.insert(row.name).second);
    CHECK(use_of(row.name) == row.use);
    CHECK(key_fault(row.name).empty() == (row.use == metadata_use::open));
  }
}

TEST_CASE("wire rule 12: a key has characters of 0-9 a-z _ - . only") {
  for (int value = 0; value < 256; ++value) {
    const char c = static_cast<char>(value);
    const bool allowed =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '_' || c == '-' || c == '.';
    const std::string key{'x', c, 'y'};
    CAPTURE(value);
    CHECK(key_fault(key).empty() == allowed);
  }
  CHECK(key_fault("").starts_with("is empty"));
  CHECK(key_fault("-bin").starts_with("has no name"));
  CHECK(key_fault("X-B3-Sampled").starts_with("has an upper-case letter"));
  CHECK(key_fault("a b").starts_with("has a character"));
  CHECK(key_fault(":path").starts_with("is reserved"));
  CHECK(key_fault("grpc-foo").starts_with("is reserved"));
  CHECK(key_fault("x-bin").empty());
  CHECK(key_fault("-").empty());
}

TEST_CASE("wire rule 12: a text value is printable ASCII without spaces at its ends") {
  for (int value = 0; value < 256; ++value) {
    const char c = static_cast<char>(value);
    CAPTURE(value);
    CHECK(text_value_fault(std::string{'x', c, 'y'}).empty() == (c >= ' ' && c <= '~'));
  }
  CHECK(text_value_fault("").empty());
  CHECK(text_value_fault("a b").empty());
  for (std::string_view value : {" ", " v", "v ", " v "}) {
    CAPTURE(value);
    CHECK(text_value_fault(value).starts_with("begins or ends"));
  }
}

TEST_CASE("wire rule 13: keys that end in -bin carry bytes") {
  CHECK(is_binary_key("x-bin"));
  CHECK(is_binary_key("grpc-trace-bin"));
  CHECK_FALSE(is_binary_key("x-bin-x"));
  CHECK_FALSE(is_binary_key("xbin"));
  CHECK_FALSE(is_binary_key("bin"));
  CHECK_FALSE(is_binary_key(""));
}

TEST_CASE("wire rule 7: a field counts its name, its value and 32") {
  CHECK(header_field_bytes(0, 0) == 32);
  CHECK(header_field_bytes(3, 5) == 40);
}
