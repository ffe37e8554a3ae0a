// SPDX-License-Identifier: MIT
//
// Calls whose messages are compressed: agreed by headers, chosen per call and per message,
// and what a peer may get wrong (wire rules 20 to 22).
#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "raw_peer.hpp"
#include "support.hpp"

namespace ringrpc::wire_test {
namespace {
using fields = http2::test::field_list;

/// How often, and what: `aaab` is `\3a\1b`.
class run_encoding final : public message_encoding {
public:
  std::string_view name() const noexcept override { return "runs"; }
  std::size_t compress(std::span<const std::byte> from, std::span<std::byte> into) const override {
    std::size_t made = 0;
    for (std::size_t i = 0; i < from.size();) {
      std::size_t count = 1;
      while (count < 255 && i + count < from.size() && from[i + count] == from[i]) ++count;
      if (made + 2 > into.size()) return 0;
      into[made++] = static_cast<std::byte>(count);
      into[made++] = from[i];
      i += count;
    }
    return made;
  }
  decompress_result decompress(std::span<const std::byte> from, std::span<std::byte> into,
                               std::size_t) const override {
    if (from.size() % 2 != 0) return {decompress_outcome::malformed};
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < from.size(); i += 2) bytes += std::to_integer<std::size_t>(from[i]);
    if (bytes > into.size()) return {decompress_outcome::too_small, bytes};
    std::byte* at = into.data();
    for (std::size_t i = 0; i < from.size(); i += 2) {
      at = std::fill_n(at, std::to_integer<std::size_t>(from[i]), from[i + 1]);
    }
    return {decompress_outcome::done, bytes};
  }
};
const run_encoding runs;
const encoding_registry& known() {
  static const encoding_registry registry = [] {
    encoding_registry made;
    made.add(runs);
    return made;
  }();
  return registry;
}
const encoding_registry none{};

channel_options client_options() {
  channel_options options;
  options.connection.encodings = &known();
  return options;
}
server_options serving() {
  server_options options;
  options.connection.encodings = &known();
  return options;
}
std::string run(std::size_t count, char letter) {
  return {static_cast<char>(count), letter};
}

/// Answers in `runs` where it can. Unary and Upload say `+` in front where the request, or its
/// last message, came compressed; `Chat` sends each message back, every second one as it is.
void add_compressing(server& to) {
  to.handle<testing::unary>([](server_context& context, const std::string& in) {
    const bool set = context.set_compression("runs");
    return result<std::string>{(set ? "s" : "-") +
                               std::string(context.message_compressed() ? "+" : "-") + in};
  });
  to.handle<testing::upload>(
      [](server_context& context, reader<std::string>& in) -> task<result<std::string>> {
        std::string all;
        while (std::string* one = co_await in.read()) {
          all += (context.message_compressed() ? '+' : '-') + std::to_string(one->size());
        }
        co_return all;
      });
  to.handle<testing::chat>([](server_context& context, reader<std::string>& in,
                              writer<std::string>& out) -> task<status> {
    const bool set = context.set_compression("runs");
    bool compress = true;
    while (std::string* one = co_await in.read()) {
      const bool queued = co_await out.write(*one, {.compress = compress});
      if (!queued) co_return cancelled("gone");
      compress = !compress;
    }
    co_return set && !context.set_compression("runs") ? status{} : internal("set too late");
  });
}

task<> call_all(channel& calls) {
  const std::string large(100'000, 'x');
  auto first = calls.call<testing::unary>(large, {.compression = "runs"});
  const result<std::string> reply = co_await first;
  REQUIRE(reply);
  CHECK(*reply == "s+" + large);
  CHECK(first.message_compressed());

  auto second = calls.call<testing::unary>(large);
  const result<std::string> plain = co_await second;
  REQUIRE(plain);
  CHECK(*plain == "s-" + large);
  CHECK(second.message_compressed());

  auto collecting = calls.call<testing::upload>({.compression = "runs"});
  for (int i = 0; i < 3; ++i) {
    const bool queued = co_await collecting.write(large, {.compress = i != 1});
    CHECK(queued);
  }
  const result<std::string> collected = co_await collecting.finish();
  REQUIRE(collected);
  CHECK(*collected == "+100000-100000+100000");
  CHECK_FALSE(collecting.message_compressed());

  auto talk = calls.call<testing::chat>({.compression = "runs"});
  for (int i = 0; i < 4; ++i) {
    const std::string message(5000, static_cast<char>('a' + i));
    const bool queued = co_await talk.write(message);
    CHECK(queued);
    std::string* back = co_await talk.read();
    REQUIRE(back != nullptr);
    CHECK(*back == message);
    CHECK(talk.message_compressed() == (i % 2 == 0));
  }
  const status end = co_await talk.finish();
  CHECK(end.ok());
}
}  // namespace

TEST_CASE("wire rule 20: requests list the encodings that are built in") {
  if (built_in_encodings.encodings().empty()) return;  // nothing is said then
  CHECK(detail::accepted_by_default == built_in_encodings.accept_value());
}

TEST_CASE("wire rules 20 to 22: each kind of call is compressed both ways, message by message") {
  testing::on_each_wire([](testing::bed& here) {
    server served{here.home(), serving()};
    add_compressing(served);
    here.listen(served);
    channel calls = here.connect(client_options());
    here.run(call_all(calls));
    here.run(calls.close());
    here.run(served.close());
  });
}

TEST_CASE("wire rule 20: what goes over the wire, and a server that tells what it accepts") {
  server_bed bed{serving(), false};
  bed.served.handle<unary_method<"/t.S/Both", std::string, std::string>>(
      [](server_context& context, const std::string& in) {
        const bool set = context.set_compression("runs");
        return result<std::string>{set ? in : "not set"};
      });
  bed.start();
  const std::string compressed = framed(run(200, 'a'), 1);
  // Nothing was agreed, and nothing is said.
  bed.request(1, "/t.S/Both", framed("aaaa"));
  CHECK(bed.sent() ==
        "HEADERS 1 :status=200 content-type=application/grpc; DATA 1 12; "
        "HEADERS 1 grpc-status=0 end");
  // The client compresses and takes it back; rule 21: what it used is confirmed.
  bed.request(3, "/t.S/Both", compressed,
              {{"grpc-encoding", "runs"}, {"grpc-accept-encoding", "gzip, runs"}});
  CHECK(bed.sent() ==
        "HEADERS 3 :status=200 content-type=application/grpc grpc-encoding=runs "
        "grpc-accept-encoding=identity,runs; DATA 3 7; HEADERS 3 grpc-status=0 end");
  CHECK(bed.peer->body[3] == compressed);
  // It compresses, but takes no answer so (rule 22).
  bed.request(5, "/t.S/Both", compressed, {{"grpc-encoding", "runs"}});
  CHECK(bed.sent() ==
        "HEADERS 5 :status=200 content-type=application/grpc "
        "grpc-accept-encoding=identity,runs; DATA 5 12; HEADERS 5 grpc-status=0 end");
  // Just so where the answer is an error at once.
  bed.request(9, "/t.S/Unary", framed(run(1, 'f') + run(1, 'a') + run(1, 'i') + run(1, 'l'), 1),
              {{"grpc-encoding", "runs"}});
  CHECK(bed.sent() ==
        "HEADERS 9 :status=200 content-type=application/grpc "
        "grpc-accept-encoding=identity,runs grpc-status=5 end");
  // A stream with an encoding may have messages without it; one that gains nothing is such.
  bed.request(11, "/t.S/Both", framed("abc"),
              {{"grpc-encoding", "runs"}, {"grpc-accept-encoding", "runs"}});
  static_cast<void>(bed.sent());
  CHECK(bed.peer->body[11] == framed("abc"));
}

TEST_CASE("wire rules 21, 22: compressed messages that end their call, and only that") {
  server_options options = serving();
  options.connection.receive_message_bytes_max = 1000;
  server_bed bed{options};
  const std::string limit = run(250, 'a') + run(250, 'a') + run(250, 'a') + run(250, 'a');
  struct row {
    const char* name;
    std::string message;
    const char* encoding;
    int code;
  };
  std::int32_t id = 1;
  for (const row& one :
       {row{"at the limit", framed(limit, 1), "runs", 0},
        row{"above the limit once it is decompressed", framed(limit + run(1, 'a'), 1), "runs", 8},
        row{"above the limit as it comes", framed(std::string(1002, '\0'), 1), "runs", 8},
        row{"malformed", framed("abc", 1), "runs", 13}, row{"flag 2", framed("ab", 2), "runs", 13},
        row{"empty", framed("", 1), "runs", 0},
        row{"flag 1 and identity", framed(limit, 1), "identity", 13},
        row{"an encoding that is not spoken", framed(limit, 1), "gzip", 12}}) {
    CAPTURE(one.name);
    bed.request(id, "/t.S/Unary", one.message, {{"grpc-encoding", one.encoding}});
    const std::string answer = bed.sent();
    CAPTURE(answer);
    CHECK(answer.find("grpc-status=" + std::to_string(one.code)) != std::string::npos);
    id += 2;
  }
  // And one of a stream, behind a good one.
  bed.request(id, "/t.S/Client", framed(limit, 1) + framed("abc", 1), {{"grpc-encoding", "runs"}});
  CHECK(bed.sent().find("grpc-status=13") != std::string::npos);
}

TEST_CASE("wire rules 21, 22: compressed responses, good and bad, at a client") {
  const fields plain{{":status", "200"}, {"content-type", "application/grpc"}};
  fields in_runs = plain;
  in_runs.emplace_back("grpc-encoding", "runs");
  fields in_gzip = plain;
  in_gzip.emplace_back("grpc-encoding", "gzip");
  const std::string end = headers_frame(1, fields{{"grpc-status", "0"}}, last);
  struct row {
    const char* name;
    fields head;
    std::string message;
    int code;
    const char* text;
  };
  for (const row& one :
       {row{"compressed", in_runs, framed(run(3, 'a'), 1), 0, "aaa"},
        row{"as it is", in_runs, framed("abc"), 0, "abc"},
        row{"malformed", in_runs, framed("abc", 1), 13,
            "a received message is flagged as compressed and is no runs"},
        row{"above the limit", in_runs, framed(run(101, 'a'), 1), 8,
            "a message is larger than the limit of 100 bytes once it is decompressed"},
        row{"an encoding that is not spoken", in_gzip, framed("abc", 1), 13,
            "grpc-encoding \"gzip\" is not spoken here, only identity,runs"},
        row{"flag 1 without an encoding", plain, framed("abc", 1), 13,
            "a message is flagged as compressed, but no grpc-encoding was agreed"}}) {
    CAPTURE(one.name);
    channel_options options = client_options();
    options.connection.receive_message_bytes_max = 100;
    client_bed bed{options};
    bed.start();
    static_cast<void>(bed.sent());
    bed.send(headers_frame(1, one.head) + data_frame(1, one.message));
    const std::string expected = one.code == 0 ? "" : "RST_STREAM 1 CANCEL";
    CHECK(bed.sent() == expected);
    bed.send(one.code == 0 ? end : "");
    bed.settle();
    CHECK(bed.code() == one.code);
    CHECK(bed.text() == one.text);
  }
}

TEST_CASE("wire rule 22: a client compresses until the server says that it does not take it") {
  client_bed bed{client_options()};
  const std::string text(100, 'a');
  bed.start(text, {.compression = "runs"});
  CHECK(bed.sent().find("te=trailers grpc-encoding=runs grpc-accept-encoding=identity,runs "
                        "user-agent=") != std::string::npos);
  CHECK(bed.peer().body[1] == framed(run(100, 'a'), 1));
  const auto answered = [](std::int32_t id, std::string_view accepted) {
    fields head{{":status", "200"}, {"content-type", "application/grpc"}};
    if (!accepted.empty()) head.emplace_back("grpc-accept-encoding", std::string{accepted});
    return headers_frame(id, head) + data_frame(id, framed("ok")) +
           headers_frame(id, fields{{"grpc-status", "0"}}, last);
  };
  bed.send(answered(1, "identity,gzip"));
  bed.settle();
  bed.start(text, {.compression = "runs"});
  CHECK(bed.sent().find("grpc-encoding=runs") == std::string::npos);
  CHECK(bed.peer().body[3] == framed(text));
  bed.send(answered(3, ""));  // says nothing: what it said last holds
  bed.settle();
  bed.start(text, {.compression = "runs"});
  CHECK(bed.sent().find("grpc-encoding=runs") == std::string::npos);
  bed.send(answered(5, "runs"));
  bed.settle();
  bed.start(text, {.compression = "runs"});
  CHECK(bed.sent().find("grpc-encoding=runs") != std::string::npos);
  CHECK(bed.peer().body[7] == framed(run(100, 'a'), 1));
}

TEST_CASE("wire rule 21: a server that refuses the encoding is not asked so again") {
  client_bed bed{client_options()};
  bed.start("aaaa", {.compression = "runs"});
  static_cast<void>(bed.sent());
  bed.send(headers_frame(1,
                         fields{{":status", "200"},
                                {"content-type", "application/grpc"},
                                {"grpc-status", "12"},
                                {"grpc-accept-encoding", "identity"}},
                         last));
  static_cast<void>(bed.sent());
  CHECK(bed.code() == 12);
  bed.start("aaaa", {.compression = "runs"});
  CHECK(bed.sent().find("grpc-encoding=runs") == std::string::npos);
}

TEST_CASE("compression: a name that the channel does not have fails the call, and names it") {
  client_bed bed{client_options()};
  bed.start("x", {.compression = "snappy"});
  CHECK(bed.peers.empty());  // no connection is made for it
  CHECK(bed.code() == 13);
  CHECK(bed.text() == "the call's compression is \"snappy\", the channel has identity,runs");
}

TEST_CASE("compression: the name of a call's encoding may die when the call is made") {
  client_bed bed{client_options()};
  {
    std::string name{"runs"};
    bed.greets = false;  // the call waits for the connection
    bed.start("aaaa", {.compression = name});
    name = "gone";
  }
  bed.greets = true;
  CHECK(bed.sent().find("grpc-encoding=runs") != std::string::npos);
}

TEST_CASE("compression: a channel or server with an encoding that it does not have is not made") {
  ring here;
  const auto text_of = [](auto make) -> std::string {
    try {
      make();
    } catch (const std::invalid_argument& thrown) {
      return thrown.what();
    }
    return {};
  };
  const std::string name{"gzpi"};
  channel_options of_channel = client_options();
  of_channel.connection.compression = name;
  server_options of_server;
  of_server.connection = of_channel.connection;
  std::string expected{"connection_options::compression is \"gzpi\", "
                       "connection_options::encodings are identity,runs"};
  if (!RINGRPC_WITH_ZLIB) expected += "; gzip and deflate take -DRINGRPC_WITH_ZLIB=1";
  CHECK(text_of([&] { channel{here, "unix:/x", of_channel}; }) == expected);
  CHECK(text_of([&] { server{here, of_server}; }) == expected);
  of_channel.connection.compression = "identity";
  CHECK(text_of([&] { channel{here, "unix:/x", of_channel}; }) == "");
  of_channel.connection.encodings = nullptr;
  CHECK(text_of([&] { channel{here, "unix:/x", of_channel}; }) ==
        "connection_options::encodings is null; no encodings are an empty encoding_registry");
}

TEST_CASE("compression: the default of a channel holds unless the call says identity") {
  channel_options options = client_options();
  options.connection.compression = "runs";
  client_bed bed{options};
  bed.start("aaaa");
  CHECK(bed.sent().find("grpc-encoding=runs") != std::string::npos);
  bed.start("aaaa", {.compression = "identity"});
  const std::string second = bed.sent();
  CHECK(second.find("grpc-encoding") == std::string::npos);
  CHECK(second.find("grpc-accept-encoding=identity,runs") != std::string::npos);
}

TEST_CASE("compression: the default of a server holds for clients that take it") {
  server_options options = serving();
  options.connection.compression = "runs";
  server_bed bed{options};
  bed.request(1, "/t.S/Unary", framed("aaaa"), {{"grpc-accept-encoding", "identity,runs"}});
  CHECK(bed.sent().starts_with("HEADERS 1 :status=200 content-type=application/grpc "
                               "grpc-encoding=runs; DATA 1 7; "));
  bed.request(3, "/t.S/Unary", framed("aaaa"), {{"grpc-accept-encoding", "identity"}});
  CHECK(bed.sent().starts_with("HEADERS 3 :status=200 content-type=application/grpc; DATA 3 9; "));
}

TEST_CASE("compression: an encoding that throws ends the call, and only that") {
  class : public message_encoding {
  public:
    std::string_view name() const noexcept override { return "none"; }
    std::size_t compress(std::span<const std::byte>, std::span<std::byte>) const override {
      throw std::runtime_error{"no"};
    }
    decompress_result decompress(std::span<const std::byte>, std::span<std::byte>,
                                 std::size_t) const override {
      throw std::bad_alloc{};
    }
  } const throwing;
  encoding_registry registry;
  registry.add(throwing);
  server_options of_server;
  of_server.connection.encodings = &registry;
  of_server.connection.compression = "none";
  server_bed bed{of_server};
  bed.request(1, "/t.S/Unary", framed("aaaa"), {{"grpc-accept-encoding", "none"}});
  CHECK(bed.sent().ends_with("HEADERS 1 grpc-status=13 end"));
  CHECK(bed.peer->message == "the codec or the encoding could not make a message");
  bed.request(3, "/t.S/Unary", framed("aaaa", 1), {{"grpc-encoding", "none"}});
  CHECK(bed.sent().ends_with("grpc-status=8 end"));
  bed.request(5, "/t.S/Unary", framed("aaaa"));
  CHECK(bed.sent().ends_with("HEADERS 5 grpc-status=0 end"));
  channel_options of_channel;
  of_channel.connection = of_server.connection;
  client_bed calls{of_channel};
  calls.start("aaaa");
  CHECK(calls.sent() == "");
  CHECK(calls.text() == "the encoding could not compress the request");
  calls.start("aaaa", {.compression = "identity"});
  CHECK(calls.sent().starts_with("HEADERS"));
}

TEST_CASE("compression: what a client does not read holds the memory of what is sent, not more") {
  server_bed bed{serving(), false};
  bed.served.handle<unary_method<"/t.S/Zeros", std::string, std::string>>(
      [](server_context& context, const std::string& in) {
        const bool set = context.set_compression("runs");
        return result<std::string>{set ? std::string(4'000'000, 'z') : in};
      });
  bed.peer->credits = false;
  bed.start(settings_list{{settings_id::initial_window, 0}});
  // Each reply is 31,374 bytes on the wire, made of 4 MB.
  for (std::int32_t id = 1; id < 41; id += 2) {
    bed.request(id, "/t.S/Zeros", framed("x"), {{"grpc-accept-encoding", "runs"}});
  }
  bed.settle();
  CHECK(bed.here.memory().used_bytes() > 20 * 31'374);
  CHECK(bed.here.memory().used_bytes() < 2'000'000);
}

TEST_CASE("compression: a channel without encodings says nothing of them") {
  channel_options options;
  options.connection.encodings = &none;
  client_bed bed{options};
  bed.start("aaaa");
  CHECK(bed.sent().find("encoding") == std::string::npos);
}

// ---- what a peer asks for with few bytes is done in more turns than one

namespace {
/// 306,000 bytes, of 2400: four of them are more than a turn of a ring has room for.
std::string swollen() {
  std::string made;
  for (int i = 0; i < 1200; ++i) made += run(255, 'a');
  return framed(made, 1);
}
constexpr std::size_t swollen_bytes = 306'000;
/// Moves bytes, then lets the ring have one turn. @return whether anything happened.
bool one_turn(server_bed& bed) {
  const bool moved = bed.peer->pump();
  return bed.here.turn() || moved;
}
const fields in_runs{{"grpc-encoding", "runs"}};
}  // namespace

TEST_CASE("compression: unary requests that swell are taken four in a turn, and all are served") {
  server_bed bed{serving()};
  std::string all;
  constexpr unsigned calls = 21;
  for (unsigned i = 0; i < calls; ++i) {
    const auto id = static_cast<std::int32_t>(2 * i + 1);
    all += headers_frame(id, request_fields(in_runs, "/t.S/Unary"));
    all += data_frame(id, swollen(), end_stream);
  }
  bed.send(all);
  unsigned before = 0;
  unsigned turns = 0;
  for (unsigned idle = 0; idle < 3;) {
    idle = one_turn(bed) ? 0 : idle + 1;
    CHECK(bed.methods.started - before <= 4);
    turns += bed.methods.started != before ? 1 : 0;
    before = bed.methods.started;
  }
  CHECK(bed.methods.started == calls);
  CHECK(turns >= calls / 4);
  CHECK(bed.methods.received_bytes == calls * swollen_bytes);
  CHECK(bed.served.counters().calls == 0);
}

TEST_CASE("compression: a stream that swells leaves room for others between its messages") {
  server_bed bed{serving()};
  std::string all = headers_frame(1, request_fields(in_runs, "/t.S/Client"));
  for (int i = 0; i < 19; ++i) all += data_frame(1, swollen());
  all += data_frame(1, swollen(), end_stream);
  bed.send(all);
  bed.request(3, "/t.S/Unary", framed("small"));
  std::string order;
  for (unsigned idle = 0; idle < 3;) {
    idle = one_turn(bed) ? 0 : idle + 1;
    order += bed.peer->take();
  }
  CHECK(bed.methods.received_bytes == 20 * swollen_bytes + 5);
  const std::size_t small = order.find("HEADERS 3 grpc-status=0 end");
  const std::size_t large = order.find("HEADERS 1 grpc-status=0 end");
  REQUIRE(small != std::string::npos);
  REQUIRE(large != std::string::npos);
  CHECK(small < large);
}

TEST_CASE("compression: calls that end while their messages are in line leave nothing") {
  for (const char* how : {"reset", "lost", "deadline", "closed"}) {
    CAPTURE(std::string{how});
    server_bed bed{serving()};
    std::string all;
    fields more = in_runs;
    if (how == std::string_view{"deadline"}) more.emplace_back("grpc-timeout", "1m");
    for (std::int32_t id = 1; id < 40; id += 2) {
      all += headers_frame(id, request_fields(more, id % 4 == 1 ? "/t.S/Unary" : "/t.S/Client"));
      all += data_frame(id, swollen() + swollen().substr(0, 100));
    }
    bed.send(all);
    static_cast<void>(one_turn(bed));
    static_cast<void>(one_turn(bed));
    CHECK(bed.served.counters().calls > 0);
    if (how == std::string_view{"reset"}) {
      for (std::int32_t id = 1; id < 40; id += 2) bed.send(reset_frame(id));
    } else if (how == std::string_view{"lost"}) {
      bed.peer->close();
    } else if (how == std::string_view{"deadline"}) {
      bed.kernel.advance(1ms);
    } else {
      bed.finish();
      continue;
    }
    bed.settle();
    CHECK(bed.methods.running == 0);
    CHECK(bed.served.counters().calls == 0);
    CHECK(bed.served.counters().held_bytes == 0);
  }
}

TEST_CASE("compression: what is wrong behind a message that is in line is found in its turn") {
  server_bed bed{serving()};
  std::string all;
  for (std::int32_t id = 1; id < 20; id += 2) {
    all += headers_frame(id, request_fields(in_runs, "/t.S/Unary"));
    all += data_frame(id, swollen() + (id > 10 ? framed("ab", 1) : ""), end_stream);
  }
  bed.send(all + headers_frame(21, request_fields(in_runs, "/t.S/Unary")) +
           data_frame(21, swollen().substr(0, 1000), end_stream));
  const std::string answers = bed.sent() + ';';
  /// The last HEADERS of a stream.
  const auto end_of = [&](std::int32_t id) {
    const std::string head = "HEADERS " + std::to_string(id) + ' ';
    const std::size_t at = answers.rfind(head);
    return at == std::string::npos ? std::string{} : answers.substr(at, answers.find(';', at) - at);
  };
  for (std::int32_t id = 1; id < 20; id += 2) {
    CAPTURE(id);
    CHECK(end_of(id).find(id > 10 ? "grpc-status=12" : "grpc-status=0 end") != std::string::npos);
  }
  CHECK(end_of(21).find("grpc-status=13") != std::string::npos);
}
}  // namespace ringrpc::wire_test
