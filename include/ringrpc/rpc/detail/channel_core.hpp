// SPDX-License-Identifier: MIT
//
// What is behind a channel: its state, the connection that takes calls, and the
// calls that wait for one. Lives on while a connection of it does.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/base/short_text.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/rpc/backoff.hpp>
#include <ringrpc/rpc/channel_options.hpp>
#include <ringrpc/rpc/detail/client_call.hpp>
#include <ringrpc/rpc/detail/client_connection.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
class channel_core;

/// A connection factory, erased: one task per connection, from the attempt to
/// connect to the connection's end.
class connector {
public:
  connector() = default;
  connector(const connector&) = delete;
  connector& operator=(const connector&) = delete;
  virtual ~connector() = default;
  virtual task<> run(std::shared_ptr<channel_core> core) = 0;
};

/// See above. Of one ring and its thread.
class channel_core final : public call_carrier,
                           public client_connection_owner,
                           public std::enable_shared_from_this<channel_core> {
public:
  channel_core(ring& home, std::string target, const channel_options& options,
               std::unique_ptr<connector> connects);
  ~channel_core();

  // For the channel.

  /// A call with one reference, the handle's. @throws std::bad_alloc  where memory is short.
  client_call& make_call(const client_method& method, const call_options& options);
  [[nodiscard]] channel_state state() const noexcept { return state_; }
  [[nodiscard]] ring& home() noexcept { return home_; }
  [[nodiscard]] const channel_options& options() const noexcept { return options_; }
  /// Ends all calls and connections; new calls fail.
  void shut_down() noexcept;
  /// Set while no connection is left after `shut_down`.
  [[nodiscard]] event& ended() noexcept { return ended_; }

  // As a carrier of calls.
  void carry(client_call& call) noexcept override;
  void recycle(client_call& call) noexcept override;
  void answered() noexcept override { proven_ = true; }
  [[nodiscard]] bool closed() const noexcept override { return state_ == channel_state::shutdown; }
  [[nodiscard]] short_text<512> waiting_text() const noexcept override;
  [[nodiscard]] std::string_view user_agent() const noexcept override { return user_agent_; }
  [[nodiscard]] std::string_view target() const noexcept override { return target_; }

  // For the connector's task.
  [[nodiscard]] std::string_view authority() const noexcept { return options_.authority; }
  [[nodiscard]] unsigned attempt() const noexcept { return attempt_; }
  [[nodiscard]] time_point connect_deadline() const noexcept {
    return std::max(next_attempt_, saturating_add(home_.now(), options_.backoff.connect_time));
  }
  /// Stopped when the channel is closed.
  [[nodiscard]] stop_token stop() noexcept {
    // The channel and its first call may have been made before the ring had a thread.
    if (!std::exchange(stop_in_use_, true)) stop_.adopt_thread();
    return stop_.token();
  }
  void connect_failed(std::error_code why) noexcept;
  /// The attempt ended because the ring's run did.
  void connect_stopped() noexcept;
  void connected(client_connection& one) noexcept;
  void connection_gone(client_connection& one) noexcept;
  /// The task has ended.
  void task_ended() noexcept;

  // As the owner of connections.
  void connection_ready(client_connection& one) noexcept override;
  void connection_down(client_connection& one) noexcept override;
  void stream_slot_free(client_connection& one) noexcept override;
  void connection_pinged_too_often(client_connection& one) noexcept override;

private:
  struct retry_timer : timer {
    explicit retry_timer(channel_core& of) noexcept
        : timer([](run_node& self) noexcept {
            static_cast<retry_timer&>(self).of_.retry_due();
          }),
          of_(of) {}
    channel_core& of_;
  };
  /// The ring's run ends: no connection will be made for calls that wait.
  struct run_end : stop_callback {
    explicit run_end(channel_core& of) noexcept
        : stop_callback([](stop_callback& self) noexcept {
            static_cast<run_end&>(self).of_.end_waiting("the ring's run has ended");
          }),
          of_(of) {}
    channel_core& of_;
  };
  static constexpr std::size_t kept_calls_max = 256;
  static constexpr std::size_t failure_bytes_max = 400;

  [[nodiscard]] bool put_on_connection(client_call& call) noexcept;
  void begin_connecting() noexcept;
  void attempt_failed(std::string_view why) noexcept;
  void fail_waiting() noexcept;
  void end_waiting(std::string_view why) noexcept;
  void pump() noexcept;
  void retry_due() noexcept;
  [[nodiscard]] status unavailable_status() const noexcept;

  ring& home_;
  std::string target_;
  std::string authority_;  // what options_ views
  std::string user_agent_;
  channel_options options_;
  std::unique_ptr<connector> connects_;
  field_list fields_;
  backoff backoff_;
  time_point next_attempt_{};  // not before; counted from the beginning of the last one
  retry_timer retry_;
  intrusive_list<stream_handler> waiting_;  // calls without a connection
  intrusive_list<stream_handler> free_calls_;
  std::size_t kept_calls_ = 0;
  std::size_t open_calls_ = 0;
  std::shared_ptr<channel_core> self_;  // while there are open calls
  intrusive_list<client_connection> connections_;
  client_connection* current_ = nullptr;
  event ended_;
  stop_source stop_;
  bool stop_in_use_ = false;  // by a task that runs, in the ring's thread
  run_end run_end_;
  short_text<failure_bytes_max> last_failure_;
  unsigned attempt_ = 1;
  unsigned unproven_ = 0;   // connections in a row that ended soon and without an answer
  bool proven_ = false;     // the last one that was ready has brought an answer
  time_point ready_since_{};
  unsigned tasks_ = 0;
  channel_state state_ = channel_state::idle;
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI

#include <ringrpc/rpc/detail/channel_core_bodies.hpp>
