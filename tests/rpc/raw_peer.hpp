// SPDX-License-Identifier: MIT
//
// A peer that is not ours: it writes frames by hand, legal or not, and says what it
// read. With it, a server or a channel of ours on a simulated kernel. Everything
// happens in `settle`, in one thread and in virtual time.
#pragma once

#include <doctest/doctest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/sleep.hpp>
#include <ringrpc/rpc/channel.hpp>
#include <ringrpc/rpc/server.hpp>
#include <ringrpc/transport/unix_stream.hpp>

#include "../http2/wire.hpp"
#include "../ring/simulated_rings.hpp"

namespace ringrpc::wire_test {
using namespace http2::test;  // frames
using http2::error_code;
using http2::frame_type;
using testing::simulated_kernel;
using testing::simulated_options;
using namespace std::chrono_literals;

/// Of the HEADERS frame that is the last of its stream.
inline constexpr std::uint8_t last = end_headers | end_stream;

/// A message with its prefix.
inline std::string framed(std::string_view message, unsigned flag = 0) {
  return std::string{static_cast<char>(flag)} + be32(static_cast<std::uint32_t>(message.size())) +
         std::string{message};
}

/// Decodes header blocks, in order, as the peer of one connection must.
class hpack_reader {
public:
  hpack_reader() { nghttp2_hd_inflate_new(&inflater_); }
  hpack_reader(const hpack_reader&) = delete;
  hpack_reader& operator=(const hpack_reader&) = delete;
  ~hpack_reader() { nghttp2_hd_inflate_del(inflater_); }
  http2::test::field_list read(std::string_view block) {
    http2::test::field_list fields;
    const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
    const auto* const end = at + block.size();
    for (;;) {
      nghttp2_nv field{};
      int flags = 0;
      const auto used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at,
                                               static_cast<std::size_t>(end - at), 1);
      REQUIRE(used >= 0);
      at += used;
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        fields.emplace_back(std::string{reinterpret_cast<char*>(field.name), field.namelen},
                            std::string{reinterpret_cast<char*>(field.value), field.valuelen});
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return fields;
  }

private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

/// One end of a socket pair. Keeps what the socket does not take yet.
class raw_peer {
public:
  raw_peer(ring& here, int fd) : ring_(&here), fd_(fd) {}
  raw_peer(const raw_peer&) = delete;
  raw_peer& operator=(const raw_peer&) = delete;
  ~raw_peer() { close(); }

