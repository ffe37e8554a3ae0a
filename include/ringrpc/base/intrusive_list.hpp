// SPDX-License-Identifier: MIT
//
// A doubly linked list whose nodes live inside the objects that are listed.
// Nothing is allocated, and a node that dies leaves its list by itself: that is
// what lets an awaiter be destroyed while it waits in a queue.
#pragma once

#include <cassert>
#include <cstddef>

namespace ringrpc {
template <class T>
class intrusive_list;

/// What an object derives from to be listed; in at most one list at a time.
/// Not thread-safe: belongs to the thread of its list. Immovable.
class list_node {
public:
  list_node() noexcept = default;
  list_node(const list_node&) = delete;
  list_node& operator=(const list_node&) = delete;
  ~list_node() { unlink(); }

  /// Whether the node is in a list.
  [[nodiscard]] bool linked() const noexcept { return next_ != nullptr; }

  /// Leaves the list, if any. Constant time.
  void unlink() noexcept {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

private:
  template <class T>
  friend class intrusive_list;

  void link_before(list_node& position) noexcept {
    assert(!linked());
    next_ = &position;
    previous_ = position.previous_;
    previous_->next_ = this;
    position.previous_ = this;
  }

  list_node* next_ = nullptr;
  list_node* previous_ = nullptr;
};

/// A list of `T`, which derives from `list_node`. Does not own: destroying the
/// list only unlinks what is left. Immovable, for the nodes point at it.
template <class T>
class intrusive_list {
public:
  intrusive_list() noexcept { clear_links(); }
  intrusive_list(const intrusive_list&) = delete;
  intrusive_list& operator=(const intrusive_list&) = delete;
  ~intrusive_list() {
    while (pop_front() != nullptr) {
    }
    head_.next_ = head_.previous_ = nullptr;  // so that ~list_node has nothing to unlink
  }

  [[nodiscard]] bool empty() const noexcept { return head_.next_ == &head_; }

  /// Appends `item`, which must be in no list and must leave before it dies
  /// (its destructor does that).
  void push_back(T& item) noexcept { node_of(item).link_before(head_); }
  void push_front(T& item) noexcept { node_of(item).link_before(*head_.next_); }

  /// Removes and returns the first item; null when empty.
  T* pop_front() noexcept {
    T* first = front();
    if (first != nullptr) node_of(*first).unlink();
    return first;
  }

  /// The first item; null when empty.
  [[nodiscard]] T* front() noexcept { return empty() ? nullptr : item_of(head_.next_); }
  /// The item after `item`, which is in this list; null at the end.
  [[nodiscard]] T* next(T& item) noexcept {
    list_node* following = node_of(item).next_;
    return following == &head_ ? nullptr : item_of(following);
  }

  /// Moves all items of `other`, which is not this, to the end of this list, in
  /// order. Constant time.
  void splice_back(intrusive_list& other) noexcept {
    assert(&other != this);
    if (other.empty()) return;
    other.head_.next_->previous_ = head_.previous_;
    head_.previous_->next_ = other.head_.next_;
    head_.previous_ = other.head_.previous_;
    head_.previous_->next_ = &head_;
    other.clear_links();
  }

private:
  static list_node& node_of(T& item) noexcept { return item; }
  static T* item_of(list_node* node) noexcept { return static_cast<T*>(node); }
  void clear_links() noexcept { head_.next_ = head_.previous_ = &head_; }

  list_node head_;
};
}  // namespace ringrpc
