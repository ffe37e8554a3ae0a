// SPDX-License-Identifier: MIT
//
// The memory of receives that name none: a pool that the kernel takes from when
// data comes, so that idle connections hold nothing; or, where the kernel refuses
// to register it, a buffer per waiting receive.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include <liburing.h>

#include <ringrpc/ring/operation.hpp>

namespace ringrpc::detail {
/// Memory by mmap(2), not inherited by forked children.
class mapped_memory {
public:
  mapped_memory() noexcept = default;
  mapped_memory(const mapped_memory&) = delete;
  mapped_memory& operator=(const mapped_memory&) = delete;
  ~mapped_memory() { unmap(); }

  /// @return false where there is none.
  [[nodiscard]] bool map(std::size_t bytes) noexcept {
    unmap();
    void* start = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (start == MAP_FAILED) return false;
    static_cast<void>(::madvise(start, bytes, MADV_DONTFORK));
    start_ = start;
    bytes_ = bytes;
    return true;
  }
  void unmap() noexcept {
    if (start_ != nullptr) ::munmap(start_, bytes_);
    start_ = nullptr;
  }
  [[nodiscard]] void* start() const noexcept { return start_; }
  [[nodiscard]] std::byte* data() const noexcept { return static_cast<std::byte*>(start_); }

private:
  void* start_ = nullptr;  // page-aligned
  std::size_t bytes_ = 0;
};

/// The pool of one ring. Not thread-safe.
class uring_buffers {
public:
  static constexpr int group = 0;  // the only buffer group of our rings

  uring_buffers(unsigned count, unsigned bytes) noexcept
      : count_(std::min(std::max(count, 1u), 32768u)), bytes_(bytes) {}

  /// Whether the kernel chooses from the pool. After false use `take_private`.
  [[nodiscard]] bool shared(::io_uring& ring, bool wanted) noexcept {
    if (state_ == state::untried) state_ = wanted && open(ring) ? state::shared : state::refused;
    return state_ == state::shared;
  }
  /// Ends the kernel's use of the pool.
  void close(::io_uring& ring) noexcept {
    if (state_ == state::shared) static_cast<void>(::io_uring_unregister_buf_ring(&ring, group));
    state_ = state::refused;
  }

  [[nodiscard]] unsigned buffer_bytes() const noexcept { return bytes_; }
  /// The memory of a buffer of the pool or a private one.
  [[nodiscard]] std::span<std::byte> bytes_of(buffer_id buffer) noexcept {
    if ((buffer.value & private_bit) != 0) {
      return {private_[buffer.value & ~private_bit].get(), bytes_};
    }
    return {memory_.data() + std::size_t{buffer.value} * bytes_, bytes_};
  }
  /// A buffer of its own for one receive. @return invalid where memory is short.
  [[nodiscard]] buffer_id take_private() noexcept;
  /// Gives a buffer back, to the kernel or for the next `take_private`.
  void release(buffer_id buffer) noexcept;

private:
  enum class state : unsigned char { untried, shared, refused };
  static constexpr std::uint32_t private_bit = 0x8000'0000;

  [[nodiscard]] bool open(::io_uring& ring) noexcept;
  void add(unsigned index) noexcept {
    ::io_uring_buf_ring_add(entries_, memory_.data() + std::size_t{index} * bytes_, bytes_,
                            static_cast<unsigned short>(index),
                            ::io_uring_buf_ring_mask(std::bit_ceil(count_)), 0);
    ::io_uring_buf_ring_advance(entries_, 1);
  }

  unsigned count_;
  unsigned bytes_;
  state state_ = state::untried;
  mapped_memory ring_memory_;
  mapped_memory memory_;
  ::io_uring_buf_ring* entries_ = nullptr;
  std::vector<std::unique_ptr<std::byte[]>> private_;
  std::vector<std::uint32_t> private_free_;  // never longer than private_, and has its capacity
};

inline bool uring_buffers::open(::io_uring& ring) noexcept {
  const unsigned entries = std::bit_ceil(count_);
  if (!ring_memory_.map(entries * sizeof(::io_uring_buf))) return false;
  if (!memory_.map(std::size_t{count_} * bytes_)) return false;
  entries_ = static_cast<::io_uring_buf_ring*>(ring_memory_.start());
  ::io_uring_buf_ring_init(entries_);
  ::io_uring_buf_reg request{};
  request.ring_addr = reinterpret_cast<std::uintptr_t>(ring_memory_.data());
  request.ring_entries = entries;
  request.bgid = group;
  if (::io_uring_register_buf_ring(&ring, &request, 0) != 0) {  // ENOMEM: RLIMIT_MEMLOCK
    ring_memory_.unmap();
    memory_.unmap();
    return false;
  }
  for (unsigned i = 0; i < count_; ++i) add(i);
  return true;
}

inline buffer_id uring_buffers::take_private() noexcept {
  if (!private_free_.empty()) {
    const std::uint32_t index = private_free_.back();
    private_free_.pop_back();
    return {index | private_bit};
  }
  try {
    auto memory = std::make_unique<std::byte[]>(bytes_);
    if (private_.size() == private_.capacity()) private_.reserve(2 * private_.size() + 1);
    private_free_.reserve(private_.capacity());
    private_.push_back(std::move(memory));
  } catch (const std::bad_alloc&) {
    return {};
  }
  return {static_cast<std::uint32_t>(private_.size() - 1) | private_bit};
}

inline void uring_buffers::release(buffer_id buffer) noexcept {
  assert(buffer.valid());
  if ((buffer.value & private_bit) != 0) {
    private_free_.push_back(buffer.value & ~private_bit);  // has the capacity
  } else {
    add(buffer.value);
  }
}
}  // namespace ringrpc::detail
