// SPDX-License-Identifier: MIT
//
// A server's listeners: accept, establish, serve, one task per connection.
#pragma once

#include <bit>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/short_text.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/ring/log.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/sleep.hpp>
#include <ringrpc/rpc/detail/guarded.hpp>
#include <ringrpc/rpc/detail/run_connection.hpp>
#include <ringrpc/rpc/detail/server_core.hpp>
#include <ringrpc/ring/detail/with_deadline.hpp>
#include <ringrpc/transport/listener.hpp>
#include <ringrpc/transport/transport_error.hpp>

// g++ 12 says of coroutine templates that their frames use the anonymous namespace
// where a user's type does; a frame is not seen outside of its unit.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

namespace ringrpc::detail::inline RINGRPC_ABI {
/// How often a handler is named that goes on after its connection has ended.
inline constexpr duration straggler_pause = std::chrono::seconds{5};

/// Logs a warning, which is cut off where it is long.
inline void warn(ring& home, std::initializer_list<std::string_view> parts) noexcept {
  short_text<1024> text;
  for (const std::string_view part : parts) text.append(part);
  home.log(log_level::warning, text.view());
}

/// What `why` means, for a log.
inline short_text<128> message_of(const std::error_code& why) noexcept {
  short_text<128> text;
  try {
    text.append(why.message());
  } catch (...) {
    text.append("memory is short");
  }
  return text;
}

/// The event as a task.
inline task<bool> wait_set(event& awaited) {
  const bool set = co_await awaited.wait();
  co_return set;
}

/// A connection that was refused, as a warning; with how many were before it, untold.
inline void log_refusal(server_core& of, std::initializer_list<std::string_view> parts) noexcept {
  if (!of.refusals().pass(of.home().now())) return;
  if (const std::uint64_t skipped = of.refusals().take_skipped(); skipped > 0) {
    short_text<64> number;
    warn(of.home(), {number.append(skipped).view(), " more connections were refused"});
  }
  warn(of.home(), parts);
}

/// Names in the log, again and again, the handlers of a connection that has ended.
class straggler_watch : timer {
public:
  straggler_watch(ring& home, server_connection& of) noexcept
      : timer([](run_node& self) noexcept { static_cast<straggler_watch&>(self).name_them(); }),
        home_(home),
        of_(of) {}
  void start() noexcept { home_.arm(*this, saturating_add(home_.now(), straggler_pause)); }

private:
  void name_them() noexcept {
    intrusive_list<listed_call>& all = of_.host().all;
    for (listed_call* call = all.front(); call != nullptr; call = all.next(*call)) {
      warn(home_, {"the handler of ", static_cast<server_call&>(*call).method(),
                   " goes on although its call was stopped"});
    }
    start();
  }

  ring& home_;
  server_connection& of_;
};

/// Has a connection counted among the server's, while it lives.
class listed_connection {
public:
  /// @throws std::bad_alloc  where memory is short.
  listed_connection(server_core& core, server_connection& one) : core_(core), one_(one) {
    core_.add(one_);
  }
  listed_connection(const listed_connection&) = delete;
  listed_connection& operator=(const listed_connection&) = delete;
  ~listed_connection() { core_.remove(one_); }

private:
  server_core& core_;
  server_connection& one_;
};

/// Serves one stream to its end, and waits for the last handler, whatever it does.
template <byte_stream Stream>
task<> serve_stream(std::shared_ptr<server_core> core, Stream stream) {
  peer_info peer = peer_of(stream);
  if (!core->admits(peer)) {
    log_refusal(*core, {"a connection of ", peer.text(), " was refused: too many connections"});
    stream.abort();
    co_await stream.close();
    co_return;
  }
  server_connection one{*core, core->home(), core->options().connection,
                        life_of(core->options(), core->home()), std::move(peer)};
  const listed_connection listed{*core, one};
  co_await run_connection(one, std::move(stream));
  const bool idle = co_await one.idle().wait_ignoring_stop();
  straggler_watch watch{core->home(), one};
  if (idle && one.host().calls > 0) watch.start();
  const bool ended = co_await one.host().no_calls.wait_ignoring_stop();
  static_cast<void>(ended);
}

/// Has a task counted as ended when it dies.
class task_mark {
public:
  explicit task_mark(server_core& core) noexcept : core_(core) {}
  task_mark(const task_mark&) = delete;
  task_mark& operator=(const task_mark&) = delete;
  ~task_mark() { core_.task_ended(); }

private:
  server_core& core_;
};

/// Has a connection that is being established counted, while it lives.
class establishing_mark {
public:
  explicit establishing_mark(server_core& core) noexcept : core_(core) { core_.establishing(1); }
  establishing_mark(const establishing_mark&) = delete;
  establishing_mark& operator=(const establishing_mark&) = delete;
  ~establishing_mark() { core_.establishing(-1); }

private:
  server_core& core_;
};

template <listener Listener>
class accept_loop final : public accepting {
public:
  explicit accept_loop(Listener from) : from_(std::move(from)) {
    try {
      text_ = from_.text();
    } catch (...) {
      // the log goes without
    }
  }
  void stop() noexcept override { from_.stop(); }

