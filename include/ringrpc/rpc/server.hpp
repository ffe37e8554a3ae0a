// SPDX-License-Identifier: MIT
//
// A server: services, and listeners through which they are reached.
#pragma once

#include <concepts>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/rpc/detail/handler_forms.hpp>
#include <ringrpc/rpc/detail/handler_frames.hpp>
#include <ringrpc/rpc/detail/server_accept.hpp>
#include <ringrpc/rpc/detail/server_core.hpp>
#include <ringrpc/rpc/method.hpp>
#include <ringrpc/rpc/server_counters.hpp>
#include <ringrpc/rpc/server_options.hpp>
#include <ringrpc/transport/byte_stream.hpp>
#include <ringrpc/transport/listener.hpp>
#include <ringrpc/transport/policy.hpp>

// g++ 12 says of coroutine templates that their frames use the anonymous namespace
// where a user's type does; a frame is not seen outside of its unit.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

namespace ringrpc::detail::inline RINGRPC_ABI {
/// Calls a function object as if it were a member of it.
struct call_target {
  template <class Target, class... Arguments>
  auto operator()(Target& target, Arguments&... arguments) const
      -> decltype(target(arguments...)) {
    return target(arguments...);
  }
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI

namespace ringrpc::inline RINGRPC_ABI {
/// Of one ring and its thread. May be destroyed at any time, which stops it and
/// does not wait; `co_await close()` does.
class server {
public:
  /// @param home  must outlive the server's connections, as its own `run` sees to.
  /// @throws std::invalid_argument  a `compression` that is not among the `encodings`.
  explicit server(ring& home, const server_options& options = {})
      : core_(std::make_shared<detail::server_core>(home, options)) {}
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server() { core_->stop(); }

  // What is served; before the first connection.

  /// Makes a service inside the server: it lives until its last handler has ended.
  ///
  /// A service is generated, or any class with `void ringrpc_bind(server& on)` (or a
  /// template of it) that calls `on.handle<Method>(*this, std::mem_fn(&Service::member))`
  /// for each of its methods; see examples/by_hand.cpp.
  /// @return the service. @throws std::logic_error  for a method that has a handler.
  template <class Service, class... Arguments>
  Service& emplace(Arguments&&... arguments) {
    auto made = std::make_shared<Service>(std::forward<Arguments>(arguments)...);
    Service& service = *made;
    core_->keep(std::move(made));
    add(service);
    return service;
  }
  /// Serves `service`, which is borrowed: it must outlive the server's close.
  template <class Service>
  void add(Service& service) {
    service.ringrpc_bind(*this);
  }
  /// Answers `Method` with `handler`, a function or a lambda, which the server keeps
  /// until its last handler has ended, captures included. What it captures by reference
  /// must outlive `co_await close()`, not only the server: its destructor does not wait.
  ///
  /// Of a unary method:
  /// - `task<result<Reply>>(server_context&, const Request&)`,
  /// - `task<status>(server_context&, const Request&, Reply&)`: the reply is reused,
  /// - `result<Reply>(server_context&, const Request&)`: no coroutine.
  ///
  /// Streaming from the server, from the client, both ways:
  /// - `task<status>(server_context&, const Request&, writer<Reply>&)`,
  /// - `task<result<Reply>>(server_context&, reader<Request>&)`,
  /// - `task<status>(server_context&, reader<Request>&, writer<Reply>&)`.
  ///
  /// @throws std::logic_error  for a method that has a handler.
  template <rpc_method Method, class Handler>
  void handle(Handler handler) {
    detail::check_handler<Method, Handler, detail::call_target>();
    auto kept = std::make_shared<Handler>(std::move(handler));
    Handler& target = *kept;
    core_->keep(std::move(kept));
    handle<Method>(target, detail::call_target{});
  }
  /// The same with `invoke(target, context, ...)`; for `ringrpc_bind`. `target` is
  /// borrowed: it must outlive the server's close.
  template <rpc_method Method, class Target, class Invoke>
    requires(detail::is_handler_of<Method, Target, Invoke>())
  void handle(Target& target, Invoke invoke) {
    auto entry = std::make_unique<detail::typed_method_entry<Method, Target, Invoke>>(
        target, std::move(invoke));
    if (!core_->add(std::move(entry))) {
      throw std::logic_error("method " + std::string{Method::path} + " has a handler already");
    }
  }
  /// Who of those that may connect may call `Method`, in place of what is said of its
  /// service. Others get PERMISSION_DENIED, a peer of which nothing is known UNAUTHENTICATED;
  /// their messages are not read. In any order with `handle`, `emplace` and `add`, and at any
  /// time: for calls that begin then.
  template <rpc_method Method>
  void restrict(peer_policy allowed) {
    core_->restrict(std::string{Method::path}, std::move(allowed));
  }
  /// The same for all methods of a service. @param service  its full name, `demo.Greeter`.
  void restrict(std::string_view service, peer_policy allowed) {
    core_->restrict("/" + std::string{service} + "/", std::move(allowed));
  }
  /// Whether `invoke(target, ...)` has a form in which it can answer `Method`.
  template <rpc_method Method, class Target, class Invoke>
  static constexpr bool can_handle = detail::is_handler_of<Method, Target, Invoke>();

