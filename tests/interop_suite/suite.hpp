// SPDX-License-Identifier: MIT
//
// What gRPC's interop-test-descriptions.md fixes for all cases, and the flags of
// the clients: `--address unix:PATH --test_case NAME`, the latter as often as one
// likes. They report as those of interop.proto do, see runner.hpp.
#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "../interop/runner.hpp"

namespace interop_suite {
using interop::expect, interop::expect_equal, interop::report;

// Sizes of payloads, in bytes.
inline constexpr int large_request = 271'828;
inline constexpr int large_response = 314'159;
inline constexpr std::array request_sizes{27'182, 8, 1'828, 45'904};
inline constexpr std::array response_sizes{31'415, 9, 2'653, 58'979};
inline constexpr int request_sizes_sum = 74'922;
// Of the cases with compression: the first message comes compressed, the second does not.
inline constexpr std::array compressed_request_sizes{27'182, 45'904};
inline constexpr std::array compressed_response_sizes{31'415, 92'653};
inline constexpr int compressed_request_sizes_sum = 73'086;

inline constexpr std::string_view initial_key = "x-grpc-test-echo-initial";
inline constexpr std::string_view initial_value = "test_initial_metadata_value";
inline constexpr std::string_view trailing_key = "x-grpc-test-echo-trailing-bin";
inline constexpr std::string_view trailing_value = "\xab\xab\xab";

inline constexpr std::string_view plain_status_message = "test status message";
inline constexpr std::string_view special_status_message =
    "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n";

inline constexpr int concurrent_calls = 1'000;
inline constexpr int soak_calls = 50;
inline constexpr int soak_channels = 20;

/// The bytes of a payload: zeros.
inline std::string zeros(int size) { return std::string(static_cast<std::size_t>(size), '\0'); }

struct client_flags {
  std::string address;
  std::vector<std::string> cases;
};

inline client_flags parse_client_flags(int argc, char** argv) {
  client_flags parsed;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (i + 1 < argc && flag == "--address") parsed.address = argv[i + 1];
    else if (i + 1 < argc && flag == "--test_case") parsed.cases.emplace_back(argv[i + 1]);
    else parsed = {}, i = argc;
  }
  if (parsed.address.empty() || parsed.cases.empty()) {
    std::fprintf(stderr, "usage: %s --address unix:PATH --test_case NAME...\n", argv[0]);
    std::exit(2);
  }
  return parsed;
}
}  // namespace interop_suite
