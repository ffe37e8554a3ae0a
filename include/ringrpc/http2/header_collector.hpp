// SPDX-License-Identifier: MIT
//
// Keeps the fields of the header block that is being decoded until it is
// complete, within limits: one block at a time per connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>

#include <ringrpc/base/memory_pool.hpp>
#include <ringrpc/http2/headers.hpp>
#include <ringrpc/http2/limits.hpp>

namespace ringrpc::http2 {
/// Collects one header block. Holds memory between the first `add` and `clear`
/// only. Immovable.
class header_collector {
public:
  /// RFC 9113 section 6.5.2: what a field counts besides its bytes.
  static constexpr std::size_t field_overhead_bytes = 32;

  /// @param pool  must outlive this.
  header_collector(memory_pool& pool, const limits& bounds) noexcept
      : pool_(&pool),
        bytes_max_(bounds.header_list_bytes_max),
        fields_max_(bounds.header_fields_max) {}
  header_collector(const header_collector&) = delete;
  header_collector& operator=(const header_collector&) = delete;
  ~header_collector() { clear(); }

  /// Copies a field. The first one that passes a limit is dropped with all after
  /// it: then `too_large()`.
  /// @return false where memory is short.
  [[nodiscard]] bool add(std::string_view name, std::string_view value, bool never_index) noexcept;
  /// What was kept. Valid until `clear`.
  [[nodiscard]] std::span<const header_field> fields() const noexcept { return {fields_, count_}; }
  /// Whether a limit was passed.
  [[nodiscard]] bool too_large() const noexcept { return too_large_; }
  /// Forgets the block.
  void clear() noexcept;

private:
  struct chunk {
    chunk* next;
  };
  static constexpr std::size_t chunk_bytes = 1024;
  static constexpr std::uint32_t first_fields = 16;

  [[nodiscard]] char* room_for(std::size_t bytes) noexcept;
  [[nodiscard]] bool grow_fields() noexcept;

  memory_pool* pool_;
  std::uint32_t bytes_max_;
  std::uint32_t fields_max_;
  std::size_t list_bytes_ = 0;
  header_field* fields_ = nullptr;
  std::uint32_t count_ = 0;
  std::uint32_t capacity_ = 0;
  chunk* chunks_ = nullptr;
  char* free_ = nullptr;  // in the newest chunk
  std::size_t free_bytes_ = 0;
  bool too_large_ = false;
};

inline bool header_collector::add(std::string_view name, std::string_view value,
                                  bool never_index) noexcept {
  if (too_large_) return true;
  list_bytes_ += name.size() + value.size() + field_overhead_bytes;
  if (list_bytes_ > bytes_max_ || count_ == fields_max_) {
    too_large_ = true;
    return true;
  }
  if (count_ == capacity_ && !grow_fields()) return false;
  char* text = room_for(name.size() + value.size());
  if (text == nullptr) return false;
  if (!name.empty()) std::memcpy(text, name.data(), name.size());
  if (!value.empty()) std::memcpy(text + name.size(), value.data(), value.size());
  ::new (fields_ + count_)
      header_field{{text, name.size()}, {text + name.size(), value.size()}, never_index};
  ++count_;
  return true;
}

inline void header_collector::clear() noexcept {
  while (chunks_ != nullptr) {
    chunk* oldest = chunks_;
    chunks_ = oldest->next;
    pool_->release(oldest);
  }
  pool_->release(fields_);
  fields_ = nullptr;
  count_ = capacity_ = 0;
  free_ = nullptr;
  free_bytes_ = list_bytes_ = 0;
  too_large_ = false;
}

inline char* header_collector::room_for(std::size_t bytes) noexcept {
  if (bytes > free_bytes_ || chunks_ == nullptr) {
    const std::size_t wanted = sizeof(chunk) + (bytes > chunk_bytes ? bytes : chunk_bytes);
    void* block = pool_->try_allocate(wanted);
    if (block == nullptr) return nullptr;
    chunks_ = ::new (block) chunk{chunks_};
    free_ = reinterpret_cast<char*>(chunks_ + 1);
    free_bytes_ = memory_pool::usable_bytes(block) - sizeof(chunk);
  }
  char* text = free_;
  free_ += bytes;
  free_bytes_ -= bytes;
  return text;
}

inline bool header_collector::grow_fields() noexcept {
  const std::uint32_t capacity = capacity_ == 0 ? first_fields : 2 * capacity_;
  void* block = pool_->try_allocate(capacity * sizeof(header_field));
  if (block == nullptr) return false;
  if (count_ > 0) std::memcpy(block, fields_, count_ * sizeof(header_field));
  pool_->release(fields_);
  fields_ = static_cast<header_field*>(block);
  capacity_ = capacity;
  return true;
}
}  // namespace ringrpc::http2
