// SPDX-License-Identifier: MIT
//
// Under AddressSanitizer there is no pool, and only what holds without one is checked.
#include <ringrpc/coro/frame_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <latch>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

using namespace ringrpc::detail;

namespace {
/// Runs `body` on a thread of its own, whose free lists are empty.
template <class Body> void on_fresh_thread(Body body) { std::thread{body}.join(); }

std::size_t retained() { return thread_frame_lists.retained; }

constexpr std::size_t sizes[] = {1, 63, 64, 65, 128, 1000, 4095, 4096, 4097, 100'000};
}  // namespace

TEST_CASE("frame_pool: frames of every size are apart, writable and aligned for any type") {
  std::vector<std::byte*> frames;
  for (std::size_t bytes : sizes) {
    frames.push_back(static_cast<std::byte*>(allocate_frame(bytes)));
    CHECK(reinterpret_cast<std::uintptr_t>(frames.back()) % alignof(std::max_align_t) == 0);
    std::memset(frames.back(), static_cast<int>(frames.size()), bytes);
  }
  for (std::size_t i = 0; i < frames.size(); ++i) {
    bool untouched = true;
    for (std::size_t at = 0; at < sizes[i]; ++at) {
      untouched = untouched && frames[i][at] == static_cast<std::byte>(i + 1);
    }
    CHECK(untouched);
    release_frame(frames[i], sizes[i]);
  }
}

TEST_CASE("frame_pool: a frame that was freed is used again for its size class") {
  if (!frames_are_pooled) return;
  on_fresh_thread([] {
    void* first = allocate_frame(65);
    CHECK(retained() == 0);
    release_frame(first, 65);
    CHECK(retained() == 128);
    void* other_class = allocate_frame(64);
    CHECK(other_class != first);
    void* same_class = allocate_frame(128);
    CHECK(same_class == first);
    CHECK(retained() == 0);
    release_frame(same_class, 128);
    release_frame(other_class, 64);
    CHECK(retained() == 192);
  });
}

TEST_CASE("frame_pool: the last frame that was freed is used first") {
  if (!frames_are_pooled) return;
  on_fresh_thread([] {
    void* first = allocate_frame(200);
    void* second = allocate_frame(200);
    release_frame(first, 200);
    release_frame(second, 200);
    CHECK(allocate_frame(200) == second);
    CHECK(allocate_frame(200) == first);
    release_frame(first, 200);
    release_frame(second, 200);
  });
}

TEST_CASE("frame_pool: frames above 4096 bytes are not kept") {
  if (!frames_are_pooled) return;
  on_fresh_thread([] {
    release_frame(allocate_frame(4097), 4097);
    CHECK(retained() == 0);
    release_frame(allocate_frame(4096), 4096);
    CHECK(retained() == 4096);
  });
}

TEST_CASE("frame_pool: a thread keeps at most 1 MiB") {
  if (!frames_are_pooled) return;
  on_fresh_thread([] {
    constexpr std::size_t count = frame_lists::retained_max / 4096 + 50;
    std::vector<void*> frames;
    for (std::size_t i = 0; i < count; ++i) frames.push_back(allocate_frame(4096));
    for (void* frame : frames) release_frame(frame, 4096);
    CHECK(retained() == frame_lists::retained_max);
    release_frame(allocate_frame(64), 64);
    CHECK(retained() == frame_lists::retained_max);
  });
}

TEST_CASE("frame_pool: a frame freed on another thread belongs to that thread") {
  void* frame = nullptr;
  on_fresh_thread([&] { frame = allocate_frame(300); });
  on_fresh_thread([&] {
    release_frame(frame, 300);
    if (!frames_are_pooled) return;
    CHECK(retained() == 320);
    CHECK(allocate_frame(300) == frame);
    release_frame(frame, 300);
  });
}

TEST_CASE("frame_pool: two threads that free each other's frames lose and share none") {
  constexpr std::size_t count = 2000;
  std::vector<void*> frames[2];
  std::latch both_allocated{2};
  auto work = [&](std::size_t own) {
    for (std::size_t round = 0; round < 3; ++round) {
      // A thread's own traffic goes on while foreign frames come back.
      release_frame(allocate_frame(500), 500);
    }
    for (std::size_t i = 0; i < count; ++i) {
      frames[own].push_back(allocate_frame(1 + i));
      std::memset(frames[own].back(), static_cast<int>(own), 1 + i);
    }
    both_allocated.arrive_and_wait();
    for (std::size_t i = 0; i < count; ++i) release_frame(frames[1 - own][i], 1 + i);
    std::vector<void*> again;
    for (std::size_t i = 0; i < count; ++i) {
      again.push_back(allocate_frame(1 + i));
      std::memset(again.back(), static_cast<int>(own), 1 + i);
    }
    for (std::size_t i = 0; i < count; ++i) release_frame(again[i], 1 + i);
  };
  std::thread first{work, 0};
  std::thread second{work, 1};
  first.join();
  second.join();
  CHECK(frames[0].size() == count);
}

namespace {
/// Frees its frame when its thread ends, after the free lists were emptied: it is
/// made before the first release, so it dies after what that release makes.
struct frees_late {
  void* frame = nullptr;
  std::size_t* retained_then = nullptr;
  ~frees_late() {
    release_frame(frame, 256);
    if (retained_then != nullptr) *retained_then = retained();
  }
};
}  // namespace

TEST_CASE("frame_pool: a thread that ends keeps nothing, not even what is freed later") {
  std::size_t retained_then = 1;
  on_fresh_thread([&] {
    thread_local frees_late late;
    late.frame = allocate_frame(256);
    late.retained_then = &retained_then;
    release_frame(allocate_frame(256), 256);
    if (frames_are_pooled) CHECK(retained() == 256);
  });
  CHECK(retained_then == 0);
}

namespace {
struct from_pool : pooled_frame {
  std::byte content[100];
};
}  // namespace

TEST_CASE("frame_pool: what derives from pooled_frame comes from it") {
  on_fresh_thread([] {
    from_pool* one = new from_pool;
    delete one;
    CHECK(retained() == (frames_are_pooled ? 128 : 0));
  });
}