  void send(std::string_view bytes) { unsent_.append(bytes); }
  /// The same with what must come first; SETTINGS are acknowledged from then on.
  void greet(std::string_view bytes) {
    send(bytes);
    greeted_ = true;
    if (settings_seen > 0 && acknowledges) send(settings_frame({}, ack));
  }
  [[nodiscard]] std::size_t unsent() const { return unsent_.size(); }
  /// Moves bytes both ways. @return whether any moved.
  bool pump() {
    bool moved = false;
    while (fd_ >= 0 && !unsent_.empty()) {
      const ::iovec part{unsent_.data(), unsent_.size()};
      const int sent = ring_->kernel().try_send(fd_, {&part, 1});
      if (sent <= 0) break;
      unsent_.erase(0, static_cast<std::size_t>(sent));
      moved = true;
    }
    while (fd_ >= 0 && reads && !ended) {
      const int got = ring_->kernel().try_recv(fd_, std::as_writable_bytes(std::span{into_}));
      if (got == -EAGAIN) break;
      moved = true;
      if (got <= 0) {
        ended = true;
      } else {
        received_bytes += static_cast<std::uint64_t>(got);
        unread_.append(into_, 0, static_cast<std::size_t>(got));
      }
    }
    parse();
    return moved;
  }
  void close() {
    if (fd_ >= 0) ring_->kernel().close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool greeted() const { return greeted_; }

  /// What has come since the last time, apart from SETTINGS, WINDOW_UPDATE and
  /// grpc-message: `HEADERS 1 :status=200 grpc-status=0 end; DATA 1 5`.
  std::string take() { return std::exchange(text_, {}); }
  /// The last `grpc-message`, still encoded.
  std::string message{};
  /// The last header block.
  http2::test::field_list fields{};
  /// The payload of DATA, by stream.
  std::map<std::int32_t, std::string> body{};
  std::vector<std::string> goaway_texts{};
  /// Of the PINGs that were answered.
  std::vector<std::string> ping_payloads{};
  std::uint64_t received_bytes = 0;
  std::uint32_t settings_seen = 0;
  bool ended = false;
  bool reads = true;
  bool acknowledges = true;  // SETTINGS and PING
  bool keeps_bodies = true;
  bool credits = true;       // DATA, at once
  // Our credit at the peer.
  std::int64_t connection_window = 65'535;
  std::int64_t initial_window = 65'535;
  std::map<std::int32_t, std::int64_t> windows{};  // of streams, relative to the initial one
  std::int64_t window_of(std::int32_t id) { return initial_window + windows[id]; }

private:
  void parse() {
    for (;;) {
      if (unread_.starts_with(http2::client_preface)) {
        unread_.erase(0, http2::client_preface.size());
      }
      if (unread_.size() < http2::frame_header::bytes) return;
      const auto header = http2::read_frame_header(ringrpc::as_bytes(unread_).data());
      const std::size_t size = http2::frame_header::bytes + header.length;
      if (unread_.size() < size) return;
      see({header, unread_.substr(http2::frame_header::bytes, header.length)});
      unread_.erase(0, size);
    }
  }
  void see(const wire_frame& one) {
    const std::int32_t id = one.header.stream_id;
    if (one.is(frame_type::settings)) {
      if (one.header.has(ack)) return;
      ++settings_seen;
      for (std::size_t at = 0; at + 6 <= one.payload.size(); at += 6) {
        const auto* bytes = ringrpc::as_bytes(one.payload).data() + at;
        if (bytes[0] == std::byte{0} && bytes[1] == std::byte{4}) {
          initial_window = load_be32(bytes + 2);
        }
      }
      if (acknowledges && greeted_) send(settings_frame({}, ack));
      return;
    }
    if (one.is(frame_type::window_update)) {
      (id == 0 ? connection_window : windows[id]) += one.number();
      return;
    }
    if (one.is(frame_type::data)) {
      if (keeps_bodies) body[id] += one.payload;
      if (credits && !one.payload.empty()) {
        const auto bytes = static_cast<std::uint32_t>(one.payload.size());
        send(window_frame(0, bytes));
        if (!one.header.has(end_stream)) send(window_frame(id, bytes));
      }
      if (!keeps_bodies) return;
    }
    std::string line;
    if (one.is(frame_type::headers) || one.is(frame_type::continuation)) {
      block_ += one.payload;
      if (!one.header.has(end_headers)) return;
      line = "HEADERS " + std::to_string(id);
      fields = hpack_.read(std::exchange(block_, {}));
      for (const auto& [name, value] : fields) {
        if (name == "grpc-message") {
          message = value;
        } else {
          line += ' ' + name + '=' + value;
        }
      }
      if (one.header.has(end_stream)) line += " end";
    } else {
      line = line_of(one);
      if (one.is(frame_type::goaway)) goaway_texts.push_back(one.payload.substr(8));
      if (one.is(frame_type::ping) && one.header.has(ack)) ping_payloads.push_back(one.payload);
      if (one.is(frame_type::ping) && !one.header.has(ack) && acknowledges) {
        send(ping_frame(one.payload, ack));
      }
    }
    if (!text_.empty()) text_ += "; ";
    text_ += line;
  }

  ring* ring_;
  int fd_;
  std::string into_ = std::string(64 * 1024, '\0');
  std::string unsent_;
  std::string unread_;
  std::string block_;
  std::string text_;
  hpack_reader hpack_;
  bool greeted_ = false;
};

// ---- the methods

/// A message that only the text "good" is.
struct picky {};
}  // namespace ringrpc::wire_test

template <>
struct ringrpc::codec<ringrpc::wire_test::picky> {
  static std::size_t size(const wire_test::picky&) { return 0; }
  static void serialise(const wire_test::picky&, std::span<std::byte>) {}
  static bool parse(wire_test::picky&, std::span<const std::byte> from) {
    return as_text(from) == "good";
  }
  static void clear(wire_test::picky&) {}
};

namespace ringrpc::wire_test {
using Unary = unary_method<"/t.S/Unary", std::string, std::string>;
using Wait = unary_method<"/t.S/Wait", std::string, std::string>;
using Picky = unary_method<"/t.S/Picky", picky, picky>;
using Server = server_streaming_method<"/t.S/Server", std::string, std::string>;
using Client = client_streaming_method<"/t.S/Client", std::string, std::string>;
using Bidi = bidi_streaming_method<"/t.S/Bidi", std::string, std::string>;

/// The service of these tests.
struct service {
  unsigned started = 0;
  unsigned running = 0;
  unsigned stopped = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t written = 0;  ///< messages
  event* gate = nullptr;      ///< Wait waits for it, and hears no stop

  struct counted {
    explicit counted(service& of) : of_(of) { ++of.started, ++of.running; }
    ~counted() { --of_.running; }
    service& of_;
  };

