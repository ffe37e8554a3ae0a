// SPDX-License-Identifier: MIT
//
// An HTTP/2 engine joined to a driver: bytes in, events to the handlers of the
// streams; headers and messages in, bytes out. Knows the phases of a receive, the
// quota of the sending side and the times of a connection, and nothing of calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/base/output.hpp>
#include <ringrpc/base/short_text.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/grpc/encoding_registry.hpp>
#include <ringrpc/http2/engine.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/rpc/connection_options.hpp>
#include <ringrpc/rpc/detail/assembly_budget.hpp>
#include <ringrpc/rpc/detail/connection_life.hpp>
#include <ringrpc/rpc/detail/driver.hpp>
#include <ringrpc/rpc/detail/engine_limits.hpp>
#include <ringrpc/rpc/detail/stream_handler.hpp>
#include <ringrpc/rpc/engine.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// One connection, either side. Belongs to its ring's thread. Its owner, the
/// coroutine that serves it, keeps it until `finished` is set, the driver has
/// ended and `idle` says that no stream is left.
///
/// A receive has three phases. *Feed*: the engine reads all bytes and this records
/// what happened; only library code runs. *Dispatch*: the records are walked and
/// handlers run, user code included. Then the buffer goes back to the driver. So
/// user code never runs inside the engine or the completion loop.
class connection {
public:
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  // For drivers.

  /// Bytes have come. Reads and acts on all of them; the views that handlers get
  /// end with the call.
  void receive(std::span<const std::byte> bytes) noexcept;
  /// The peer has ended its side.
  void receive_end() noexcept;
  /// Whether the driver should read on. False while the peer does not take our own
  /// replies (acknowledgements, resets): what it makes us queue is bounded.
  [[nodiscard]] bool wants_read() const noexcept;
  /// What is to be sent, gathered if nothing was left; empty: nothing.
  [[nodiscard]] output& outgoing() noexcept;
  /// The transport has begun to take of `outgoing()`; `sent` or `send_failed` follows.
  void sending() noexcept { sending_ = true; }
  /// `bytes` of `outgoing()` have been taken by the transport.
  void sent(std::size_t bytes) noexcept;
  /// The transport takes nothing more. What the peer has sent is still read.
  void send_failed(std::error_code why) noexcept;
  /// All of `outgoing()` has been taken and there is nothing more.
  void output_idle() noexcept { check_progress(); }
  /// The transport has failed or was ended.
  void lost(std::error_code why) noexcept;

  // For the owner.

  /// Joins the driver, which must stay until the owner calls `detach`; sends the
  /// preface and SETTINGS.
  void attach(driver& moves) noexcept;
  void detach() noexcept { driver_ = nullptr; }
  /// Set when the transport is to be closed: everything was sent, or it was lost.
  [[nodiscard]] event& finished() noexcept { return finished_; }
  /// Set when the peer has ended its side, or the transport was lost.
  [[nodiscard]] event& peer_ended() noexcept { return peer_ended_; }
  /// Set while no stream is known.
  [[nodiscard]] event& idle() noexcept { return idle_; }
  /// No new streams; ends by itself when the last one has closed. Sends GOAWAY.
  void drain() noexcept { drain(options_.drain_time, {}); }
  /// Sends a GOAWAY with `code` and `text`, and closes behind it; streams that are open
  /// are told as when the transport is lost.
  void end(http2::error_code code, std::string_view text) noexcept;
  /// Ends the connection at once; streams are told as when the transport is lost.
  void abort() noexcept;

  // For calls.

  [[nodiscard]] rpc::engine<connection>& engine() noexcept { return engine_; }
  [[nodiscard]] ring& home() noexcept { return home_; }
  [[nodiscard]] assembly_budget& assembly() noexcept { return assembly_; }
  [[nodiscard]] const connection_options& options() const noexcept { return options_; }
  /// Something was handed to the engine: it is sent at the end of the turn.
  void mark_dirty() noexcept { home_.mark_dirty(flush_); }
  /// Whether a message may be queued on `stream` now: the quotas of stream and
  /// connection have room, or nothing is queued at all.
  [[nodiscard]] bool has_room(http2::stream_ref stream) noexcept;
  /// How large a message may be queued on `stream` where `has_room` says no, in bytes:
  /// the share that the others cannot take from it.
  [[nodiscard]] std::size_t share_bytes(http2::stream_ref stream) noexcept {
    return engine_.queued(stream) == 0 ? options_.stream_queue_bytes / 4 : 0;
  }
  /// `room_available` of `handler` is called when `has_room` may be true again.
  /// Does nothing where it waits already.
  void await_room(stream_handler& handler) noexcept {
    if (!handler.linked()) blocked_.push_back(handler);
  }
  /// Why the transport was lost, or the GOAWAY text; for messages to users. Empty while
  /// there is nothing to say.
  [[nodiscard]] std::string_view end_text() const noexcept { return end_text_.view(); }
  [[nodiscard]] bool ended() const noexcept { return phase_ == phase::ended; }
  /// Whether the transport failed or was closed by the peer, and not by us.
  [[nodiscard]] bool was_lost() const noexcept { return was_lost_; }
  /// Whether new calls may be put on it.
  [[nodiscard]] bool open_for_calls() const noexcept {
    return phase_ == phase::open && !draining_;
  }
  /// The silence after which it asks the peer for a sign of life; the largest: it does not.
  [[nodiscard]] duration keepalive_time() const noexcept { return alive_.time(); }
  /// Whether it was too old or too long idle, and ends for that.
  [[nodiscard]] bool retired() const noexcept { return age_.retired(); }
  [[nodiscard]] std::uint32_t streams() const noexcept { return streams_; }
  /// How many bytes the transport has taken.
  [[nodiscard]] std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }
  /// Whether it may have taken more than that.
  [[nodiscard]] bool is_sending() const noexcept { return sending_; }
  /// Before a stream is opened: makes sure that its end can be told. @return false where
  /// memory is short; it must not be opened then.
  [[nodiscard]] bool prepare_stream() noexcept { return has_record_room(2); }
  /// A stream was opened, by either side, and has a handler.
  void stream_opened() noexcept {
    ++unclosed_;
    idle_.reset();
    if (streams_++ == 0 && watched_) update_watch();
  }
  /// Which encodings the server said that it takes, in the last answer that said so; of a
  /// client's connection.
  [[nodiscard]] const std::optional<encoding_set>& peer_encodings() const noexcept {
    return peer_encodings_;
  }
  void note_peer_encodings(encoding_set said) noexcept { peer_encodings_ = said; }
  /// Bytes held for what was received and not taken yet, of all streams.
  [[nodiscard]] std::size_t& held_bytes() noexcept { return held_bytes_; }

  // The event sink of the engine (http2/engine.hpp); for the engine only.

  void on_headers(http2::stream_ref stream, void*& user, const http2::header_block& block,
                  http2::block_kind kind, bool end) noexcept;
  void on_data(http2::stream_ref stream, void* user, std::span<const std::byte> bytes,
               std::uint32_t flow_bytes, bool end) noexcept;
  void on_reset(http2::stream_ref stream, void* user, http2::error_code code) noexcept;
  void on_closed(http2::stream_ref stream, void* user) noexcept;
  void on_writable(http2::stream_ref stream, void* user) noexcept;
  void on_settings(const http2::settings& peer) noexcept;
  void on_settings_ack() noexcept;
  void on_goaway(std::int32_t last, http2::error_code code, std::string_view text) noexcept;
  void on_ping() noexcept;
  void on_ping_ack(std::uint64_t payload) noexcept;

protected:
  connection(ring& home, http2::role role, const connection_options& options,
             const detail::connection_life& life);
  ~connection();

  /// During feed: who is behind a stream that the peer has opened. Null: refused.
  virtual stream_handler* accept_stream(http2::stream_ref stream,
                                        const http2::header_block& block) noexcept = 0;
  // During dispatch.
  virtual void settings_received() noexcept = 0;
  /// The peer's SETTINGS have come again; its limits may be others now.
  virtual void settings_changed() noexcept {}
  virtual void goaway_received(http2::error_code code) noexcept = 0;
  /// The peer ended the connection for our PINGs.
  virtual void pinged_too_often() noexcept {}
  /// The connection takes no new calls any more, or none at all. Once.
  virtual void going_down() noexcept = 0;
  /// The time of a drain is over; the connection ends a second later, or with its last
  /// stream.
  virtual void drain_time_over() noexcept {}
  /// A stream has closed, and its handler was told.
  virtual void stream_ended() noexcept {}
  /// A receive begins.
  virtual void receive_began() noexcept {}
  /// All that came has been acted on.
  virtual void dispatched() noexcept {}

