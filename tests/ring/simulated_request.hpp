// SPDX-License-Identifier: MIT
//
// An operation that a simulated backend has taken and not answered.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>

#include <ringrpc/base/time.hpp>
#include <ringrpc/ring/operation.hpp>
#include <ringrpc/ring/socket_address.hpp>

namespace ringrpc::testing {
enum class simulated_verb : unsigned char { recv, send, accept, connect, poll, read, write };

/// The words of the trace.
struct simulated_verb_names {
  const char* plain;
  const char* armed;
  const char* done;
};
[[nodiscard]] inline simulated_verb_names name_of(simulated_verb verb) noexcept {
  switch (verb) {
    case simulated_verb::recv: return {"recv", "arm recv", "recv done"};
    case simulated_verb::send: return {"send", "arm send", "send done"};
    case simulated_verb::accept: return {"accept", "arm accept", "accept done"};
    case simulated_verb::connect: return {"connect", "arm connect", "connect done"};
    case simulated_verb::poll: return {"poll", "arm poll", "poll done"};
    case simulated_verb::read: return {"read", "arm read", "read done"};
    case simulated_verb::write: return {"write", "arm write", "write done"};
  }
  return {"?", "?", "?"};
}

/// Points at the caller's memory, as a submission does.
struct simulated_request {
  operation* op;
  simulated_verb verb;
  int fd;
  std::span<std::byte> into{};         // recv, read; an empty one of recv: the pool
  std::span<const ::iovec> from{};     // send
  std::span<const std::byte> bytes{};  // write
  const socket_address* to = nullptr;  // connect
  short events = 0;                    // poll
  std::size_t moved = 0;               // send: bytes so far
  time_point due = never;              // when it goes on; `never`: it waits
  bool submitted = false;
  bool cancel_asked = false;
  bool cancel_submitted = false;
  bool counted = false;  // with its descriptor, which was open
};
}  // namespace ringrpc::testing
