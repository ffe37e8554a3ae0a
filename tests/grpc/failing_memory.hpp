// SPDX-License-Identifier: MIT
//
// operator new that fails on demand, and is counted. It holds for the whole
// program of this area.
#pragma once

#include <cstddef>

namespace ringrpc::test {
/// While it lives, every allocation by operator new fails after the first `passing`
/// ones of this thread.
class failing_memory {
public:
  explicit failing_memory(std::size_t passing = 0) noexcept;
  failing_memory(const failing_memory&) = delete;
  failing_memory& operator=(const failing_memory&) = delete;
  ~failing_memory();
};

/// How many allocations by operator new this thread has made.
std::size_t allocations() noexcept;
}  // namespace ringrpc::test
