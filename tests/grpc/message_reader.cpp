// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/message_reader.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/base/memory_pool.hpp>

#include "../support/random.hpp"
#include "../support/seeds.hpp"

using namespace ringrpc;

namespace {
using texts = std::vector<std::string>;
using bytes = std::span<const std::byte>;
constexpr std::uint32_t limit = 100'000;

std::string prefix_of(unsigned flag, std::uint32_t length) {
  std::string wire(message_prefix_bytes, '\0');
  encode_message_prefix(std::as_writable_bytes(std::span{wire}).data(),
                        {static_cast<std::uint8_t>(flag), length});
  return wire;
}
std::string framed(std::string_view message) {
  return prefix_of(0, static_cast<std::uint32_t>(message.size())) + std::string{message};
}
std::string framed_all(const texts& messages) {
  std::string wire;
  for (const std::string& each : messages) wire += framed(each);
  return wire;
}

/// Feeds pieces to a reader and collects what comes out.
struct harness {
  explicit harness(std::uint32_t bytes_max = limit) : reader(pool, bytes_max) {}

  /// Feeds `piece` and takes all messages. It is copied, and dies at once.
  void feed(std::string_view piece) {
    const std::vector<char> exact(piece.begin(), piece.end());  // so that ASan sees its ends
    bytes input = std::as_bytes(std::span{exact});
    while (take(input)) {
    }
    CHECK(input.empty());
    CHECK(reader.message().empty());
  }
  /// @return whether there was a message.
  bool take(bytes& input) {
    last = reader.next(input);
    if (last == message_event::message) seen.emplace_back(as_text(reader.message()));
    return last == message_event::message;
  }

  memory_pool pool;
  message_reader reader;
  texts seen;
  message_event last = message_event::more;
};
}  // namespace

TEST_CASE("message_reader: without input there is no message and nothing is held") {
  harness h;
  h.feed("");
  CHECK(h.last == message_event::more);
  CHECK(h.reader.held_bytes() == 0);
  CHECK(h.reader.missing_bytes() == 0);
  CHECK(h.reader.capacity_bytes() == 0);
  CHECK_FALSE(h.reader.has_message());
  CHECK(h.reader.error().ok());
  CHECK(h.reader.finish().ok());
}

TEST_CASE("wire rule 16: several messages in one piece come out in place") {
  harness h;
  const std::string wire = framed_all({"first", "", "third"});
  bytes input = as_bytes(wire);
  REQUIRE(h.reader.next(input) == message_event::message);
  CHECK(as_text(h.reader.message()) == "first");
  CHECK(as_text(h.reader.message()).data() == wire.data() + 5);
  CHECK(input.size() == wire.size() - 10);
  CHECK(h.pool.used_bytes() == 0);
  REQUIRE(h.reader.next(input) == message_event::message);
  CHECK(h.reader.message().empty());
  REQUIRE(h.reader.next(input) == message_event::message);
  CHECK(as_text(h.reader.message()) == "third");
  CHECK(input.empty());
  CHECK(h.reader.next(input) == message_event::more);
  CHECK(h.pool.used_bytes() == 0);
  CHECK(h.reader.finish().ok());
}

TEST_CASE("wire rule 19: a message of no bytes is a message") {
  harness h;
  h.feed(framed(""));
  CHECK(h.seen == texts{""});
  CHECK(h.pool.retained_bytes() == 0);  // in place: there was no memory to give back
  h.feed(prefix_of(0, 0).substr(0, 4));
  CHECK(h.seen.size() == 1);
  h.feed(prefix_of(0, 0).substr(4));
  CHECK(h.seen == texts{"", ""});
  CHECK(h.reader.finish().ok());
}

