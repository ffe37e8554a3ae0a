// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/compression.hpp>

#include <string>

#include <doctest/doctest.h>

using namespace ringrpc;

TEST_CASE("wire rule 20: each encoding has its name, and is the row of its number") {
  for (std::size_t i = 0; i < compression_rows.size(); ++i) {
    CHECK(static_cast<std::size_t>(compression_rows[i].encoding) == i);
    CHECK(name(compression_rows[i].encoding) == compression_rows[i].name);
  }
  CHECK(name(compression::identity) == "identity");
  CHECK(name(compression::gzip) == "gzip");
  CHECK(name(compression::deflate) == "deflate");
}

TEST_CASE("wire rule 20: grpc-accept-encoding lists what is spoken here") {
  std::string expected;
  for (const compression_row& row : compression_rows) {
    if (!row.spoken) continue;
    if (!expected.empty()) expected += ',';
    expected += row.name;
  }
  CHECK(accept_encoding_value == expected);
}

TEST_CASE("wire rule 20: a list of encodings is split at commas, with spaces or without") {
  struct row {
    std::string_view list;
    bool gzip, deflate;
  };
  for (const row& r :
       {row{"", false, false}, row{"identity", false, false},
        row{"identity,deflate,gzip", true, true}, row{"identity, deflate, gzip", true, true},
        row{"gzip", true, false}, row{" \tgzip\t ", true, false}, row{"snappy,gzip", true, false},
        row{",,gzip,", true, false}, row{"gzipx", false, false}, row{"GZIP", false, false},
        row{"g zip", false, false}, row{"gzip;q=1", false, false},
        row{"deflate,br,zstd", false, true}, row{",", false, false}}) {
    CAPTURE(r.list);
    accepted_encodings accepted;
    accepted.add(r.list);
    CHECK(accepted.contains(compression::identity));
    CHECK(accepted.contains(compression::gzip) == r.gzip);
    CHECK(accepted.contains(compression::deflate) == r.deflate);
  }
}

TEST_CASE("wire rule 20: the list may come in several fields") {
  accepted_encodings accepted;
  accepted.add("gzip");
  accepted.add("deflate");
  CHECK(accepted.contains(compression::gzip));
  CHECK(accepted.contains(compression::deflate));
}

TEST_CASE("wire rule 21: without grpc-encoding, and with identity, messages go as they are") {
  for (std::string_view value : {"", "identity"}) {
    CAPTURE(value);
    CHECK(request_encoding(value).value() == compression::identity);
    CHECK(response_encoding(value).value() == compression::identity);
  }
}

TEST_CASE("wire rule 21: an encoding that is not spoken is UNIMPLEMENTED in a request") {
  for (std::string_view value :
       {"gzip", "deflate", "snappy", "Identity", "identity,gzip", " ", "x"}) {
    CAPTURE(value);
    const result<compression> refused = request_encoding(value);
    REQUIRE_FALSE(refused);
    CHECK(refused.status().code() == status_code::unimplemented);
    CHECK(refused.status().message().find(value) != std::string_view::npos);
  }
  CHECK(request_encoding("gzip").status().message() ==
        "grpc-encoding \"gzip\" is not spoken here, only identity");
}

TEST_CASE("wire rule 21: an encoding that is not spoken is INTERNAL in a response") {
  CHECK(response_encoding("gzip").status().code() == status_code::internal);
}

TEST_CASE("compression: of a long name only the beginning is shown") {
  CHECK(request_encoding(std::string(10'000, 'x')).status().message().size() < 200);
}
