// SPDX-License-Identifier: MIT
//
// How a connection takes part in the turn of its ring: it is flushed once per
// turn after it became dirty, and it is polled for input while the ring spins.
#pragma once

#include <ringrpc/base/intrusive_list.hpp>

namespace ringrpc {
namespace detail {
class dirty_list;
class hot_list;
}  // namespace detail

/// Something with output that waits to be sent; see `ring::mark_dirty`. Leaves
/// the ring when it dies. Not thread-safe.
class flush_hook : public list_node {
public:
  using function = void (*)(flush_hook& self) noexcept;
  /// @param flush  called once per turn after `mark_dirty`. It may mark itself
  ///               again (for the next turn), mark others, and die.
  explicit flush_hook(function flush) noexcept : flush_(flush) {}

private:
  friend class detail::dirty_list;
  function flush_;
};

/// Something that receives by plain calls while it is hot and by an armed
/// operation while the ring sleeps; see `ring::watch`. Leaves the ring when it
/// dies. Not thread-safe.
class receive_hook : public list_node {
public:
  using poll_function = bool (*)(receive_hook& self) noexcept;
  using arm_function = void (*)(receive_hook& self) noexcept;
  /// @param poll  tries a plain receive and handles what it got; true if that was
  ///              anything, an end or an error included. It may unlink itself or
  ///              others, and die.
  /// @param arm   the hook has left the ring's list: it arms its receive
  ///              operation, and is watched again when that has completed.
  receive_hook(poll_function poll, arm_function arm) noexcept : poll_(poll), arm_(arm) {}

private:
  friend class detail::hot_list;
  poll_function poll_;
  arm_function arm_;
};
}  // namespace ringrpc
