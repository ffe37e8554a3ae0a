// SPDX-License-Identifier: MIT
//
// operator new that fails on demand, and is counted. It holds for the whole program
// that failing_memory.cpp is linked into.
#pragma once

#include <cstddef>

namespace ringrpc::test {
/// What fails once an allocation has failed.
enum class failing : unsigned char { all_after, one };

/// While it lives, allocations of this thread by operator new fail after the first
/// `passing` ones: all of them, or one only. One at a time.
class failing_memory {
public:
  explicit failing_memory(std::size_t passing = 0, failing which = failing::all_after) noexcept;
  failing_memory(const failing_memory&) = delete;
  failing_memory& operator=(const failing_memory&) = delete;
  ~failing_memory();
};

/// Whether an allocation of this thread has failed since the last one was made.
bool has_failed() noexcept;
/// Asks for an allocation by other means than operator new, which counts as one.
/// @return false: it is to fail.
bool may_allocate() noexcept;
/// How many allocations by operator new this thread has made.
std::size_t allocations() noexcept;
}  // namespace ringrpc::test
