// SPDX-License-Identifier: MIT
//
// Random numbers that are the same on every machine, by seed. (The distributions
// of <random> differ between standard libraries.)
#pragma once

#include <cstdint>

namespace ringrpc::testing {
/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
/// Neighbouring seeds give unrelated sequences. A plain value.
class seeded_random {
public:
  explicit seeded_random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    state_ += 0x9e37'79b9'7f4a'7c15;
    return mix(state_);
  }
  /// 0 to `bound` - 1; 0 where `bound` is 0.
  std::uint64_t below(std::uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }
  /// `low` to `high`, both included.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) noexcept {
    return low + below(high - low + 1);
  }
  /// True with this probability, 0 to 1. A probability of 0 draws no number, so
  /// that adding a fault that is off changes no replay.
  bool chance(double probability) noexcept {
    if (probability <= 0) return false;
    return static_cast<double>(next() >> 11) * 0x1p-53 < probability;
  }

  /// Spreads every bit of `value` over the result.
  static std::uint64_t mix(std::uint64_t value) noexcept {
    value = (value ^ (value >> 30)) * 0xbf58'476d'1ce4'e5b9;
    value = (value ^ (value >> 27)) * 0x94d0'49bb'1331'11eb;
    return value ^ (value >> 31);
  }

private:
  std::uint64_t state_;
};
}  // namespace ringrpc::testing
