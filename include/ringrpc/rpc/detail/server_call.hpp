// SPDX-License-Identifier: MIT
//
// One call at the server: the request's headers, when its handler starts, and how
// it ends on the wire. What the handler's types are is above this, in
// handler_frames.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <string_view>

#include <ringrpc/base/config.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/grpc/result.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/rpc/detail/call_stream.hpp>
#include <ringrpc/rpc/detail/log_gate.hpp>
#include <ringrpc/rpc/detail/request_head.hpp>
#include <ringrpc/rpc/detail/wire_fields.hpp>
#include <ringrpc/rpc/server_context.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
class server_call;

/// Lists a call among those of its connection.
class listed_call : public list_node {};
/// Lists a call whose deadline is not armed yet.
class fresh_deadline : public list_node {};

/// What the calls of one server connection share.
struct server_call_host {
  explicit server_call_host(connection& carrier, peer_info who) noexcept
      : over(carrier), peer(std::move(who)) {
    no_calls.set();
  }
  connection& over;
  peer_info peer;
  field_list fields;
  /// For texts about handlers that threw.
  log_gate exceptions;
  /// Handlers that run, or will: the slots that are held.
  std::uint32_t handlers = 0;
  /// Call objects that exist.
  std::uint32_t calls = 0;
  event no_calls;
  /// The calls themselves, for what is logged of them.
  intrusive_list<listed_call> all;
  /// Calls that came in this receive and have a deadline. It is armed at the end of
  /// the dispatch, when most calls have been answered already.
  intrusive_list<fresh_deadline> fresh_deadlines;
  inline void arm_deadlines() noexcept;
  /// Handlers started in this receive: beyond a bound they wait for their turn.
  std::uint32_t started = 0;
  static constexpr std::uint32_t started_max = 64;
};

/// A call of an unknown method, or the base of those that have a handler.
class server_call : public server_context,
                    public call_stream,
                    public listed_call,
                    public fresh_deadline {
public:
  /// A new stream, in feed. @param method  static, or of a method entry.
  void open(server_call_host& host, http2::stream_ref stream, std::string_view method) noexcept;

  bool send_headers() noexcept final;
  bool set_compression(std::string_view name) noexcept final;
  [[nodiscard]] bool message_compressed() const noexcept final { return was_compressed(); }
  /// Whether `where` is what the handler was started with.
  [[nodiscard]] bool runs_in(const environment& where) const noexcept {
    return &where == &environment_;
  }

  /// The time of a drain is over: the handler is asked to end, and may still answer.
  void stop_running() noexcept {
    if (handler_ == handler_state::running) stop_->request_stop();
  }
  /// The status of the exception that the handler threw and that is being handled; it
  /// is logged, but for a status_error.
  [[nodiscard]] status status_of_exception() noexcept;

  /// The call is still open at the end of its dispatch.
  void arm_deadline() noexcept { ring_->arm(deadline_timer_, deadline_); }

  // As a stream handler.
  void reduce(const http2::header_block& block, http2::block_kind kind) noexcept final;
  void headers_received(http2::block_kind kind, bool end) noexcept final;
  void reset_received(http2::error_code code) noexcept final;
  void room_available() noexcept final;
  void stream_closed() noexcept final;

protected:
  server_call(memory_pool& pool, std::uint32_t message_bytes_max) noexcept;
  virtual ~server_call() = default;

  /// Starts the handler, which reports its end by `handler_ended`, maybe at once.
  virtual void start_handler() noexcept = 0;
  /// Whether the handler starts only when one request message has come whole.
  [[nodiscard]] virtual bool takes_single() const noexcept = 0;
  /// The object is free: it destroys itself or waits for another call.
  virtual void recycle() noexcept = 0;
  /// Why there is no handler, if so.
  [[nodiscard]] virtual std::optional<status> no_handler() const noexcept { return std::nullopt; }

  /// The handler's frame is gone; its status goes out, unless another one did.
  void handler_ended(status end) noexcept;
  /// The same with a reply message, which must stay until `recycle`: it is queued
  /// when there is room for it, then OK.
  void handler_ended(const message_ops& ops, const void* reply) noexcept;
  [[nodiscard]] const environment& handler_environment() const noexcept { return environment_; }
  /// Forgets the last call.
  void clear_call() noexcept;

private:
  enum class handler_state : unsigned char { none, waiting, running, replying, ended };
  struct start_node : run_node {
    explicit start_node(server_call& of) noexcept
        : run_node([](run_node& self) noexcept {
            static_cast<start_node&>(self).of_.run_handler();
          }),
          of_(of) {}
    server_call& of_;
  };
  struct deadline_timer : timer {
    explicit deadline_timer(server_call& of) noexcept
        : timer([](run_node& self) noexcept {
            static_cast<deadline_timer&>(self).of_.deadline_passed();
          }),
          of_(of) {}
    server_call& of_;
  };

  void input_failed(status why) noexcept final;
  void input_complete() noexcept final;
  void output_failed(status why) noexcept final;
  void before_output() noexcept final { send_headers(); }

  void disarm_deadline() noexcept {
    fresh_deadline::unlink();
    ring_->disarm(deadline_timer_);
  }
  void start() noexcept;
  void run_handler() noexcept;
  void deadline_passed() noexcept;
  void stop_handler() noexcept;
  void answer(const status& end) noexcept;
  void answer_refusal(const refusal& why) noexcept;
  void queue_end(const status& end);
  void add_accepted(field_list& to) const;
  void try_reply() noexcept;
  void free_slot() noexcept;
  void release_if_done() noexcept;

  server_call_host* host_ = nullptr;
  request_head head_;
  std::optional<stop_source> stop_;
  environment environment_;
  start_node start_;
  deadline_timer deadline_timer_;
  const message_ops* reply_ops_ = nullptr;
  const void* reply_ = nullptr;
  handler_state handler_ = handler_state::none;
  bool stream_known_ = false;
  bool headers_sent_ = false;
  bool answered_ = false;
  bool slot_held_ = false;
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI

#include <ringrpc/rpc/detail/server_call_end.hpp>
#include <ringrpc/rpc/detail/server_call_start.hpp>
