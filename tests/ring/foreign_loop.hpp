// SPDX-License-Identifier: MIT
//
// Loops of others with a ring inside: poll(2), and epoll(7) level- and edge-triggered.
// They dispatch the ring once per wake-up and sleep without a timeout, so a wake-up that
// never comes is a test that never ends.
#pragma once

#include <poll.h>
#include <sys/epoll.h>

#include <array>

#include <ringrpc/ring/file_descriptor.hpp>
#include <ringrpc/ring/ring.hpp>

#include "support.hpp"

namespace ringrpc::test {
enum class host_kind { poll, level_triggered, edge_triggered };
inline constexpr std::array host_kinds{host_kind::poll, host_kind::level_triggered,
                                       host_kind::edge_triggered};

/// A foreign loop that knows nothing but a descriptor and what to call.
class host {
public:
  host(host_kind kind, ring& guest) : guest_(guest), kind_(kind) {
    if (kind == host_kind::poll) return;
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    check(epoll_.get(), "epoll_create1");
    ::epoll_event event{};
    event.events = EPOLLIN;
    if (kind == host_kind::edge_triggered) event.events |= EPOLLET;
    check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, guest.pollable_fd(), &event), "epoll_ctl");
  }
  /// Sleeps until the ring's descriptor is readable, or `timeout` milliseconds.
  bool wait(int timeout) {
    if (kind_ == host_kind::poll) {
      ::pollfd readable{guest_.pollable_fd(), POLLIN, 0};
      return ::poll(&readable, 1, timeout) == 1;
    }
    ::epoll_event event{};
    return ::epoll_wait(epoll_.get(), &event, 1, timeout) == 1;
  }
  /// Dispatches until `done`. @return how often it woke up.
  int run(const bool& done) {
    int wakes = 0;
    guest_.turn();
    while (!done) {
      wait(-1);
      guest_.turn();
      ++wakes;
    }
    return wakes;
  }

private:
  ring& guest_;
  host_kind kind_;
  file_descriptor epoll_;
};
}  // namespace ringrpc::test
