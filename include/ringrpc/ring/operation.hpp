// SPDX-License-Identifier: MIT
//
// One request to the kernel. The object lives in the awaiter (or driver) that
// waits for it, and its address is the request's identity, so nothing is
// allocated and nothing is looked up; therefore it may not die before the
// kernel has answered.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include <ringrpc/base/fatal.hpp>
#include <ringrpc/coro/run_queue.hpp>

namespace ringrpc {
/// Names a buffer of the backend's pool until it is released.
struct buffer_id {
  static constexpr std::uint32_t none = 0xffff'ffff;
  std::uint32_t value = none;
  [[nodiscard]] bool valid() const noexcept { return value != none; }
};

/// A request that is armed with a backend and completed exactly once. When it
/// completes the loop puts it into the run queue like any other node; its action
/// then looks at `result()`. Immovable; of one ring.
class operation : public run_node {
public:
  /// @param completed  runs from the run queue after the final completion.
  explicit operation(action completed) noexcept : run_node(completed) {}
  /// Ends the process where the kernel has not answered yet: cancel, await the
  /// completion, then destroy.
  ~operation() {
    if (in_flight_) fatal("an operation was destroyed before its final completion");
  }

  /// Whether the kernel may still touch the operation's memory.
  [[nodiscard]] bool in_flight() const noexcept { return in_flight_; }
  /// After completion: what the system call returned, or -errno. -ECANCELED after
  /// a cancel that came in time.
  [[nodiscard]] int result() const noexcept { return result_; }
  /// After a receive into the backend's pool: the bytes, and the buffer that the
  /// receiver releases when it is done with them.
  [[nodiscard]] std::span<std::byte> received() const noexcept { return received_; }
  [[nodiscard]] buffer_id buffer() const noexcept { return buffer_; }

  // For backends only.

  /// The backend has taken the request.
  void begin() noexcept {
    assert(!in_flight_ && !linked());
    in_flight_ = true;
    buffer_ = {};
    received_ = {};
  }
  /// The kernel has answered for the last time.
  void end(int result) noexcept {
    assert(in_flight_);
    in_flight_ = false;
    result_ = result;
  }
  /// The request was never made: `result` is the answer, when the loop gets to it.
  void refuse(int result) noexcept {
    assert(!in_flight_ && !linked());
    result_ = result;
  }
  void set_received(buffer_id buffer, std::span<std::byte> bytes) noexcept {
    buffer_ = buffer;
    received_ = bytes;
  }
  /// Room for a backend's own bookkeeping, such as what was asked for and answered.
  std::uint64_t backend_word = 0;

private:
  std::span<std::byte> received_{};
  int result_ = 0;
  buffer_id buffer_{};
  bool in_flight_ = false;
};

/// Operations that have completed, in order of completion.
using operation_queue = intrusive_list<run_node>;
}  // namespace ringrpc
