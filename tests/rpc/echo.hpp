// SPDX-License-Identifier: MIT
//
// Handlers that most tests of rpc/ call: each kind of method once, with messages whose
// content tells whether bytes were lost or mixed up. And who serves and calls them.
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

/// Runs `work(bed, server, service)` while the server listens and echoes; then closes it.
template <class Work>
void with_server(bed& here, const server_options& options, Work work) {
  here.run([](bed& on, const server_options& with, Work body) -> task<> {
    server serving{on.home(), with};
    echo_service& service = serving.emplace<echo_service>();
    on.listen(serving);
    co_await body(on, serving, service);
    co_await serving.close();
  }(here, options, work));
}
template <class Work>
void with_server(bed& here, Work work) {
  with_server(here, server_options{}, work);
}
/// Runs `client(bed, channel, service)` with a channel to such a server, which dies before it.
template <class Client>
void with_echo(bed& here, Client client) {
  with_server(here, [client](bed& on, server&, echo_service& service) {
    return [](bed& at, echo_service& by, Client body) -> task<> {
      channel to = at.connect();
      co_await body(at, to, by);
    }(on, service, client);
  });
}
/// The same on every wire.
template <class Client>
void with_echo(Client client) {
  on_each_wire([client](bed& here) { with_echo(here, client); });
}

/// A unary call. @return its status; where that is OK, the reply was the request.
inline task<status> status_of_call(channel& to, call_options options = {},
                                   std::string request = "ping") {
  const result<std::string> reply = co_await to.call<unary>(request, options);
  if (reply) CHECK(*reply == request);
  co_return reply.status();
}
/// One that does not fit into a small buffer.
inline task<status> large_call(channel& to, call_options options = {}) {
  return status_of_call(to, options, pattern(3000));
}
/// One that must succeed.
inline task<> call_once(channel& to, call_options options = {}) {
  const status end = co_await status_of_call(to, options);
  CHECK(end == status{});
}
}  // namespace ringrpc::testing
