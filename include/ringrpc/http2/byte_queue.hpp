// SPDX-License-Identifier: MIT
//
// Bytes that wait to be sent, in one growing block of the pool: frames that must
// leave before what the HTTP/2 library will produce next.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

#include <ringrpc/base/memory_pool.hpp>

namespace ringrpc::http2 {
/// A queue of bytes. Holds no memory while it is empty. Immovable.
class byte_queue {
public:
  /// @param pool  must outlive this.
  explicit byte_queue(memory_pool& pool) noexcept : pool_(&pool) {}
  byte_queue(const byte_queue&) = delete;
  byte_queue& operator=(const byte_queue&) = delete;
  ~byte_queue() { clear(); }

  [[nodiscard]] bool empty() const noexcept { return first_ == last_; }
  [[nodiscard]] std::size_t size() const noexcept { return last_ - first_; }
  /// All of it. Valid until the next change.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return {block_ + first_, last_ - first_};
  }

  /// Its bytes from `offset` on, to be changed in place. Valid until the next change.
  [[nodiscard]] std::span<std::byte> tail(std::size_t offset) noexcept {
    return {block_ + first_ + offset, size() - offset};
  }

  /// Copies `more` to the end. @return false where memory is short; unchanged then.
  [[nodiscard]] bool append(std::span<const std::byte> more) noexcept;
  /// Drops the first `count` bytes, at most `size()`.
  void consume(std::size_t count) noexcept {
    first_ += count;
    if (first_ == last_) clear();
  }
  void clear() noexcept {
    pool_->release(block_);
    block_ = nullptr;
    first_ = last_ = capacity_ = 0;
  }

private:
  memory_pool* pool_;
  std::byte* block_ = nullptr;
  std::size_t first_ = 0;
  std::size_t last_ = 0;
  std::size_t capacity_ = 0;
};

inline bool byte_queue::append(std::span<const std::byte> more) noexcept {
  if (more.empty()) return true;
  if (more.size() > capacity_ - last_) {
    const std::size_t needed = size() + more.size();
    void* grown = pool_->try_allocate(std::max(needed, std::size_t{2} * size()));
    if (grown == nullptr) return false;
    std::byte* block = static_cast<std::byte*>(grown);
    if (!empty()) std::memcpy(block, block_ + first_, size());
    last_ = size();
    first_ = 0;
    pool_->release(block_);
    block_ = block;
    capacity_ = memory_pool::usable_bytes(block);
  }
  std::memcpy(block_ + last_, more.data(), more.size());
  last_ += more.size();
  return true;
}
}  // namespace ringrpc::http2
