// SPDX-License-Identifier: MIT
//
// What the path of a Unix socket may be, and its form for the kernel. Looks at
// no file.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cassert>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include <ringrpc/base/result.hpp>
#include <ringrpc/ring/socket_address.hpp>

namespace ringrpc {
/// The longest path of a Unix socket in bytes (unix(7)): sun_path less its NUL.
/// Linux also takes 108 without one, which other programs then cannot read.
inline constexpr std::size_t unix_path_bytes_max = sizeof(::sockaddr_un::sun_path) - 1;

/// Checks the text of a path.
/// @param path  absolute, or relative to the working directory.
/// @return what is wrong and what would be right.
[[nodiscard]] inline basic_result<void, std::string> check_unix_path(std::string_view path) {
  if (path.empty()) return failure<std::string>{"socket path is empty; write /path/to/socket"};
  if (const std::size_t at = path.find('\0'); at != std::string_view::npos) {
    return failure<std::string>{"socket path has a NUL at byte " + std::to_string(at) +
                                "; a file's name cannot have one"};
  }
  if (path.size() > unix_path_bytes_max) {
    return failure<std::string>{"socket path has " + std::to_string(path.size()) +
                                " bytes, the limit is " + std::to_string(unix_path_bytes_max) +
                                " (sockaddr_un); use a shorter directory"};
  }
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (name.empty() || name == "." || name == "..") {
    return failure<std::string>{"socket path " + std::string{path} +
                                " names a directory; add the name of the socket file"};
  }
  if (path.starts_with("unix:")) {
    return failure<std::string>{"socket path " + std::string{path} +
                                " is an address; a path comes without `unix:`"};
  }
  return {};
}

/// The kernel's form of a path. @param path  passed `check_unix_path`.
[[nodiscard]] inline socket_address unix_socket_address(std::string_view path) noexcept {
  assert(path.size() <= unix_path_bytes_max);
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const std::size_t bytes = offsetof(::sockaddr_un, sun_path) + path.size() + 1;
  return socket_address{&address, static_cast<::socklen_t>(bytes)};
}
}  // namespace ringrpc
