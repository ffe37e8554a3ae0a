// SPDX-License-Identifier: MIT
//
// A scripted mix of everything that raw operations can do on sockets, by many
// seeds: no byte is lost, doubled, reordered or sent to somebody else.
#include "simulated_backend.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "../support/random.hpp"
#include "../support/seeds.hpp"
#include "simulated_support.hpp"

namespace ringrpc::testing {
namespace {
/// What a connection carries in one direction: known at every position.
std::byte byte_at(std::uint64_t direction, std::uint64_t position) {
  return static_cast<std::byte>(seeded_random::mix(direction << 32 | position) & 0xff);
}

/// What happened in all seeds together, so that the mix cannot quietly lose a part.
struct coverage {
  std::uint64_t plain_bytes = 0;      // received by plain calls
  std::uint64_t operation_bytes = 0;  // by operations into own memory
  std::uint64_t pool_bytes = 0;       // into the pool
  std::uint64_t receives_cancelled = 0;
  std::uint64_t sends_cancelled = 0;
  std::uint64_t sends_cut = 0;  // armed, and ended after a part
  std::uint64_t ends = 0;
  std::uint64_t resets = 0;
  std::uint64_t broken_pipes = 0;
  std::uint64_t no_buffers = 0;
};

/// One end of a connection. Its memory lives on the heap exactly as long as the
/// operation that uses it, so that AddressSanitizer sees every late access.
class party {
public:
  party(bed& here, coverage& seen, int fd, std::uint64_t sends, std::uint64_t receives)
      : here_(here), seen_(seen), fd_(fd), sends_(sends), receives_(receives) {}

  bool open() const { return fd_ >= 0; }
  std::uint64_t sent() const { return sent_; }
  std::uint64_t received() const { return received_; }

  /// One action, drawn by chance.
  void act(seeded_random& random) {
    if (!open()) return;
    const std::size_t bytes = random.between(1, 300);
    switch (random.below(12)) {
      case 0:
      case 1: return try_receive(bytes);
      case 2: return arm_receive(bytes);
      case 3: return arm_receive(0);
      case 4:
      case 5: return try_send(bytes);
      case 6:
      case 7: return arm_send(bytes, random);
      case 8: return here_.ring.cancel(receiving_);
      case 9: return here_.ring.cancel(sending_);
      default:
        if (random.chance(0.9)) return;
        if (random.chance(0.3))
          static_cast<void>(here_.ring.shutdown_write(fd_));
        else
          close();
    }
  }
  /// Looks at what has completed.
  void settle() {
    if (receives_armed_ && !receiving_.in_flight()) received_by_operation();
    if (sends_armed_ && !sending_.in_flight()) sent_by_operation();
    if (open() && closing_ && !receives_armed_ && !sends_armed_) {
      here_.ring.close(std::exchange(fd_, -1));
    }
  }
  void cancel() {
    here_.ring.cancel(receiving_);
    here_.ring.cancel(sending_);
  }
  /// Shuts down, and closes when what is in flight has ended.
  void close() {
    if (!open()) return;
    if (receives_armed_ || sends_armed_) CHECK(here_.ring.shutdown(fd_) == 0);
    closing_ = true;
    settle();
  }
  void receive_all() {
    std::uint64_t before = 0;
    do {
      before = received_;
      try_receive(1000);
    } while (open() && received_ != before);
  }

private:
  void try_receive(std::size_t bytes) {
    if (receives_armed_ || closing_) return;
    std::vector<std::byte> into(bytes);
    const int result = here_.ring.try_recv(fd_, into);
    seen_.plain_bytes += result > 0 ? static_cast<std::uint64_t>(result) : 0;
    took(result, into);
  }
  void arm_receive(std::size_t bytes) {
    if (receives_armed_ || closing_) return;
    into_ = std::make_unique<std::vector<std::byte>>(bytes);
    here_.ring.arm_recv(receiving_, fd_, *into_);
    receives_armed_ = true;
  }
  void received_by_operation() {
    receives_armed_ = false;
    const auto bytes = static_cast<std::uint64_t>(std::max(receiving_.result(), 0));
    (receiving_.buffer().valid() ? seen_.pool_bytes : seen_.operation_bytes) += bytes;
    if (receiving_.buffer().valid()) {
      CHECK(receiving_.received().size() == bytes);
      took(receiving_.result(), receiving_.received());
      here_.ring.release(receiving_.buffer());
    } else {
      took(receiving_.result(), *into_);
    }
    into_.reset();
  }
  void took(int result, std::span<const std::byte> bytes) {
    seen_.ends += result == 0 ? 1 : 0;
    seen_.resets += result == -ECONNRESET ? 1 : 0;
    seen_.receives_cancelled += result == -ECANCELED ? 1 : 0;
    seen_.no_buffers += result == -ENOBUFS ? 1 : 0;
    if (result <= 0) return;
    REQUIRE(static_cast<std::size_t>(result) <= bytes.size());
    bool as_sent = true;
    for (const std::byte one : bytes.first(static_cast<std::size_t>(result))) {
      as_sent = as_sent && one == byte_at(receives_, received_++);
    }
    REQUIRE(as_sent);
  }

  std::vector<std::byte> next_bytes(std::size_t count) const {
    std::vector<std::byte> bytes(count);
    for (std::size_t i = 0; i < count; ++i) bytes[i] = byte_at(sends_, sent_ + i);
    return bytes;
  }
  void try_send(std::size_t count) {
    if (sends_armed_ || closing_) return;
    std::vector<std::byte> bytes = next_bytes(count);
    const ::iovec part{bytes.data(), bytes.size()};
    gave(here_.ring.try_send(fd_, {&part, 1}), count);
  }
  void arm_send(std::size_t count, seeded_random& random) {
    if (sends_armed_ || closing_) return;
    from_ = std::make_unique<std::vector<std::byte>>(next_bytes(count));
    parts_ = std::make_unique<std::vector<::iovec>>();
    for (std::size_t at = 0; at < count;) {
      const std::size_t size = std::min(count - at, random.between(1, count));
      parts_->push_back({from_->data() + at, size});
      at += size;
      if (parts_->size() == 63) parts_->push_back({from_->data() + at, count - at});
      if (parts_->size() == 64) break;
    }
    here_.ring.arm_send(sending_, fd_, *parts_);
    sends_armed_ = true;
  }
  void sent_by_operation() {
    sends_armed_ = false;
    const int result = sending_.result();
    seen_.sends_cut += result > 0 && static_cast<std::size_t>(result) < from_->size() ? 1 : 0;
    gave(sending_.result(), from_->size());
    from_.reset();
    parts_.reset();
  }
  void gave(int result, std::size_t most) {
    seen_.broken_pipes += result == -EPIPE ? 1 : 0;
    seen_.sends_cancelled += result == -ECANCELED ? 1 : 0;
    if (result <= 0) return;
    REQUIRE(static_cast<std::size_t>(result) <= most);
    sent_ += static_cast<std::uint64_t>(result);
  }

  bed& here_;
  coverage& seen_;
  int fd_;
  std::uint64_t sends_;     // number of the direction
  std::uint64_t receives_;  // number of the other one
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  bool closing_ = false;
  bool receives_armed_ = false;
  bool sends_armed_ = false;
  probe receiving_;
  probe sending_;
  std::unique_ptr<std::vector<std::byte>> into_;
  std::unique_ptr<std::vector<std::byte>> from_;
  std::unique_ptr<std::vector<::iovec>> parts_;
};

class mix {
public:
  mix(std::uint64_t seed, coverage& seen)
      : hostile_(seed % 2 == 1),
        seen_(seen),
        random_(seeded_random::mix(seed)),
        here_(hostile_ ? hostile_options(seed) : rough_options(seed)) {
    for (int i = 0; i < 2; ++i) connect();
  }

