// SPDX-License-Identifier: MIT
//
// How long a channel waits between attempts to connect (gRPC's
// connection-backoff.md).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/time.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// The numbers of the back-off. A plain value.
struct backoff_options {
  duration initial = std::chrono::seconds{1};
  double multiplier = 1.6;
  double jitter = 0.2;  ///< each wait is longer or shorter by up to this share
  duration longest = std::chrono::seconds{120};
  /// What an attempt may take, or as long as the wait that began with it, if that is more.
  duration connect_time = std::chrono::seconds{20};
};

/// The waits of one channel, in order. Arithmetic only.
class backoff {
public:
  explicit backoff(const backoff_options& options) noexcept
      : options_(options), next_(options.initial) {}

  /// The next wait. @param random  uniform bits.
  [[nodiscard]] duration next(std::uint64_t random) noexcept {
    const double unit = static_cast<double>(random >> 11) * 0x1.0p-53;  // [0, 1)
    const double share = 1.0 + options_.jitter * (2.0 * unit - 1.0);
    const duration wait = scaled(next_, share);
    next_ = std::min(scaled(next_, options_.multiplier), options_.longest);
    return wait;
  }
  /// A connection was made: the next wait is the first one again.
  void reset() noexcept { next_ = options_.initial; }

private:
  static duration scaled(duration from, double by) noexcept {
    const double product = static_cast<double>(from.count()) * by;
    if (product >= static_cast<double>(duration::max().count())) return duration::max();
    return product > 0 ? duration{static_cast<duration::rep>(product)} : duration::zero();
  }

  backoff_options options_;
  duration next_;
};
}  // namespace ringrpc::inline RINGRPC_ABI
