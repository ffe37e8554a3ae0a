// SPDX-License-Identifier: MIT
//
// An address as the kernel takes it. Parsing target texts is `transport/`'s.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstring>

#include <ringrpc/base/fatal.hpp>

namespace ringrpc {
/// A sockaddr of any family and its length (connect(2), accept(2)). A plain value.
class socket_address {
public:
  socket_address() noexcept = default;
  /// Copies `bytes` bytes of an address. @param bytes  at most sizeof(sockaddr_storage).
  socket_address(const void* from, ::socklen_t bytes) noexcept : size_(bytes) {
    if (bytes > sizeof storage_) fatal("a socket address is larger than sockaddr_storage");
    std::memcpy(&storage_, from, bytes);
  }

  [[nodiscard]] const ::sockaddr* data() const noexcept {
    return reinterpret_cast<const ::sockaddr*>(&storage_);
  }
  [[nodiscard]] ::socklen_t size() const noexcept { return size_; }
  [[nodiscard]] int family() const noexcept { return size_ == 0 ? AF_UNSPEC : storage_.ss_family; }

private:
  ::sockaddr_storage storage_{};
  ::socklen_t size_ = 0;
};
}  // namespace ringrpc