  task<result<std::string>> unary(server_context& context, const std::string& in) {
    const counted here{*this};
    received_bytes += in.size();
    if (in == "fail") co_return not_found("100% \x01 gr\xc3\xbc\xc3\x9f ");
    if (in == "throw") throw 1;
    if (in == "memory") throw std::bad_alloc{};
    if (in == "headers") context.send_headers();
    if (in.size() > 100) co_return std::string{"long"};
    co_return in;
  }
  task<result<std::string>> wait(server_context& context, const std::string&) {
    const counted here{*this};
    if (gate != nullptr) {
      const bool open = co_await gate->wait_ignoring_stop();
      static_cast<void>(open);
    } else {
      const bool slept = co_await sleep_for(1h);
      if (!slept) ++stopped;
    }
    static_cast<void>(context);
    co_return std::string{"late"};
  }
  /// Writes as many messages of as many bytes as `in` says: `3 100`.
  task<status> stream(server_context&, const std::string& in, writer<std::string>& out) {
    const counted here{*this};
    const std::size_t space = in.find(' ');
    const unsigned long count = std::stoul(in);
    const std::string each(std::stoul(in.substr(space + 1)), 'x');
    for (unsigned long i = 0; i < count; ++i) {
      const bool queued = co_await out.write(each);
      if (!queued) {
        ++stopped;
        co_return cancelled("no more room");
      }
      ++written;
    }
    co_return status{};
  }
  task<result<std::string>> collect(server_context&, reader<std::string>& in) {
    const counted here{*this};
    std::string all;
    std::size_t bytes = 0;
    while (std::string* one = co_await in.read()) {
      bytes += one->size();
      if (one->size() < 100) all += *one + ',';
    }
    received_bytes += bytes;
    co_return all;
  }
  task<status> echo(server_context&, reader<std::string>& in, writer<std::string>& out) {
    const counted here{*this};
    while (std::string* one = co_await in.read()) {
      const bool queued = co_await out.write(*one);
      if (!queued) break;
    }
    co_return status{};
  }

  void ringrpc_bind(server& on) {
    on.handle<Unary>(*this, [](service& s, server_context& c, const std::string& in) {
      return s.unary(c, in);
    });
    on.handle<Wait>(*this, [](service& s, server_context& c, const std::string& in) {
      return s.wait(c, in);
    });
    on.handle<Picky>(*this, [](service&, server_context&, const picky&) {
      return result<picky>{picky{}};
    });
    on.handle<Server>(*this, [](service& s, server_context& c, const std::string& in,
                                writer<std::string>& out) { return s.stream(c, in, out); });
    on.handle<Client>(*this, [](service& s, server_context& c, reader<std::string>& in) {
      return s.collect(c, in);
    });
    on.handle<Bidi>(*this, [](service& s, server_context& c, reader<std::string>& in,
                              writer<std::string>& out) { return s.echo(c, in, out); });
  }
};

inline unix_stream stream_of(ring& here, int fd) {
  return unix_stream{owned_socket{here, fd},
                     peer_info{"socketpair", peer_credentials::of_this_process()}};
}

/// The same without its socket: the connection reads and writes by coroutines.
class plain_stream {
public:
  explicit plain_stream(unix_stream inner) : inner_(std::move(inner)) {}
  task<io_result<std::size_t>> read_some(std::span<std::byte> into) {
    return inner_.read_some(into);
  }
  task<io_result<std::size_t>> write_some(std::span<const ::iovec> from) {
    return inner_.write_some(from);
  }
  task<io_result<void>> shutdown_write() { return inner_.shutdown_write(); }
  void abort() noexcept { inner_.abort(); }
  task<> close() { return inner_.close(); }

private:
  unix_stream inner_;
};
static_assert(byte_stream<plain_stream> && !has_native_socket<plain_stream>);

/// A server of ours with a raw client.
class server_bed {
public:
  explicit server_bed(const server_options& options = {}, bool starts = true,
                      const simulated_options& on = {})
      : kernel{on}, served{here, options} {
    served.add(methods);
    connect();
    if (starts) start();
  }
  server_bed(const server_bed&) = delete;
  server_bed& operator=(const server_bed&) = delete;
  ~server_bed() { finish(); }

