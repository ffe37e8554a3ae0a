// SPDX-License-Identifier: MIT
//
// The thread that a ring belongs to, and the process: a check of a few
// nanoseconds at every entry.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <new>
#include <system_error>

#include <ringrpc/base/fatal.hpp>
#include <ringrpc/coro/detail/owner_thread.hpp>

namespace ringrpc::detail {
/// Belongs to no thread until `bind`, then to that one for good. The number lies
/// on a page of its own that fork(2) hands to the child as zeros, so that the one
/// comparison finds a forked child too.
class home_thread {
public:
  /// @throws std::system_error  where there is no memory for a page.
  home_thread();
  home_thread(const home_thread&) = delete;
  home_thread& operator=(const home_thread&) = delete;
  ~home_thread() { ::munmap(word_, page_bytes); }

  [[nodiscard]] bool bound() const noexcept { return bound_; }
  /// Makes the calling thread the home, or checks that it is.
  void bind() noexcept {
    check();
    bound_ = true;
    *word_ = thread_number();
  }
  /// Ends the process if the caller is another thread than the home, or a child
  /// that was forked after the ring was made.
  void check() const noexcept {
    if (*word_ != this_thread_number) explain();
  }

private:
  static constexpr std::size_t page_bytes = 4096;
  static constexpr std::uint64_t unbound = ~std::uint64_t{0};
  void explain() const noexcept {
    if (*word_ == unbound) return;
    if (*word_ == 0) {
      fatal("a ring was used in a forked child; it belongs to the parent. Make a new ring in the "
            "child, or leave it by _exit(2) or execve(2)");
    }
    fatal("a ring was used outside of its thread, the one of its first run or turn; use "
          "ring.remote().post(...) from other threads");
  }

  std::uint64_t* word_;
  bool bound_ = false;
};

inline home_thread::home_thread() {
  constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  void* page = ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (page == MAP_FAILED || ::madvise(page, page_bytes, MADV_WIPEONFORK) != 0) {
    const int error = errno;
    if (page != MAP_FAILED) ::munmap(page, page_bytes);
    throw std::system_error{error, std::system_category(), "ringrpc: no page for a ring's thread"};
  }
  word_ = ::new (page) std::uint64_t{unbound};
}
}  // namespace ringrpc::detail
