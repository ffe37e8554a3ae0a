// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/encoding_registry.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace ringrpc;

namespace {
/// Compresses nothing.
class named final : public message_encoding {
public:
  explicit named(std::string_view name) : name_(name) {}
  std::string_view name() const noexcept override { return name_; }
  std::size_t compress(std::span<const std::byte>, std::span<std::byte>) const override {
    return 0;
  }
  decompress_result decompress(std::span<const std::byte>, std::span<std::byte>,
                               std::size_t) const override {
    return {decompress_outcome::malformed};
  }

private:
  std::string_view name_;
};
}  // namespace

TEST_CASE("encoding_registry: a new one knows identity only") {
  const encoding_registry none;
  CHECK(none.accept_value() == "identity");
  CHECK(none.encodings().empty());
  CHECK(none.find("identity") == nullptr);
  CHECK(none.find("gzip") == nullptr);
  CHECK(none.index_of("gzip") == encoding_registry::encodings_max);
}

TEST_CASE("wire rule 20: grpc-accept-encoding lists what was added, in order") {
  const named a{"snappy"};
  const named b{"my-zstd_1.0"};
  encoding_registry known;
  known.add(a);
  known.add(b);
  CHECK(known.accept_value() == "identity,snappy,my-zstd_1.0");
  CHECK(known.find("snappy") == &a);
  CHECK(known.find("my-zstd_1.0") == &b);
  CHECK(known.index_of("my-zstd_1.0") == 1);
  CHECK(known.find("Snappy") == nullptr);
  const encoding_registry copy = known;
  CHECK(copy.find("snappy") == &a);
}

TEST_CASE("encoding_registry: a name that is added again replaces the first") {
  const named a{"gzip"};
  const named b{"deflate"};
  const named c{"gzip"};
  encoding_registry known;
  known.add(a);
  known.add(b);
  known.add(c);
  CHECK(known.accept_value() == "identity,gzip,deflate");
  CHECK(known.find("gzip") == &c);
}

TEST_CASE("encoding_registry: names that cannot stand in a header are refused, and said") {
  encoding_registry known;
  const std::string long_name(33, 'x');
  for (const std::string& name : std::vector<std::string>{"", "identity", "a b", "a,b", "gz\tip",
                                                          "gzip;q=1", "\xc3\xbc", long_name}) {
    CAPTURE(name);
    const named one{name};
    CHECK_THROWS_WITH_AS(
        known.add(one),
        ("an encoding's name is 1 to 32 letters, digits, '-', '_' or '.', and not \"identity\"; "
         "this one is \"" +
         name + '"')
            .c_str(),
        std::invalid_argument);
  }
  CHECK(known.accept_value() == "identity");
}

TEST_CASE("encoding_registry: sixteen encodings with the longest names fit, and no more") {
  std::vector<std::string> names;
  for (char c = 'a'; c <= 'q'; ++c) names.emplace_back(32, c);
  REQUIRE(names.size() == encoding_registry::encodings_max + 1);
  std::vector<std::unique_ptr<named>> made;
  for (const std::string& name : names) made.push_back(std::make_unique<named>(name));
  encoding_registry known;
  std::string expected = "identity";
  for (std::size_t i = 0; i < encoding_registry::encodings_max; ++i) {
    known.add(*made[i]);
    expected += ',' + names[i];
  }
  CHECK(known.accept_value() == expected);
  CHECK_THROWS_AS(known.add(*made.back()), std::length_error);
  CHECK(known.accept_value() == expected);
}

TEST_CASE("wire rule 20: a list of encodings is split at commas, with spaces or without") {
  const named gzip{"gzip"};
  const named deflate{"deflate"};
  encoding_registry known;
  known.add(gzip);
  known.add(deflate);
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
    encoding_set accepted;
    known.accept(r.list, accepted);
    CHECK(accepted.contains(0) == r.gzip);
    CHECK(accepted.contains(1) == r.deflate);
  }
  encoding_set both;
  known.accept("gzip", both);  // the field may come more than once
  known.accept("deflate", both);
  CHECK(both.contains(0));
  CHECK(both.contains(1));
}
