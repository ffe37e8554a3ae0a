// SPDX-License-Identifier: MIT
//
// One call at the client: its request until it was answered, its deadline, what
// came back, and how it ended. Pooled; handles and the stream hold references.
#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/slice.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/base/short_text.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/grpc/metadata.hpp>
#include <ringrpc/grpc/status.hpp>
#include <ringrpc/grpc/timeout.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/rpc/call_options.hpp>
#include <ringrpc/rpc/connection_options.hpp>
#include <ringrpc/rpc/detail/call_stream.hpp>
#include <ringrpc/rpc/detail/response_head.hpp>
#include <ringrpc/rpc/detail/wire_fields.hpp>
#include <ringrpc/rpc/method.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
class client_call;

/// Who gives calls their connections: the channel's core.
class call_carrier {
public:
  /// The call waits for a connection, again or for the first time.
  virtual void carry(client_call& call) noexcept = 0;
  /// The object is free for another call.
  virtual void recycle(client_call& call) noexcept = 0;
  /// A server has begun to answer a call.
  virtual void answered() noexcept = 0;
  /// Whether it has ended: calls end with CANCELLED then.
  [[nodiscard]] virtual bool closed() const noexcept = 0;
  /// Why a call still waits for a stream, for texts: "cannot connect to ...".
  [[nodiscard]] virtual short_text<512> waiting_text() const noexcept = 0;
  /// The user-agent of calls.
  [[nodiscard]] virtual std::string_view user_agent() const noexcept = 0;
  /// Where calls go, for texts.
  [[nodiscard]] virtual std::string_view target() const noexcept = 0;

protected:
  ~call_carrier() = default;
};

/// What is the same for all calls of one method: fixed fields in static storage.
struct client_method {
  std::string_view path;
  method_kind kind;
  http2::header_template all;     ///< pseudo fields and the fixed ones, without timeout
  http2::header_template pseudo;  ///< pseudo fields alone: grpc-timeout follows them
};

/// A wait for the end of a call. A stop of the waiting coroutine cancels the call.
class completion_wait : public resume_node {
public:
  explicit completion_wait(client_call& of) noexcept : of_(of), stopped_(*this) {}
  completion_wait(const completion_wait&) = delete;
  completion_wait& operator=(const completion_wait&) = delete;
  ~completion_wait();
  /// The caller is resumed when the call has ended; where it has, soon and not at once:
  /// a loop that repeats what fails must let others run.
  template <class Promise>
  void suspend(std::coroutine_handle<Promise> caller) noexcept {
    const environment& where = environment_of(caller);
    queue_ = where.queue;
    set_caller(caller);
    check_home(where);
    if (!join(where.stop)) queue_->push(*this);
  }

private:
  friend class client_call;
  struct on_stop : stop_callback {
    explicit on_stop(completion_wait& waiting) noexcept;
    completion_wait& waiting_;
  };
  inline void check_home(const environment& where) const noexcept;
  /// @return false where the call has ended.
  [[nodiscard]] bool join(const stop_token& stop) noexcept;

  client_call& of_;
  run_queue* queue_ = nullptr;
  on_stop stopped_;
};

/// See above. Immovable; of its channel's ring.
class client_call final : public call_stream {
public:
  client_call(ring& home, std::uint32_t message_bytes_max) noexcept;
  ~client_call() = default;

  /// A new call with one reference, the handle's. Does not start it.
  /// @param usual  what holds where `options` say nothing.
  void begin(call_carrier& carrier, const client_method& method, const call_options& options,
             const connection_options& usual) noexcept;
  /// The serialised request, prefix included.
  void set_request(buffer_handle request) noexcept { request_ = std::move(request); }
  void expect_response(const message_ops& ops, void* into) noexcept { expect_single(ops, into); }
  /// Hands the call to its carrier, unless it has ended already.
  void start() noexcept;

  // For the carrier.

  /// Opens the stream on `over` and sends what there is.
  /// @return why there is no stream, or nothing.
  std::optional<http2::open_refusal> open_on(connection& over, std::string_view authority,
                                             field_list& fields) noexcept;
  [[nodiscard]] bool wait_for_ready() const noexcept { return wait_for_ready_; }
  /// Ends the call with `end`; resets the stream where there is one. Later calls do
  /// nothing.
  void finish(status end) noexcept;

  // For handles.

