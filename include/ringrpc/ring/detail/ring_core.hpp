// SPDX-License-Identifier: MIT
//
// What the awaitables need of a ring: its kernel, its timers and the queue of
// what is ready. So they do not depend on the loop.
#pragma once

#include <memory>

#include <ringrpc/base/memory_pool.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/run_queue.hpp>
#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/timer_heap.hpp>

namespace ringrpc::detail {
/// Owned by a ring. In the order in which the parts may die: what is ready and
/// what waits go before the memory it may lie in.
struct ring_core {
  memory_pool memory;
  std::unique_ptr<backend> kernel;
  timer_heap timers;
  run_queue queue;
  time_point now;  // as of the beginning of this turn
  bool always_arm = false;
};
}  // namespace ringrpc::detail
