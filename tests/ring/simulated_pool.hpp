// SPDX-License-Identifier: MIT
//
// The buffers of a simulated backend's pool. Each is a heap block of its own, as
// large as what was received into it, and dies when it is released, so that
// AddressSanitizer and valgrind see every byte that is read too far or too late.
// Numbers are not reused: a buffer that is released twice is found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <span>

#include <ringrpc/ring/operation.hpp>

namespace ringrpc::testing {
class simulated_pool {
public:
  explicit simulated_pool(std::size_t buffers_max) : buffers_max_(buffers_max) {}

  [[nodiscard]] bool exhausted() const noexcept { return lent_.size() >= buffers_max_; }
  [[nodiscard]] std::size_t lent() const noexcept { return lent_.size(); }

  /// Lends a buffer that holds a copy of `bytes`; not when exhausted.
  void lend(operation& to, std::span<const std::byte> bytes) {
    block one{std::make_unique<std::byte[]>(bytes.size()), bytes.size()};
    std::memcpy(one.memory.get(), bytes.data(), bytes.size());
    to.set_received(buffer_id{next_}, {one.memory.get(), one.size});
    lent_.emplace(next_++, std::move(one));
  }
  /// @return false where this buffer is not lent.
  [[nodiscard]] bool take_back(buffer_id buffer) {
    const auto found = lent_.find(buffer.value);
    if (found == lent_.end()) return false;
    std::memset(found->second.memory.get(), 0xdd, found->second.size);
    lent_.erase(found);
    return true;
  }

private:
  struct block {
    std::unique_ptr<std::byte[]> memory;
    std::size_t size;
  };
  std::map<std::uint32_t, block> lent_;
  std::size_t buffers_max_;
  std::uint32_t next_ = 0;
};
}  // namespace ringrpc::testing