  /// A new connection, in place of the old one.
  void connect() {
    int ends[2];
    REQUIRE(kernel.socket_pair(ends) == 0);
    if (without_sockets) {
      served.attach(plain_stream{stream_of(here, ends[0])});
    } else {
      served.attach(stream_of(here, ends[0]));
    }
    peer = std::make_unique<raw_peer>(here, ends[1]);
  }
  void start(const settings_list& of_client = {}) {
    peer->greet(std::string{http2::client_preface} + settings_frame(of_client));
    settle();
    peer->take();
  }
  void send(std::string_view bytes) { peer->send(bytes); }
  /// A whole request of one DATA frame, or none.
  void request(std::int32_t id, std::string_view path, std::string_view data,
               const http2::test::field_list& more = {}, bool end = true) {
    send(headers_frame(id, request_fields(more, path)));
    send(data_frame(id, data, end ? end_stream : std::uint8_t{0}));
  }
  /// Everything happens that can without time.
  void settle() {
    for (unsigned idle = 0; idle < 3;) {
      const bool moved = peer->pump();
      const bool turned = here.turn();
      idle = moved || turned ? 0 : idle + 1;
    }
  }
  std::string sent() {
    settle();
    return peer->take();
  }
  void pass(duration time) {
    settle();
    kernel.advance(time);
    settle();
  }
  void finish() {
    if (finished_) return;
    finished_ = true;
    if (methods.gate != nullptr) methods.gate->set();
    peer->close();
    here.run(served.close());
    CHECK(served.connections() == 0);
    CHECK(methods.running == 0);
    CHECK(kernel.open_descriptors() == 0);
  }

  simulated_kernel kernel;
  ring here{testing::on_simulated(kernel)};
  service methods;
  server served;
  std::unique_ptr<raw_peer> peer;
  bool without_sockets = false;  // for connections from then on

private:
  bool finished_ = false;
};

/// Makes connections to raw servers.
struct raw_factory {
  simulated_kernel* kernel;
  std::vector<std::unique_ptr<raw_peer>>* peers;
  task<io_result<unix_stream>> operator()(const connect_context& context) {
    int ends[2];
    const int result = kernel->socket_pair(ends);
    if (result < 0) co_return io_failure(-result);
    peers->push_back(std::make_unique<raw_peer>(*context.home, ends[1]));
    co_return stream_of(*context.home, ends[0]);
  }
};

/// A channel of ours with raw servers.
class client_bed {
public:
  explicit client_bed(channel_options options = {})
      : calls{here, raw_factory{&kernel, &peers}, std::move(options)} {
    here.turn();
  }
  client_bed(const client_bed&) = delete;
  client_bed& operator=(const client_bed&) = delete;
  ~client_bed() { finish(); }

  void settle() {
    for (unsigned idle = 0; idle < 3;) {
      bool moved = false;
      for (std::size_t i = 0; i < peers.size(); ++i) {
        raw_peer& one = *peers[i];
        if (greets && one.settings_seen > 0 && !one.greeted() && one.fd() >= 0) {
          one.greet(settings_frame(settings));
        }
        moved |= peers[i]->pump();
      }
      const bool turned = here.turn();
      idle = moved || turned ? 0 : idle + 1;
    }
  }
  raw_peer& peer() {
    REQUIRE_FALSE(peers.empty());
    return *peers.back();
  }
  void send(std::string_view bytes) { peer().send(bytes); }
  std::string sent() {
    settle();
    return peer().take();
  }
  void pass(duration time) {
    settle();
    kernel.advance(time);
    settle();
  }
  /// Keeps what a unary call ends with, the text of a failure as `CODE`.
  std::size_t start(std::string_view request = "x", const call_options& options = {}) {
    results.emplace_back();
    here.spawn(keep(calls.call<Unary>(std::string{request}, options), results.size() - 1));
    settle();
    return results.size() - 1;
  }
  task<> keep(unary_call<std::string> call, std::size_t at) {
    result<std::string> end = co_await call;
    results[at] = std::move(end);
  }
  bool done(std::size_t at = 0) { return results[at].has_value(); }
  /// -1: not ended.
  int code(std::size_t at = 0) {
    if (!results[at]) return -1;
    return *results[at] ? 0 : static_cast<int>(results[at]->status().code());
  }
  std::string text(std::size_t at = 0) {
    if (!results[at]) return "nothing";
    return *results[at] ? **results[at] : std::string{results[at]->status().message()};
  }
  void finish() {
    if (finished_) return;
    finished_ = true;
    for (const auto& one : peers) one->close();
    here.run(calls.close());
    CHECK(kernel.open_descriptors() == 0);
  }

  simulated_kernel kernel;
  std::vector<std::unique_ptr<raw_peer>> peers;
  std::vector<std::optional<result<std::string>>> results;
  settings_list settings{};
  bool greets = true;
  ring here{testing::on_simulated(kernel)};
  channel calls;

private:
  bool finished_ = false;
};
}  // namespace ringrpc::wire_test
