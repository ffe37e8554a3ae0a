// SPDX-License-Identifier: MIT
//
// Free lists by size class, so that the steady state of a connection allocates
// nothing. What the pool keeps for reuse is bounded: a burst that one hostile
// peer caused goes back to the C library.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>

namespace ringrpc {
/// Memory for the calls, frames and buffers of one ring. Not thread-safe: one
/// pool belongs to one ring and must outlive all it handed out. Immovable.
class memory_pool {
public:
  /// Blocks above this many bytes are never kept, only passed on to malloc(3).
  static constexpr std::size_t pooled_bytes_max = 64 * 1024;
  /// What `keep_reserve` sets aside.
  static constexpr std::size_t reserve_bytes = 256 * 1024;

  /// @param retained_bytes_max  how many bytes of free blocks are kept at most.
  explicit memory_pool(std::size_t retained_bytes_max = 1024 * 1024) noexcept
      : retained_bytes_max_(retained_bytes_max) {}
  memory_pool(const memory_pool&) = delete;
  memory_pool& operator=(const memory_pool&) = delete;
  ~memory_pool() {
    trim();
    std::free(reserve_);
  }

  /// @param bytes  at least this many usable bytes, aligned for any type; 0 is allowed.
  /// @return never null.
  /// @throws std::bad_alloc  where the system has no memory left.
  [[nodiscard]] void* allocate(std::size_t bytes) {
    void* block = try_allocate(bytes);
    if (block == nullptr) throw std::bad_alloc{};
    return block;
  }
  /// The same, but null where memory is short. For callbacks of C libraries.
  [[nodiscard]] void* try_allocate(std::size_t bytes) noexcept;
  /// Sets `reserve_bytes` aside for `take_reserve`, unless that was done. They take no
  /// pages until they are used.
  /// @throws std::bad_alloc  where the system has no memory left.
  void keep_reserve() {
    if (reserve_ == nullptr) reserve_ = static_cast<char*>(std::malloc(reserve_bytes));
    if (reserve_ == nullptr) throw std::bad_alloc{};
  }
  /// A block from what was set aside, for where `try_allocate` gave none: so that work
  /// that was begun can be ended in order. Null where that is used up, too.
  [[nodiscard]] void* take_reserve(std::size_t bytes) noexcept;
  /// Gives a block back. @param block  from this pool, or null.
  void release(void* block) noexcept;
  /// How many bytes are usable in `block`, at least what was asked for.
  [[nodiscard]] static std::size_t usable_bytes(const void* block) noexcept {
    return static_cast<const header*>(block)[-1].capacity;
  }

  /// Frees all blocks that are kept for reuse.
  void trim() noexcept;
  /// Bytes of blocks that are handed out.
  [[nodiscard]] std::size_t used_bytes() const noexcept { return used_bytes_; }
  /// Bytes of free blocks that are kept for reuse.
  [[nodiscard]] std::size_t retained_bytes() const noexcept { return retained_bytes_; }

private:
  struct alignas(std::max_align_t) header {
    std::size_t capacity;
    header* next;  // while free
  };
  // 64, 128 ... 1024 bytes, then four classes per doubling up to 64 KiB: at most 63 bytes
  // of the small ones are wasted and a fifth of the others (nghttp2's frame buffer has
  // 16,394 bytes and takes 20,480).
  static constexpr std::size_t step = 64;
  static constexpr std::size_t stepped_bytes_max = 1024;
  static constexpr std::size_t stepped_classes = stepped_bytes_max / step;
  static constexpr std::size_t classes_per_doubling = 4;
  static constexpr std::size_t doublings_max = 6;
  static_assert(stepped_bytes_max << doublings_max == pooled_bytes_max);
  static constexpr std::size_t classes = stepped_classes + doublings_max * classes_per_doubling;

