// SPDX-License-Identifier: MIT
//
// Rings on a simulated kernel; several on one are interleaved by seed in one
// thread: a client and a server that do not share a loop.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/ring_options.hpp>

#include "simulated_backend.hpp"
#include "simulated_kernel.hpp"

namespace ringrpc::testing {
/// `ring here{on_simulated(kernel)};` @param kernel  must outlive the ring.
inline ring_options on_simulated(simulated_kernel& kernel) {
  ring_options options;
  options.kernel = std::make_unique<simulated_backend>(kernel);
  return options;
}

/// Turns one of `rings` at a time, by chance, until `done()`. When none has
/// anything to do the clock moves to the next deadline or completion; where there
/// is none, the process ends with a dump. Start the work by `ring.spawn` before,
/// and let it end: the destructor of a ring turns that ring only.
template <class Done>
void turn_rings(simulated_kernel& kernel, std::span<ring* const> rings, Done done) {
  std::vector<bool> idle(rings.size());
  std::size_t idle_count = 0;
  while (!done()) {
    const std::size_t chosen = kernel.random().below(rings.size());
    if (rings[chosen]->turn()) {
      idle.assign(rings.size(), false);
      idle_count = 0;
      continue;
    }
    kernel.idle_call();
    if (!idle[chosen]) ++idle_count;
    idle[chosen] = true;
    if (idle_count < rings.size()) continue;
    kernel.skip_idle_time();
    idle.assign(rings.size(), false);
    idle_count = 0;
  }
}
}  // namespace ringrpc::testing
