// SPDX-License-Identifier: MIT
//
// A header list that must outlive the call that brought it: trailers wait until
// the DATA before them has left.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include <ringrpc/base/memory_pool.hpp>
#include <ringrpc/http2/headers.hpp>

namespace ringrpc::http2 {
/// Owns a copy of a header_list (of the template only the address), in one block
/// of the pool. Empty by default; movable.
class stored_headers {
public:
  stored_headers() noexcept = default;
  stored_headers(stored_headers&& other) noexcept
      : pool_(other.pool_), block_(std::exchange(other.block_, nullptr)) {}
  stored_headers& operator=(stored_headers&& other) noexcept {
    if (this != &other) {
      reset();
      pool_ = other.pool_;
      block_ = std::exchange(other.block_, nullptr);
    }
    return *this;
  }
  ~stored_headers() { reset(); }

  /// Copies `list` instead of what was held. @param pool  must outlive this.
  /// @return false where memory is short; empty then.
  [[nodiscard]] bool store(memory_pool& pool, const header_list& list) noexcept;
  /// The copy, valid until it is changed or reset; empty lists where none is held.
  [[nodiscard]] header_list list() const noexcept {
    if (block_ == nullptr) return {};
    return {block_->fixed, {reinterpret_cast<const header_field*>(block_ + 1), block_->count}};
  }
  explicit operator bool() const noexcept { return block_ != nullptr; }
  void reset() noexcept {
    if (block_ != nullptr) pool_->release(std::exchange(block_, nullptr));
  }

private:
  // Followed by `count` fields, and they by their characters.
  struct alignas(header_field) block {
    const header_template* fixed;
    std::size_t count;
  };
  memory_pool* pool_ = nullptr;
  block* block_ = nullptr;
};

inline bool stored_headers::store(memory_pool& pool, const header_list& list) noexcept {
  reset();
  pool_ = &pool;
  std::size_t characters = 0;
  for (const header_field& field : list.extra) characters += field.name.size() + field.value.size();
  const std::size_t fields_bytes = list.extra.size() * sizeof(header_field);
  void* memory = pool.try_allocate(sizeof(block) + fields_bytes + characters);
  if (memory == nullptr) return false;
  block_ = ::new (memory) block{list.fixed, list.extra.size()};
  std::byte* fields = reinterpret_cast<std::byte*>(block_ + 1);
  char* text = reinterpret_cast<char*>(fields + fields_bytes);
  const auto copied = [&text](std::string_view from) noexcept {
    if (!from.empty()) std::memcpy(text, from.data(), from.size());
    const std::string_view copy{text, from.size()};
    text += from.size();
    return copy;
  };
  for (const header_field& field : list.extra) {
    const std::string_view name = copied(field.name);
    const std::string_view value = copied(field.value);
    ::new (fields) header_field{name, value, field.never_index};
    fields += sizeof(header_field);
  }
  return true;
}
}  // namespace ringrpc::http2
