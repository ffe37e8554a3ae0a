// SPDX-License-Identifier: MIT
//
// A measuring window: what completes in it counts, processor time is taken at its
// ends, and one line of JSON says the result.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <ringrpc/base/time.hpp>

#include "flags.hpp"

namespace ringrpc::testing {
inline double cpu_seconds_of_self() {
  ::rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

/// From /proc/PID/stat, in steps of a clock tick; negative where it cannot be read.
inline double cpu_seconds_of(int pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text;
  if (!std::getline(file, text)) return -1;
  // The second field is a name in parentheses and may hold anything; utime and stime
  // are the 12th and 13th after it.
  const char* rest = std::strrchr(text.c_str(), ')');
  unsigned long long user = 0;
  unsigned long long system = 0;
  constexpr char fields[] = "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu";
  if (rest == nullptr || std::sscanf(rest + 2, fields, &user, &system) != 2) {
    return -1;
  }
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// The peak of resident memory in KiB (VmHWM); negative where it cannot be read.
inline long peak_rss_kb(int pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/status"};
  for (std::string line; std::getline(file, line);) {
    long kb = 0;
    if (std::sscanf(line.c_str(), "VmHWM: %ld", &kb) == 1) return kb;
  }
  return -1;
}

/// Times are those of CLOCK_MONOTONIC, read here because they measure.
class meter {
public:
  explicit meter(const flags& given) : given_(given) { samples_.reserve(4'000'000); }

  [[nodiscard]] static std::int64_t now() {
    return std::chrono::steady_clock::now().time_since_epoch().count();
  }
  void begin() {
    start_ = now() + static_cast<std::int64_t>(given_.warmup * 1e9);
    end_ = start_ + static_cast<std::int64_t>(given_.seconds * 1e9);
  }
  /// Whether the window is still open; looks after the processor times.
  [[nodiscard]] bool open(std::int64_t at) {
    if (!at_start_ && at >= start_) {
      at_start_ = true;
      client_cpu_ = cpu_seconds_of_self();
      server_cpu_ = cpu_seconds_of(given_.server_pid);
    }
    if (at_start_ && !at_end_ && at >= end_) {
      at_end_ = true;
      client_cpu_ = cpu_seconds_of_self() - client_cpu_;
      server_cpu_ = cpu_seconds_of(given_.server_pid) - server_cpu_;
    }
    return at < end_;
  }
  /// One latency sample, from `began` to `ended`.
  void sample(std::int64_t began, std::int64_t ended) {
    if (!inside(ended)) return;
    samples_.push_back(static_cast<std::uint32_t>(std::min<std::int64_t>(
        ended - began, std::numeric_limits<std::uint32_t>::max())));
  }
  void count(std::int64_t at, std::uint64_t messages, std::uint64_t bytes) {
    if (!inside(at)) return;
    messages_ += messages;
    bytes_ += bytes;
  }
  void error() { ++errors_; }

  void report() {
    std::sort(samples_.begin(), samples_.end());
    double sum = 0;
    for (const std::uint32_t one : samples_) sum += one;
    const auto quantile = [this](double share) {
      if (samples_.empty()) return 0.0;
      const auto index = static_cast<std::size_t>(share * static_cast<double>(samples_.size()));
      return 1e-3 * samples_[std::min(samples_.size() - 1, index)];
    };
    const double mean =
        samples_.empty() ? 0.0 : 1e-3 * sum / static_cast<double>(samples_.size());
    std::printf(
        "{\"peer\":\"ringrpc\",\"scenario\":\"%s\",\"concurrency\":%u,\"connections\":%u,"
        "\"payload\":%u,\"seconds\":%g,\"rps\":%.1f,\"bytes_per_s\":%.0f,\"samples\":%zu,"
        "\"mean_us\":%.2f,\"p50_us\":%.2f,\"p90_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f,"
        "\"max_us\":%.2f,\"client_cpu_s\":%.3f,",
        given_.scenario.c_str(), given_.concurrency, given_.connections, given_.payload,
        given_.seconds, static_cast<double>(messages_) / given_.seconds,
        static_cast<double>(bytes_) / given_.seconds, samples_.size(), mean, quantile(.5),
        quantile(.9), quantile(.99), quantile(.999), quantile(1.0), client_cpu_);
    if (given_.server_pid > 0 && server_cpu_ >= 0) {
      std::printf("\"server_cpu_s\":%.3f,\"server_rss_kb\":%ld,", server_cpu_,
                  peak_rss_kb(given_.server_pid));
    } else {
      std::printf("\"server_cpu_s\":null,\"server_rss_kb\":null,");
    }
    std::printf("\"client_rss_kb\":%ld,\"errors\":%" PRIu64 "}\n", peak_rss_kb(::getpid()),
                errors_);
    std::fflush(stdout);
  }

private:
  [[nodiscard]] bool inside(std::int64_t at) const { return at >= start_ && at < end_; }

  const flags& given_;
  std::vector<std::uint32_t> samples_;  // ns
  std::int64_t start_ = 0;
  std::int64_t end_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t errors_ = 0;
  double client_cpu_ = 0;
  double server_cpu_ = 0;
  bool at_start_ = false;
  bool at_end_ = false;
};
}  // namespace ringrpc::testing
