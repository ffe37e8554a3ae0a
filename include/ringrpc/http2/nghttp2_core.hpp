// SPDX-License-Identifier: MIT
//
// What all parts of the nghttp2 engine need: the session, the streams, and the ways
// a stream or the connection ends. The engine is this, then nghttp2_control, then
// nghttp2_sender, then nghttp2_engine with the events.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/base/memory_pool.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/http2/byte_queue.hpp>
#include <ringrpc/http2/closed_streams.hpp>
#include <ringrpc/http2/errors.hpp>
#include <ringrpc/http2/frame.hpp>
#include <ringrpc/http2/frame_guard.hpp>
#include <ringrpc/http2/limits.hpp>
#include <ringrpc/http2/nghttp2_session.hpp>
#include <ringrpc/http2/results.hpp>
#include <ringrpc/http2/settings.hpp>
#include <ringrpc/http2/stream_table.hpp>

namespace ringrpc::http2 {
/// The base of the nghttp2 engine. Its address is nghttp2's user data: immovable.
///
/// nghttp2 must not be entered from its own callbacks. So whatever finds a breach
/// only notes it (`condemn`), and `conclude` acts on it once nghttp2 has returned.
class nghttp2_core {
public:
  nghttp2_core(const nghttp2_core&) = delete;
  nghttp2_core& operator=(const nghttp2_core&) = delete;

  /// See the concept `engine` for these.
  [[nodiscard]] void* user(const stream_ref& r) const noexcept {
    const stream* found = streams_.find(r);
    return found == nullptr ? nullptr : found->user;
  }
  void set_user(const stream_ref& r, void* user) noexcept {
    if (stream* found = streams_.find(r); found != nullptr) found->user = user;
  }
  [[nodiscard]] const settings& peer_settings() const noexcept { return peer_; }
  [[nodiscard]] std::uint32_t open_streams() const noexcept { return streams_.used(); }
  [[nodiscard]] std::int32_t next_id() const noexcept {
    return static_cast<std::int32_t>(nghttp2_session_get_next_stream_id(session_.get()));
  }
  [[nodiscard]] std::int32_t last_processed_id() const noexcept { return last_told_id_; }
  [[nodiscard]] std::uint32_t reply_count() const noexcept {
    return replies_queued() + static_cast<std::uint32_t>(raw_.size() / reply_bytes_max);
  }
  [[nodiscard]] std::uint32_t reply_bytes() const noexcept {
    return replies_queued() * reply_bytes_max + static_cast<std::uint32_t>(raw_.size());
  }
  [[nodiscard]] bool closed() const noexcept {
    if (failed_) return true;
    if (!raw_.empty()) return false;
    return over_ || (nghttp2_session_want_read(session_.get()) == 0 &&
                     nghttp2_session_want_write(session_.get()) == 0);
  }

protected:
  /// The largest of our replies on the wire: a PING acknowledgement.
  static constexpr std::uint32_t reply_bytes_max = frame_header::bytes + 8;
  static constexpr std::int32_t id_max = 0x7fff'ffff;
  /// Longest text that goes into a GOAWAY.
  static constexpr std::size_t goaway_text_bytes_max = 1024;

  nghttp2_core(role side, const settings& ours, const limits& bounds, memory_pool& pool,
               const nghttp2_session_callbacks& callbacks);
  ~nghttp2_core();

  /// What nghttp2 leaves unsaid when it gives up. Static storage.
  [[nodiscard]] static constexpr std::string_view reason_of(error_code code) noexcept {
    if (code == error_code::frame_size_error) return "a frame has a size its type does not allow";
    if (code == error_code::compression_error) return "a header block cannot be decoded";
    if (code == error_code::flow_control_error) return "a flow-control window was exceeded";
    return "the HTTP/2 library refuses what came";
  }
  /// Of a callback's `user`.
  [[nodiscard]] static nghttp2_core& core_of(void* user) noexcept {
    return *static_cast<nghttp2_core*>(user);
  }
  [[nodiscard]] bool alive() const noexcept { return !over_ && !failed_; }
  /// The stream with this id as nghttp2 knows it; null: it or its slot is gone, or
  /// it never had one.
  [[nodiscard]] stream* stream_of(std::int32_t id) const noexcept {
    return static_cast<stream*>(nghttp2_session_get_stream_user_data(session_.get(), id));
  }

