// SPDX-License-Identifier: MIT
//
// The flags of the load programs.
#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace ringrpc::testing {
struct flags {
  std::string address = "unix:bench.sock";
  std::string scenario = "unary";
  std::string backend = "uring";
  unsigned threads = 1;
  unsigned concurrency = 1;
  unsigned connections = 1;
  std::uint32_t payload = 32;       // bytes
  std::uint32_t stream_count = 1000;  // messages per stream
  double seconds = 5;
  double warmup = 1;
  int server_pid = 0;
  std::chrono::microseconds busy_poll{100};
};

[[noreturn]] inline void refuse_flag(std::string_view name, std::string_view why) {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(name.size()), name.data(),
               static_cast<int>(why.size()), why.data());
  std::exit(2);
}

template <class Number>
Number parse_number(std::string_view name, std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    refuse_flag(name, "a number is expected");
  }
  return value;
}

/// A bare word stands for `--address`.
inline flags parse_flags(int argc, char** argv) {
  flags parsed;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (!name.starts_with("--")) {
      parsed.address = name.starts_with("unix:") ? std::string{name} : "unix:" + std::string{name};
      continue;
    }
    if (++i == argc) refuse_flag(name, "a value is expected");
    const std::string_view value = argv[i];
    if (name == "--address") parsed.address = value;
    else if (name == "--scenario") parsed.scenario = value;
    else if (name == "--backend") parsed.backend = value;
    else if (name == "--threads") parsed.threads = parse_number<unsigned>(name, value);
    else if (name == "--concurrency") parsed.concurrency = parse_number<unsigned>(name, value);
    else if (name == "--connections") parsed.connections = parse_number<unsigned>(name, value);
    else if (name == "--payload") parsed.payload = parse_number<std::uint32_t>(name, value);
    else if (name == "--stream-count") {
      parsed.stream_count = parse_number<std::uint32_t>(name, value);
    }
    else if (name == "--seconds") parsed.seconds = parse_number<double>(name, value);
    else if (name == "--warmup") parsed.warmup = parse_number<double>(name, value);
    else if (name == "--server-pid") parsed.server_pid = parse_number<int>(name, value);
    else if (name == "--busy-poll-us") {
      parsed.busy_poll = std::chrono::microseconds{parse_number<unsigned>(name, value)};
    } else refuse_flag(name, "no such flag");
  }
  if (parsed.backend != "uring") refuse_flag("--backend", "only uring is supported");
  if (parsed.threads != 1) refuse_flag("--threads", "only 1 is supported");
  if (parsed.concurrency == 0) refuse_flag("--concurrency", "at least 1 is expected");
  if (parsed.connections == 0) refuse_flag("--connections", "at least 1 is expected");
  return parsed;
}
}  // namespace ringrpc::testing
