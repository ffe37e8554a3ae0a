// SPDX-License-Identifier: MIT
//
// What calls of both sides have in common: messages in, messages out, one read and
// one write pending at most. The two sides differ in headers and in how they end.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/fatal.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/coro/run_queue.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/grpc/message_encoding.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/turn_budget.hpp>
#include <ringrpc/rpc/codec.hpp>
#include <ringrpc/rpc/detail/connection.hpp>
#include <ringrpc/rpc/detail/inbound.hpp>
#include <ringrpc/rpc/detail/message_io.hpp>
#include <ringrpc/rpc/detail/stream_handler.hpp>

namespace ringrpc::inline RINGRPC_ABI {
class call_stream;

/// What a caller says about one message that is written; in braces: `{.compress = false}`.
struct write_options {
  /// Whether the message may be compressed, where the call has an encoding: false for one
  /// that mixes secrets with what a stranger chooses (CRIME, BREACH) or is compressed already.
  bool compress = true;
};
static_assert(frame_safe<write_options>);
}  // namespace ringrpc::inline RINGRPC_ABI

namespace ringrpc::detail::inline RINGRPC_ABI {
/// Something that waits for a call and is made ready by it: the awaiting
/// coroutine's node and the queue that it goes to. A stop of the awaiting
/// coroutine ends the wait.
class call_waiter : public resume_node {
public:
  call_waiter(const call_waiter&) = delete;
  call_waiter& operator=(const call_waiter&) = delete;

protected:
  explicit call_waiter(call_stream& of) noexcept : of_(of), stopped_(*this) {}
  ~call_waiter() = default;
  /// Who is resumed, by the call; or soon, where the coroutine was stopped already or
  /// `is_over` says that the call gives nothing. Not at once: a loop that takes no
  /// notice must let others run.
  template <class Promise>
  void suspend(std::coroutine_handle<Promise> caller, bool is_over) noexcept {
    const environment& where = environment_of(caller);
    queue_ = where.queue;
    set_caller(caller);
    if (is_over || !stopped_.arm(where.stop)) abandon();
  }
  call_stream& of() const noexcept { return of_; }

private:
  friend class ringrpc::RINGRPC_ABI::call_stream;
  struct on_stop : stop_callback {
    explicit on_stop(call_waiter& waiting) noexcept;
    call_waiter& waiting_;
  };
  void abandon() noexcept;
  void wake() noexcept {
    stopped_.disarm();
    // What ends a call may have stopped the handler, and so woken this already.
    if (!linked()) queue_->push(*this);
  }

  call_stream& of_;
  run_queue* queue_ = nullptr;
  on_stop stopped_;
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI

namespace ringrpc::inline RINGRPC_ABI {
/// A wait for the next message, or for the end of messages.
class message_target : public detail::call_waiter {
public:
  /// @param into  an object of the type of `ops`; must outlive the wait.
  message_target(call_stream& of, const message_ops& ops, void* into) noexcept
      : call_waiter(of), ops_(ops), into_(into) {}
  ~message_target();

protected:
  bool filled() const noexcept { return filled_; }

private:
  friend class call_stream;
  const message_ops& ops_;
  void* into_;
  bool filled_ = false;
};

/// A wait for room for one message, which is serialised when there is.
class message_source : public detail::call_waiter {
public:
  /// @param message  of the type of `ops`; must outlive the wait.
  message_source(call_stream& of, const message_ops& ops, const void* message,
                 const write_options& options) noexcept
      : call_waiter(of), ops_(ops), message_(message), compress_(options.compress) {}
  ~message_source();

protected:
  bool queued() const noexcept { return queued_; }

private:
  friend class call_stream;
  const message_ops& ops_;
  const void* message_;
  bool compress_;
  bool queued_ = false;
};

/// One call on one HTTP/2 stream, either side. Of its connection's ring.
class call_stream : public stream_handler {
public:
  call_stream(const call_stream&) = delete;
  call_stream& operator=(const call_stream&) = delete;

  // For the awaiters of reads and writes.

  /// Takes the next message into `target`. @return false if it has to wait: it is
  /// made ready later. Only one at a time.
  [[nodiscard]] bool pull(message_target& target) noexcept;
  /// Queues the message of `source`. @return false if it has to wait, as above.
  [[nodiscard]] bool push(message_source& source) noexcept;
  /// Ends a wait without a result, and makes the waiter ready.
  void give_up(detail::call_waiter& waiting) noexcept;
  /// The waiter dies.
  void forget(detail::call_waiter& waiting) noexcept {
    if (target_ == &waiting) target_ = nullptr;
    if (source_ == &waiting) source_ = nullptr;
  }

  /// Whether the message that was taken last came compressed.
  [[nodiscard]] bool was_compressed() const noexcept { return was_compressed_; }

  // As a stream handler.
  void data_received(std::span<const std::byte> bytes, std::uint32_t flow_bytes,
                     bool end) noexcept final;
  void room_available() noexcept override;

protected:
  /// @param postpones_single  whether a single message that is compressed may be taken in a
  ///        later turn than that in which it came (`turn_budget`).
  call_stream(memory_pool& pool, std::uint32_t message_bytes_max, bool postpones_single) noexcept
      : in_(pool, message_bytes_max), later_(*this), postpones_single_(postpones_single) {}
  ~call_stream() = default;

  /// The call expects exactly one message, which goes into `into`.
  void expect_single(const message_ops& ops, void* into) noexcept {
    single_ops_ = &ops;
    single_into_ = into;
  }
  [[nodiscard]] bool expects_single() const noexcept { return single_ops_ != nullptr; }
  [[nodiscard]] bool has_single() const noexcept { return single_filled_; }

  /// What an encoding does to the messages that come, and to those that go; null: nothing.
  void decode_with(const message_encoding* encoding) noexcept {
    decodes_ = encoding;
    if (encoding != nullptr) in_.allow_compressed();
  }
  void encode_with(const message_encoding* encoding) noexcept { encodes_ = encoding; }
  [[nodiscard]] const message_encoding* encodes_with() const noexcept { return encodes_; }

  /// What came breaks a rule: the call ends with `why`.
  virtual void input_failed(status why) noexcept = 0;
  /// The peer has ended its side in order, and all of it was handed on or is held.
  virtual void input_complete() noexcept = 0;
  /// A message could not be serialised or is too large.
  virtual void output_failed(status why) noexcept = 0;
  /// Runs before the first message is queued: headers go first.
  virtual void before_output() noexcept {}

  void attach(connection& over, http2::stream_ref stream) noexcept {
    connection_ = &over;
    home_ = &over.home();
    stream_ = stream;
    in_.attach(over, stream);
  }
  /// END_STREAM has come with headers or trailers instead of DATA.
  void end_input() noexcept;
  /// No reads and writes succeed from now on; what waits is made ready.
  void close_input() noexcept;
  void close_output() noexcept;
  /// No writes succeed from now on, but a call that waits for a connection goes on.
  void end_output() noexcept {
    output_closed_ = true;
    if (source_ != nullptr) give_up(*source_);
  }
  /// The stream is gone.
  void detach() noexcept {
    in_.detach();
    connection_ = nullptr;
  }
  /// For another call.
  void reset_stream(std::uint32_t message_bytes_max) noexcept;

  connection* over() const noexcept { return connection_; }
  http2::stream_ref stream() const noexcept { return stream_; }
  inbound& in() noexcept { return in_; }
  [[nodiscard]] bool input_ended() const noexcept { return input_ended_; }
  [[nodiscard]] bool output_closed() const noexcept { return output_closed_; }

  /// Whether `message` may be queued now. Only where the call has a stream.
  [[nodiscard]] bool has_room_for(const message_ops& ops, const void* message) noexcept {
    if (connection_->has_room(stream_)) return true;
    const std::size_t share = connection_->share_bytes(stream_);
    if (share == 0) return false;
    try {
      return ops.size(message) <= share;
    } catch (...) {
      return true;  // `queue` says what is wrong
    }
  }
  /// Queues `message`; room has been waited for.
  status queue(const message_ops& ops, const void* message, bool compress, bool end) noexcept {
    std::size_t bytes = 0;
    const message_encoding* encoding = compress ? encodes_ : nullptr;
    status sent =
        detail::queue_message(*connection_, stream_, ops, message, encoding, end, bytes);
    note_message(bytes);
    return sent;
  }
  /// The largest message of this call so far, either way, in bytes.
  [[nodiscard]] std::size_t largest_message_bytes() const noexcept { return largest_bytes_; }

private:
  void note_message(std::size_t bytes) noexcept {
    if (bytes > largest_bytes_) largest_bytes_ = bytes;
  }
  struct later_turn : turn_budget::waiter {
    explicit later_turn(call_stream& of) noexcept
        : waiter([](waiter& self) noexcept { static_cast<later_turn&>(self).of_.take_turn(); }),
          of_(of) {}
    call_stream& of_;
  };
  /// Whether the next message may be decompressed in this turn; else `take_turn` comes.
  [[nodiscard]] bool may_decode() noexcept {
    return decodes_ == nullptr || home_->slow_work().admits(later_);
  }
  void take_turn() noexcept;
  void finish_input() noexcept;
  [[nodiscard]] status parse(const message_ops& ops, void* into) noexcept;
  void take_single() noexcept;
  void serve_target() noexcept;

