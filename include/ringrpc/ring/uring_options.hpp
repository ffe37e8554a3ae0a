// SPDX-License-Identifier: MIT
//
// What can be chosen when an io_uring backend is made.
#pragma once

namespace ringrpc {
/// What can be chosen when a uring_backend is made.
struct uring_options {
  /// Entries of the queues; the kernel rounds up to powers of two, and fewer are
  /// taken where RLIMIT_MEMLOCK is tight. Never fewer completions than submissions.
  unsigned submissions = 256;
  unsigned completions = 1024;
  /// Size of the shared pool for receives that name no memory of their own.
  unsigned buffers = 64;
  unsigned buffer_bytes = 16 * 1024;
  /// Whether the pool is registered with the kernel where that is possible; if not,
  /// each such receive holds a buffer while it waits.
  bool buffer_ring = true;
  /// Whether completions are worked off only when the ring's thread asks for them,
  /// where the kernel can do that (Linux 6.1).
  bool defer_task_work = true;
};
}  // namespace ringrpc
