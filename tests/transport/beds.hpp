// SPDX-License-Identifier: MIT
//
// Rings for tests of transports: a real one, one on which every operation goes
// through the kernel's ring, and simulated ones.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/sleep.hpp>

#include "../ring/simulated_backend.hpp"

/// A ring of io_uring.
struct real_bed {
  explicit real_bed(bool always_arm = false)
      : loop(ringrpc::ring_options{.busy_poll = std::chrono::microseconds{0},
                                   .always_arm = always_arm}) {}
  ringrpc::ring loop;
};
/// A ring of virtual time, with faults that no program may notice.
struct simulated_bed {
  explicit simulated_bed(std::uint64_t seed)
      : kernel(ringrpc::testing::rough_options(seed)),
        loop(ringrpc::ring_options{
            .kernel = std::make_unique<ringrpc::testing::simulated_backend>(kernel)}) {}
  ringrpc::testing::simulated_kernel kernel;
  ringrpc::ring loop;
};

/// Lets what is ready on the ring run.
inline ringrpc::task<> let_one_turn_pass() {
  const bool slept = co_await ringrpc::sleep_for(ringrpc::duration::zero());
  static_cast<void>(slept);
}
/// Lets everything else on the ring go on until nothing happens any more, as far
/// as that can be told: many turns.
inline ringrpc::task<> let_others_run() {
  for (int turn = 0; turn < 100; ++turn) co_await let_one_turn_pass();
}