  /// @return the hash of all that happened.
  std::uint64_t run() {
    const std::uint64_t steps = random_.between(5, 60);
    for (std::uint64_t i = 0; i < steps; ++i) {
      parties_[random_.below(parties_.size())]->act(random_);
      if (random_.chance(0.3)) turn();
      if (random_.chance(0.05)) connect();
    }
    drain();
    close();
    return here_.kernel.trace_hash();
  }

private:
  void connect() {
    int fds[2];
    REQUIRE(here_.ring.socket_pair(fds) == 0);
    const std::uint64_t number = parties_.size();
    parties_.push_back(std::make_unique<party>(here_, seen_, fds[0], number, number + 1));
    parties_.push_back(std::make_unique<party>(here_, seen_, fds[1], number + 1, number));
  }
  void turn() {
    if (random_.chance(0.5)) {
      here_.reap();
    } else {
      here_.wait(here_.ring.now() + std::chrono::nanoseconds{random_.below(20'000)});
    }
    settle();
  }
  void settle() {
    for (const auto& one : parties_) one->settle();
  }
  void end_operations() {
    while (here_.ring.in_flight() != 0) {
      here_.wait();
      settle();
    }
  }
  /// What was sent arrives, unless somebody closed or broke the connection.
  void drain() {
    for (const auto& one : parties_) one->cancel();
    end_operations();
    here_.kernel.faults() = {};
    for (const auto& one : parties_) {
      if (one->open()) one->receive_all();
    }
    for (std::size_t i = 0; i < parties_.size(); i += 2) {
      const party& left = *parties_[i];
      const party& right = *parties_[i + 1];
      if (!left.open() || !right.open()) continue;
      if (hostile_) {
        CHECK(left.received() <= right.sent());
        CHECK(right.received() <= left.sent());
      } else {
        CHECK(left.received() == right.sent());
        CHECK(right.received() == left.sent());
      }
    }
  }
  void close() {
    for (const auto& one : parties_) one->close();
    end_operations();
    CHECK(here_.kernel.open_descriptors() == 0);
    CHECK(here_.ring.buffers_lent() == 0);
    byte_counts parties;
    for (const auto& one : parties_) {
      parties.sent += one->sent();
      parties.received += one->received();
    }
    const byte_counts kernel = here_.kernel.total_counts();
    CHECK(kernel.sent == parties.sent);
    CHECK(kernel.received == parties.received);
    CHECK(kernel.sent == kernel.received + kernel.discarded);
  }

  bool hostile_;
  coverage& seen_;
  seeded_random random_;
  bed here_;
  std::vector<std::unique_ptr<party>> parties_;
};
}  // namespace

TEST_CASE("a mix of reads, writes, cancels and closes loses no byte, by 20,000 seeds") {
  coverage seen;
  for_each_seed(1, 20'000, [&seen](std::uint64_t seed) { mix{seed, seen}.run(); });
  if (seed_to_replay()) return;
  CHECK(seen.plain_bytes > 100'000);
  CHECK(seen.operation_bytes > 100'000);
  CHECK(seen.pool_bytes > 100'000);
  CHECK(seen.receives_cancelled > 1000);
  CHECK(seen.sends_cancelled > 1000);
  CHECK(seen.sends_cut > 1000);
  CHECK(seen.ends > 100);
  CHECK(seen.resets > 100);
  CHECK(seen.broken_pipes > 100);
  CHECK(seen.no_buffers > 1000);
}

TEST_CASE("a mix runs the same way each time") {
  coverage seen;
  for_each_seed(1, 200, [&seen](std::uint64_t seed) {
    const std::uint64_t trace = mix{seed, seen}.run();
    CHECK(mix{seed, seen}.run() == trace);
  });
}
}  // namespace ringrpc::testing
