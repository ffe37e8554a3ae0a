// SPDX-License-Identifier: MIT
//
// What can be chosen when a ring is made.
#pragma once

#include <chrono>
#include <memory>

#include <ringrpc/base/time.hpp>
#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/log.hpp>

namespace ringrpc {
/// All have defaults: `ring r{{.busy_poll = 0us}};`.
struct ring_options {
  /// Where texts go; called on the ring's thread.
  log_sink log = &log_to_stderr;
  /// How long the ring polls for the next message before it sleeps; 0: never. It
  /// takes a round trip between two processors from about 50 us to under 5, and
  /// backs off where polling finds nothing. Below 60 us it may never get going.
  duration busy_poll = std::chrono::microseconds{100};
  /// Every operation goes through the kernel's ring, also where a plain call would
  /// answer at once. For tests, and for those who want it.
  bool always_arm = false;
  /// Entries of the submission queue: how many operations one system call takes.
  unsigned submissions = 256;
  /// Entries of the completion queue. More completions at once are only slower.
  unsigned completions = 1024;
  /// The kernel to use; null: io_uring. Tests put a simulated one here.
  std::unique_ptr<backend> kernel{};
};
}  // namespace ringrpc