  inbound in_;
  later_turn later_;
  ring* home_ = nullptr;  // where it has or had a stream
  connection* connection_ = nullptr;
  http2::stream_ref stream_{};
  message_target* target_ = nullptr;
  message_source* source_ = nullptr;
  const message_ops* single_ops_ = nullptr;
  void* single_into_ = nullptr;
  const message_encoding* decodes_ = nullptr;
  const message_encoding* encodes_ = nullptr;
  std::size_t largest_bytes_ = 0;
  bool postpones_single_;
  bool single_filled_ = false;
  bool was_compressed_ = false;
  bool input_ended_ = false;
  bool input_closed_ = false;
  bool output_closed_ = false;
};
}  // namespace ringrpc::inline RINGRPC_ABI

namespace ringrpc::detail::inline RINGRPC_ABI {
inline call_waiter::on_stop::on_stop(call_waiter& waiting) noexcept
    : stop_callback([](stop_callback& self) noexcept {
        call_waiter& stopped = static_cast<on_stop&>(self).waiting_;
        stopped.of_.give_up(stopped);
      }),
      waiting_(waiting) {}
inline void call_waiter::abandon() noexcept {
  of_.forget(*this);
  queue_->push(*this);
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI

namespace ringrpc::inline RINGRPC_ABI {
inline message_target::~message_target() { of().forget(*this); }
inline message_source::~message_source() { of().forget(*this); }

inline bool call_stream::pull(message_target& target) noexcept {
  if (target_ != nullptr) fatal("two reads of one call were awaited at once");
  if (input_closed_) return true;
  if (!may_decode()) {
    target_ = &target;
    return false;
  }
  switch (in_.next()) {
    case message_event::message: {
      const status parsed = parse(target.ops_, target.into_);
      target.filled_ = parsed.ok();
      if (!parsed.ok()) input_failed(parsed);
      return true;
    }
    case message_event::failed: {
      const status why = in_.error();
      input_failed(why);
      return true;
    }
    case message_event::more:
      break;
  }
  if (input_ended_) {
    const status whole = in_.finish();
    if (!whole.ok()) input_failed(whole);
    return true;
  }
  target_ = &target;
  return false;
}

inline bool call_stream::push(message_source& source) noexcept {
  if (source_ != nullptr) fatal("two writes of one call were awaited at once");
  if (output_closed_) return true;
  if (connection_ == nullptr || !has_room_for(source.ops_, source.message_)) {
    source_ = &source;
    if (connection_ != nullptr) connection_->await_room(*this);
    return false;
  }
  before_output();
  if (output_closed_) return true;  // the headers could not be sent, which ended the call
  const status sent = queue(source.ops_, source.message_, source.compress_, false);
  source.queued_ = sent.ok();
  if (!sent.ok()) output_failed(sent);
  return true;
}

inline void call_stream::give_up(detail::call_waiter& waiting) noexcept {
  forget(waiting);
  waiting.wake();
}

inline void call_stream::data_received(std::span<const std::byte> bytes,
                                       std::uint32_t flow_bytes, bool end) noexcept {
  in_.begin(bytes, flow_bytes);
  if (expects_single()) {
    take_single();
  } else {
    serve_target();
  }
  in_.keep_rest();
  if (end) end_input();
}

inline void call_stream::serve_target() noexcept {
  if (target_ == nullptr) return;
  message_target& waiting = *target_;
  target_ = nullptr;
  if (pull(waiting)) waiting.wake();
}

/// The message that was taken, which is dropped.
inline status call_stream::parse(const message_ops& ops, void* into) noexcept {
  status parsed;
  std::size_t bytes = in_.message().size();
  was_compressed_ = in_.message_compressed();
  if (was_compressed_) {
    parsed = detail::parse_compressed_message(in_.memory(), *decodes_, ops, into, in_.message(),
                                              in_.message_bytes_max(), bytes);
    // One that is refused may have cost as much as the largest.
    home_->slow_work().spend(parsed.ok() ? bytes : in_.message_bytes_max());
  } else {
    parsed = detail::parse_message(ops, into, in_.message());
  }
  note_message(bytes);
  in_.drop_message();
  return parsed;
}

inline void call_stream::take_single() noexcept {
  for (;;) {
    if (input_closed_ || (postpones_single_ && !may_decode())) return;
    const message_event found = in_.next();
    if (found == message_event::more) return;
    if (found == message_event::failed) {
      const status why = in_.error();
      input_failed(why);
      return;
    }
    if (single_filled_) {
      input_failed(unimplemented("more than one message where exactly one is allowed"));
      return;
    }
    single_filled_ = true;
    const status parsed = parse(*single_ops_, single_into_);
    if (!parsed.ok()) {
      input_failed(parsed);
      return;
    }
  }
}

inline void call_stream::end_input() noexcept {
  if (input_ended_ || input_closed_) return;
  input_ended_ = true;
  // Its message has come, but is not taken yet: `take_turn` goes on.
  if (expects_single() && later_.linked()) return;
  finish_input();
}

inline void call_stream::take_turn() noexcept {
  if (input_closed_) return;
  if (!expects_single()) return serve_target();
  take_single();
  if (input_ended_ && !input_closed_ && !later_.linked()) finish_input();
}

/// All that the peer sends has come.
inline void call_stream::finish_input() noexcept {
  if (!in_.has_message()) {
    const status whole = in_.finish();
    if (!whole.ok()) {
      input_failed(whole);
      close_input();  // also where the call had ended before: who reads is told
      return;
    }
  }
  serve_target();
  if (!input_closed_) input_complete();
}

inline void call_stream::close_input() noexcept {
  input_closed_ = true;
  later_.unlink();
  in_.discard();
  if (target_ != nullptr) give_up(*target_);
}

inline void call_stream::close_output() noexcept {
  stream_handler::unlink();
  end_output();
}

inline void call_stream::room_available() noexcept {
  if (source_ == nullptr) return;
  message_source& waiting = *source_;
  source_ = nullptr;
  if (push(waiting)) waiting.wake();
}

inline void call_stream::reset_stream(std::uint32_t message_bytes_max) noexcept {
  in_.reset(message_bytes_max);
  later_.unlink();
  home_ = nullptr;
  connection_ = nullptr;
  stream_ = {};
  single_ops_ = nullptr;
  single_into_ = nullptr;
  decodes_ = encodes_ = nullptr;
  largest_bytes_ = 0;
  single_filled_ = was_compressed_ = input_ended_ = input_closed_ = output_closed_ = false;
}

// ---- the awaiters of reads and writes

/// `T* message = co_await reader.read();`: the next message, valid until the next
/// read and yours to move from; null at the end of messages, after a failure, and
/// when the awaiting coroutine was stopped. A read that was stopped loses nothing.
template <message T>
class [[nodiscard]] message_read : message_target {
public:
  message_read(call_stream& of, T& into) noexcept
      : message_target(of, message_ops_of<T>, &into), into_(into) {}
  bool await_ready() noexcept {
    is_over_ = of().pull(*this) && !this->filled();
    return this->filled();
  }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> caller) noexcept {
    this->suspend(caller, is_over_);
  }
  T* await_resume() const noexcept { return this->filled() ? &into_ : nullptr; }

private:
  T& into_;
  bool is_over_ = false;
};

/// `bool queued = co_await writer.write(message);`: waits for room first, then
/// serialises. True: it is queued, in order. False: the call is over, or the
/// awaiting coroutine was stopped; nothing was queued.
class [[nodiscard]] message_write : message_source {
public:
  using message_source::message_source;
  bool await_ready() noexcept {
    is_over_ = of().push(*this) && !this->queued();
    return this->queued();
  }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> caller) noexcept {
    this->suspend(caller, is_over_);
  }
  bool await_resume() const noexcept { return this->queued(); }

private:
  bool is_over_ = false;
};
}  // namespace ringrpc::inline RINGRPC_ABI
