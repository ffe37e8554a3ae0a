// SPDX-License-Identifier: MIT
//
// Cancellation inside one ring: the shape of P2300's in-place stop source, but
// without atomics. All of it belongs to the thread of its ring; from another
// thread, post to the ring first.
#pragma once

#include <ringrpc/base/fatal.hpp>
#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/coro/detail/owner_thread.hpp>
#include <ringrpc/coro/frame_safe.hpp>

namespace ringrpc {
class stop_source;

namespace detail {
/// See `stop_source`.
struct of_no_thread {};
}  // namespace detail

/// Asks whether a stop was requested. Copyable; must not be used after its
/// source died. A default-constructed token is never stopped.
class stop_token {
public:
  stop_token() noexcept = default;
  [[nodiscard]] bool stop_requested() const noexcept;
  /// Whether a stop can ever be requested.
  [[nodiscard]] bool stop_possible() const noexcept { return source_ != nullptr; }
  friend bool operator==(const stop_token&, const stop_token&) noexcept = default;

private:
  friend class stop_source;
  friend class stop_callback;
  explicit stop_token(stop_source& source) noexcept : source_(&source) {}

  stop_source* source_ = nullptr;
};

/// Called once when a stop is requested, unless it died or was disarmed before.
/// For the library: the function runs inside `request_stop` and may only unlink,
/// submit a cancel and queue; it must not run user code. Immovable.
class stop_callback : public list_node {
public:
  using function = void (*)(stop_callback& self) noexcept;
  explicit stop_callback(function act) noexcept : act_(act) {}

  /// Waits for a stop of `token`, and of no other any more.
  /// @return false if it was requested already: the function is not called then.
  [[nodiscard]] bool arm(const stop_token& token) noexcept;
  /// Waits no longer.
  void disarm() noexcept { unlink(); }

private:
  friend class stop_source;
  function act_;
};

/// The one who may request a stop. Immovable; must outlive its tokens' use.
class stop_source {
public:
  /// Belongs to the calling thread.
  stop_source() noexcept { adopt_thread(); }
  /// Belongs to no thread until `adopt_thread`: any one at a time may use it.
  explicit stop_source(detail::of_no_thread) noexcept {}
  stop_source(const stop_source&) = delete;
  stop_source& operator=(const stop_source&) = delete;

  [[nodiscard]] stop_token token() noexcept { return stop_token{*this}; }
  [[nodiscard]] bool stop_requested() const noexcept { return requested_; }

  /// Requests the stop: waiters become ready, nothing of theirs runs inline.
  /// Calls after the first do nothing. Ends the process when called on another
  /// thread than the one that last belonged to this source.
  void request_stop() noexcept {
    check_thread();
    if (requested_) return;
    requested_ = true;
    while (stop_callback* callback = callbacks_.pop_front()) callback->act_(*callback);
  }

  /// Makes the calling thread the source's own: for objects that are set up on
  /// one thread and run on another, as a ring is.
  void adopt_thread() noexcept { owner_.adopt(); }

protected:
  /// Belongs to the calling thread, or to none while the source of `parent` does.
  explicit stop_source(const stop_token& parent) noexcept {
    if (parent.source_ == nullptr || parent.source_->owner_.adopted()) adopt_thread();
  }

private:
  friend class stop_callback;
  void check_thread() const noexcept {
    if (!owner_.is_here()) {
      fatal("a stop source was used outside its ring's thread; use ring.remote().post(...)");
    }
  }

  intrusive_list<stop_callback> callbacks_;
  detail::owner_thread owner_;
  bool requested_ = false;
};

inline bool stop_token::stop_requested() const noexcept {
  return source_ != nullptr && source_->stop_requested();
}

inline bool stop_callback::arm(const stop_token& token) noexcept {
  unlink();
  if (token.source_ == nullptr) return true;
  token.source_->check_thread();
  if (token.source_->requested_) return false;
  token.source_->callbacks_.push_back(*this);
  return true;
}

/// Passes a stop on: while it lives, a stop of `from` stops `to`. Immovable.
class stop_link : public stop_callback {
public:
  /// Stops `to` at once if `from` was stopped already. `to` must outlive this.
  stop_link(const stop_token& from, stop_source& to) noexcept
      : stop_callback([](stop_callback& self) noexcept {
          static_cast<stop_link&>(self).to_.request_stop();
        }),
        to_(to) {
    if (!arm(from)) to_.request_stop();
  }

private:
  stop_source& to_;
};

/// A stop source that is also stopped when its parent is. One that is made while its
/// parent belongs to no thread, as for what is set up on a ring that has not run,
/// belongs to none either.
class linked_stop_source : public stop_source {
public:
  /// @param parent  may be a default-constructed token.
  explicit linked_stop_source(const stop_token& parent) noexcept
      : stop_source(parent), from_parent_(parent, *this) {}

private:
  stop_link from_parent_;
};

static_assert(frame_safe<stop_token> && frame_safe<stop_source>);
static_assert(frame_safe<stop_callback> && frame_safe<stop_link>);
static_assert(frame_safe<linked_stop_source>);
}  // namespace ringrpc
