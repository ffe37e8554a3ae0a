// SPDX-License-Identifier: MIT
//
// The queue of what is ready to run on one ring. Its nodes live inside
// awaiters, operations and calls and leave the queue when those die, so a
// coroutine may be destroyed while it is already due.
#pragma once

#include <coroutine>
#include <cstddef>

#include <ringrpc/base/fatal.hpp>
#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/coro/detail/owner_thread.hpp>

namespace ringrpc {
/// Something that can be made ready. Derive from it, or use `resume_node`.
class run_node : public list_node {
public:
  /// What happens when the node's turn comes; `self` has left the queue by then
  /// and may be queued again or destroyed.
  using action = void (*)(run_node& self) noexcept;

  explicit run_node(action act) noexcept : act_(act) {}
  void run() noexcept { act_(*this); }

private:
  action act_;
};

/// A FIFO of nodes. Not thread-safe: one ring, one thread. Ends the process where
/// another thread makes something ready after `adopt_thread`: unseen, that would
/// break the list, or wait for a wake-up that never comes.
class run_queue {
public:
  /// Makes `node` ready. It must be in no list.
  void push(run_node& node) noexcept {
    check_thread();
    ready_.push_back(node);
  }
  /// Makes all of `nodes` ready, in order. Constant time.
  void push_all(intrusive_list<run_node>& nodes) noexcept {
    check_thread();
    ready_.splice_back(nodes);
  }
  /// Makes the calling thread the queue's own. Until then any one at a time may push.
  void adopt_thread() noexcept { owner_.adopt(); }
  [[nodiscard]] bool empty() const noexcept { return ready_.empty(); }

  /// Runs ready nodes in order, those included that become ready meanwhile.
  /// @param nodes_max  when this many ran, the rest waits for the next turn.
  /// @return how many ran.
  std::size_t run(std::size_t nodes_max) noexcept {
    std::size_t ran = 0;
    for (; ran < nodes_max; ++ran) {
      run_node* node = ready_.pop_front();
      if (node == nullptr) break;
      node->run();
    }
    return ran;
  }

private:
  void check_thread() const noexcept {
    if (!owner_.is_here()) {
      fatal("a coroutine was made ready outside of its ring's thread: an event was set there, or a "
            "task ended there; use ring.remote().post(...) from other threads");
    }
  }

  intrusive_list<run_node> ready_;
  detail::owner_thread owner_;
};

/// A node that resumes a coroutine: the base of awaiters that wait in a list.
class resume_node : public run_node {
public:
  resume_node() noexcept : run_node(&resume) {}
  /// Remembers who is resumed.
  void set_caller(std::coroutine_handle<> caller) noexcept { caller_ = caller; }

private:
  static void resume(run_node& self) noexcept { static_cast<resume_node&>(self).caller_.resume(); }

  std::coroutine_handle<> caller_;
};
}  // namespace ringrpc