TEST_CASE("wire rule 16: a message may be cut at any two places") {
  const texts messages{"one", "", std::string(20, 'x'), "y", "", "zz"};
  const std::string wire = framed_all(messages);
  for (std::size_t first = 0; first <= wire.size(); ++first) {
    for (std::size_t second = first; second <= wire.size(); ++second) {
      harness h;
      h.feed(std::string_view{wire}.substr(0, first));
      h.feed(std::string_view{wire}.substr(first, second - first));
      h.feed(std::string_view{wire}.substr(second));
      REQUIRE(h.seen == messages);
      REQUIRE(h.reader.finish().ok());
      REQUIRE(h.pool.used_bytes() == 0);
    }
  }
}

TEST_CASE("wire rule 16: a message may come byte by byte, and what is missing is known") {
  const std::string message(300, 'm');
  const std::string wire = framed(message);
  harness h;
  for (std::size_t fed = 0; fed < wire.size(); ++fed) {
    h.feed(std::string_view{wire}.substr(fed, 1));
    const std::size_t arrived = fed + 1;
    const bool whole = arrived == wire.size();
    REQUIRE(h.seen.size() == (whole ? 1 : 0));
    REQUIRE(h.reader.held_bytes() == (whole ? 0 : arrived));
    const std::size_t known = arrived < message_prefix_bytes ? message_prefix_bytes : wire.size();
    REQUIRE(h.reader.missing_bytes() == known - arrived);
  }
  CHECK(h.seen == texts{message});
}

TEST_CASE("message_reader: one that completes what is held copies no byte too many") {
  harness h;
  const std::string wire = framed_all({"first", "second"});
  h.feed(std::string_view{wire}.substr(0, 7));
  bytes input = as_bytes(wire).subspan(7);
  REQUIRE(h.take(input));
  CHECK(input.size() == framed("second").size());
  CHECK(h.reader.held_bytes() == 10);  // the message that was given
  REQUIRE(h.take(input));
  CHECK(as_text(h.reader.message()).data() == wire.data() + 15);  // in place again
  CHECK(h.pool.used_bytes() == 0);
  CHECK(h.seen == texts{"first", "second"});
}

TEST_CASE("message_reader: dropping the message gives its memory back at once") {
  harness h;
  const std::string wire = framed("message");
  h.feed(std::string_view{wire}.substr(0, 6));
  bytes input = as_bytes(wire).subspan(6);
  REQUIRE(h.take(input));
  CHECK(h.pool.used_bytes() > 0);
  h.reader.drop_message();
  CHECK(h.reader.message().empty());
  CHECK(h.reader.held_bytes() == 0);
  CHECK(h.pool.used_bytes() == 0);
  h.reader.drop_message();
  CHECK(h.reader.held_bytes() == 0);
}

TEST_CASE("message_reader: what is kept comes out later, in order, before the input") {
  harness h;
  const std::string wire = framed_all({"first", "second", "third"});
  h.reader.keep(as_bytes(wire).first(20));
  CHECK(h.reader.has_message());
  CHECK(h.reader.held_bytes() == 20);
  CHECK(h.reader.missing_bytes() == 1);  // of "second"
  h.reader.keep(as_bytes(wire).subspan(20, 2));
  CHECK(h.reader.missing_bytes() == 4);  // of a prefix
  bytes input = as_bytes(wire).subspan(22);
  REQUIRE(h.take(input));
  CHECK(h.reader.has_message());
  REQUIRE(h.take(input));
  CHECK_FALSE(h.reader.has_message());
  CHECK(input.size() == wire.size() - 22);  // untouched so far
  CHECK(h.reader.held_bytes() == 11 + 1);
  REQUIRE(h.take(input));
  CHECK_FALSE(h.take(input));
  CHECK(h.seen == texts{"first", "second", "third"});
  CHECK(h.pool.used_bytes() == 0);
}

TEST_CASE("wire rule 21: a flag of 1 without an agreed encoding is INTERNAL") {
  harness h;
  h.feed(prefix_of(1, 3) + "abc");
  CHECK(h.last == message_event::failed);
  CHECK(h.reader.error() ==
        internal("a message is flagged as compressed, but no grpc-encoding was agreed"));
}

TEST_CASE("wire rule 16: any other flag is INTERNAL") {
  for (unsigned flag = 2; flag < 256; ++flag) {
    CAPTURE(flag);
    harness h;
    h.feed(prefix_of(flag, 0));
    CHECK(h.last == message_event::failed);
    CHECK(h.reader.error().code() == status_code::internal);
  }
  harness h;
  h.feed(prefix_of(255, 0));
  CHECK(h.reader.error().message() == "the flag in front of a message is 255, not 0 or 1");
}

TEST_CASE("wire rule 17: a message above the limit is RESOURCE_EXHAUSTED before any allocation") {
  harness fits{100};
  fits.feed(framed(std::string(100, 'x')));
  CHECK(fits.seen.size() == 1);
  for (std::uint32_t length : {101u, 0x7fff'ffffu, 0xffff'ffffu}) {
    CAPTURE(length);
    harness h{100};
    h.feed(prefix_of(0, length) + "abc");
    CHECK(h.last == message_event::failed);
    CHECK(h.reader.error().code() == status_code::resource_exhausted);
    CHECK(h.pool.used_bytes() == 0);
    CHECK(h.pool.retained_bytes() == 0);  // never was any
    CHECK(h.reader.missing_bytes() == 0);
  }
  harness h{100};
  h.feed(prefix_of(0, 101));
  CHECK(h.reader.error().message() == "a message of 101 bytes was announced, the limit is 100");
  harness nothing{0};
  nothing.feed(framed(""));
  CHECK(nothing.seen.size() == 1);
}

TEST_CASE("wire rule 17: a message that the end of the stream cuts off is INTERNAL") {
  const std::string wire = framed_all({"whole", "cut off"});
  for (std::size_t fed = 0; fed <= wire.size(); ++fed) {
    CAPTURE(fed);
    harness h;
    h.feed(std::string_view{wire}.substr(0, fed));
    const bool at_border = fed == 0 || fed == 10 || fed == wire.size();
    CHECK(h.reader.finish().ok() == at_border);
    if (!at_border) CHECK(h.reader.finish().code() == status_code::internal);
    CHECK(h.reader.error().ok());
  }
  harness h;
  h.feed(std::string_view{wire}.substr(0, 20));
  CHECK(h.reader.finish().message() == "the stream ended inside a message: 2 bytes are missing");
}

TEST_CASE("wire rule 30: messages before a fault are given before it, whatever the cuts") {
  const std::string wire =
      framed_all({"first", "second"}) + prefix_of(9, 4) + "junk" + framed("never");
  for (bool kept : {false, true}) {
    for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
      CAPTURE(kept);
      CAPTURE(cut);
      harness h;
      if (kept) {
        h.reader.keep(as_bytes(wire).first(cut));
        h.reader.keep(as_bytes(wire).subspan(cut));
        CHECK(h.reader.missing_bytes() == 0);
        CHECK(h.reader.held_bytes() == framed_all({"first", "second"}).size());
        h.feed("");
      } else {
        h.feed(std::string_view{wire}.substr(0, cut));
        h.feed(std::string_view{wire}.substr(cut));
      }
      CHECK(h.seen == texts{"first", "second"});
      CHECK(h.last == message_event::failed);
      CHECK(h.reader.finish().code() == status_code::internal);
      CHECK(h.pool.used_bytes() == 0);
    }
  }
}

TEST_CASE("message_reader: after a fault all input is used up and it stays failed") {
  harness h;
  h.feed(prefix_of(2, 0));
  h.feed(framed("more"));
  CHECK(h.last == message_event::failed);
  CHECK(h.seen.empty());
  h.reader.keep(as_bytes(framed("more")));
  CHECK(h.reader.held_bytes() == 0);
  CHECK(h.pool.retained_bytes() == 0);  // nor was memory taken
  CHECK(h.reader.finish() == h.reader.error());
}

TEST_CASE("message_reader: a reset reader is as new, in the middle of a message or failed") {
  harness h{10};
  h.feed(framed("whole") + prefix_of(0, 8) + "par");
  h.reader.reset(20);
  CHECK(h.reader.held_bytes() == 0);
  CHECK(h.reader.missing_bytes() == 0);
  CHECK(h.pool.used_bytes() == 0);
  h.feed(framed("of fifteen byte"));
  CHECK(h.seen == texts{"whole", "of fifteen byte"});
  h.feed(prefix_of(3, 0));
  h.reader.reset(20);
  CHECK(h.reader.error().ok());
  h.feed(framed("good"));
  CHECK(h.seen.back() == "good");
  h.reader.keep(as_bytes(framed("gone")));
  h.reader.reset(20);
  CHECK_FALSE(h.reader.has_message());
}

TEST_CASE("message_reader: memory follows what arrived, not what a prefix promises") {
  constexpr std::uint32_t promised = 4 * 1024 * 1024;
  harness h{promised};
  h.feed(prefix_of(0, promised));
  CHECK(h.reader.capacity_bytes() <= message_reader::first_bytes_max);
  CHECK(h.reader.missing_bytes() == promised);
  std::size_t arrived = message_prefix_bytes;
  std::size_t growths = 0;
  std::size_t capacity = h.reader.capacity_bytes();
  const std::string piece(16 * 1024, 'p');
  while (h.reader.missing_bytes() > 0) {
    h.feed(std::string_view{piece}.substr(0, std::min(piece.size(), h.reader.missing_bytes())));
    if (!h.seen.empty()) break;
    arrived += piece.size();
    REQUIRE(h.reader.held_bytes() == arrived);
    REQUIRE(h.reader.capacity_bytes() >= arrived);
    REQUIRE(h.reader.capacity_bytes() <= std::min<std::size_t>(4 * arrived, promised + 5));
    growths += h.reader.capacity_bytes() != capacity;
    capacity = h.reader.capacity_bytes();
  }
  REQUIRE(h.seen.size() == 1);
  CHECK(h.seen[0] == std::string(promised, 'p'));
  CHECK(growths <= 12);  // so that the bytes are moved a few times only
}

