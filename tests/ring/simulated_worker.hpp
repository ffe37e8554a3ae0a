// SPDX-License-Identifier: MIT
//
// What a simulated kernel does for an armed operation when its time has come.
#pragma once

#include <poll.h>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "simulated_calls.hpp"
#include "simulated_kernel.hpp"
#include "simulated_pool.hpp"
#include "simulated_request.hpp"

namespace ringrpc::testing {
class simulated_worker {
public:
  /// Both must outlive it.
  simulated_worker(simulated_kernel& kernel, simulated_pool& pool)
      : kernel_(kernel), pool_(pool), call_(kernel) {}

  /// Whether the kernel would do something for it now.
  [[nodiscard]] bool can_go_on(const simulated_request& request) const;
  /// Does it: the only place where the memory of the request is touched.
  /// @return the final result; nothing where it waits on.
  std::optional<int> go_on(simulated_request& request);

private:
  static constexpr int always_polled = POLLERR | POLLHUP | POLLNVAL;

  bool chance(double probability) noexcept { return kernel_.random().chance(probability); }
  std::optional<int> perform(simulated_request& request);
  int receive(const simulated_request& request);
  /// Unlike a plain accept, one that waits learns of a shutdown.
  int accept(int fd) {
    const int result = call_.accept(fd);
    return result == -EAGAIN && kernel_.table().can_accept(fd) ? -EINVAL : result;
  }
  std::optional<int> send(simulated_request& request);
  int poll(const simulated_request& request) const {
    const int found = kernel_.table().events(request.fd) & (request.events | always_polled);
    return found == POLLNVAL ? -EBADF : found == 0 ? -EAGAIN : found;
  }

  simulated_kernel& kernel_;
  simulated_pool& pool_;
  simulated_calls call_;
};

inline bool simulated_worker::can_go_on(const simulated_request& request) const {
  const simulated_descriptors& table = kernel_.table();
  switch (request.verb) {
    case simulated_verb::recv: return table.can_receive(request.fd);
    case simulated_verb::send: return table.can_send(request.fd);
    case simulated_verb::accept: return table.can_accept(request.fd);
    case simulated_verb::connect: return true;
    case simulated_verb::poll: return poll(request) != -EAGAIN;
    case simulated_verb::read: return table.can_read(request.fd);
    case simulated_verb::write: return table.can_write(request.fd);
  }
  return true;
}

inline std::optional<int> simulated_worker::go_on(simulated_request& request) {
  std::optional<int> result;
  const bool cancel_won =
      request.cancel_submitted && !(can_go_on(request) && chance(kernel_.faults().cancel_loses));
  if (!cancel_won) result = perform(request);
  if (!result && request.cancel_submitted) {
    // A send that got somewhere reports that, cancelled or not.
    result = request.moved > 0 ? static_cast<int>(request.moved) : -ECANCELED;
  }
  return result;
}

inline std::optional<int> simulated_worker::perform(simulated_request& request) {
  if (request.verb != simulated_verb::connect && chance(kernel_.faults().interrupt)) {
    return request.moved > 0 ? static_cast<int>(request.moved) : -EINTR;
  }
  int result = 0;
  switch (request.verb) {
    case simulated_verb::send: return send(request);
    case simulated_verb::recv: result = receive(request); break;
    case simulated_verb::accept: result = accept(request.fd); break;
    case simulated_verb::connect:  // never waits for room in the queue
      return call_.would_block() ? -EAGAIN : call_.connect(request.fd, *request.to);
    case simulated_verb::read: result = call_.read(request.fd, request.into); break;
    case simulated_verb::write: result = call_.write(request.fd, request.bytes); break;
    case simulated_verb::poll: result = poll(request); break;
  }
  return result == -EAGAIN ? std::nullopt : std::optional{result};
}

inline int simulated_worker::receive(const simulated_request& request) {
  if (!request.into.empty()) return call_.recv(request.fd, request.into);
  if (!kernel_.table().can_receive(request.fd)) return -EAGAIN;
  if (pool_.exhausted() || chance(kernel_.faults().no_buffer)) return -ENOBUFS;
  std::vector<std::byte> bytes(kernel_.options().pool_buffer_bytes);
  const int result = call_.recv(request.fd, bytes);
  if (result > 0) {
    pool_.lend(*request.op, std::span{bytes}.first(static_cast<std::size_t>(result)));
  }
  return result;
}

/// Goes on until all has been sent, or an error stops it.
inline std::optional<int> simulated_worker::send(simulated_request& request) {
  const int result = call_.send(request.fd, request.from, request.moved);
  if (result == -EAGAIN) return std::nullopt;
  if (result < 0) return request.moved > 0 ? static_cast<int>(request.moved) : result;
  request.moved += static_cast<std::size_t>(result);
  if (request.moved < bytes_in(request.from)) return std::nullopt;
  return static_cast<int>(request.moved);
}
}  // namespace ringrpc::testing
