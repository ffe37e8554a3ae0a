// SPDX-License-Identifier: MIT
//
// Listening sockets that a process is started with (systemd's socket activation,
// sd_listen_fds(3)), without libsystemd.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/socket_address.hpp>
#include <ringrpc/transport/abstract_name.hpp>
#include <ringrpc/transport/inet_address.hpp>
#include <ringrpc/transport/listen_error.hpp>
#include <ringrpc/transport/listener.hpp>
#include <ringrpc/transport/owned_socket.hpp>
#include <ringrpc/transport/policy.hpp>
#include <ringrpc/transport/socket_listener.hpp>

namespace ringrpc {
/// A listening socket that this process has from another one. A plain value: it owns
/// nothing; the listener that it opens owns the descriptor, so open it once. Neither the
/// socket's file nor what waits in its queue is touched when the listener ends: the other
/// process, or the next start of the service, goes on with it.
class inherited_socket {
public:
  /// @param fd  a descriptor of this process. @param name  for texts; may be empty.
  explicit inherited_socket(int fd, std::string name = {}) noexcept
      : fd_(fd), name_(std::move(name)) {}

  /// Whose connections are served; default `allow::same_user()`. For TCP, of which the kernel
  /// tells nobody, it takes `allow::anyone()`.
  inherited_socket& policy(const peer_policy& allowed) & noexcept {
    policy_ = allowed;
    return *this;
  }
  inherited_socket&& policy(const peer_policy& allowed) && noexcept {
    return std::move(policy(allowed));
  }

  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// What the service manager calls it (FileDescriptorName=), empty where it says nothing.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// For texts: `descriptor 3 (web)`.
  [[nodiscard]] std::string text() const {
    return "descriptor " + std::to_string(fd_) + (name_.empty() ? "" : " (" + name_ + ')');
  }

  /// Makes it non-blocking and close-on-exec, and listens.
  /// @param home  where the listener's tasks will run; must outlive the listener.
  /// @throws listen_error  for what is no listening stream socket: what it is instead.
  [[nodiscard]] socket_listener open(ring& home) const;

private:
  [[noreturn]] void refuse(const std::string& why, int error) const {
    throw listen_error{text(), why, errno_code(error)};
  }
  [[nodiscard]] int option(int which) const;

  int fd_;
  std::string name_;
  peer_policy policy_ = allow::same_user();
};

/// The sockets that the service manager passed to this process (LISTEN_PID, LISTEN_FDS,
/// LISTEN_FDNAMES); none where there are none, or where they are for another process. All
/// become close-on-exec, and the three variables are removed, so that children do not take
/// them for theirs. Call it once, before threads are started: the environment is changed.
/// @throws std::bad_alloc  where memory is short.
[[nodiscard]] std::vector<inherited_socket> take_inherited_sockets();

namespace detail {
inline constexpr int first_inherited_fd = 3;  // SD_LISTEN_FDS_START

inline std::optional<long> number_in_environment(const char* name) noexcept {
  const char* const text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  long value = 0;
  const char* const end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || at != end) return std::nullopt;
  return value;
}

/// The address that a socket is bound to, as text.
inline std::string bound_text(int fd) {
  ::sockaddr_storage name{};
  ::socklen_t bytes = sizeof name;
  if (::getsockname(fd, reinterpret_cast<::sockaddr*>(&name), &bytes) != 0) return {};
  if (name.ss_family == AF_INET || name.ss_family == AF_INET6) {
    return inet_text(socket_address{&name, bytes});
  }
  constexpr std::size_t start = offsetof(::sockaddr_un, sun_path);
  if (name.ss_family != AF_UNIX || bytes <= start) return {};
  ::sockaddr_un address{};
  std::memcpy(&address, &name, bytes < sizeof address ? bytes : sizeof address);
  const std::string_view path{address.sun_path, bytes - start};
  if (path.front() == '\0') return "unix-abstract:" + abstract_name_text(path.substr(1));
  return "unix:" + std::string{path.substr(0, path.find('\0'))};
}
}  // namespace detail

inline int inherited_socket::option(int which) const {
  int value = 0;
  ::socklen_t bytes = sizeof value;
  if (::getsockopt(fd_, SOL_SOCKET, which, &value, &bytes) != 0) {
    const int error = errno;
    refuse(error == EBADF      ? std::string{"it is not open"}
           : error == ENOTSOCK ? std::string{"it is no socket"}
                               : errno_code(error).message(),
           error);
  }
  return value;
}

inline socket_listener inherited_socket::open(ring& home) const {
  if (const int type = option(SO_TYPE); type != SOCK_STREAM) {
    refuse(std::string{"it is a "} +
               (type == SOCK_DGRAM       ? "datagram"
                : type == SOCK_SEQPACKET ? "sequenced packet"
                                         : "raw") +
               " socket; a stream socket is needed (ListenStream=)",
           EPROTOTYPE);
  }
  if (option(SO_ACCEPTCONN) == 0) {
    refuse("it is a socket that does not listen, such as that of one connection "
           "(Accept=yes); serve it by server.attach",
           EINVAL);
  }
  const int flags = ::fcntl(fd_, F_GETFL);
  if (flags < 0 || ::fcntl(fd_, F_SETFL, flags | O_NONBLOCK) != 0 ||
      ::fcntl(fd_, F_SETFD, FD_CLOEXEC) != 0) {
    refuse(errno_code(errno).message(), errno);
  }
  const std::string where = detail::bound_text(fd_);
  return socket_listener{owned_socket{home, fd_}, where.empty() ? text() : where, policy_,
                         socket_listener::sharing::shared};
}

inline std::vector<inherited_socket> take_inherited_sockets() {
  std::vector<inherited_socket> found;
  const std::optional<long> pid = detail::number_in_environment("LISTEN_PID");
  const std::optional<long> count = detail::number_in_environment("LISTEN_FDS");
  const char* const names = std::getenv("LISTEN_FDNAMES");
  constexpr long count_max = 4096;
  if (pid == ::getpid() && count && *count > 0 && *count <= count_max) {
    std::string_view left = names != nullptr ? names : "";
    for (long i = 0; i < *count; ++i) {
      const int fd = detail::first_inherited_fd + static_cast<int>(i);
      const std::size_t colon = left.find(':');
      found.emplace_back(fd, std::string{left.substr(0, colon)});
      left.remove_prefix(colon == std::string_view::npos ? left.size() : colon + 1);
      static_cast<void>(::fcntl(fd, F_SETFD, FD_CLOEXEC));
    }
  }
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  return found;
}
static_assert(listen_address<inherited_socket>);
}  // namespace ringrpc
