// SPDX-License-Identifier: MIT
//
// What the options of a channel or a server say about the life of one connection:
// signs of life, PINGs, age. In the terms of the classes that act on it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/rpc/channel_options.hpp>
#include <ringrpc/rpc/detail/connection_age.hpp>
#include <ringrpc/rpc/detail/keepalive.hpp>
#include <ringrpc/rpc/detail/ping_strikes.hpp>
#include <ringrpc/rpc/server_options.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// Of one connection. A plain value.
struct connection_life {
  keepalive_rules alive{};
  ping_rules pings{};
  age_rules age{};
  std::uint32_t stream_id_first = 1;  ///< of a client; for tests
};

/// Of a channel's connection.
[[nodiscard]] constexpr connection_life life_of(const channel_options& options) noexcept {
  constexpr duration time_least = std::chrono::seconds{10};  // gRFC A8
  constexpr duration timeout_least = std::chrono::seconds{1};
  connection_life life;
  life.alive = {.time = std::max(options.keepalive_time, time_least),
                .timeout = std::max(options.keepalive_timeout, timeout_least),
                .without_calls = options.keepalive_without_calls};
  life.age.idle = options.idle_timeout;
  return life;
}

/// Of a server's connection. @param home  draws the jitter, where there is an age.
[[nodiscard]] inline connection_life life_of(const server_options& options, ring& home) noexcept {
  constexpr duration least = std::chrono::seconds{1};
  connection_life life;
  life.alive = {.time = std::max(options.keepalive_time, least),
                .timeout = std::max(options.keepalive_timeout, least),
                .without_calls = true};
  life.pings = {.permit_time = options.keepalive_permit_time,
                .permit_without_calls = options.keepalive_permit_without_calls,
                .strikes_max = options.ping_strikes_max};
  life.age = {.idle = options.connection_idle,
              .age = options.connection_age,
              .grace = options.connection_age_grace};
  if (life.age.age != duration::max()) {
    life.age.age = with_age_jitter(life.age.age, home.random());
  }
  return life;
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI
