// SPDX-License-Identifier: MIT
#include "failing_memory.hpp"

#include <cstdlib>
#include <limits>
#include <new>

namespace {
constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
thread_local std::size_t passing_left = unlimited;
thread_local std::size_t made = 0;

void* allocate(std::size_t bytes) noexcept {
  if (passing_left == 0) return nullptr;
  if (passing_left != unlimited) --passing_left;
  ++made;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
}  // namespace

namespace ringrpc::test {
failing_memory::failing_memory(std::size_t passing) noexcept { passing_left = passing; }
failing_memory::~failing_memory() { passing_left = unlimited; }
std::size_t allocations() noexcept { return made; }
}  // namespace ringrpc::test

void* operator new(std::size_t bytes) {
  void* block = allocate(bytes);
  if (block == nullptr) throw std::bad_alloc{};
  return block;
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { std::free(block); }
