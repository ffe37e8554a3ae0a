// SPDX-License-Identifier: MIT
//
// What a simulated kernel does to a program, and how likely. With the defaults it
// is a kernel without faults: calls move what they can, operations complete in
// order and at once, a cancel comes in time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <ringrpc/base/time.hpp>

#include "../support/random.hpp"

namespace ringrpc::testing {
/// Probabilities, 0 to 1, per call or completion.
struct simulated_faults {
  // What any kernel may do to anybody; nothing fails by it.
  double would_block = 0;     // a try_* answers -EAGAIN though it could go on (connect: queue full)
  double short_transfer = 0;  // a send or receive moves fewer bytes than it could, at least one
  double shuffle = 0;         // what is complete at the same time is reaped in any order
  double delay = 0;           // a completion comes later, by up to `delay_max`
  duration delay_max = std::chrono::microseconds{50};
  double cancel_loses = 0;  // a cancel of an operation that could go on comes too late
  double early_wake = 0;    // a wait ends early and empty
  double no_buffer = 0;     // a receive into the pool ends with -ENOBUFS though there are buffers
  double interrupt = 0;     // an armed operation (no connect) ends with -EINTR
  duration drift_max{};     // how far the clock moves by itself each time it is read

  // What fails.
  double no_memory = 0;  // a send, accept or connect ends with -ENOBUFS
  double lost = 0;       // the peer of a descriptor vanishes before a send or receive
  double doomed = 0;     // a new connection is cut after up to `doomed_bytes_max` bytes
  std::uint64_t doomed_bytes_max = 2000;
};

/// Of one simulated kernel.
struct simulated_options {
  std::uint64_t seed = 1;
  simulated_faults faults{};
  std::size_t socket_buffer_bytes = 212'992;  // per direction (socket(7), wmem_default)
  std::size_t pool_buffers = 8;               // per backend, for receives without own memory
  std::size_t pool_buffer_bytes = 16'384;
  std::size_t descriptors_max = 1024;                  // more are refused with -EMFILE
  duration pause_time = std::chrono::microseconds{1};  // how long one pause() takes
  /// A wait beyond this much virtual time since the start is an endless loop of
  /// retries and ends the process.
  duration time_limit = std::chrono::hours{24};
};

/// Faults that a correct program does not notice: short transfers, -EAGAIN, any
/// order, delays, cancels that come too late, small buffers and a tiny pool, all
/// drawn from the seed.
inline simulated_options rough_options(std::uint64_t seed) {
  seeded_random random{~seed};
  const auto upto = [&random](double most) {
    return random.chance(0.25) ? 0.0 : most * static_cast<double>(random.below(1000)) / 1000;
  };
  simulated_options options;
  options.seed = seed;
  options.faults.would_block = upto(0.9);
  options.faults.short_transfer = upto(0.9);
  options.faults.shuffle = upto(1);
  options.faults.delay = upto(0.7);
  options.faults.delay_max = std::chrono::nanoseconds{std::int64_t{1} << random.between(7, 20)};
  options.faults.cancel_loses = upto(1);
  options.faults.early_wake = upto(0.3);
  options.faults.no_buffer = upto(0.3);
  options.faults.interrupt = upto(0.1);
  options.faults.drift_max = std::chrono::nanoseconds{random.below(2000)};
  options.socket_buffer_bytes = std::size_t{1} << random.between(4, 18);
  options.pool_buffers = random.between(1, 4);
  options.pool_buffer_bytes = std::size_t{1} << random.between(4, 14);
  return options;
}

/// The same, and connections that break and calls that fail.
inline simulated_options hostile_options(std::uint64_t seed) {
  simulated_options options = rough_options(seed);
  options.faults.no_memory = 0.01;
  options.faults.lost = 0.005;
  options.faults.doomed = 0.2;
  return options;
}
}  // namespace ringrpc::testing
