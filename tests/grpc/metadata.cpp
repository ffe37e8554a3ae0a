// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/metadata.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "../support/random.hpp"
#include "../support/failing_memory.hpp"

using namespace ringrpc;

namespace {
using fields = std::vector<std::pair<std::string, std::string>>;
using texts = std::vector<std::string>;

fields all(const metadata& from) {
  fields seen;
  for (metadata_field field : from) seen.emplace_back(field.key, field.value);
  return seen;
}
texts all_of(const metadata& from, std::string_view key) {
  texts seen;
  for (std::string_view value : from.get_all(key)) seen.emplace_back(value);
  return seen;
}
fields on_the_wire(const metadata& from) {
  fields seen;
  std::string scratch;
  std::vector<std::pair<std::string_view, std::string_view>> views;
  REQUIRE(from.for_each_wire_field(scratch, [&](std::string_view name, std::string_view value) {
    views.emplace_back(name, value);
  }));
  // Only now, as all views must be good until the end.
  for (const auto& [name, value] : views) seen.emplace_back(name, value);
  return seen;
}
void add(metadata& to, std::string_view key, std::string_view value) {
  const status added = to.add(key, value);
  REQUIRE(added == status{});
}
void receive(metadata& to, std::string_view name, std::string_view value) {
  const status added = to.add_received(name, value);
  REQUIRE(added == status{});
}
}  // namespace

static_assert(!std::is_aggregate_v<metadata>);
static_assert(std::is_nothrow_move_constructible_v<metadata>);

TEST_CASE("metadata: an empty one has nothing, on the wire neither") {
  const metadata none;
  CHECK(none.empty());
  CHECK(none.size() == 0);
  CHECK(none.begin() == none.end());
  CHECK_FALSE(none.get("x"));
  CHECK(none.get_all("x").empty());
  CHECK(on_the_wire(none).empty());
}

TEST_CASE("wire rule 13: fields keep their order, the values of one key too") {
  metadata sent;
  add(sent, "b", "1");
  add(sent, "a", "2");
  add(sent, "b", "3");
  add(sent, "b", "");
  CHECK(all(sent) == fields{{"b", "1"}, {"a", "2"}, {"b", "3"}, {"b", ""}});
  CHECK(sent.size() == 4);
  CHECK_FALSE(sent.empty());
  CHECK(sent.get("b") == "1");
  CHECK(sent.get("a") == "2");
  CHECK_FALSE(sent.get("c"));
  CHECK(all_of(sent, "b") == texts{"1", "3", ""});
  CHECK(all_of(sent, "c").empty());
  CHECK(sent.get_all("c").empty());
  CHECK_FALSE(sent.get_all("a").empty());
  CHECK(on_the_wire(sent) == all(sent));
}

TEST_CASE("wire rule 12: the interface refuses what may not be sent, naming key and rule") {
  struct row {
    std::string_view key, value, message;
  };
  for (const row& r : {
           row{"X-B3-Sampled", "1",
               "metadata: the key \"X-B3-Sampled\" has an upper-case letter: keys are lower case"},
           row{"", "v", "metadata: the key \"\" is empty"},
           row{"a b", "v",
               "metadata: the key \"a b\" has a character that is none of 0-9 a-z _ - ."},
           row{":path", "/", "metadata: the key \":path\" is reserved for the protocol"},
           row{"grpc-foo", "v", "metadata: the key \"grpc-foo\" is reserved for the protocol"},
           row{"te", "trailers", "metadata: the key \"te\" is reserved for the protocol"},
           row{"content-length", "5",
               "metadata: the key \"content-length\" is reserved for the protocol"},
           row{"connection", "close",
               "metadata: the key \"connection\" is reserved for the protocol"},
           row{"host", "h", "metadata: the key \"host\" is reserved for the protocol"},
           row{"user-agent", "u", "metadata: the key \"user-agent\" is reserved for the protocol"},
           row{"-bin", "v", "metadata: the key \"-bin\" has no name before \"-bin\""},
           row{"x", "\xc3\xbc",
               "metadata: the value of \"x\" has a byte outside printable ASCII: only keys that "
               "end in "
               "\"-bin\" carry bytes"},
           row{"x", " v ", "metadata: the value of \"x\" begins or ends with a space"},
           row{"x\n", "v",
               "metadata: the key \"x?\" has a character that is none of 0-9 a-z _ - ."},
       }) {
    CAPTURE(r.key);
    metadata sent;
    add(sent, "before", "1");
    const status refused = sent.add(r.key, r.value);
    CHECK(refused.code() == status_code::internal);
    CHECK(refused.message() == r.message);
    CHECK(all(sent) == fields{{"before", "1"}});
  }
}

TEST_CASE("wire rule 13: values of -bin keys are bytes, on the wire base64 without padding") {
  const std::string bytes{"\1\2\3\4"};
  metadata sent;
  add(sent, "a-bin", bytes);
  add(sent, "b", "text");
  add(sent, "b-bin", "text");
  add(sent, "b-bin", "");
  add(sent, "c-bin", std::string_view{"\0\xff", 2});
  CHECK(sent.get("a-bin") == bytes);
  CHECK(on_the_wire(sent) == fields{{"a-bin", "AQIDBA"},
                                    {"b", "text"},
                                    {"b-bin", "dGV4dA"},
                                    {"b-bin", ""},
                                    {"c-bin", "AP8"}});
}

TEST_CASE("metadata: a value may be given as bytes") {
  metadata sent;
  const std::byte bytes[] = {std::byte{0}, std::byte{0xff}};
  CHECK(sent.add("a-bin", bytes).ok());
  CHECK(sent.get("a-bin") == std::string_view{"\0\xff", 2});
  CHECK(sent.add("a", bytes).code() == status_code::internal);
}

TEST_CASE("wire rule 13: a -bin value is split at commas before it is decoded") {
  struct row {
    std::string_view wire;
    texts values;
  };
  for (const row& r :
       {row{"AQIDBA", {"\1\2\3\4"}}, row{"AQIDBA==", {"\1\2\3\4"}}, row{"", {""}},
        row{"Zg,Zm8=,Zm9v", {"f", "fo", "foo"}}, row{"Zg==, Zm8", {"f", "fo"}},
        row{"Zg,", {"f", ""}}, row{",", {"", ""}}, row{" Zg ", {"f"}}, row{"  ", {""}}}) {
    CAPTURE(r.wire);
    metadata received;
    receive(received, "x-bin", r.wire);
    CHECK(all_of(received, "x-bin") == r.values);
  }
}

TEST_CASE("a -bin value of many parts does not make much of little") {
  const std::string key(200, 'k');
  metadata held;
  const status refused = held.add_received(key + "-bin", std::string(4000, ','));
  CHECK(refused.code() == status_code::resource_exhausted);
  CHECK(held.empty());
  CHECK(held.add_received("trace-bin", "YQ,YQ,YQ,YQ,YQ,YQ,YQ,YQ,YQ,YQ").ok());
  CHECK(held.size() == 10);
}

TEST_CASE("wire rule 13: a -bin value that is no base64 is INTERNAL") {
  for (std::string_view wire : {"A", "A===", "Zg=", "Zg Zg", "Z-_g", "Zg,A", "\xff\xff"}) {
    CAPTURE(wire);
    metadata received;
    receive(received, "before", "1");
    const status refused = received.add_received("x-bin", wire);
    CHECK(refused == internal("metadata: the value of \"x-bin\" is no base64"));
    CHECK(received.get("before") == "1");
    receive(received, "after", "2");
    CHECK(received.get("after") == "2");
  }
}

TEST_CASE("wire rule 14: fields of the protocol are not visible as metadata") {
  metadata received;
  for (const reserved_name& row : reserved_names) {
    const std::string_view value = is_binary_key(row.name) ? "dg" : "v";
    receive(received, row.name, value);
    CAPTURE(row.name);
    CHECK(received.get(row.name).has_value() == (row.use != metadata_use::hidden));
  }
  receive(received, ":method", "POST");
  CHECK_FALSE(received.get(":method"));
  CHECK(received.get("user-agent") == "v");
  CHECK(received.get(":authority") == "v");
  CHECK(received.get("grpc-trace-bin") == "v");
}

TEST_CASE("wire rule 12: a receiver takes any name and value that HTTP allows") {
  metadata received;
  const std::string name = "!#$%&'*+^`|~x";
  receive(received, name, "v");
  receive(received, "x", "gr\xc3\xbc\xc3\x9f");
  receive(received, "y", " outer space kept ");
  receive(received, "z", "");
  CHECK(all(received) ==
        fields{{name, "v"}, {"x", "gr\xc3\xbc\xc3\x9f"}, {"y", " outer space kept "}, {"z", ""}});
}

TEST_CASE("metadata: all that was received can be sent back; what may not be sent is left out") {
  metadata received;
  receive(received, ":authority", "localhost");
  receive(received, "user-agent", "grpc-c++/1.51.1");
  receive(received, "x-b", "1");
  receive(received, "!legal-in-http", "v");
  receive(received, "x-a", " outer space ");
  receive(received, "x-a", "gr\xc3\xbc\xc3\x9f");
  receive(received, "x-bin", "AQIDBA==,Zg");
  receive(received, "-bin", "Zg");
  receive(received, "grpc-status-details-bin", "Zg");
  receive(received, "x-b", "2");
  receive(received, "x-c", "");
  const fields expected{
      {"x-b", "1"}, {"x-bin", "AQIDBA"}, {"x-bin", "Zg"}, {"x-b", "2"}, {"x-c", ""}};

  const metadata copied = received;
  CHECK(on_the_wire(copied) == expected);

  metadata trailers;
  add(trailers, "x-mine", "0");
  CHECK(trailers.append(received).ok());
  CHECK(trailers.size() == 1 + received.size());
  fields with_mine = expected;
  with_mine.insert(with_mine.begin(), {"x-mine", "0"});
  CHECK(on_the_wire(trailers) == with_mine);

  metadata one_by_one;  // refusals passed over
  for (metadata_field field : received) {
    const status ignored = one_by_one.add(field.key, field.value);
    static_cast<void>(ignored);
  }
  CHECK(on_the_wire(one_by_one) == expected);
}

TEST_CASE("metadata: erasing removes all values of a key and keeps the rest in order") {
  metadata sent;
  for (std::string_view key : {"a", "b", "a", "c", "b", "a"}) add(sent, key, "v");
  CHECK(sent.erase("x") == 0);
  CHECK(sent.size() == 6);
  CHECK(sent.erase("a") == 3);
  CHECK(all(sent) == fields{{"b", "v"}, {"c", "v"}, {"b", "v"}});
  CHECK(sent.erase(sent.begin().operator*().key) == 2);  // a view into it
  CHECK(all(sent) == fields{{"c", "v"}});
  CHECK(sent.erase("c") == 1);
  CHECK(sent.empty());
  add(sent, "d", "w");
  CHECK(all(sent) == fields{{"d", "w"}});
}

TEST_CASE("metadata: its own views may be added, whether its memory grows or not") {
  metadata sent;
  add(sent, "a", "0123456789");
  for (int round = 0; round < 100; ++round) {
    const metadata_field first = *sent.begin();
    const status added = sent.add(first.key, first.value);
    REQUIRE(added.ok());
    const metadata copy = sent;  // as tight as it can be
    metadata tight = copy;
    const status tight_added = tight.add((*tight.begin()).key, *tight.get("a"));
    REQUIRE(tight_added.ok());
    REQUIRE(all_of(tight, "a") == texts(static_cast<std::size_t>(round) + 3, "0123456789"));
  }
  CHECK(sent.append(sent).ok());
  CHECK(all_of(sent, "a") == texts(202, "0123456789"));
}

TEST_CASE("metadata: copies are independent, moving empties nothing else") {
  metadata first;
  add(first, "a", "1");
  metadata second = first;
  add(second, "b", "2");
  CHECK(all(first) == fields{{"a", "1"}});
  CHECK(all(second) == fields{{"a", "1"}, {"b", "2"}});
  const metadata third = std::move(second);
  CHECK(all(third) == fields{{"a", "1"}, {"b", "2"}});
}

