// SPDX-License-Identifier: MIT
//
// A server's listeners: accept, establish, serve, one task per connection.
#pragma once

#include <cerrno>
#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/ring/log.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/sleep.hpp>
#include <ringrpc/rpc/detail/run_connection.hpp>
#include <ringrpc/rpc/detail/server_core.hpp>
#include <ringrpc/rpc/detail/with_deadline.hpp>
#include <ringrpc/transport/listener.hpp>

// g++ 12 says of coroutine templates that their frames use the anonymous namespace
// where a user's type does; a frame is not seen outside of its unit.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

namespace ringrpc::detail::inline RINGRPC_ABI {
/// How long the server waits after an accept that failed: the lack of descriptors or
/// memory goes by, and an immediate retry would burn the processor.
inline constexpr duration accept_pause = std::chrono::milliseconds{100};
/// How often a handler is named that goes on after its connection has ended.
inline constexpr duration straggler_pause = std::chrono::seconds{5};

inline void log_text(ring& home, log_level level, std::initializer_list<std::string_view> parts) {
  try {
    std::string text;
    for (const std::string_view part : parts) text.append(part);
    home.log(level, text);
  } catch (...) {
    home.log(level, "no memory for a log text");
  }
}

/// The event as a task.
inline task<bool> wait_set(event& awaited) {
  const bool set = co_await awaited.wait();
  co_return set;
}

/// Waits until no handler of `one` is left; names those that stay in the log.
inline task<> await_handlers(ring& home, server_connection& one) {
  const bool gone = co_await one.idle().wait_ignoring_stop();
  static_cast<void>(gone);
  while (one.host().calls > 0) {
    task<bool> waiting = wait_set(one.host().no_calls);
    const time_point next = saturating_add(home.now(), straggler_pause);
    const bool ended = co_await with_deadline(std::move(waiting), next);
    if (ended || one.host().calls == 0) break;
    intrusive_list<listed_call>& all = one.host().all;
    for (listed_call* call = all.front(); call != nullptr; call = all.next(*call)) {
      log_text(home, log_level::warning,
               {"the handler of ", static_cast<server_call&>(*call).method(),
                " goes on although its call was stopped"});
    }
  }
}

template <byte_stream Stream>
task<> serve_stream(std::shared_ptr<server_core> core, Stream stream) {
  peer_info peer = peer_of(stream);
  if (!core->admits(peer)) {
    log_text(core->home(), log_level::warning,
             {"a connection of ", peer.text(), " was refused: too many connections"});
    stream.abort();
    co_await stream.close();
    co_return;
  }
  server_connection one{*core, core->home(), core->options().connection, std::move(peer)};
  core->add(one);
  co_await run_connection(one, std::move(stream));
  co_await await_handlers(core->home(), one);
  core->remove(one);
}

template <listener Listener>
class accept_loop final : public accepting {
public:
  explicit accept_loop(Listener from) : from_(std::move(from)) {}
  void stop() noexcept override { from_.stop(); }

  static task<> run(std::shared_ptr<server_core> core, Listener from) {
    const environment& here = co_await this_environment();
    accept_loop loop{std::move(from)};
    core->add(static_cast<accepting&>(loop));
    if (core->stopping()) loop.stop();
    task_scope connections{here};
    while (!here.stop.stop_requested()) {
      io_result<typename Listener::accepted_type> accepted = co_await loop.from_.accept();
      if (accepted) {
        connections.spawn(loop.establish(core, std::move(*accepted)));
        continue;
      }
      if (core->stopping() || accepted.error() == std::errc::operation_canceled) break;
      const std::string why = accepted.error().message();
      log_text(core->home(), log_level::warning, {loop.from_.text(), ": accept failed: ", why});
      const bool slept = co_await sleep_for(accept_pause);
      static_cast<void>(slept);
    }
    co_await connections.join();
    loop.unlink();
    core->task_ended();
  }

private:
  task<> establish(std::shared_ptr<server_core> core, typename Listener::accepted_type accepted) {
    ring& home = core->home();
    task<io_result<typename Listener::stream_type>> work = from_.establish(std::move(accepted));
    const time_point limit = saturating_add(home.now(), core->options().establish_time);
    io_result<typename Listener::stream_type> stream =
        co_await with_deadline(std::move(work), limit);
    if (!stream) {
      const std::string why = stream.error().message();
      log_text(home, log_level::warning, {from_.text(), ": connection refused: ", why});
      co_return;
    }
    co_await serve_stream(std::move(core), std::move(*stream));
  }

  Listener from_;
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
