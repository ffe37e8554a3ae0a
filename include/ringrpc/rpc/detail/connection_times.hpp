// SPDX-License-Identifier: MIT
//
// What `connection` does when time has passed: it drains, gives up a handshake, asks
// for signs of life, retires. Part of connection.hpp, split off for its length.
#pragma once

#include <algorithm>
#include <system_error>

#include <ringrpc/rpc/detail/connection.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// @param time  how long calls that run may go on. @param text  static; for the GOAWAYs.
inline void connection::drain(duration time, std::string_view text) noexcept {
  if (phase_ != phase::open) return;
  const time_point end_at = saturating_add(home_.now(), time);
  // A server that stops is not held up by a connection that has retired at leisure.
  if (drain_asked_ && end_at >= drain_end_) return;
  drain_end_ = end_at;
  if (!send_failed_) {
    home_.arm(drain_timer_,
              std::min(drain_end_, saturating_add(home_.now(), detail::drain_ping_time)));
  }
  if (drain_asked_) return;
  drain_asked_ = draining_ = true;
  drain_text_ = text;
  go_down();
  if (role_ == http2::role::server && !drain_confirmed_) {
    // Two GOAWAYs (RFC 9113 section 6.8): the first lets what is on its way arrive,
    // the answer to the PING says that the client has seen it.
    engine_.goaway(detail::notice_stream_id, http2::error_code::no_error, text);
    engine_.ping(detail::drain_ping);
  } else {
    finish_drain();
  }
  mark_dirty();
}

inline void connection::finish_drain() noexcept {
  drain_confirmed_ = true;
  if (phase_ != phase::open) return;
  last_id_told_ = true;
  engine_.goaway(engine_.last_processed_id(), http2::error_code::no_error, drain_text_);
  mark_dirty();
}

inline void connection::drain_expired() noexcept {
  if (phase_ == phase::open && !send_failed_ && home_.now() < drain_end_) {
    if (!drain_confirmed_) finish_drain();  // the client does not answer: it has had its time
    home_.arm(drain_timer_, drain_end_);
  } else if (phase_ == phase::open && !send_failed_ && !drain_over_) {
    drain_over_ = true;
    home_.arm(drain_timer_, saturating_add(home_.now(), detail::last_output_time));
    drain_time_over();
  } else if (phase_ == phase::open) {
    end(http2::error_code::no_error, "drain time is over");
  } else {
    lost(std::make_error_code(std::errc::timed_out));
  }
}

inline void connection::handshake_expired() noexcept {
  end(settings_received_ ? http2::error_code::settings_timeout : http2::error_code::protocol_error,
      settings_received_ ? "SETTINGS were not acknowledged in time"
                         : "no SETTINGS frame came in time");
}

// ---- signs of life, and age: one timer, which is armed late and asks when it fires, so
// that neither a call nor a receive moves it

inline void connection::begin_watch() noexcept {
  if (phase_ != phase::open) return;
  age_.begin(home_.now());
  watched_ = alive_.enabled() || age_.limited();
  if (watched_) update_watch();
}

inline void connection::end_watch() noexcept {
  watched_ = false;
  home_.disarm(watch_timer_);
}

inline void connection::quiet() noexcept {
  idle_.set();
  if (!watched_) return;
  age_.quiet(home_.now());
  update_watch();
}

inline void connection::update_watch() noexcept {
  const bool calls = streams_ > 0;
  const time_point next = std::min(alive_.next(calls), age_.next(calls));
  if (next >= watch_at_) return;
  watch_at_ = next;
  home_.arm(watch_timer_, next);
}

inline void connection::watch_due() noexcept {
  watch_at_ = never;
  const bool calls = streams_ > 0;
  const detail::keepalive::action now_due = alive_.check(home_.now(), calls);
  if (now_due == detail::keepalive::action::give_up) {
    // Wire rule 35: UNAVAILABLE at a client, at a server the handlers are stopped.
    end(http2::error_code::no_error, "no answer to a PING within keepalive_timeout");
    return;
  }
  if (now_due == detail::keepalive::action::ping) {
    engine_.ping(detail::keepalive_ping);
    mark_dirty();
  }
  using detail::connection_age;
  const connection_age::verdict verdict = age_.check(home_.now(), calls);
  if (verdict != connection_age::verdict::stays) {
    drain(age_.grace(), verdict == connection_age::verdict::old ? "max_age" : "max_idle");
  }
  if (watched_) update_watch();
}
}  // namespace ringrpc::inline RINGRPC_ABI