private:
  enum class phase : unsigned char { open, closing, lingering, ended };
  enum class record_kind : unsigned char {
    headers, data, reset, closed, writable, refuse, settings, settings_ack, goaway, ping_ack
  };
  struct record {
    record_kind kind;
    http2::block_kind block{};
    bool end = false;
    std::uint32_t flow_bytes = 0;
    http2::error_code code{};
    stream_handler* handler = nullptr;
    http2::stream_ref stream{};
    std::span<const std::byte> bytes{};
  };
  struct flush_step : flush_hook {
    explicit flush_step(connection& of) noexcept;
    connection& of_;
  };
  struct limit_timer : timer {
    limit_timer(connection& of, void (*expired)(connection&) noexcept) noexcept;
    connection& of_;
    void (*expired_)(connection&) noexcept;
  };

  static constexpr std::size_t records_first = 16;
  static constexpr std::size_t records_kept_max = 1024;
  static constexpr std::size_t end_text_bytes_max = 384;

  static stream_handler* handler_of(void* user) noexcept {
    return static_cast<stream_handler*>(user);
  }
  bool has_record_room(std::size_t more) noexcept;
  void add(const record& happened) noexcept;
  void shrink_records() noexcept;
  void note_end(std::string_view text) noexcept;
  void note_end(std::error_code why) noexcept;
  void dispatch() noexcept;
  void act(const record& happened) noexcept;
  void flush() noexcept;
  void serve_blocked() noexcept;
  void check_progress() noexcept;
  void close_after_output() noexcept;
  void go_down() noexcept;
  void drain(duration time, std::string_view text) noexcept;
  void finish_drain() noexcept;
  void drain_expired() noexcept;
  void begin_watch() noexcept;
  void end_watch() noexcept;
  void quiet() noexcept;
  void update_watch() noexcept;
  void watch_due() noexcept;
  void handshake_expired() noexcept;

  ring& home_;
  connection_options options_;
  std::vector<record> records_;
  output outgoing_;
  http2::limits engine_limits_;
  rpc::engine<connection> engine_;
  assembly_budget assembly_;
  driver* driver_ = nullptr;
  intrusive_list<stream_handler> blocked_;
  flush_step flush_;
  limit_timer handshake_timer_;
  limit_timer block_timer_;
  limit_timer drain_timer_;
  limit_timer watch_timer_;  // of alive_ and age_
  time_point drain_end_{};
  time_point watch_at_ = never;  // when watch_timer_ fires
  detail::keepalive alive_;
  detail::ping_strikes strikes_;
  detail::connection_age age_;
  std::string_view drain_text_;  // static storage
  event finished_;
  event peer_ended_;
  event idle_;
  short_text<end_text_bytes_max> end_text_;
  std::optional<encoding_set> peer_encodings_;
  std::size_t held_bytes_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint32_t streams_ = 0;
  std::uint32_t unclosed_ = 0;  // streams whose end was not recorded yet
  std::uint32_t call_frames_ = 0;  // of the engine, as far as strikes_ knows
  phase phase_ = phase::open;
  http2::role role_;
  bool dispatching_ = false;
  bool record_lost_ = false;  // for lack of memory: the connection ends
  bool draining_ = false;     // no new streams: by us or by the peer
  bool drain_asked_ = false;  // by us
  bool gone_down_ = false;
  bool drain_confirmed_ = false;
  bool was_lost_ = false;
  bool drain_over_ = false;
  bool last_id_told_ = false;  // by the GOAWAY of a drain
  bool settings_received_ = false;
  bool settings_acked_ = false;
  bool watched_ = false;           // alive_ or age_ has something to do
  bool pinged_too_often_ = false;  // we the peer, as it says
  bool too_many_pings_ = false;    // the peer us
  bool reading_stopped_ = false;
  bool sending_ = false;
  bool send_failed_ = false;
};
}  // namespace ringrpc::inline RINGRPC_ABI

#include <ringrpc/rpc/detail/connection_receive.hpp>
#include <ringrpc/rpc/detail/connection_send.hpp>
#include <ringrpc/rpc/detail/connection_times.hpp>
