// SPDX-License-Identifier: MIT
//
// From a connection factory to the connections of a channel.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/detail/exception_text.hpp>
#include <ringrpc/ring/log.hpp>
#include <ringrpc/rpc/channel_options.hpp>
#include <ringrpc/rpc/detail/channel_core.hpp>
#include <ringrpc/rpc/detail/client_connection.hpp>
#include <ringrpc/rpc/detail/guarded.hpp>
#include <ringrpc/rpc/detail/run_connection.hpp>
#include <ringrpc/ring/detail/with_deadline.hpp>
#include <ringrpc/transport/address.hpp>
#include <ringrpc/transport/connection_factory.hpp>
#include <ringrpc/transport/socket_connector.hpp>
#include <ringrpc/transport/unix_connector.hpp>

// g++ 12 says of coroutine templates that their frames use the anonymous namespace
// where a user's type does; a frame is not seen outside of its unit.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

namespace ringrpc::detail::inline RINGRPC_ABI {
template <connection_factory Factory>
class factory_connector final : public connector {
public:
  explicit factory_connector(Factory factory) : factory_(std::move(factory)) {}

  task<> run(std::shared_ptr<channel_core> core) override {
    std::error_code failed;
    try {
      co_await attempt(*core);
    } catch (const std::system_error&) {  // its code says it all
      failed = code_of_current_exception();
    } catch (...) {
      failed = code_of_current_exception();
      core->home().log(
          log_level::error,
          text_of_current_exception("the connection factory of ", core->target()).view());
    }
    if (failed) core->connect_failed(failed);
    core->task_ended();
  }

private:
  task<> attempt(channel_core& core) {
    const environment& here = co_await this_environment();
    const time_point deadline = core.connect_deadline();
    const connect_context context{core.target(), core.authority(), core.attempt(),
                                  deadline,      here.stop,        &core.home()};
    task<io_result<stream_of<Factory>>> connecting = connect(factory_, context);
    auto connected = co_await with_deadline(std::move(connecting), deadline, core.stop());
    if (!connected) {
      std::error_code why = connected.error();
      // It was told to stop because its time was over.
      const bool late = why == std::errc::operation_canceled && deadline <= core.home().now();
      if (late) why = std::make_error_code(std::errc::timed_out);
      if (!late && here.stop.stop_requested()) {
        core.connect_stopped();
      } else {
        core.connect_failed(why);
      }
      co_return;
    }
    client_connection one{core, core.home(), core.options().connection, life_of(core.options()),
                          peer_of(*connected)};
    task<> running = run_connection(one, std::move(*connected));
    core.connected(one);
    try {
      co_await std::move(running);
    } catch (...) {  // before it was attached
      one.lost(std::make_error_code(std::errc::not_enough_memory));
    }
    core.connection_gone(one);
    const bool idle = co_await one.idle().wait_ignoring_stop();
    static_cast<void>(idle);
  }

  Factory factory_;
};

template <class Factory>
std::shared_ptr<channel_core> make_channel_core(ring& home, std::string_view target,
                                                const channel_options& options, Factory factory) {
  return std::make_shared<channel_core>(
      home, std::string{target}, options,
      std::make_unique<factory_connector<Factory>>(std::move(factory)));
}

template <connection_factory Factory>
std::shared_ptr<channel_core> make_channel_core(ring& home, const channel_options& options,
                                                Factory factory) {
  std::string target{"custom transport"};
  if constexpr (requires { target = factory.text(); }) target = factory.text();
  return make_channel_core(home, target, options, std::move(factory));
}

inline std::shared_ptr<channel_core> make_channel_core(ring& home, std::string_view target,
                                                       const channel_options& options) {
  basic_result<address, std::string> parsed = parse_address(target);
  if (!parsed) throw std::invalid_argument(parsed.error());
  if (parsed->kind() == address_kind::unix_path) {
    return make_channel_core(home, parsed->text(), options, unix_connector{parsed->path()});
  }
  const std::string text = parsed->text();
  return make_channel_core(home, text, options, socket_connector{std::move(*parsed)});
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
