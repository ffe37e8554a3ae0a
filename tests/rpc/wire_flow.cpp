// SPDX-License-Identifier: MIT
//
// Memory and credit under peers that send and read as they like: bounded, without
// deadlock, and nothing lost at the end.
#include "raw_peer.hpp"

#include <tuple>

#include <ringrpc/coro/when_all.hpp>

namespace ringrpc::wire_test {
namespace {
constexpr std::uint64_t mib = 1024 * 1024;
constexpr std::int64_t connection_window = mib;

/// Sends one large message on each of many streams, as far as the windows allow.
class uploads {
public:
  uploads(server_bed& bed, std::size_t message_bytes)
      : bed_(bed), message_(framed(std::string(message_bytes, 'm'))) {}
  void open(std::int32_t id, std::string_view path) {
    bed_.send(headers_frame(id, request_fields({}, path)));
    left_[id] = message_.size();
  }
  /// One round: a frame of each stream. @return whether any bytes went.
  bool step() {
    bool sent = false;
    raw_peer& peer = *bed_.peer;
    for (auto& [id, left] : left_) {
      const std::int64_t room = std::min(peer.connection_window, peer.window_of(id));
      const std::size_t bytes = std::min<std::size_t>(
          {left, 16'384, room > 0 ? static_cast<std::size_t>(room) : 0});
      if (bytes == 0) continue;
      sent = true;
      peer.send(data_frame(id, std::string_view{message_}.substr(message_.size() - left, bytes),
                           left == bytes ? end_stream : std::uint8_t{0}));
      left -= bytes;
      peer.connection_window -= static_cast<std::int64_t>(bytes);
      peer.windows[id] -= static_cast<std::int64_t>(bytes);
    }
    std::erase_if(left_, [](const auto& one) { return one.second == 0; });
    return sent;
  }
  [[nodiscard]] bool done() const { return left_.empty(); }
  [[nodiscard]] std::size_t open_count() const { return left_.size(); }

private:
  server_bed& bed_;
  std::string message_;
  std::map<std::int32_t, std::size_t> left_;
};
}  // namespace

TEST_CASE("receive: 256 streams of 4 MiB at once complete within 24 MiB") {
  server_bed bed;
  uploads up{bed, 4 * mib};
  for (std::int32_t id = 1; id < 513; id += 2) {
    up.open(id, id % 4 == 1 ? "/t.S/Unary" : "/t.S/Client");
  }
  bed.settle();
  std::uint64_t most = 0;
  while (!up.done()) {
    const bool sent = up.step();
    bed.settle();
    most = std::max<std::uint64_t>(most, bed.served.counters().held_bytes);
    REQUIRE((sent || up.done()));  // else nobody would ever go on
  }
  CHECK(most <= 24 * mib);
  CHECK(most > 8 * mib);  // the counter counts
  const std::string answers = bed.sent();
  std::size_t ok = 0;
  std::size_t at = 0;
  while ((at = answers.find("grpc-status=0 end", at)) != std::string::npos) ++ok, ++at;
  CHECK(ok == 256);
  CHECK(bed.methods.received_bytes == 256 * 4 * mib);
  CHECK(bed.served.counters().held_bytes <= 1 * mib);
  CHECK(bed.peer->connection_window >= connection_window / 2);
  CHECK(bed.peer->connection_window <= connection_window);
}

TEST_CASE("receive: large messages whose clients reset or stop half way hinder no other") {
  server_bed bed;
  uploads up{bed, 4 * mib};
  for (std::int32_t id = 1; id < 41; id += 2) up.open(id, "/t.S/Unary");
  bed.settle();
  for (int i = 0; i < 40; ++i) {
    up.step();
    bed.settle();
  }
  CHECK(bed.served.counters().held_bytes > 0);
  for (std::int32_t id = 1; id < 41; id += 2) bed.send(reset_frame(id));
  bed.settle();
  CHECK(bed.served.counters().held_bytes == 0);
  uploads again{bed, 4 * mib};
  for (std::int32_t id = 41; id < 61; id += 2) again.open(id, "/t.S/Unary");
  bed.settle();
  while (!again.done()) {
    const bool sent = again.step();
    bed.settle();
    REQUIRE((sent || again.done()));
  }
  bed.settle();
  CHECK(bed.methods.received_bytes == 10 * 4 * mib);
  CHECK(bed.served.counters().held_bytes == 0);
}

TEST_CASE("receive: a handler that reads nothing stops its own stream and no other") {
  server_bed bed;
  event gate;
  bed.methods.gate = &gate;
  // A bidirectional handler whose answers are not read: it stops reading.
  bed.peer->credits = false;
  bed.peer->keeps_bodies = false;
  bed.send(headers_frame(1, request_fields({}, "/t.S/Bidi")));
  bed.settle();
  const std::string each = framed(std::string(10'000, 'b'));
  std::uint64_t accepted = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto size = static_cast<std::int64_t>(each.size());
    if (bed.peer->window_of(1) < size || bed.peer->connection_window < size) {
      bed.settle();
      if (bed.peer->window_of(1) < size || bed.peer->connection_window < size) break;
    }
    bed.send(data_frame(1, each));
    bed.peer->windows[1] -= size;
    bed.peer->connection_window -= size;
    accepted += each.size();
  }
  CHECK(accepted < 400'000);  // what both windows and the queue of 64 KiB hold
  CHECK(bed.served.counters().held_bytes <= 256 * 1024);
  CHECK(bed.served.counters().queued_bytes <= 64 * 1024 + each.size());
  // Others go on: uploads still do, for the connection's window is credited.
  CHECK(bed.peer->connection_window > 0);
  uploads up{bed, mib};
  up.open(3, "/t.S/Client");
  bed.settle();
  while (!up.done()) {
    const bool sent = up.step();
    bed.settle();
    REQUIRE((sent || up.done()));
  }
  bed.settle();
  CHECK(bed.methods.received_bytes == mib);
}

TEST_CASE("receive: a large message that begins before our SETTINGS are known gets its credit") {
  // With 1024 streams a window is 16 KiB; a client begins with the 65,535 bytes of the RFC, and
  // takes 49,151 of them away when it reads our SETTINGS.
  for (const std::size_t early : {10'000U, 40'000U, 65'535U}) {
    CAPTURE(early);
    server_options options;
    options.connection.concurrent_streams = 1024;
    server_bed bed{options, false};
    const std::string message = framed(std::string(1'000'000, 'x'));
    bed.send(std::string{http2::client_preface} + settings_frame() +
             headers_frame(1, request_fields({}, "/t.S/Client")));
    std::size_t at = 0;
    const auto send_some = [&](std::size_t bytes) {
      for (const std::size_t end = at + bytes; at < end;) {
        const std::size_t size = std::min<std::size_t>(16'000, end - at);
        bed.send(data_frame(1, std::string_view{message}.substr(at, size)));
        at += size;
      }
    };
    send_some(early);
    bed.settle();
    bed.send(settings_frame({}, ack));  // now it has read them
    bed.settle();
    CHECK(bed.peer->initial_window == 16'384);
    while (at < message.size()) {
      const std::int64_t sent = static_cast<std::int64_t>(at);
      const std::int64_t left = std::min(bed.peer->window_of(1) - sent,
                                         bed.peer->connection_window - sent);
      REQUIRE(left > 0);
      send_some(std::min(static_cast<std::size_t>(left), message.size() - at));
      bed.settle();
    }
    bed.send(data_frame(1, "", end_stream));
    CHECK(bed.sent().ends_with("HEADERS 1 grpc-status=0 end"));
    CHECK(bed.methods.received_bytes == 1'000'000);
  }
}

TEST_CASE("receive: 64 KiB in DATA frames of one byte each are no reason to punish") {
  server_bed bed;
  const std::string message = framed(std::string(64 * 1024, 'x'));
  bed.send(headers_frame(1, request_fields({}, "/t.S/Client")));
  for (const char& byte : message) {
    bed.send(data_frame(1, {&byte, 1}));
    if (bed.peer->unsent() > mib / 16) bed.settle();
  }
  bed.send(data_frame(1, "", end_stream));
  CHECK(bed.sent().ends_with("HEADERS 1 grpc-status=0 end"));
  CHECK(bed.methods.received_bytes == 64 * 1024);
}

TEST_CASE("F10: send: a client that opens no window makes 64 KiB and a message queue, per stream") {
  bool without_sockets = false;
  SUBCASE("over a socket") {}
  SUBCASE("over another byte stream") { without_sockets = true; }
  server_bed bed{{}, false};
  bed.without_sockets = without_sockets;
  bed.peer->close();
  bed.connect();
  bed.start();
  bed.peer->credits = false;
  bed.peer->keeps_bodies = false;
  bed.request(1, "/t.S/Server", framed("1024 65536"));  // 64 MiB
  bed.settle();
  CHECK(bed.methods.running == 1);
  CHECK(bed.served.counters().queued_bytes <= 64 * 1024 + 65'541);
  CHECK(bed.methods.written < 5);
  for (std::int32_t id = 3; id < 201; id += 2) {
    bed.request(id, "/t.S/Server", framed("1024 65536"));
    bed.settle();
    CHECK(bed.served.counters().queued_bytes <= mib + 65'541);
  }
  CHECK(bed.served.counters().queued_bytes > mib / 2);
  for (std::int32_t id = 1; id < 201; id += 2) bed.send(reset_frame(id));
  bed.settle();
  CHECK(bed.methods.running == 0);
  CHECK(bed.served.counters().queued_bytes == 0);
}

TEST_CASE("F10: send: a client that reads nothing at all bounds what the server holds") {
  server_bed bed;
  bed.send(settings_frame({{settings_id::initial_window, 0x7fff'ffff}}) +
           window_frame(0, 0x7fff'ffff - 65'535));
  bed.settle();
  bed.peer->reads = false;
  bed.request(1, "/t.S/Server", framed("1024 65536"));
  bed.settle();
  CHECK(bed.methods.written < 32);
  bed.peer->reads = true;
  bed.peer->keeps_bodies = false;
  bed.peer->credits = false;
  bed.settle();
  CHECK(bed.methods.written == 1024);
  CHECK(bed.peer->received_bytes > 64 * mib);
}

TEST_CASE("credit: all of it is back when the calls are over, however they ended") {
  server_bed bed;
  std::int32_t id = 1;
  for (int round = 0; round < 60; ++round) {
    const std::string big = framed(std::string(50'000, 'b'));
    const auto send_all = [&](std::string_view path, bool end, bool reset) {
      bed.send(headers_frame(id, request_fields({}, path)));
      for (std::size_t at = 0; at < big.size(); at += 10'000) {
        const std::string_view part = std::string_view{big}.substr(at, 10'000);
        bed.send(data_frame(id, part));
        bed.peer->connection_window -= static_cast<std::int64_t>(part.size());
      }
      if (end) bed.send(data_frame(id, "", end_stream));
      if (reset) bed.send(reset_frame(id));
      bed.settle();
      id += 2;
    };
    send_all("/t.S/Unary", true, false);
    send_all("/t.S/Other", true, false);
    send_all("/t.S/Client", false, true);
    send_all("/t.S/Picky", true, false);
    send_all("/t.S/Bidi", false, true);
  }
  CHECK(bed.served.counters().held_bytes == 0);
  CHECK(bed.served.counters().queued_bytes == 0);
  // What is not announced yet is less than half of the window.
  CHECK(bed.peer->connection_window > connection_window / 2);
  CHECK(bed.peer->connection_window <= connection_window);
}

namespace {
using Ping = unary_method<"/t.S/Ping", std::string, std::string>;
constexpr int parts = 128;
constexpr std::size_t part_bytes = 64 * 1024;  // 8 MiB in all

template <class Out>
task<std::size_t> write_all(Out& out) {
  const std::string each(part_bytes, 'd');
  std::size_t written = 0;
  for (int i = 0; i < parts; ++i) {
    const bool queued = co_await out.write(each);
    if (!queued) break;
    written += each.size();
  }
  if constexpr (requires { out.writes_done(); }) out.writes_done();
  co_return written;
}
template <class In>
task<std::size_t> read_all(In& in) {
  std::size_t bytes = 0;
  while (std::string* one = co_await in.read()) bytes += one->size();
  co_return bytes;
}

/// What the handler of Bidi does: both directions at once, or writes first.
task<status> both_at_once(server_context&, reader<std::string>& in, writer<std::string>& out) {
  task<std::size_t> writing = write_all(out);
  task<std::size_t> reading = read_all(in);
  const auto both = co_await when_all(std::move(writing), std::move(reading));
  if (std::get<1>(both) != parts * part_bytes) co_return data_loss("too few bytes");
  co_return status{};
}
task<status> write_first(server_context&, reader<std::string>& in, writer<std::string>& out) {
  const std::size_t written = co_await write_all(out);
  const std::size_t read = co_await read_all(in);
  if (read != written) co_return data_loss("too few bytes");
  co_return status{};
}

struct outcome {
  status end;
  std::size_t written = 0;
  std::size_t read = 0;
  bool pinged = false;
};
task<> at_once(bidi_stream_call<std::string, std::string>& call, outcome& of) {
  task<std::size_t> writing = write_all(call);
  task<std::size_t> reading = read_all(call);
  const auto both = co_await when_all(std::move(writing), std::move(reading));
  of.written = std::get<0>(both);
  of.read = std::get<1>(both);
  of.end = co_await call.finish();
}
task<> one_after_another(bidi_stream_call<std::string, std::string>& call, outcome& of) {
  of.written = co_await write_all(call);
  of.read = co_await read_all(call);
  of.end = co_await call.finish();
}

/// A channel and a server of ours on one socket pair.
struct own_pair {
  struct once {
    int fd;
    task<io_result<unix_stream>> operator()(const connect_context& context) {
      int taken = std::exchange(fd, -1);
      if (taken < 0) co_return io_failure(ECONNREFUSED);
      co_return stream_of(*context.home, taken);
    }
  };
  explicit own_pair(std::uint64_t seed)
      : kernel(seed == 0 ? simulated_options{} : testing::rough_options(seed)) {
    int ends[2];
    REQUIRE(kernel.socket_pair(ends) == 0);
    served.handle<Ping>(
        [](server_context&, const std::string& in) { return result<std::string>{in}; });
    served.attach(stream_of(here, ends[0]));
    calls.emplace(here, once{ends[1]});
  }
  simulated_kernel kernel;
  ring here{testing::on_simulated(kernel)};
  server served{here};
  std::optional<channel> calls;
};

task<> run_at_once(own_pair& pair, outcome& of) {
  auto call = pair.calls->call<Bidi>();
  co_await at_once(call, of);
  co_await pair.calls->close();
  co_await pair.served.close();
}
task<> run_blocked(own_pair& pair, outcome& of) {
  auto call = pair.calls->call<Bidi>();
  pair.here.spawn(one_after_another(call, of));
  co_await sleep_for(1s);
  const std::string big(mib, 'p');
  auto ping = pair.calls->call<Ping>(big, {.timeout = 5s});
  auto pong = co_await ping;
  of.pinged = pong.has_value();
  call.cancel();
  co_await sleep_for(1s);
  co_await pair.calls->close();
  co_await pair.served.close();
}
}  // namespace

TEST_CASE("two of ours: 8 MiB each way at once do not lock them up") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    CAPTURE(seed);
    own_pair pair{seed};
    pair.served.handle<Bidi>(&both_at_once);
    outcome of;
    pair.here.run(run_at_once(pair, of));
    CHECK(of.end.ok());
    CHECK(of.written == parts * part_bytes);
    CHECK(of.read == parts * part_bytes);
    CHECK(pair.kernel.open_descriptors() == 0);
  }
}

TEST_CASE("two of ours that both write before they read block that call and no other") {
  own_pair pair{0};
  pair.served.handle<Bidi>(&write_first);
  outcome of;
  pair.here.run(run_blocked(pair, of));
  CHECK(of.pinged);
  CHECK(of.end.code() == status_code::cancelled);
  CHECK(of.written < parts * part_bytes);
  CHECK(pair.kernel.open_descriptors() == 0);
}
}  // namespace ringrpc::wire_test
