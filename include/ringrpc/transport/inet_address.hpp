// SPDX-License-Identifier: MIT
//
// Addresses of TCP, from text and to text. No name is looked up: a name server would be
// asked in the middle of a loop that must not wait, and this library is for one machine.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include <ringrpc/ring/socket_address.hpp>

namespace ringrpc {
/// A port from its decimal text, 0 to 65535; nothing for any other text.
[[nodiscard]] inline std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

/// @param host  four numbers, such as `127.0.0.1`. @return nothing for any other text.
[[nodiscard]] inline std::optional<socket_address> ipv4_address(const std::string& host,
                                                                std::uint16_t port) noexcept {
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return std::nullopt;
  return socket_address{&address, sizeof address};
}

/// @param host  without brackets, such as `::1`. @return nothing for any other text.
[[nodiscard]] inline std::optional<socket_address> ipv6_address(const std::string& host,
                                                                std::uint16_t port) noexcept {
  ::sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  if (::inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) != 1) return std::nullopt;
  return socket_address{&address, sizeof address};
}

/// `ipv4:127.0.0.1:80` or `ipv6:[::1]:80`; `inet` for another family.
[[nodiscard]] inline std::string inet_text(const socket_address& of) {
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (of.family() == AF_INET) {
    ::sockaddr_in address{};
    std::memcpy(&address, of.data(), sizeof address);
    ::inet_ntop(AF_INET, &address.sin_addr, host.data(), host.size());
    return std::string{"ipv4:"} + host.data() + ':' + std::to_string(ntohs(address.sin_port));
  }
  if (of.family() == AF_INET6) {
    ::sockaddr_in6 address{};
    std::memcpy(&address, of.data(), sizeof address);
    ::inet_ntop(AF_INET6, &address.sin6_addr, host.data(), host.size());
    return std::string{"ipv6:["} + host.data() + "]:" + std::to_string(ntohs(address.sin6_port));
  }
  return "inet";
}
}  // namespace ringrpc