  static task<> run(std::shared_ptr<server_core> core, Listener from) {
    const environment& here = co_await this_environment();
    const task_mark counted{*core};
    accept_loop loop{std::move(from)};
    core->add(static_cast<accepting&>(loop));
    if (core->stopping()) loop.stop();
    task_scope connections{here};
    std::optional<task<>> joining;  // made before anybody is served, for it may fail
    unsigned failures = 0;          // in a row
    while (!here.stop.stop_requested()) {
      io_result<typename Listener::accepted_type> accepted{io_failure(ECANCELED)};
      try {
        if (!joining) joining.emplace(connections.join());
        accepted = co_await loop.from_.accept();
        if (accepted) {
          failures = 0;
          connections.spawn(loop.establish(core, std::move(*accepted)));
          continue;
        }
      } catch (...) {
        accepted = failure{code_of_current_exception()};
      }
      const std::error_code why = accepted.error();
      if (core->stopping() || why == std::errc::operation_canceled) break;
      if (std::has_single_bit(++failures)) {
        warn(core->home(), {loop.text_, ": accept failed: ", message_of(why).view()});
      }
      // Other errors are about one connection; but a row of them is about us.
      if (!is_shortage(why) && failures % failures_at_once_max != 0) continue;
      const bool slept = co_await sleep_for(core->options().accept_pause);
      static_cast<void>(slept);
    }
    if (joining) co_await std::move(*joining);
  }

private:
  static constexpr unsigned failures_at_once_max = 16;
  /// Whether the lack goes by, so that a later try may succeed.
  static bool is_shortage(const std::error_code& why) noexcept {
    return why == std::errc::too_many_files_open ||
           why == std::errc::too_many_files_open_in_system ||
           why == std::errc::no_buffer_space || why == std::errc::not_enough_memory;
  }

  /// From the accepted connection to its end. Throws nothing.
  task<> establish(std::shared_ptr<server_core> core, typename Listener::accepted_type accepted) {
    server_core& of = *core;  // the accept loop holds it, too
    std::error_code refused;
    try {
      const std::error_code full = transport_error::too_many_connections;
      io_result<typename Listener::stream_type> stream{failure{full}};
      if (of.may_establish()) {
        const establishing_mark counted{of};
        const time_point limit = saturating_add(of.home().now(), of.options().establish_time);
        task<io_result<typename Listener::stream_type>> work =
            from_.establish(std::move(accepted));
        stream = co_await with_deadline(std::move(work), limit);
      }
      if (stream) {
        co_await serve_stream(std::move(core), std::move(*stream));
      } else {
        refused = stream.error();
      }
    } catch (...) {
      refused = code_of_current_exception();
    }
    if (refused) log_refusal(of, {text_, ": connection refused: ", message_of(refused).view()});
  }

  Listener from_;
  std::string text_;  // for the log
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