  void cancel() noexcept { finish(cancelled("the call was cancelled by its caller")); }
  /// The handle is gone: the call is cancelled unless it has ended.
  void drop() noexcept;
  [[nodiscard]] bool done() const noexcept { return done_; }
  [[nodiscard]] const status& end() const noexcept { return end_; }
  [[nodiscard]] const metadata& headers() const noexcept { return headers_; }
  [[nodiscard]] const metadata& trailers() const noexcept { return trailers_; }
  /// No more messages follow from our side.
  void writes_done() noexcept;
  /// Reads no more: what is held or comes is dropped.
  void stop_reading() noexcept { close_input(); }
  [[nodiscard]] bool has_response() const noexcept { return has_single(); }
  /// Its response is moved out. Ends the process where it was before.
  void deliver() noexcept {
    if (delivered_) fatal("a call was awaited a second time; it has one result");
    delivered_ = true;
  }

  // As a stream handler.
  void reduce(const http2::header_block& block, http2::block_kind kind) noexcept final;
  void headers_received(http2::block_kind kind, bool end) noexcept final;
  void reset_received(http2::error_code code) noexcept final;
  void stream_closed() noexcept final;

private:
  friend class completion_wait;
  struct deadline_timer : timer {
    explicit deadline_timer(client_call& of) noexcept
        : timer([](run_node& self) noexcept {
            client_call& late = static_cast<deadline_timer&>(self).of_;
            late.finish(late.deadline_status());
          }),
          of_(of) {}
    client_call& of_;
  };
  struct on_stop : stop_callback {
    explicit on_stop(client_call& of) noexcept
        : stop_callback([](stop_callback& self) noexcept {
            static_cast<on_stop&>(self).of_.finish(cancelled("the call was stopped"));
          }),
          of_(of) {}
    client_call& of_;
  };

  void input_failed(status why) noexcept final { finish(std::move(why)); }
  void input_complete() noexcept final;
  void output_failed(status why) noexcept final { finish(std::move(why)); }
  void before_output() noexcept final { sent_message_ = true; }
  void finish_in_order(status end) noexcept;
  [[nodiscard]] bool was_never_sent(const connection& lost) const noexcept;
  /// @param what  is wrong with the answer, behind the name of who gave it.
  [[nodiscard]] status not_grpc(unsigned http_status, std::string_view what) const noexcept {
    return status_of_answer(http_status, carrier_->target(), what);
  }
  /// Whether the deadline has passed, although its timer may not have had its turn.
  /// A call may outlive its ring; its timer is off then, and the ring not asked.
  [[nodiscard]] bool late() const noexcept {
    return deadline_timer_.linked() || (deadline_timer_.armed() && deadline_ <= home_.now());
  }
  void disarm_deadline() noexcept {
    if (deadline_timer_.armed()) home_.disarm(deadline_timer_);
    deadline_timer_.unlink();
  }
  [[nodiscard]] status deadline_status() const noexcept;
  void settle(status end) noexcept;
  [[nodiscard]] bool may_retry() const noexcept;
  void release() noexcept;
  [[nodiscard]] status find_encoding(std::string_view name,
                                     const encoding_registry& known) noexcept;
  void choose_encoding(const connection& over) noexcept;
  [[nodiscard]] const http2::header_template* collect_fields(const connection& over,
                                                             std::string_view authority,
                                                             field_list& fields);
  void send_request(connection& over) noexcept;

  ring& home_;
  call_carrier* carrier_ = nullptr;
  const client_method* method_ = nullptr;
  buffer_handle request_;
  const message_encoding* wanted_ = nullptr;  // if the server takes it
  std::array<char, timeout_text_bytes_max> timeout_text_{};
  metadata request_metadata_;
  metadata headers_;
  metadata trailers_;
  response_head head_;
  response_head last_;
  time_point deadline_ = never;
  deadline_timer deadline_timer_;
  on_stop stopped_;
  on_stop parent_stopped_;
  completion_wait* waiter_ = nullptr;
  status end_;
  std::uint8_t references_ = 0;
  bool wait_for_ready_ = false;
  bool done_ = false;
  bool delivered_ = false;
  bool headers_received_ = false;
  bool sent_message_ = false;
  std::uint64_t sent_before_ = 0;  // bytes that its connection had sent when it began
  bool writes_done_ = false;
  bool retried_ = false;
  bool retrying_ = false;
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI

#include <ringrpc/rpc/detail/client_call_end.hpp>
#include <ringrpc/rpc/detail/client_call_start.hpp>