TEST_CASE("metadata: once warm, filling and sending it allocates nothing") {
  metadata used;
  std::string scratch;
  std::size_t allocated = 0;
  for (int round = 0; round < 3; ++round) {
    const std::size_t before = test::allocations();
    used.clear();
    for (int i = 0; i < 20; ++i) {
      add(used, "some-key", "some value");
      add(used, "some-bin", "some bytes");
      receive(used, "other-bin", "AQIDBA==");
    }
    std::size_t sum = 0;
    REQUIRE(used.for_each_wire_field(scratch, [&](std::string_view name, std::string_view value) {
      sum += name.size() + value.size();
    }));
    CHECK(sum > 0);
    allocated = test::allocations() - before;
  }
  CHECK(allocated == 0);
}

TEST_CASE("metadata: filling it one by one grows its memory a few times only") {
  const std::size_t before = test::allocations();
  metadata sent;
  for (int i = 0; i < 10'000; ++i) add(sent, "some-key", "some value");
  CHECK(test::allocations() - before < 60);
}

TEST_CASE("metadata: where memory is short it says so and stays as it was") {
  for (std::size_t passing = 0; passing < 3; ++passing) {
    CAPTURE(passing);
    metadata other;
    add(other, "y-bin", std::string(200, 'y'));
    const std::string large(1'000, 'v');
    metadata sent;
    add(sent, "a", "1");
    std::string scratch;
    bool visited = false;
    std::size_t failures = 0;
    {
      const test::failing_memory short_of_it{passing};
      for (int i = 0; i < 2; ++i) {
        const status added = sent.add("key", large);
        if (added.ok()) continue;
        ++failures;
        CHECK(added.code() == status_code::resource_exhausted);
      }
      failures += !sent.append(other).ok();
      failures += !sent.add_received("b-bin", large).ok();
      failures += !sent.add_received("b", large).ok();
      const bool all_visited = other.for_each_wire_field(
          scratch, [&](std::string_view, std::string_view) { visited = true; });
      CHECK(visited == all_visited);
      failures += !all_visited;
    }
    CHECK(failures > 0);
    const fields seen = all(sent);
    REQUIRE_FALSE(seen.empty());
    CHECK(seen[0] == std::pair<std::string, std::string>{"a", "1"});
    for (std::size_t i = 1; i < seen.size(); ++i) CHECK(seen[i].second.size() >= 200);
    add(sent, "after", "2");
    CHECK(sent.get("after") == "2");
  }
}

TEST_CASE("metadata: random changes agree with a list") {
  testing::seeded_random random{26};
  metadata tested;
  fields model;
  for (int step = 0; step < 20'000; ++step) {
    const std::string key(1, static_cast<char>('a' + random.below(6)));
    const std::string value(random.below(30), static_cast<char>('0' + random.below(10)));
    switch (random.below(12)) {
      case 0:
        tested.erase(key);
        std::erase_if(model, [&](const auto& field) { return field.first == key; });
        break;
      case 1:
        if (random.below(5) == 0) tested.clear(), model.clear();
        break;
      case 2:
        if (model.size() < 100) {
          REQUIRE(tested.append(tested).ok());
          model.reserve(2 * model.size());
          model.insert(model.end(), model.begin(), model.end());
        }
        break;
      case 3:
      case 4:
        receive(tested, key, value);
        model.emplace_back(key, value);
        break;
      default:
        add(tested, key, value);
        model.emplace_back(key, value);
    }
    REQUIRE(tested.size() == model.size());
    if (step % 16 == 0) REQUIRE(all(tested) == model);
  }
  CHECK(on_the_wire(tested) == model);
}

TEST_CASE("metadata: what is sent is what is received, whatever the bytes") {
  testing::seeded_random random{13};
  for (int round = 0; round < 300; ++round) {
    metadata sent;
    metadata received;
    for (std::uint64_t i = random.below(10); i > 0; --i) {
      std::string bytes(random.below(20), '\0');
      for (char& byte : bytes) byte = static_cast<char>(random.next());
      add(sent, random.below(2) == 0 ? "x-bin" : "y-bin", bytes);
    }
    for (const auto& [name, value] : on_the_wire(sent)) receive(received, name, value);
    REQUIRE(all(received) == all(sent));
  }
}
