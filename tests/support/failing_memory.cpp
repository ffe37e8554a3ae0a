// SPDX-License-Identifier: MIT
#include "failing_memory.hpp"

#include <cstdlib>
#include <limits>
#include <new>
#include <utility>

namespace {
constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
thread_local std::size_t passing_left = unlimited;
thread_local ringrpc::test::failing failing_now = ringrpc::test::failing::all_after;
thread_local bool failed = false;
thread_local std::size_t made = 0;

void* allocate(std::size_t bytes) noexcept {
  if (!ringrpc::test::may_allocate()) return nullptr;
  ++made;
  // malloc may be counted, too: this is one allocation.
  const std::size_t left = std::exchange(passing_left, unlimited);
  void* block = std::malloc(bytes == 0 ? 1 : bytes);
  passing_left = left;
  return block;
}
}  // namespace

namespace ringrpc::test {
failing_memory::failing_memory(std::size_t passing, failing which) noexcept {
  failed = false;
  failing_now = which;
  passing_left = passing;
}
failing_memory::~failing_memory() { passing_left = unlimited; }
bool has_failed() noexcept { return failed; }
bool may_allocate() noexcept {
  if (passing_left == unlimited) return true;
  if (passing_left > 0) {
    --passing_left;
    return true;
  }
  if (failing_now == failing::one) passing_left = unlimited;
  failed = true;
  return false;
}
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
