// SPDX-License-Identifier: MIT
//
// Bytes that are sent by reference: a payload too large to be worth copying
// into the output. Counted, because a retry and the output may hold it at once.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <utility>

#include <ringrpc/base/memory_pool.hpp>

namespace ringrpc {
/// Who keeps the bytes of a slice alive. Counted without atomics: of one ring.
class slice_owner {
public:
  slice_owner(const slice_owner&) = delete;
  slice_owner& operator=(const slice_owner&) = delete;

  void add_reference() noexcept { ++references_; }
  /// Drops one reference; the last one gives the memory back.
  void drop_reference() noexcept {
    assert(references_ > 0);
    if (--references_ == 0) destroy_(*this);
  }
  /// Whether nobody else holds a reference.
  [[nodiscard]] bool unique() const noexcept { return references_ == 1; }

protected:
  /// Starts with one reference, the maker's.
  /// @param destroy  called when the last reference is dropped.
  explicit slice_owner(void (*destroy)(slice_owner&) noexcept) noexcept : destroy_(destroy) {}
  ~slice_owner() = default;

private:
  void (*destroy_)(slice_owner&) noexcept;
  std::uint32_t references_ = 1;
};

/// A view of bytes and who keeps them alive. A plain value: it counts nothing
/// by itself. With `owner` null the bytes live only as long as the call they are
/// passed to, which copies them; else whoever keeps the slice takes a reference.
struct slice {
  const std::byte* data = nullptr;
  std::uint32_t size = 0;
  slice_owner* owner = nullptr;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data, size}; }
};

/// A counted block of bytes from a memory_pool, which must outlive it.
class buffer final : public slice_owner {
public:
  /// @param bytes  capacity; the content is unspecified.
  /// @throws std::bad_alloc  where the system has no memory left.
  [[nodiscard]] static buffer& make(memory_pool& pool, std::size_t bytes) {
    return *::new (pool.allocate(sizeof(buffer) + bytes)) buffer{pool, bytes};
  }
  [[nodiscard]] std::span<std::byte> bytes() noexcept {
    return {reinterpret_cast<std::byte*>(this + 1), capacity_};
  }

private:
  buffer(memory_pool& pool, std::size_t bytes) noexcept
      : slice_owner(&destroy), pool_(pool), capacity_(bytes) {}
  static void destroy(slice_owner& owner) noexcept {
    buffer& self = static_cast<buffer&>(owner);
    memory_pool& pool = self.pool_;
    self.~buffer();
    pool.release(&self);
  }

  memory_pool& pool_;
  std::size_t capacity_;
};

/// Holds one reference on a buffer, or none. Movable.
class buffer_handle {
public:
  buffer_handle() noexcept = default;
  /// Takes over the reference that `buffer::make` returned.
  explicit buffer_handle(buffer& held) noexcept : held_(&held) {}
  buffer_handle(buffer_handle&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  buffer_handle& operator=(buffer_handle&& other) noexcept {
    if (this != &other) {
      reset();
      held_ = std::exchange(other.held_, nullptr);
    }
    return *this;
  }
  ~buffer_handle() { reset(); }

  void reset() noexcept {
    if (held_ != nullptr) std::exchange(held_, nullptr)->drop_reference();
  }
  [[nodiscard]] buffer* get() const noexcept { return held_; }
  explicit operator bool() const noexcept { return held_ != nullptr; }

private:
  buffer* held_ = nullptr;
};
}  // namespace ringrpc
