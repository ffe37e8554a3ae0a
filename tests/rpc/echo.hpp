// SPDX-License-Identifier: MIT
//
// Handlers that most tests of rpc/ call: each kind of method once, with messages whose
// content tells whether bytes were lost or mixed up.
#pragma once

#include <cstddef>
#include <string>

#include <ringrpc/ringrpc.hpp>

#include "support.hpp"

namespace ringrpc::testing {
/// Unary: the request. Download: as many messages as the request has bytes, each one
/// longer. Upload: all messages, joined. Chat: each message back.
struct echo_service {
  task<result<std::string>> Unary(server_context&, const std::string& in) {
    ++started;
    co_return in;
  }
  task<status> Download(server_context&, const std::string& in, writer<std::string>& out) {
    ++started;
    for (std::size_t count = 1; count <= in.size(); ++count) {
      const std::string message = in.substr(0, count);
      const bool queued = co_await out.write(message);
      if (!queued) co_return cancelled("the client has gone");
    }
    co_return status{};
  }
  task<result<std::string>> Upload(server_context&, reader<std::string>& in) {
    ++started;
    std::string joined;
    while (std::string* message = co_await in.read()) joined += *message;
    co_return joined;
  }
  task<status> Chat(server_context&, reader<std::string>& in, writer<std::string>& out) {
    ++started;
    while (std::string* message = co_await in.read()) {
      const bool queued = co_await out.write(*message);
      if (!queued) co_return cancelled("the client has gone");
    }
    co_return status{};
  }

  /// As generated code does it.
  template <class Registry>
  void ringrpc_bind(Registry& registry) {
    registry.template handle<unary>(
        *this, [](auto& self, auto&... arguments) -> decltype(self.Unary(arguments...)) {
          return self.Unary(arguments...);
        });
    registry.template handle<download>(
        *this, [](auto& self, auto&... arguments) -> decltype(self.Download(arguments...)) {
          return self.Download(arguments...);
        });
    registry.template handle<upload>(
        *this, [](auto& self, auto&... arguments) -> decltype(self.Upload(arguments...)) {
          return self.Upload(arguments...);
        });
    registry.template handle<chat>(
        *this, [](auto& self, auto&... arguments) -> decltype(self.Chat(arguments...)) {
          return self.Chat(arguments...);
        });
  }

  int started = 0;  ///< handlers
};
}  // namespace ringrpc::testing
