// SPDX-License-Identifier: MIT
//
// How often a server logs what any peer can make happen: somebody who is refused
// again and again must not fill a disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/time.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// Lets `texts_max` texts pass in a period of a second, which begins with the first
/// of them. A plain value; one thread.
class log_gate {
public:
  static constexpr unsigned texts_max = 10;

  /// Whether a text may be logged now; otherwise it is counted.
  [[nodiscard]] bool pass(time_point now) noexcept {
    if (now >= end_) {
      end_ = saturating_add(now, std::chrono::seconds{1});
      passed_ = 0;
    }
    if (passed_ == texts_max) {
      ++skipped_;
      return false;
    }
    ++passed_;
    return true;
  }
  /// How many were counted since the last call.
  [[nodiscard]] std::uint64_t take_skipped() noexcept { return std::exchange(skipped_, 0); }

private:
  time_point end_{};
  std::uint64_t skipped_ = 0;
  unsigned passed_ = 0;
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI
