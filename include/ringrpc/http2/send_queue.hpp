// SPDX-License-Identifier: MIT
//
// The payload bytes one stream still has to send: copies and counted slices in
// order. DATA frames are cut from its front, as large as windows allow, whatever
// pieces it was filled with.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include <ringrpc/base/memory_pool.hpp>
#include <ringrpc/base/output.hpp>
#include <ringrpc/base/slice.hpp>

namespace ringrpc::http2 {
/// A queue of payload bytes. The pool is passed in, so that an empty one is three
/// words. Must be cleared before it dies. Not copyable.
class send_queue {
public:
  /// Slices of at least this size are sent by reference, smaller ones copied: an
  /// iovec costs the kernel about as much as copying this much.
  static constexpr std::uint32_t reference_bytes_min = 4096;

  send_queue() noexcept = default;
  send_queue(const send_queue&) = delete;
  send_queue& operator=(const send_queue&) = delete;
  ~send_queue() { assert(first_ == nullptr); }

  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  /// Appends the bytes of `part`: copied, or with a reference on its owner.
  /// @return false where memory is short; unchanged then.
  [[nodiscard]] bool append(memory_pool& pool, const slice& part) noexcept;

  /// How many bytes from the front, at most `most`, `into` has room for after
  /// `reserve` bytes of copies.
  [[nodiscard]] std::uint32_t fitting(std::uint32_t most, const output& into,
                                      std::size_t reserve) const noexcept;
  /// Moves `count` bytes to `into`; at most what `fitting` said.
  void move_to(output& into, memory_pool& pool, std::uint32_t count) noexcept;
  /// Drops everything.
  void clear(memory_pool& pool) noexcept;

private:
  struct node {
    node* next;
    const std::byte* data;  // what is left of it
    std::uint32_t size;
    std::uint32_t room;     // of a copy: bytes that can be appended behind data + size
    slice_owner* owner;     // null: the bytes follow the node
    std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  };
  static constexpr std::uint32_t copy_bytes_min = 128;

  [[nodiscard]] static bool by_reference(const node& n, std::uint32_t count) noexcept {
    return n.owner != nullptr && count >= reference_bytes_min;
  }
  void drop_front(memory_pool& pool) noexcept;

  node* first_ = nullptr;
  node* last_ = nullptr;
  std::uint32_t size_ = 0;
};

inline bool send_queue::append(memory_pool& pool, const slice& part) noexcept {
  if (part.size == 0) return true;
  std::uint32_t room = 0;
  if (part.owner == nullptr) {
    if (last_ != nullptr && last_->owner == nullptr && last_->room >= part.size) {
      const std::ptrdiff_t sent = last_->data - last_->bytes();
      std::memcpy(last_->bytes() + sent + last_->size, part.data, part.size);
      last_->size += part.size;
      last_->room -= part.size;
      size_ += part.size;
      return true;
    }
    room = std::max(part.size, copy_bytes_min);
  }
  void* block = pool.try_allocate(sizeof(node) + room);
  if (block == nullptr) return false;
  if (room != 0) {
    room = static_cast<std::uint32_t>(memory_pool::usable_bytes(block) - sizeof(node)) - part.size;
  }
  node* added = ::new (block) node{nullptr, part.data, part.size, room, part.owner};
  if (part.owner == nullptr) {
    std::memcpy(added->bytes(), part.data, part.size);
    added->data = added->bytes();
  } else {
    part.owner->add_reference();
  }
  (last_ == nullptr ? first_ : last_->next) = added;
  last_ = added;
  size_ += part.size;
  return true;
}

inline std::uint32_t send_queue::fitting(std::uint32_t most, const output& into,
                                         std::size_t reserve) const noexcept {
  std::size_t copies = into.copy_room();
  std::size_t parts = into.part_room();
  // The frame header in front may open a part of its own.
  if (copies < reserve || parts == 0) return 0;
  copies -= reserve;
  --parts;
  std::uint32_t count = 0;
  for (const node* n = first_; n != nullptr && count < most; n = n->next) {
    const std::uint32_t wanted = std::min(n->size, most - count);
    if (by_reference(*n, wanted)) {
      if (parts < 2) break;  // the slice, and the copy that may follow it
      parts -= 2;
      count += wanted;
    } else {
      const std::uint32_t copied =
          static_cast<std::uint32_t>(std::min<std::size_t>(wanted, copies));
      copies -= copied;
      count += copied;
      if (copied < wanted) break;
    }
  }
  return count;
}

inline void send_queue::move_to(output& into, memory_pool& pool, std::uint32_t count) noexcept {
  assert(count <= size_);
  while (count > 0) {
    node& n = *first_;
    const std::uint32_t taken = std::min(n.size, count);
    if (by_reference(n, taken)) {
      into.append_reference({n.data, taken, n.owner});
    } else {
      const bool copied = into.append_copy({n.data, taken});
      assert(copied);  // the arena is there: the frame header was copied into it
      static_cast<void>(copied);
    }
    n.data += taken;
    n.size -= taken;
    size_ -= taken;
    count -= taken;
    if (n.size == 0) drop_front(pool);
  }
}

inline void send_queue::clear(memory_pool& pool) noexcept {
  while (first_ != nullptr) drop_front(pool);
  size_ = 0;
}

inline void send_queue::drop_front(memory_pool& pool) noexcept {
  node* dropped = first_;
  first_ = dropped->next;
  if (first_ == nullptr) last_ = nullptr;
  if (dropped->owner != nullptr) dropped->owner->drop_reference();
  pool.release(dropped);
}
}  // namespace ringrpc::http2
