// SPDX-License-Identifier: MIT
//
// What a simulated kernel was asked and what it answered: a hash over everything,
// to compare runs, and the last events in words, for who must find out why a run
// went wrong.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include <ringrpc/base/time.hpp>

#include "../support/random.hpp"

namespace ringrpc::testing {
/// One event. `what` is a literal.
struct simulated_event {
  time_point when;
  unsigned ring;  // number of the backend, in order of construction
  const char* what;
  int fd;
  std::int64_t result;
};

/// Keeps the last events and hashes all.
class simulated_trace {
public:
  void add(const simulated_event& event) noexcept {
    last_[count_++ % last_.size()] = event;
    mix(static_cast<std::uint64_t>(event.when.time_since_epoch().count()));
    mix(std::uint64_t{event.ring} << 32 | static_cast<std::uint32_t>(event.fd));
    mix(static_cast<std::uint64_t>(event.result));
    for (const char* letter = event.what; *letter != '\0'; ++letter) {
      hash_ = (hash_ ^ static_cast<unsigned char>(*letter)) * 0x100'0000'01b3;  // FNV-1a
    }
  }
  [[nodiscard]] std::uint64_t hash() const noexcept { return seeded_random::mix(hash_); }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  /// The last events, oldest first. @param start  the time that is printed as 0.
  void print(std::FILE* to, time_point start) const {
    const std::uint64_t kept = count_ < last_.size() ? count_ : last_.size();
    for (std::uint64_t i = count_ - kept; i < count_; ++i) {
      const simulated_event& event = last_[i % last_.size()];
      std::fprintf(to, "  %12lld ns  ring %u  %-16s fd %d: %lld\n",
                   static_cast<long long>((event.when - start).count()), event.ring, event.what,
                   event.fd, static_cast<long long>(event.result));
    }
  }

private:
  void mix(std::uint64_t word) noexcept { hash_ = (hash_ ^ word) * 0x9e37'79b9'7f4a'7c15; }

  std::array<simulated_event, 64> last_{};
  std::uint64_t count_ = 0;
  std::uint64_t hash_ = 0xcbf2'9ce4'8422'2325;
};
}  // namespace ringrpc::testing
