// SPDX-License-Identifier: MIT
//
// What a server promises and bears.
#pragma once

#include <chrono>
#include <cstdint>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/rpc/connection_options.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// Options of a server. A plain value.
struct server_options {
  /// Limits of each connection.
  connection_options connection{};
  /// Connections at once. One whose handlers still run counts until the last ended.
  std::uint32_t connections = 1024;
  /// The same of one user; 0: three quarters of `connections`, so that no user can
  /// lock the others out. Not applied where the peer is unknown.
  std::uint32_t connections_per_uid = 0;
  /// Until a connection is established (policy, handshakes of its transport).
  duration establish_time = std::chrono::seconds{5};

  /// How long the server waits after an accept that failed for lack of descriptors or
  /// memory: that goes by, and an immediate retry would burn the processor.
  duration accept_pause = std::chrono::milliseconds{100};

  /// A connection without an open stream for so long is ended (gRFC A9), by a drain with
  /// the text `max_idle` in its GOAWAY frames. By default never. Clients connect again
  /// unseen when they have a call.
  duration connection_idle = duration::max();
  /// The same of a connection that is so old, whatever it does, with the text `max_age`.
  /// Longer or shorter by up to a tenth for each connection. By default never.
  duration connection_age = duration::max();
  /// How long calls that run then may go on; their handlers are stopped afterwards, as
  /// when `connection_options::drain_time` is over. By default for ever.
  duration connection_age_grace = duration::max();

  /// After so long without a byte from the client it is asked for a sign of life by a
  /// PING, whether it has calls or not (gRFC A9). By default never: the kernel reports the
  /// death of a local client at once. Less than 1 s is 1 s.
  duration keepalive_time = duration::max();
  /// When nothing comes for so long after that PING, the connection ends and its handlers
  /// are stopped. At least 1 s.
  duration keepalive_timeout = std::chrono::seconds{20};

  /// Time between the PINGs of a client (gRFC A8; 5 min in other servers). One that comes
  /// sooner is a strike. A HEADERS or DATA frame that is sent to the client forgives all,
  /// and pays for a PING in the 10 s that follow: honest clients probe their bandwidth so.
  /// By default 0, every PING is permitted: on one machine they cost little, and
  /// `connection_options::pings` stops floods, whatever is said here.
  duration keepalive_permit_time = duration::zero();
  /// Whether that holds for a client without calls, too. If not, its PINGs need 2 h
  /// between them. Nothing where `keepalive_permit_time` is 0.
  bool keepalive_permit_without_calls = false;
  /// More strikes than that end the connection with ENHANCE_YOUR_CALM and the text
  /// `too_many_pings`. 0: none do.
  std::uint32_t ping_strikes_max = 2;

  [[nodiscard]] constexpr std::uint32_t connections_of_one_uid() const noexcept {
    return connections_per_uid != 0 ? connections_per_uid : connections - connections / 4;
  }
};
static_assert(frame_safe<server_options>);
}  // namespace ringrpc::inline RINGRPC_ABI
