// SPDX-License-Identifier: MIT
//
// Which thread something belongs to: a check of one load and one comparison.
#pragma once

#include <atomic>
#include <cstdint>

namespace ringrpc::detail {
inline constexpr std::uint64_t unnumbered_thread = 1;
inline constinit std::atomic<std::uint64_t> last_thread_number{unnumbered_thread};
inline thread_local constinit std::uint64_t this_thread_number = unnumbered_thread;

/// A number that no other thread of the process has, had or will have, unlike an
/// address or std::thread::id. Never 0.
inline std::uint64_t thread_number() noexcept {
  if (this_thread_number == unnumbered_thread) {
    this_thread_number = last_thread_number.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  return this_thread_number;
}

/// Belongs to no thread until `adopt`: any one at a time may use it then.
class owner_thread {
public:
  owner_thread() noexcept = default;
  /// Makes the calling thread the owner.
  void adopt() noexcept { number_ = thread_number(); }
  [[nodiscard]] bool adopted() const noexcept { return number_ != nobody; }
  /// Whether the calling thread is the owner, or there is none yet.
  [[nodiscard]] bool is_here() const noexcept {
    return number_ == this_thread_number || number_ == nobody;
  }

private:
  static constexpr std::uint64_t nobody = 0;
  std::uint64_t number_ = nobody;
};
}  // namespace ringrpc::detail
