// SPDX-License-Identifier: MIT
//
// A connection at the client's side: tells the channel when it is ready, when it
// takes no more calls, and when there is room for one more.
#pragma once

#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/rpc/detail/connection.hpp>
#include <ringrpc/transport/peer_info.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
class client_connection;

/// Who has the connection: a channel's core.
class client_connection_owner {
public:
  /// The server's SETTINGS have come.
  virtual void connection_ready(client_connection& one) noexcept = 0;
  /// It takes no new calls. Once.
  virtual void connection_down(client_connection& one) noexcept = 0;
  /// A stream has ended, or the server may allow more of them.
  virtual void stream_slot_free(client_connection& one) noexcept = 0;
  /// The server ends it for the PINGs of its keepalive.
  virtual void connection_pinged_too_often(client_connection& one) noexcept = 0;

protected:
  ~client_connection_owner() = default;
};

class client_connection final : public connection, public list_node {
public:
  client_connection(client_connection_owner& owner, ring& home, const connection_options& options,
                    const connection_life& life, peer_info peer)
      : connection(home, http2::role::client, options, life),
        owner_(owner),
        peer_(std::move(peer)) {}
  ~client_connection() = default;
  [[nodiscard]] const peer_info& peer() const noexcept { return peer_; }
  [[nodiscard]] bool ready() const noexcept { return ready_; }

private:
  stream_handler* accept_stream(http2::stream_ref, const http2::header_block&) noexcept override {
    return nullptr;  // ENABLE_PUSH is 0
  }
  void settings_received() noexcept override {
    ready_ = true;
    owner_.connection_ready(*this);
  }
  void settings_changed() noexcept override { owner_.stream_slot_free(*this); }
  void goaway_received(http2::error_code) noexcept override {}
  void pinged_too_often() noexcept override { owner_.connection_pinged_too_often(*this); }
  void going_down() noexcept override { owner_.connection_down(*this); }
  void stream_ended() noexcept override { owner_.stream_slot_free(*this); }

  client_connection_owner& owner_;
  peer_info peer_;
  bool ready_ = false;
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI
