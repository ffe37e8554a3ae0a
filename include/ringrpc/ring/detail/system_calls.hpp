// SPDX-License-Identifier: MIT
//
// The plain, non-blocking system calls of the backends that run on a real
// kernel: bytes, a descriptor, 0, or -errno; never -EINTR.
#pragma once

#include <fcntl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>

#include <ringrpc/base/fatal.hpp>
#include <ringrpc/ring/detail/transfer_size.hpp>
#include <ringrpc/ring/socket_address.hpp>

namespace ringrpc::detail {
/// Repeats `call` while a signal interrupts it.
template <class Call>
int uninterrupted(Call call) noexcept {
  for (;;) {
    const auto result = call();
    if (result >= 0) return static_cast<int>(result);
    if (errno != EINTR) return -errno;
  }
}

inline int receive_now(int fd, std::span<std::byte> into) noexcept {
  const std::size_t bytes = std::min(into.size(), transfer_bytes_max);
  return uninterrupted([&]() noexcept { return ::recv(fd, into.data(), bytes, MSG_DONTWAIT); });
}

inline int send_now(int fd, std::span<const ::iovec> from) noexcept {
  constexpr int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  if (from.size() == 1) {  // 0.3 us cheaper than sendmsg
    const std::size_t bytes = std::min(from[0].iov_len, transfer_bytes_max);
    return uninterrupted([&]() noexcept { return ::send(fd, from[0].iov_base, bytes, flags); });
  }
  ::msghdr message{};
  // sendmsg(2) does not write through msg_iov; its type is an accident of recvmsg(2).
  message.msg_iov = const_cast<::iovec*>(from.data());
  message.msg_iovlen = from.size();
  return uninterrupted([&]() noexcept { return ::sendmsg(fd, &message, flags); });
}

/// -EAGAIN also for a listener that is blocking: accept4 would block the loop.
inline int accept_now(int fd, socket_address* peer) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  if ((flags & O_NONBLOCK) == 0) return -EAGAIN;
  ::sockaddr_storage from{};
  ::socklen_t bytes = sizeof from;
  const int accepted = uninterrupted([&]() noexcept {
    bytes = sizeof from;
    return ::accept4(fd, reinterpret_cast<::sockaddr*>(&from), &bytes,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
  });
  if (accepted >= 0 && peer != nullptr) {
    *peer = socket_address{&from, std::min<::socklen_t>(bytes, sizeof from)};
  }
  return accepted;
}

/// Makes `fd` non-blocking where it is not. @return 0 or -errno.
inline int set_non_blocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  if ((flags & O_NONBLOCK) == 0 && ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
  return 0;
}

/// Makes `fd` non-blocking where it is not, so that it cannot block the loop.
inline int connect_now(int fd, const socket_address& to) noexcept {
  if (const int refused = set_non_blocking(fd); refused < 0) return refused;
  return uninterrupted([&]() noexcept { return ::connect(fd, to.data(), to.size()); });
}

/// Ends the process because the kernel refused what it may not refuse.
[[noreturn]] inline void fatal_errno(const char* what, int number) noexcept {
  char text[256];
  static_cast<void>(std::snprintf(text, sizeof text, "%s: %s", what, std::strerror(number)));
  fatal(text);
}

/// A seed that differs from process to process and from call to call.
inline std::uint64_t random_seed() noexcept {
  std::uint64_t seed = 0;
  if (::getrandom(&seed, sizeof seed, GRND_NONBLOCK) == static_cast<::ssize_t>(sizeof seed)) {
    return seed;
  }
  return reinterpret_cast<std::uintptr_t>(&seed) ^ static_cast<std::uint64_t>(::getpid()) << 32;
}
}  // namespace ringrpc::detail