  /// Notes why the connection must end; the first reason counts.
  void condemn(error_code code, std::string_view static_text) noexcept {
    if (!status_.fatal()) status_ = {feed_status::state::fatal, code, static_text};
  }
  void condemn(const breach& why) noexcept {
    if (why) condemn(why.code, why.text);
  }
  /// Ends the connection if it was condemned or nghttp2 gave it up: what nghttp2 had
  /// queued before DATA, then GOAWAY with the reason, go to `raw_`.
  /// @param usable  nghttp2 may be asked for what it had queued.
  void conclude(bool usable = true) noexcept;
  /// Whether nghttp2 has queued a GOAWAY of its own and ignores all input.
  [[nodiscard]] bool given_up() const noexcept;
  /// Moves the frames that nghttp2 has queued, but for DATA, to `raw_`.
  void drain() noexcept;
  /// Appends a GOAWAY to `raw_`.
  void write_goaway(std::int32_t last_id, error_code code, std::string_view text) noexcept;
  /// Must see each chunk that nghttp2 gives out, after it was copied.
  void inspect_sent(std::span<std::byte> chunk) noexcept;

  /// Queues RST_STREAM and drops what the stream had queued; on_closed comes when it left.
  void reset_stream(stream& s, error_code code) noexcept;
  /// Likewise, and the sink is told `code`: our side failed.
  void fail_stream(stream& s, error_code code) noexcept {
    if (s.over()) return;
    s.failure = code;
    reset_stream(s, code);
  }
  /// Queues RST_STREAM for a stream that has no slot.
  void reset_id(std::int32_t id, error_code code) noexcept {
    if (nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id,
                                  static_cast<std::uint32_t>(code)) != 0) {
      condemn(error_code::internal_error, "memory is short");
    }
  }
  void drop_queue(stream& s) noexcept {
    queued_bytes_ -= s.queue.size();
    s.queue.clear(pool_);
    s.trailers.reset();
  }
  /// Frees the slot.
  void release(stream& s) noexcept {
    drop_queue(s);
    streams_.release(s);
  }
  void submit_settings(std::span<const nghttp2_settings_entry> entries) noexcept {
    if (nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, entries.data(),
                                entries.size()) == 0) {
      ++own_queued_;
    }
  }

  const role side_;
  const limits limits_;
  memory_pool& pool_;
  settings ours_;
  settings peer_;
  stream_table streams_;
  frame_guard guard_;
  closed_streams closed_streams_;
  byte_queue raw_;  // leaves before what nghttp2 gives out next
  nghttp2_memory memory_;
  session_handle session_;
  time_point now_{};
  feed_status status_;
  std::array<char, 128> text_;  // of status_, where nghttp2 gave the reason
  std::uint32_t queued_bytes_ = 0;   // payload in all streams
  std::uint32_t own_queued_ = 0;     // frames queued in nghttp2 that are no replies
  std::uint32_t own_goaways_ = 0;    // GOAWAY frames among them
  std::int32_t goaway_last_id_ = id_max;
  std::int32_t last_told_id_ = 0;
  bool settings_received_ = false;
  bool settings_sent_ = false;
  bool goaway_received_ = false;
  bool draining_ = false;
  bool preface_left_;           // the next chunk of nghttp2 is the client's magic
  bool sending_block_ = false;  // a header block without END_HEADERS was given out
  bool over_ = false;           // nghttp2 is not asked any more; raw_ may be left
  bool failed_ = false;

private:
  [[nodiscard]] std::uint32_t replies_queued() const noexcept {
    if (!alive()) return 0;
    const std::size_t frames = nghttp2_session_get_outbound_queue_size(session_.get());
    return static_cast<std::uint32_t>(frames) - std::min<std::uint32_t>(
        own_queued_, static_cast<std::uint32_t>(frames));
  }
};

inline nghttp2_core::nghttp2_core(role side, const settings& ours, const limits& bounds,
                                  memory_pool& pool, const nghttp2_session_callbacks& callbacks)
    : side_(side),
      limits_(bounds),
      pool_(pool),
      ours_(ours),
      streams_(pool),
      guard_(bounds),
      raw_(pool),
      memory_(pool),
      session_(make_session(side, bounds, memory_, callbacks, this)),
      preface_left_(side == role::client) {
  std::array<nghttp2_settings_entry, 7> entries;
  std::size_t count = 0;
  const auto announce = [&](std::int32_t id, std::uint32_t value) {
    entries[count++] = {id, value};
  };
  if (ours.header_table_bytes != settings{}.header_table_bytes) {
    announce(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, ours.header_table_bytes);
  }
  if (side == role::client) {
    announce(NGHTTP2_SETTINGS_ENABLE_PUSH, 0);
  } else {
    // nghttp2 would end the connection where the limit is passed; it is told a number
    // that cannot be reached, `inspect_sent` writes the true one, and we refuse.
    announce(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, id_max);
  }
  announce(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, ours.initial_window_bytes);
  announce(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, ours.frame_bytes_max);
  announce(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, ours.header_list_bytes_max);
  // RFC 9218: no tree of streams that PRIORITY frames could make us maintain.
  announce(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1);
  submit_settings({entries.data(), count});
  const std::uint32_t window =
      std::clamp<std::uint32_t>(bounds.connection_window_bytes, 65'535, 0x7fff'ffff);
  if (own_queued_ == 0 ||
      nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, 0,
                                            static_cast<std::int32_t>(window)) != 0) {
    throw std::bad_alloc{};
  }
  if (side == role::client && bounds.stream_id_first > 1) {
    nghttp2_session_set_next_stream_id(session_.get(),
                                       static_cast<std::int32_t>(bounds.stream_id_first));
  }
}

