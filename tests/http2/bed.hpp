// SPDX-License-Identifier: MIT
//
// A test bed: one nghttp2 engine with a recorder and a manual clock, to be fed bytes
// and asked for what it sends; and two of them back to back.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/base/memory_pool.hpp>
#include <ringrpc/base/output.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/http2/nghttp2_engine.hpp>

#include "recorder.hpp"
#include "wire.hpp"

namespace ringrpc::http2::test {
using engine_under_test = nghttp2_engine<recorder>;

/// Bytes that are copied: a slice without an owner.
inline slice slice_of(std::string_view text) {
  return {ringrpc::as_bytes(text).data(), static_cast<std::uint32_t>(text.size()), nullptr};
}

/// One engine.
class bed {
public:
  explicit bed(role side, const settings& ours = default_settings, const limits& bounds = {})
      : engine(side, ours, bounds, pool, sink), side_(side) {}
  ~bed() { engine.fail(error_code::no_error); }
  bed(const bed&) = delete;
  bed& operator=(const bed&) = delete;

  memory_pool pool;
  recorder sink;
  engine_under_test engine;
  time_point now{std::chrono::seconds{1000}};

  feed_status feed(std::string_view bytes) { return engine.feed(ringrpc::as_bytes(bytes), now); }

  /// Everything the engine has to send.
  std::string sent_bytes(std::uint32_t at_once = 1 << 20) {
    std::string all;
    for (;;) {
      output out{pool};
      if (engine.gather(out, at_once, now) == 0) break;
      for (const ::iovec& part : out.parts()) {
        all.append(static_cast<const char*>(part.iov_base), part.iov_len);
      }
    }
    return all;
  }
  /// The same as frames, in one text.
  std::string sent() { return joined(lines_of(sent_bytes())); }

  /// The peer's half of the start, and the engine's half taken and forgotten.
  void start(const settings_list& of_peer = {}) {
    feed(greeting(of_peer) + settings_frame({}, ack));
    sent_bytes();
    sink.take();
  }
  /// What a peer sends first.
  [[nodiscard]] std::string greeting(const settings_list& of_peer = {}) const {
    return std::string{side_ == role::server ? client_preface : std::string_view{}} +
           settings_frame(of_peer);
  }

  /// Server: feeds a whole request with a body, and forgets the events.
  stream_ref request(std::int32_t id, std::uint8_t flags = end_headers) {
    feed(headers_frame(id, request_fields(), flags));
    sink.take();
    return sink.refs[id];
  }
  /// Client: opens a request.
  stream_ref open(bool end = false) {
    static const header_field fields[] = {{":method", "POST", false},
                                          {":scheme", "http", false},
                                          {":path", "/s/m", false},
                                          {":authority", "localhost", false},
                                          {"te", "trailers", false}};
    static const header_template fixed{1, fields};
    const open_result opened =
        engine.open({&fixed, {}}, end, recorder::user_of(engine.next_id()));
    if (!opened) return {};
    sink.refs[opened->id] = *opened;
    return *opened;
  }
  /// Server: response headers.
  void respond(const stream_ref& r, bool end = false) {
    static const header_field fields[] = {{":status", "200", false},
                                          {"content-type", "application/grpc", false}};
    static const header_template fixed{2, fields};
    engine.headers(r, {&fixed, {}}, end);
  }
  void trailers(const stream_ref& r, std::string_view status = "0") {
    const header_field fields[] = {{"grpc-status", status, false}};
    engine.trailers(r, {nullptr, fields});
  }

private:
  role side_;
};

/// A client and a server that send to each other.
class pair_of_beds {
public:
  explicit pair_of_beds(const settings& of_client = default_settings,
                        const settings& of_server = default_settings, const limits& bounds = {})
      : client(role::client, of_client, bounds), server(role::server, of_server, bounds) {}

  bed client;
  bed server;
  feed_status client_status;
  feed_status server_status;

  /// Moves bytes both ways until both are silent.
  void pump() {
    for (;;) {
      const std::string up = client.sent_bytes();
      if (!up.empty()) server_status = server.feed(up);
      const std::string down = server.sent_bytes();
      if (!down.empty()) client_status = client.feed(down);
      if (up.empty() && down.empty()) return;
    }
  }
};
}  // namespace ringrpc::http2::test
