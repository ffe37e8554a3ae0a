// SPDX-License-Identifier: MIT
//
// Whether this machine has the loopback address of IPv6; containers often do not.
#pragma once

#include <sys/socket.h>

#include <ringrpc/ring/file_descriptor.hpp>
#include <ringrpc/transport/inet_address.hpp>

inline bool has_ipv6_loopback() {
  const ringrpc::file_descriptor probe{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const ringrpc::socket_address address = *ringrpc::ipv6_address("::1", 0);
  return probe && ::bind(probe.get(), address.data(), address.size()) == 0;
}
