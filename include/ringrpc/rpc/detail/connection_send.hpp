// SPDX-License-Identifier: MIT
//
// The sending side of `connection` and the ways in which it ends. Part of
// connection.hpp, split off for its length.
#pragma once

#include <algorithm>
#include <cstdint>

#include <ringrpc/rpc/detail/connection.hpp>

namespace ringrpc::inline RINGRPC_ABI {
inline connection::flush_step::flush_step(connection& of) noexcept
    : flush_hook([](flush_hook& self) noexcept { static_cast<flush_step&>(self).of_.flush(); }),
      of_(of) {}

inline connection::limit_timer::limit_timer(connection& of,
                                            void (*expired)(connection&) noexcept) noexcept
    : timer([](run_node& self) noexcept {
        limit_timer& due = static_cast<limit_timer&>(self);
        due.expired_(due.of_);
      }),
      of_(of),
      expired_(expired) {}

inline connection::connection(ring& home, http2::role role, const connection_options& options,
                              const detail::connection_life& life)
    : home_(home),
      options_(options),
      outgoing_(home.memory()),
      engine_limits_(detail::limits_of(options, life.stream_id_first)),
      engine_(role, detail::settings_of(role, options), engine_limits_, home.memory(), *this),
      assembly_(options.assembly_budget()),
      flush_(*this),
      handshake_timer_(*this, [](connection& self) noexcept { self.handshake_expired(); }),
      block_timer_(*this,
                   [](connection& self) noexcept {
                     self.end(http2::error_code::protocol_error, "header block took too long");
                   }),
      drain_timer_(*this, [](connection& self) noexcept { self.drain_expired(); }),
      watch_timer_(*this, [](connection& self) noexcept { self.watch_due(); }),
      alive_(life.alive),
      strikes_(life.pings),
      age_(life.age),
      role_(role) {
  idle_.set();
}

inline connection::~connection() = default;

inline void connection::attach(driver& moves) noexcept {
  driver_ = &moves;
  home_.arm(handshake_timer_, saturating_add(home_.now(), options_.handshake_time));
  mark_dirty();
}

inline void connection::flush() noexcept {
  if (driver_ == nullptr || phase_ == phase::ended) return;
  driver_->flush();
  check_progress();
}

inline output& connection::outgoing() noexcept {
  if (outgoing_.empty() && !send_failed_ && phase_ != phase::ended && engine_.wants_write()) {
    engine_.gather(outgoing_, detail::gather_bytes, home_.now());
    if (strikes_.enabled()) {
      const std::uint32_t frames = engine_.call_frames();
      if (frames != call_frames_) strikes_.sent(frames - call_frames_, home_.now());
      call_frames_ = frames;
    }
    dispatch();  // streams may have closed
    serve_blocked();
  }
  return outgoing_;
}

inline void connection::sent(std::size_t bytes) noexcept {
  sending_ = false;
  sent_bytes_ += bytes;
  if (phase_ == phase::ended) return;
  outgoing_.consume(bytes);
}

inline bool connection::has_room(http2::stream_ref stream) noexcept {
  const std::uint32_t all = engine_.queued();
  return all == 0 || (engine_.queued(stream) < options_.stream_queue_bytes &&
                      all < options_.connection_queue_bytes);
}

inline void connection::serve_blocked() noexcept {
  // Each is asked once: one that still has no room joins the end of the line.
  intrusive_list<stream_handler> waiting;
  waiting.splice_back(blocked_);
  while (stream_handler* first = waiting.front()) {
    if (engine_.queued() >= options_.connection_queue_bytes) {
      waiting.splice_back(blocked_);
      blocked_.splice_back(waiting);
      return;
    }
    first->unlink();
    first->room_available();
  }
}

inline void connection::check_progress() noexcept {
  if (dispatching_ || phase_ == phase::ended) return;
  // Our own replies that the peer does not take bound what it can make us queue.
  const bool stop = engine_.reply_bytes() > engine_limits_.reply_bytes_max ||
                    engine_.reply_count() > engine_limits_.reply_count_max;
  if (stop != reading_stopped_) {
    reading_stopped_ = stop;
    if (!stop && driver_ != nullptr) driver_->resume_reading();
  }
  if (phase_ == phase::open && draining_ && drain_confirmed_ && streams_ == 0) {
    end(http2::error_code::no_error, {});
    return;
  }
  if (phase_ == phase::open && engine_.closed()) {
    note_end("the HTTP/2 engine gave the connection up");
    close_after_output();
  }
  if (phase_ == phase::closing && outgoing_.empty() && (send_failed_ || !engine_.wants_write())) {
    phase_ = phase::lingering;
    // The peer's end is awaited, so that it can read all of ours.
    home_.arm(drain_timer_, saturating_add(home_.now(), detail::last_output_time));
    engine_.fail(http2::error_code::no_error);
    dispatch();
    finished_.set();
  }
}

inline void connection::close_after_output() noexcept {
  if (phase_ != phase::open) return;
  phase_ = phase::closing;
  go_down();
  home_.disarm(handshake_timer_);
  home_.disarm(block_timer_);
  end_watch();
  // A peer that reads nothing must not hold us.
  home_.arm(drain_timer_, saturating_add(home_.now(), detail::last_output_time));
  mark_dirty();
}

inline void connection::go_down() noexcept {
  if (gone_down_) return;
  gone_down_ = true;
  going_down();
}

inline void connection::end(http2::error_code code, std::string_view text) noexcept {
  if (phase_ != phase::open) return;
  note_end(text);
  const bool in_order = code == http2::error_code::no_error && text.empty();
  if (!in_order || !last_id_told_) engine_.goaway(engine_.last_processed_id(), code, text);
  close_after_output();
}

inline void connection::abort() noexcept {
  if (driver_ != nullptr) driver_->abort();
  lost(std::make_error_code(std::errc::operation_canceled));
}

inline void connection::send_failed(std::error_code why) noexcept {
  // A call whose trailers are on their way to us still gets its status: read on.
  sending_ = false;
  send_failed_ = was_lost_ = true;
  outgoing_.clear();
  note_end(why);
  if (phase_ == phase::open) {
    draining_ = true;
    go_down();
    home_.arm(drain_timer_, saturating_add(home_.now(), detail::last_output_time));
  }
  check_progress();
}
}  // namespace ringrpc::inline RINGRPC_ABI
