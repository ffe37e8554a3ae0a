// SPDX-License-Identifier: MIT
//
// What one connection wants to send, gathered for a single sendmsg(2): frame
// headers and small payloads copied into an arena, large payloads by reference.
// A connection has two: one is being sent while the other fills.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <span>

#include <ringrpc/base/memory_pool.hpp>
#include <ringrpc/base/slice.hpp>

namespace ringrpc {
/// An arena of 64 KiB and up to 64 parts. The arena is taken from the pool when
/// the first byte comes and given back when the last one left, so that an idle
/// connection holds none. Not thread-safe. Immovable, for the parts point into it.
class output {
public:
  static constexpr std::size_t arena_bytes = 64 * 1024;
  static constexpr std::size_t parts_max = 64;

  /// @param pool  of the connection's ring; must outlive this.
  explicit output(memory_pool& pool) noexcept : pool_(&pool) {}
  output(const output&) = delete;
  output& operator=(const output&) = delete;
  ~output() { clear(); }

  /// Bytes that can still be copied in, 0 when the parts are used up.
  [[nodiscard]] std::size_t copy_room() const noexcept {
    if (parts_ == parts_max && !tail_is_arena_) return 0;
    return arena_bytes - arena_used_;
  }
  /// How many slices can still be referenced.
  [[nodiscard]] std::size_t part_room() const noexcept { return parts_max - parts_; }

  /// Room for `bytes` in the arena, to be filled by the caller at once; appended
  /// to what is sent. @param bytes  at most `copy_room()`.
  /// @return null where memory is short; nothing is appended then.
  [[nodiscard]] std::byte* append(std::size_t bytes) noexcept;
  /// Copies `bytes` in; the same conditions. @return false where memory is short.
  [[nodiscard]] bool append_copy(std::span<const std::byte> bytes) noexcept {
    std::byte* into = append(bytes.size());
    if (into == nullptr) return false;
    if (!bytes.empty()) std::memcpy(into, bytes.data(), bytes.size());
    return true;
  }
  /// Appends the bytes of `part` by reference and takes a reference on its
  /// owner, which must not be null. Needs `part_room()` of at least 1.
  void append_reference(const slice& part) noexcept;

  /// What is to be sent, in order. Valid until the next change.
  [[nodiscard]] std::span<const ::iovec> parts() const noexcept {
    return std::span{iovecs_}.subspan(first_, parts_ - first_);
  }
  /// How many bytes are to be sent.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  /// Drops the first `sent` bytes (at most `size()`), and references with them.
  void consume(std::size_t sent) noexcept;
  /// Drops everything.
  void clear() noexcept;

private:
  memory_pool* pool_;
  std::byte* arena_ = nullptr;
  std::size_t arena_used_ = 0;
  std::size_t size_ = 0;
  std::size_t first_ = 0;  // parts before it have been sent
  std::size_t parts_ = 0;
  bool tail_is_arena_ = false;  // the last part can grow
  std::array<::iovec, parts_max> iovecs_;
  std::array<slice_owner*, parts_max> owners_;
};

inline std::byte* output::append(std::size_t bytes) noexcept {
  assert(bytes <= copy_room());
  if (arena_ == nullptr) {
    arena_ = static_cast<std::byte*>(pool_->try_allocate(arena_bytes));
    if (arena_ == nullptr) return nullptr;
  }
  std::byte* into = arena_ + arena_used_;
  if (bytes == 0) return into;
  if (tail_is_arena_) {
    iovecs_[parts_ - 1].iov_len += bytes;
  } else {
    iovecs_[parts_] = {into, bytes};
    owners_[parts_] = nullptr;
    ++parts_;
    tail_is_arena_ = true;
  }
  arena_used_ += bytes;
  size_ += bytes;
  return into;
}

inline void output::append_reference(const slice& part) noexcept {
  assert(part.owner != nullptr && part_room() > 0);
  if (part.size == 0) return;
  part.owner->add_reference();
  // sendmsg(2) does not write through iov_base; its type is an accident of readv(2).
  iovecs_[parts_] = {const_cast<std::byte*>(part.data), part.size};
  owners_[parts_] = part.owner;
  ++parts_;
  tail_is_arena_ = false;
  size_ += part.size;
}

inline void output::consume(std::size_t sent) noexcept {
  assert(sent <= size_);
  size_ -= sent;
  while (sent > 0) {
    ::iovec& part = iovecs_[first_];
    if (sent < part.iov_len) {
      part.iov_base = static_cast<std::byte*>(part.iov_base) + sent;
      part.iov_len -= sent;
      return;
    }
    sent -= part.iov_len;
    if (owners_[first_] != nullptr) owners_[first_]->drop_reference();
    ++first_;
  }
  if (size_ == 0) clear();
}

inline void output::clear() noexcept {
  for (; first_ < parts_; ++first_) {
    if (owners_[first_] != nullptr) owners_[first_]->drop_reference();
  }
  pool_->release(arena_);
  arena_ = nullptr;
  arena_used_ = size_ = first_ = parts_ = 0;
  tail_is_arena_ = false;
}
}  // namespace ringrpc