inline nghttp2_core::~nghttp2_core() {
  streams_.for_each([this](stream& s) { release(s); });
}

inline void nghttp2_core::reset_stream(stream& s, error_code code) noexcept {
  s.reset_by_us = true;
  s.end = send_end::sent;
  drop_queue(s);
  reset_id(s.ref.id, code);
}

inline bool nghttp2_core::given_up() const noexcept {
  // A GOAWAY whose last id is of our own kind is refused as an invalid argument; but
  // nghttp2 first looks whether it has given up, and then takes any as sent.
  const std::int32_t own_kind = side_ == role::client ? 1 : 2;
  return nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, own_kind, NGHTTP2_NO_ERROR,
                               nullptr, 0) == 0;
}

inline void nghttp2_core::conclude(bool usable) noexcept {
  if (over_ || failed_) return;
  if (memory_.was_short()) condemn(error_code::internal_error, "memory is short");
  const bool gone = usable && given_up();
  if (!gone && !status_.fatal()) return;
  if (usable) drain();  // notes nghttp2's reason, see before_frame_send
  if (over_) return;
  condemn(error_code::internal_error, "the HTTP/2 library failed");
  over_ = true;
  const std::int32_t last_id = nghttp2_session_get_last_proc_stream_id(session_.get());
  write_goaway(side_ == role::server ? last_id : 0, status_.code, status_.text);
}

inline void nghttp2_core::drain() noexcept {
  draining_ = true;
  const std::uint8_t* chunk = nullptr;
  for (;;) {
    const auto size = nghttp2_session_mem_send(session_.get(), &chunk);
    if (size <= 0) break;
    const std::size_t before = raw_.size();
    const std::size_t count = static_cast<std::size_t>(size);
    if (!raw_.append({reinterpret_cast<const std::byte*>(chunk), count})) {
      // Part of our own stream of bytes is lost: nothing may follow.
      condemn(error_code::internal_error, "memory is short");
      over_ = true;
      break;
    }
    inspect_sent(raw_.tail(before));
  }
  draining_ = false;
}

inline void nghttp2_core::write_goaway(std::int32_t last_id, error_code code,
                                       std::string_view text) noexcept {
  constexpr std::size_t fixed = frame_header::bytes + 8;
  std::array<std::byte, fixed + goaway_text_bytes_max> frame;
  text = text.substr(0, goaway_text_bytes_max);
  write_frame_header(frame.data(), {.length = static_cast<std::uint32_t>(8 + text.size()),
                                    .type = static_cast<std::uint8_t>(frame_type::goaway)});
  store_be32(frame.data() + frame_header::bytes, static_cast<std::uint32_t>(last_id));
  store_be32(frame.data() + frame_header::bytes + 4, static_cast<std::uint32_t>(code));
  if (!text.empty()) std::memcpy(frame.data() + fixed, text.data(), text.size());
  // Without memory the peer sees the connection close: it may not rely on a GOAWAY.
  static_cast<void>(raw_.append({frame.data(), fixed + text.size()}));
}

inline void nghttp2_core::inspect_sent(std::span<std::byte> chunk) noexcept {
  if (preface_left_) {
    preface_left_ = false;
    return;
  }
  const frame_header header = read_frame_header(chunk.data());
  if (header.is(frame_type::headers) || header.is(frame_type::continuation)) {
    sending_block_ = !header.has(frame_flag::end_headers);
  } else if (header.is(frame_type::settings) && !header.has(frame_flag::ack)) {
    constexpr std::size_t entry = 6;
    for (std::size_t at = frame_header::bytes; at + entry <= chunk.size(); at += entry) {
      if (load_be32(chunk.data() + at) >> 16 == NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS) {
        store_be32(chunk.data() + at + 2, ours_.concurrent_streams_max);
      }
    }
  }
}
}  // namespace ringrpc::http2
