// SPDX-License-Identifier: MIT
//
// A connection at the server's side: finds the method of each stream and gives it
// a call object, within the limit of handlers at once.
#pragma once

#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/rpc/detail/connection.hpp>
#include <ringrpc/rpc/detail/handler_frames.hpp>
#include <ringrpc/rpc/detail/request_head.hpp>
#include <ringrpc/rpc/detail/server_call.hpp>
#include <ringrpc/transport/peer_info.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// A call of a method that the server does not have (wire rule 5).
class unknown_method_call final : public server_call {
public:
  unknown_method_call(server_call_host& host, std::string_view path)
      : server_call(host.over.home().memory(), 0), path_(path.substr(0, 256)) {}
  [[nodiscard]] std::string_view path() const noexcept { return path_; }

private:
  void start_handler() noexcept override {}
  bool takes_single() const noexcept override { return false; }
  void recycle() noexcept override { delete this; }
  std::optional<status> no_handler() const noexcept override {
    try {
      std::string text{"unknown method "};
      text.append(path_);
      return unimplemented(text);
    } catch (...) {
      return status{status_code::unimplemented};
    }
  }

  std::string path_;
};

/// Finds methods by path: what a server is to its connections.
class method_table {
public:
  [[nodiscard]] virtual method_entry* find(std::string_view path) noexcept = 0;

protected:
  ~method_table() = default;
};

class server_connection final : public connection, public list_node {
public:
  server_connection(method_table& methods, ring& home, const connection_options& options,
                    const connection_life& life, peer_info peer)
      : connection(home, http2::role::server, options, life),
        methods_(methods),
        host_(*this, std::move(peer)) {}
  ~server_connection() = default;

  [[nodiscard]] server_call_host& host() noexcept { return host_; }
  /// Who is at the other end.
  [[nodiscard]] const peer_info& peer() const noexcept { return host_.peer; }

private:
  stream_handler* accept_stream(http2::stream_ref stream,
                                const http2::header_block& block) noexcept override {
    if (host_.handlers >= options().concurrent_streams) return nullptr;
    try {
      const std::string_view path = path_of(block);
      if (method_entry* entry = methods_.find(path)) {
        server_call& call = entry->make_call(host_);
        call.open(host_, stream, entry->path());
        return &call;
      }
      auto* call = new unknown_method_call{host_, path};
      call->open(host_, stream, call->path());
      return call;
    } catch (...) {
      return nullptr;  // no memory: the client may try again
    }
  }
  void receive_began() noexcept override { host_.started = 0; }
  void dispatched() noexcept override { host_.arm_deadlines(); }
  void settings_received() noexcept override {}
  void goaway_received(http2::error_code) noexcept override {
    // A client that ends the connection: its calls go on, then the connection ends.
  }
  void going_down() noexcept override {}
  void drain_time_over() noexcept override {
    intrusive_list<listed_call>& all = host_.all;
    for (listed_call* call = all.front(); call != nullptr; call = all.next(*call)) {
      static_cast<server_call&>(*call).stop_running();
    }
  }

  method_table& methods_;
  server_call_host host_;
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI
