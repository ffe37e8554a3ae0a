// SPDX-License-Identifier: MIT
//
// What belongs to this process and not to a child that it forks: a page that
// fork(2) hands to the child as zeros.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace ringrpc::detail {
/// All zero in a process that has just been forked. Any thread.
struct process_state {
  std::atomic<std::uint64_t> number;      // 0: not given yet
  std::atomic<unsigned> rings_with_home;  // those that have a home thread
};
inline constinit std::atomic<process_state*> process_page{nullptr};
inline constinit process_state unwiped_process_state{};  // where there is no such page
inline constinit std::atomic<std::uint64_t> last_process_number{0};

/// Where there is no memory for such a page, a child takes itself for its parent.
inline process_state& this_process() noexcept {
  if (process_state* known = process_page.load(std::memory_order_acquire); known != nullptr) {
    return *known;
  }
  constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  constexpr std::size_t bytes = sizeof(process_state);
  process_state* made = &unwiped_process_state;
  if (void* page = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
      page != MAP_FAILED) {
    if (::madvise(page, bytes, MADV_WIPEONFORK) == 0) {
      made = ::new (page) process_state{};
    } else {
      ::munmap(page, bytes);
    }
  }
  process_state* first = nullptr;
  if (process_page.compare_exchange_strong(first, made, std::memory_order_acq_rel)) return *made;
  if (made != &unwiped_process_state) ::munmap(made, bytes);
  return *first;
}

/// A number that differs from that of the process that forked this one, and of those
/// before. Never 0.
inline std::uint64_t process_number() noexcept {
  process_state& here = this_process();
  std::uint64_t number = here.number.load(std::memory_order_relaxed);
  if (number != 0) return number;
  // The last number is inherited, so the next one is new in this line of descent.
  const std::uint64_t next = last_process_number.fetch_add(1, std::memory_order_relaxed) + 1;
  return here.number.compare_exchange_strong(number, next, std::memory_order_relaxed) ? next
                                                                                      : number;
}
}  // namespace ringrpc::detail
