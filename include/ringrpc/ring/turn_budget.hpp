// SPDX-License-Identifier: MIT
//
// Large pieces of work that peers can ask for with few bytes, such as decompression: so
// much of it is done in one turn of a ring, the rest in later turns and in order, so that
// everybody else has a turn in between.
#pragma once

#include <cstddef>

#include <ringrpc/base/intrusive_list.hpp>

namespace ringrpc {
/// The budget of one ring; see `ring::slow_work`. Not thread-safe.
class turn_budget {
public:
  /// Somebody with a piece to do. Leaves the line when it dies or unlinks.
  class waiter : public list_node {
  public:
    using function = void (*)(waiter& self) noexcept;
    /// @param take_turn  called in a later turn, where `admits` said no. It asks again. It may
    ///                   unlink others, and die.
    explicit waiter(function take_turn) noexcept : take_turn_(take_turn) {}

  private:
    friend class turn_budget;
    function take_turn_;
  };

  /// @param bytes_per_turn  from there on pieces are put off; the one that reaches it is
  ///        done whole.
  explicit turn_budget(std::size_t bytes_per_turn) noexcept
      : bytes_per_turn_(bytes_per_turn) {}

  /// Whether `who` may do its next piece now. If not, it is in line, if it was not yet.
  [[nodiscard]] bool admits(waiter& who) noexcept {
    if (spent_bytes_ < bytes_per_turn_ && (serving_ || waiting_.empty())) {
      who.unlink();
      return true;
    }
    if (!who.linked()) waiting_.push_back(who);
    return false;
  }
  /// A piece of that size was done.
  void spend(std::size_t bytes) noexcept { spent_bytes_ += bytes; }

  /// A turn of the ring begins: those who are in line have theirs, until the budget is
  /// spent. @return how many had.
  std::size_t begin_turn() noexcept {
    spent_bytes_ = 0;
    std::size_t served = 0;
    serving_ = true;
    while (spent_bytes_ < bytes_per_turn_) {
      waiter* first = waiting_.pop_front();
      if (first == nullptr) break;
      first->take_turn_(*first);
      ++served;
    }
    serving_ = false;
    return served;
  }
  /// Whether anybody is in line.
  [[nodiscard]] bool has_waiters() const noexcept { return !waiting_.empty(); }

private:
  intrusive_list<waiter> waiting_;
  std::size_t bytes_per_turn_;
  std::size_t spent_bytes_ = 0;
  bool serving_ = false;
};
}  // namespace ringrpc
