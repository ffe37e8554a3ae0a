// SPDX-License-Identifier: MIT
//
// How many processors this process may use: with one, the peer that is waited for
// cannot run while we poll.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace ringrpc::detail {
/// The number of processors in a list such as `0-3,8` (cpuset.cpus.effective); 0
/// where it cannot be read.
[[nodiscard]] inline unsigned cpus_in_list(std::string_view list) noexcept {
  unsigned count = 0;
  const char* at = list.data();
  const char* const end = at + list.size();
  while (at != end && *at != '\n') {
    unsigned first = 0;
    const std::from_chars_result low = std::from_chars(at, end, first);
    if (low.ec != std::errc{}) return 0;
    unsigned last = first;
    at = low.ptr;
    if (at != end && *at == '-') {
      const std::from_chars_result high = std::from_chars(at + 1, end, last);
      if (high.ec != std::errc{} || last < first) return 0;
      at = high.ptr;
    }
    count += last - first + 1;
    if (at != end && *at == ',') ++at;
  }
  return count;
}

/// The whole processors that `max PERIOD` or `QUOTA PERIOD` (cpu.max) grants; 0
/// where there is no limit, or it cannot be read.
[[nodiscard]] inline unsigned cpus_in_quota(std::string_view text) noexcept {
  unsigned long quota = 0;
  unsigned long period = 0;
  const char* const end = text.data() + text.size();
  const std::from_chars_result first = std::from_chars(text.data(), end, quota);
  if (first.ec != std::errc{} || first.ptr == end) return 0;
  const std::from_chars_result second = std::from_chars(first.ptr + 1, end, period);
  if (second.ec != std::errc{} || period == 0) return 0;
  return std::max(1u, static_cast<unsigned>(quota / period));
}

/// The beginning of a small file, empty where it cannot be read.
inline std::string file_text(const std::string& path) {
  char text[1024];
  std::size_t bytes = 0;
  if (std::FILE* file = std::fopen(path.c_str(), "re")) {
    bytes = std::fread(text, 1, sizeof text, file);
    std::fclose(file);
  }
  return std::string{text, bytes};
}

/// How many processors are online and granted by the control groups (version 2) of
/// this process. Being pinned to one of several does not count: the peer may run
/// on another.
inline unsigned cpus_allowed() {
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  unsigned cpus = online < 1 ? 1 : static_cast<unsigned>(online);
  const auto limit = [&cpus](unsigned granted) noexcept {
    if (granted != 0) cpus = std::min(cpus, granted);
  };
  const std::string groups = file_text("/proc/self/cgroup");
  const std::size_t start = groups.find("0::/");
  if (start == std::string::npos) return cpus;
  std::string group = groups.substr(start + 3, groups.find('\n', start) - start - 3);
  const std::string root = "/sys/fs/cgroup";
  limit(cpus_in_list(file_text(root + group + "/cpuset.cpus.effective")));
  for (;;) {  // a group's quota is for all below it
    limit(cpus_in_quota(file_text(root + group + "/cpu.max")));
    const std::size_t slash = group.rfind('/');
    if (slash == std::string::npos || group.size() <= 1) return cpus;
    group.resize(slash);
  }
}
}  // namespace ringrpc::detail
