// SPDX-License-Identifier: MIT
//
// The receiving side of `connection`: feed, then dispatch. Part of
// connection.hpp, split off for its length.
#pragma once

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include <ringrpc/rpc/detail/connection.hpp>

namespace ringrpc::inline RINGRPC_ABI {
inline void connection::receive(std::span<const std::byte> bytes) noexcept {
  if (phase_ != phase::open) return;  // what comes after the end is read and dropped
  if (alive_.heard(home_.now())) update_watch();
  receive_began();
  const http2::feed_status fed = engine_.feed(bytes, home_.now());
  dispatch();
  if (phase_ != phase::open) return;
  if (!fed.ok()) {
    note_end(fed.text);
    close_after_output();
    return;
  }
  if (too_many_pings_) {
    end(http2::error_code::enhance_your_calm, detail::too_many_pings);
    return;
  }
  if (engine_.block_open()) {
    if (!block_timer_.armed()) {
      home_.arm(block_timer_, saturating_add(home_.now(), options_.header_block_time));
    }
  } else {
    home_.disarm(block_timer_);
  }
  if (engine_.wants_write()) mark_dirty();
}

inline void connection::receive_end() noexcept {
  peer_ended_.set();
  lost(std::make_error_code(std::errc::connection_reset));
}

inline bool connection::wants_read() const noexcept {
  return !reading_stopped_ && phase_ != phase::ended;
}

inline void connection::lost(std::error_code why) noexcept {
  if (phase_ == phase::ended) return;
  if (phase_ == phase::open) was_lost_ = true;
  if (why) note_end(why);
  phase_ = phase::ended;
  home_.disarm(handshake_timer_);
  home_.disarm(block_timer_);
  home_.disarm(drain_timer_);
  end_watch();
  // What is being sent stays: the kernel may still read it.
  go_down();
  engine_.fail(http2::error_code::internal_error);
  dispatch();
  peer_ended_.set();
  finished_.set();
}

// ---- the engine's sink: only records, calls nobody but `reduce`

/// Whether `more` records fit beside the end of each open stream, whose places are
/// never given away: without memory a connection can still end all its streams.
inline bool connection::has_record_room(std::size_t more) noexcept {
  const std::size_t needed = records_.size() + unclosed_ + more;
  if (needed <= records_.capacity()) return true;
  try {
    records_.reserve(std::max({needed, records_.capacity() * 2, records_first}));
  } catch (...) {
    return false;
  }
  return true;
}

inline void connection::add(const record& happened) noexcept {
  // After a gap nothing may follow but ends: a message could be missing before its trailers.
  if (record_lost_ || !has_record_room(1)) {
    record_lost_ = true;
    return;
  }
  records_.push_back(happened);
}

inline void connection::on_headers(http2::stream_ref stream, void*& user,
                                   const http2::header_block& block, http2::block_kind kind,
                                   bool end) noexcept {
  stream_handler* handler = handler_of(user);
  if (handler == nullptr) {
    if (kind != http2::block_kind::request) return;
    const bool may_open = phase_ == phase::open && !record_lost_ && prepare_stream();
    handler = may_open ? accept_stream(stream, block) : nullptr;
    if (handler == nullptr) {
      add({.kind = record_kind::refuse, .stream = stream});
      return;
    }
    user = handler;
    stream_opened();
  }
  handler->reduce(block, kind);
  add({.kind = record_kind::headers, .block = kind, .end = end, .handler = handler});
}

inline void connection::on_data(http2::stream_ref stream, void* user,
                                std::span<const std::byte> bytes, std::uint32_t flow_bytes,
                                bool end) noexcept {
  add({.kind = record_kind::data,
       .end = end,
       .flow_bytes = flow_bytes,
       .handler = handler_of(user),
       .stream = stream,
       .bytes = bytes});
}

inline void connection::on_reset(http2::stream_ref, void* user, http2::error_code code) noexcept {
  if (user == nullptr) return;
  add({.kind = record_kind::reset, .code = code, .handler = handler_of(user)});
}

inline void connection::on_closed(http2::stream_ref, void* user) noexcept {
  if (user == nullptr) return;
  --unclosed_;
  records_.push_back({.kind = record_kind::closed, .handler = handler_of(user)});  // has a place
}

inline void connection::on_writable(http2::stream_ref, void* user) noexcept {
  if (user == nullptr) return;
  add({.kind = record_kind::writable, .handler = handler_of(user)});
}

inline void connection::on_settings(const http2::settings&) noexcept {
  add({.kind = record_kind::settings});
}

inline void connection::on_settings_ack() noexcept { add({.kind = record_kind::settings_ack}); }

inline void connection::on_goaway(std::int32_t, http2::error_code code,
                                  std::string_view text) noexcept {
  if (code != http2::error_code::no_error && end_text().empty()) {
    end_text_.append("the peer ended the connection: ").append(http2::name_of(code));
    if (!text.empty()) end_text_.append(", ").append(text.substr(0, 256));
  }
  if (code == http2::error_code::enhance_your_calm && text == detail::too_many_pings) {
    pinged_too_often_ = true;
  }
  add({.kind = record_kind::goaway, .code = code});
}

inline void connection::on_ping() noexcept {
  too_many_pings_ |= strikes_.ping(home_.now(), streams_ > 0);
}

inline void connection::on_ping_ack(std::uint64_t payload) noexcept {
  if (payload == detail::drain_ping) add({.kind = record_kind::ping_ack});
}

// ---- dispatch

inline void connection::dispatch() noexcept {
  if (dispatching_) return;  // the walk below goes on with what was added
  dispatching_ = true;
  bool closed_some = false;
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const record happened = records_[i];  // a copy: the array may grow meanwhile
    act(happened);
    closed_some |= happened.kind == record_kind::closed;
  }
  records_.clear();
  if (records_.capacity() > records_kept_max) shrink_records();
  dispatching_ = false;
  dispatched();
  if (record_lost_) lost(std::make_error_code(std::errc::not_enough_memory));
  // What a stream had queued went with it: room for others, without anything sent.
  if (closed_some && !blocked_.empty()) serve_blocked();
  check_progress();
}

/// A flood must not leave its memory behind in every connection.
inline void connection::shrink_records() noexcept {
  if (unclosed_ > records_kept_max / 2) return;
  try {
    std::vector<record> smaller;
    smaller.reserve(unclosed_ + records_first);
    records_.swap(smaller);
  } catch (...) {
    // it stays as it is
  }
}

inline void connection::note_end(std::string_view text) noexcept {
  if (end_text().empty()) end_text_.append(text);
}

inline void connection::note_end(std::error_code why) noexcept {
  try {
    note_end(why.message());
  } catch (...) {
    note_end("memory is short");
  }
}

inline void connection::act(const record& happened) noexcept {
  switch (happened.kind) {
    case record_kind::headers:
      happened.handler->headers_received(happened.block, happened.end);
      break;
    case record_kind::data:
      engine_.credit_connection(happened.flow_bytes);
      if (happened.handler != nullptr) {
        happened.handler->data_received(happened.bytes, happened.flow_bytes, happened.end);
      } else {
        engine_.credit_stream(happened.stream, happened.flow_bytes);
      }
      break;
    case record_kind::reset:
      happened.handler->reset_received(happened.code);
      break;
    case record_kind::writable:
      happened.handler->room_available();
      break;
    case record_kind::closed:
      happened.handler->unlink();
      happened.handler->stream_closed();
      if (--streams_ == 0) quiet();
      stream_ended();
      break;
    case record_kind::refuse:
      engine_.reset(happened.stream, http2::error_code::refused_stream);
      break;
    case record_kind::settings:
      if (!settings_received_) {
        settings_received_ = true;
        if (!settings_acked_) {
          home_.arm(handshake_timer_, saturating_add(home_.now(), options_.settings_ack_time));
        }
        begin_watch();
        settings_received();
      } else {
        settings_changed();
      }
      break;
    case record_kind::settings_ack:
      settings_acked_ = true;
      if (settings_received_) home_.disarm(handshake_timer_);
      break;
    case record_kind::goaway:
      if (std::exchange(pinged_too_often_, false)) pinged_too_often();
      // The peer goes away: the connection ends with its last stream.
      draining_ = drain_confirmed_ = true;
      go_down();
      goaway_received(happened.code);
      break;
    case record_kind::ping_ack:
      if (draining_ && !drain_confirmed_) finish_drain();
      break;
  }
}
}  // namespace ringrpc::inline RINGRPC_ABI
