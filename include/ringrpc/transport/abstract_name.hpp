// SPDX-License-Identifier: MIT
//
// Names of abstract Unix sockets (unix(7)): bytes that are no file. In texts a NUL is
// written as %00 and a percent sign as %25, as gRPC does.
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
/// The longest name in bytes: sun_path less the NUL in front that marks it.
inline constexpr std::size_t abstract_name_bytes_max = sizeof(::sockaddr_un::sun_path) - 1;

/// The bytes that `text` stands for, where %XX is a byte.
/// @return what is wrong and what would be right: an empty name would be one that the kernel
///         chooses; a longer one than it takes; a percent sign without two hexadecimal digits.
[[nodiscard]] basic_result<std::string, std::string> parse_abstract_name(std::string_view text);

/// The text of a name, which `parse_abstract_name` reads.
[[nodiscard]] inline std::string abstract_name_text(std::string_view name) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string made;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '%') {
      made += c;
    } else {
      made += '%';
      made += digits[byte >> 4];
      made += digits[byte & 15];
    }
  }
  return made;
}

/// The kernel's form of a name: its length says where it ends, NULs belong to it, so no
/// byte may follow. @param name  1 to `abstract_name_bytes_max` bytes.
[[nodiscard]] inline socket_address abstract_socket_address(std::string_view name) noexcept {
  assert(!name.empty() && name.size() <= abstract_name_bytes_max);
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const std::size_t bytes = offsetof(::sockaddr_un, sun_path) + 1 + name.size();
  return socket_address{&address, static_cast<::socklen_t>(bytes)};
}

namespace detail {
/// 0 to 15, or -1.
constexpr int hexadecimal_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
}  // namespace detail

inline basic_result<std::string, std::string> parse_abstract_name(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      name += text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? detail::hexadecimal_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? detail::hexadecimal_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return failure<std::string>{"the name of an abstract socket has a % at byte " +
                                  std::to_string(i) +
                                  " without two hexadecimal digits; write %25 for a percent sign"};
    }
    name += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (name.empty()) {
    return failure<std::string>{"the name of an abstract socket is empty; write "
                                "unix-abstract:name"};
  }
  if (name.size() > abstract_name_bytes_max) {
    return failure<std::string>{"the name of an abstract socket has " +
                                std::to_string(name.size()) + " bytes, the limit is " +
                                std::to_string(abstract_name_bytes_max) + " (sockaddr_un)"};
  }
  return name;
}
}  // namespace ringrpc
