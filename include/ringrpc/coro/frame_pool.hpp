// SPDX-License-Identifier: MIT
//
// Memory for coroutine frames: free lists by size, one set per thread. A frame
// may be freed on another thread than the one that made it. Off under
// AddressSanitizer, which could not see the use of a dead frame in a pool.
#pragma once

#include <cstddef>
#include <new>

namespace ringrpc::detail {
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool frames_are_pooled = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool frames_are_pooled = false;
#else
inline constexpr bool frames_are_pooled = true;
#endif
#else
inline constexpr bool frames_are_pooled = true;
#endif

/// The free lists of one thread. Constant-initialised and trivially destroyed,
/// so that access needs no guard; `frame_lists_cleaner` empties it at thread end.
struct frame_lists {
  static constexpr std::size_t step = 64;
  static constexpr std::size_t bytes_max = 4096;           // larger frames are not pooled
  static constexpr std::size_t retained_max = 1024 * 1024;  // bytes kept per thread

  struct block {
    block* next;
  };
  block* free[bytes_max / step];
  std::size_t retained;
  bool ended;  // the thread is ending: keep nothing any more
};
inline thread_local constinit frame_lists thread_frame_lists{};

struct frame_lists_cleaner {
  frame_lists_cleaner() noexcept {}
  ~frame_lists_cleaner() {
    frame_lists& lists = thread_frame_lists;
    lists.ended = true;
    for (frame_lists::block*& list : lists.free) {
      while (list != nullptr) {
        frame_lists::block* next = list->next;
        ::operator delete(list);
        list = next;
      }
    }
    lists.retained = 0;
  }
};
inline void clean_frame_lists_at_thread_end() noexcept {
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wexit-time-destructors"  // it is there for its destructor
#endif
  thread_local frame_lists_cleaner cleaner;
#if defined(__clang__)
#pragma clang diagnostic pop
#endif
  static_cast<void>(cleaner);
}

/// @param bytes  size of the frame.
/// @throws std::bad_alloc  where memory is short.
inline void* allocate_frame(std::size_t bytes) {
  if (frames_are_pooled && bytes > 0 && bytes <= frame_lists::bytes_max) {
    frame_lists& lists = thread_frame_lists;
    const std::size_t index = (bytes - 1) / frame_lists::step;
    if (frame_lists::block* found = lists.free[index]; found != nullptr) {
      lists.free[index] = found->next;
      lists.retained -= (index + 1) * frame_lists::step;
      return found;
    }
    return ::operator new((index + 1) * frame_lists::step);
  }
  return ::operator new(bytes);
}

/// Gives back what `allocate_frame(bytes)` returned, on any thread.
inline void release_frame(void* frame, std::size_t bytes) noexcept {
  if (frames_are_pooled && bytes > 0 && bytes <= frame_lists::bytes_max) {
    frame_lists& lists = thread_frame_lists;
    const std::size_t index = (bytes - 1) / frame_lists::step;
    const std::size_t size = (index + 1) * frame_lists::step;
    if (!lists.ended && lists.retained + size <= frame_lists::retained_max) {
      clean_frame_lists_at_thread_end();
      lists.free[index] = ::new (frame) frame_lists::block{lists.free[index]};
      lists.retained += size;
      return;
    }
  }
  ::operator delete(frame);
}

/// Base of promises whose frames come from the pool.
struct pooled_frame {
  static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept {
    release_frame(frame, bytes);
  }
};
}  // namespace ringrpc::detail