  // Where it is reached.

  /// Listens now; connections are served while the ring runs.
  /// @throws listen_error, or what the address throws: what is wrong, and what would
  ///         be right. @throws std::logic_error  after `stop` or `close`.
  template <listen_address Address>
  void listen(const Address& where) {
    listen(where.open(core_->home()));
  }
  template <listener Listener>
  void listen(Listener from) {
    if (core_->stopping()) {
      throw std::logic_error{"listen on a server that was stopped; make another server"};
    }
    core_->task_began();
    start(detail::accept_loop<Listener>::run(core_, std::move(from)));
  }
  /// Serves one byte stream that is connected already, such as one end of a pair.
  template <byte_stream Stream>
  void attach(Stream stream) {
    core_->task_began();
    start(serve_one(core_, std::move(stream)));
  }

  // How it ends.

  /// Serves until `stop` comes, then `close()`. @param stop  a task, or something
  /// with a `wait()` to await, such as `signals(SIGINT, SIGTERM)`.
  template <class Stop>
  [[nodiscard]] task<> serve_until(Stop stop) {
    return serve(core_, std::move(stop));
  }
  /// The same with an event, which is borrowed.
  [[nodiscard]] task<> serve_until(event& stop) { return serve(core_, detail::wait_set(stop)); }
  /// No new connections and calls from now on; calls that run may end, within the
  /// drain time. Returns at once.
  void stop() noexcept { core_->stop(); }
  /// `stop`, and waits until nothing of the server runs.
  /// @throws std::system_error  resource_deadlock_would_occur, when it is awaited in
  ///         one of the server's own handlers, which would wait for itself; nothing is
  ///         stopped then.
  [[nodiscard]] task<> close() { return close(core_); }

  /// How many connections there are.
  [[nodiscard]] std::uint32_t connections() const noexcept { return core_->connection_count(); }
  /// What it holds at this moment. Walks all connections.
  [[nodiscard]] server_counters counters() const noexcept { return core_->counters(); }

private:
  void start(task<> work) {
    try {
      core_->home().spawn(std::move(work));
    } catch (...) {
      core_->task_ended();
      throw;
    }
  }
  template <byte_stream Stream>
  static task<> serve_one(std::shared_ptr<detail::server_core> core, Stream stream) {
    const detail::task_mark counted{*core};
    std::error_code failed;
    try {
      co_await detail::serve_stream(core, std::move(stream));
    } catch (...) {
      failed = detail::code_of_current_exception();
    }
    if (failed) {
      detail::warn(core->home(),
                   {"a connection could not be served: ", detail::message_of(failed).view()});
    }
  }
  static task<> close(std::shared_ptr<detail::server_core> core) {
    const environment& here = co_await this_environment();
    if (core->has_handler_in(here)) {
      throw std::system_error{std::make_error_code(std::errc::resource_deadlock_would_occur),
                              "server.close() in a handler of this server waits for itself; "
                              "call stop() there"};
    }
    core->stop();
    const bool ended = co_await core->ended().wait_ignoring_stop();
    static_cast<void>(ended);
  }
  template <class Stop>
  static task<> serve(std::shared_ptr<detail::server_core> core, Stop stop) {
    if constexpr (requires { stop.wait(); }) {
      auto waiting = stop.wait();
      co_await std::move(waiting);
    } else {
      co_await std::move(stop);
    }
    co_await close(std::move(core));
  }

  std::shared_ptr<detail::server_core> core_;
};
}  // namespace ringrpc::inline RINGRPC_ABI

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
