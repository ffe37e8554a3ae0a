// SPDX-License-Identifier: MIT
//
// The system calls of a simulated kernel with the faults in them that plain calls
// and armed operations have in common.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>

#include <ringrpc/ring/socket_address.hpp>

#include "simulated_kernel.hpp"

namespace ringrpc::testing {
/// The sum of all parts.
[[nodiscard]] inline std::size_t bytes_in(std::span<const ::iovec> parts) noexcept {
  std::size_t bytes = 0;
  for (const ::iovec& part : parts) bytes += part.iov_len;
  return bytes;
}

class simulated_calls {
public:
  explicit simulated_calls(simulated_kernel& kernel) : kernel_(kernel) {}

  int recv(int fd, std::span<std::byte> into) {
    lose_peer_by_chance(fd);
    return table().receive(fd, into.first(some_of(into.size())));
  }
  /// @param skip  bytes of `from` that were sent before.
  int send(int fd, std::span<const ::iovec> from, std::size_t skip) {
    lose_peer_by_chance(fd);
    if (out_of_memory()) return -ENOBUFS;
    return table().send(fd, from, skip, some_of(bytes_in(from) - skip));
  }
  int accept(int fd) {
    if (table().can_accept(fd) && out_of_memory()) return -ENOBUFS;
    return table().accept(fd);
  }
  int connect(int fd, const socket_address& to) {
    if (out_of_memory()) return -ENOBUFS;
    const int result = table().connect(fd, to);
    if (result == 0) kernel_.doom(fd);
    return result;
  }
  int read(int fd, std::span<std::byte> into) {
    return table().read(fd, into.first(some_of(into.size())));
  }
  int write(int fd, std::span<const std::byte> from) {
    const ::iovec part{const_cast<std::byte*>(from.data()), from.size()};
    return table().write(fd, {&part, 1}, some_of(from.size()));
  }

  /// Whether a call shall answer -EAGAIN whatever it could do.
  bool would_block() noexcept { return chance(kernel_.faults().would_block); }

private:
  simulated_descriptors& table() noexcept { return kernel_.table(); }
  bool chance(double probability) noexcept { return kernel_.random().chance(probability); }
  bool out_of_memory() noexcept { return chance(kernel_.faults().no_memory); }
  /// How many of `bytes` a call moves at most; at least one.
  std::size_t some_of(std::size_t bytes) noexcept {
    if (bytes < 2 || !chance(kernel_.faults().short_transfer)) return bytes;
    return kernel_.random().between(1, bytes);
  }
  void lose_peer_by_chance(int fd) {
    if (!chance(kernel_.faults().lost)) return;
    if (const auto [connection, end] = table().connection(fd); connection != nullptr) {
      connection->kill(1 - end, 0);
    }
  }

  simulated_kernel& kernel_;
};
}  // namespace ringrpc::testing