  // How often 1024 must be doubled to reach the doubling that `bytes` above it is in.
  // By hand: std::bit_width returns std::size_t in libstdc++ 12 and int later, and no cast
  // pleases both -Wuseless-cast and -Wsign-conversion.
  static constexpr std::size_t doublings_below(std::size_t bytes) noexcept {
    const int unused_bits = std::countl_zero((bytes - 1) / stepped_bytes_max);
    return static_cast<std::size_t>(std::numeric_limits<std::size_t>::digits - 1 - unused_bits);
  }
  static constexpr std::size_t class_of(std::size_t bytes) noexcept {
    if (bytes <= stepped_bytes_max) return bytes == 0 ? 0 : (bytes - 1) / step;
    const std::size_t doublings = doublings_below(bytes);
    const std::size_t above = stepped_bytes_max << doublings;
    return stepped_classes + doublings * classes_per_doubling +
           (bytes - 1 - above) / (above / classes_per_doubling);
  }
  static constexpr std::size_t capacity_of(std::size_t index) noexcept {
    if (index < stepped_classes) return (index + 1) * step;
    const std::size_t doublings = (index - stepped_classes) / classes_per_doubling;
    const std::size_t quarter = (index - stepped_classes) % classes_per_doubling;
    const std::size_t above = stepped_bytes_max << doublings;
    return above + (quarter + 1) * (above / classes_per_doubling);
  }
  [[nodiscard]] bool is_of_reserve(const header* block) const noexcept {
    return reserve_ != nullptr &&
           reinterpret_cast<std::uintptr_t>(block) - reinterpret_cast<std::uintptr_t>(reserve_) <
               reserve_bytes;
  }

  std::array<header*, classes> free_{};
  char* reserve_ = nullptr;
  std::size_t reserve_used_bytes_ = 0;
  std::size_t reserve_blocks_ = 0;
  std::size_t retained_bytes_max_;
  std::size_t retained_bytes_ = 0;
  std::size_t used_bytes_ = 0;
};

inline void* memory_pool::try_allocate(std::size_t bytes) noexcept {
  std::size_t capacity = bytes;
  if (bytes <= pooled_bytes_max) {
    const std::size_t index = class_of(bytes);
    capacity = capacity_of(index);
    if (header* block = free_[index]; block != nullptr) {
      free_[index] = block->next;
      retained_bytes_ -= capacity;
      used_bytes_ += capacity;
      return block + 1;
    }
  }
  if (capacity > SIZE_MAX - sizeof(header)) return nullptr;
  header* block = static_cast<header*>(std::malloc(sizeof(header) + capacity));
  if (block == nullptr) return nullptr;
  block->capacity = capacity;
  used_bytes_ += capacity;
  return block + 1;
}

inline void* memory_pool::take_reserve(std::size_t bytes) noexcept {
  constexpr std::size_t unit = sizeof(header);
  if (reserve_ == nullptr || bytes > reserve_bytes) return nullptr;
  const std::size_t capacity = (bytes + unit - 1) / unit * unit;
  if (unit + capacity > reserve_bytes - reserve_used_bytes_) return nullptr;
  header* block = ::new (reserve_ + reserve_used_bytes_) header{capacity, nullptr};
  reserve_used_bytes_ += unit + capacity;
  ++reserve_blocks_;
  used_bytes_ += capacity;
  return block + 1;
}

inline void memory_pool::release(void* released) noexcept {
  if (released == nullptr) return;
  header* block = static_cast<header*>(released) - 1;
  const std::size_t capacity = block->capacity;
  used_bytes_ -= capacity;
  if (is_of_reserve(block)) {
    if (--reserve_blocks_ == 0) reserve_used_bytes_ = 0;
    return;
  }
  if (capacity > pooled_bytes_max || retained_bytes_ + capacity > retained_bytes_max_) {
    std::free(block);
    return;
  }
  const std::size_t index = class_of(capacity);
  block->next = free_[index];
  free_[index] = block;
  retained_bytes_ += capacity;
}

inline void memory_pool::trim() noexcept {
  for (header*& list : free_) {
    while (list != nullptr) {
      header* block = list;
      list = block->next;
      std::free(block);
    }
  }
  retained_bytes_ = 0;
}
}  // namespace ringrpc