TEST_CASE("message_reader: a message that is nearly whole gets the memory that it needs") {
  harness h;
  h.feed(prefix_of(0, 90'000) + std::string(60'000, 'x'));
  const std::size_t first = h.reader.capacity_bytes();
  CHECK(first == 90'005);
  h.feed(std::string(29'999, 'x'));
  CHECK(h.reader.capacity_bytes() == first);
  CHECK(h.reader.missing_bytes() == 1);
}

TEST_CASE("message_reader: a fault in what is kept takes no memory") {
  harness h;
  h.reader.keep(as_bytes(prefix_of(9, 4)));
  CHECK_FALSE(h.reader.error().ok());
  CHECK(h.pool.used_bytes() == 0);
}

TEST_CASE("message_reader: many small pieces that are kept grow the memory a few times only") {
  harness h;
  std::size_t growths = 0;
  std::size_t capacity = 0;
  for (int i = 0; i < 20'000; ++i) {
    h.reader.keep(as_bytes(framed("piece")));
    growths += h.reader.capacity_bytes() != capacity;
    capacity = h.reader.capacity_bytes();
    REQUIRE(capacity <= 4 * std::max<std::size_t>(h.reader.held_bytes(), 64));
  }
  CHECK(growths <= 16);
  h.feed("");
  CHECK(h.seen == texts(20'000, "piece"));
}

TEST_CASE("message_reader: a queue of kept messages moves its bytes seldom") {
  // One message in, one out, 50 queued: the memory must not grow with time.
  harness h;
  std::string message(1'000, 'q');
  for (int i = 0; i < 50; ++i) h.reader.keep(as_bytes(framed(message)));
  for (int i = 0; i < 5'000; ++i) {
    message[0] = static_cast<char>('a' + i % 26);
    h.reader.keep(as_bytes(framed(message)));
    bytes none;
    REQUIRE(h.reader.next(none) == message_event::message);
    REQUIRE(h.reader.message().size() == 1'000);
    if (i >= 50) REQUIRE(as_text(h.reader.message())[0] == 'a' + (i - 50) % 26);
    REQUIRE(h.reader.capacity_bytes() <= 4 * 51 * 1'005);
  }
  CHECK(h.reader.held_bytes() == 50 * 1'005 + 1'005);
}

TEST_CASE("message_reader: random messages, cuts and pauses give the same messages") {
  testing::for_each_seed(1, 1'000, [](std::uint64_t seed) {
    testing::seeded_random random{seed};
    texts messages(random.below(30));
    const bool large = random.below(4) == 0;
    const std::uint64_t size_max = large ? 20'000 : 200;
    for (std::string& each : messages) {
      each.assign(random.below(size_max), static_cast<char>('a' + random.below(26)));
    }
    const bool breaks = random.below(4) == 0;
    std::string wire = framed_all(messages);
    if (breaks) wire += prefix_of(0, limit + 1) + "rest";

    harness h;
    const std::uint64_t piece_max = 1 + random.below(random.below(2) == 0 && !large ? 20 : 5'000);
    for (std::size_t fed = 0; fed < wire.size();) {
      const std::size_t size = random.between(1, piece_max);
      const std::string piece = wire.substr(fed, size);
      fed += piece.size();
      bytes input = as_bytes(piece);
      // A reader that takes some messages and lets the rest wait.
      for (std::uint64_t takes = random.below(4); takes > 0 && h.take(input);) --takes;
      if (random.below(8) == 0) h.reader.drop_message();
      h.reader.keep(input);
      REQUIRE(h.reader.held_bytes() <= h.reader.capacity_bytes());
      REQUIRE(h.reader.missing_bytes() <= limit);
    }
    h.feed("");
    REQUIRE(h.seen == messages);
    REQUIRE(h.reader.finish().ok() == !breaks);
    REQUIRE((h.last == message_event::failed) == breaks);
    REQUIRE(h.pool.used_bytes() == 0);
  });
}

TEST_CASE("message_reader: room is not made for more than is said to follow") {
  for (const std::size_t follows : {std::size_t{0}, std::size_t{20'000}}) {
    harness free;
    harness bound;
    const std::string begun = prefix_of(0, 90'000) + std::string(30'000, 'x');
    free.feed(begun);
    CHECK(free.reader.capacity_bytes() > 60'000);
    bound.reader.expect_at_most(follows);
    bound.feed(begun);
    // The pool rounds up to a power of two.
    CHECK(bound.reader.capacity_bytes() <= (follows == 0 ? 32'768 : 65'536));
    bound.reader.expect_at_most(60'000);
    bound.feed(std::string(60'000, 'x'));
    CHECK(bound.seen.size() == 1);
    bound.reader.expect_at_most(0);
    bound.reader.reset(limit);
    bound.feed(begun);  // there is no bound any more
    CHECK(bound.reader.capacity_bytes() > 60'000);
  }
}

TEST_CASE("message_reader: random bytes never do harm") {
  testing::for_each_seed(1, 2'000, [](std::uint64_t seed) {
    testing::seeded_random random{seed};
    harness h{1'000};
    for (int round = 0; round < 20; ++round) {
      std::string piece(random.below(60), '\0');
      for (char& byte : piece) {
        byte = random.below(3) == 0 ? static_cast<char>(random.below(5)) : '\0';
      }
      if (random.below(3) == 0) {
        h.reader.keep(as_bytes(piece));
      } else {
        h.feed(piece);
      }
      REQUIRE(h.reader.held_bytes() <= h.reader.capacity_bytes());
      if (h.last == message_event::failed) REQUIRE_FALSE(h.reader.error().ok());
    }
    static_cast<void>(h.reader.finish());
  });
}
