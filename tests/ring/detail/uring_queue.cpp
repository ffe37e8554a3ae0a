// SPDX-License-Identifier: MIT
#include <ringrpc/ring/detail/uring_queue.hpp>

#include <chrono>
#include <vector>

#include <doctest/doctest.h>

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {
/// The queues alone, with a note of what was answered.
class queue : public detail::uring_queue {
public:
  explicit queue(const uring_options& options = {}) : uring_queue(options) {}
  ~queue() { close(); }
  using uring_queue::drain;
  using uring_queue::drain_hinted;
  using uring_queue::enter;
  using uring_queue::prepare;
  using uring_queue::wake;

  void nothing(std::uint64_t word) {
    ::io_uring_sqe& sqe = next_sqe();
    ::io_uring_prep_nop(&sqe);
    ::io_uring_sqe_set_data64(&sqe, word);
  }
  /// Sets the hint that there is deferred work, as the kernel leaves it behind when
  /// the work was done between its publishing and the setting of the flag.
  void set_stale_hint() {
    unsigned& flags = *ring().sq.kflags;
    IO_URING_WRITE_ONCE(flags, IO_URING_READ_ONCE(flags) | IORING_SQ_TASKRUN);
  }
  bool hint() { return (IO_URING_READ_ONCE(*ring().sq.kflags) & IORING_SQ_TASKRUN) != 0; }

  std::vector<std::uint64_t> answers;

private:
  void complete(const ::io_uring_cqe& cqe) noexcept override { answers.push_back(cqe.user_data); }
};
}  // namespace

TEST_CASE("uring_queue: a stale hint of deferred work holds nothing up") {
  queue on;
  on.prepare(never);
  on.enter(0);
  on.set_stale_hint();
  REQUIRE(on.hint());
  for (int round = 0; round < 3; ++round) {
    on.drain_hinted();  // returns, although the hint may stay
    CHECK(on.answers.empty());
  }
  on.set_stale_hint();
  on.nothing(8);
  on.enter(1);
  on.drain();
  CHECK(on.answers == std::vector<std::uint64_t>{8});
  on.set_stale_hint();
  on.wake();
  on.enter(1);  // sleeps until then, and no longer
  on.drain();
  CHECK(on.answers.size() == 1);
}

TEST_CASE("uring_queue: requests beyond the size of the queue are submitted in order") {
  queue on{uring_options{.submissions = 4, .completions = 4}};
  std::vector<std::uint64_t> expected;
  for (std::uint64_t word = 8; word < 8 * 100; word += 8) {
    on.nothing(word);
    expected.push_back(word);
  }
  on.enter(0);
  for (int round = 0; round < 200 && on.answers.size() < expected.size(); ++round) {
    on.drain_hinted();
  }
  CHECK(on.answers == expected);
}

TEST_CASE("uring_queue: one timeout, moved to earlier moments only, ends each wait in time") {
  queue on;
  const auto now = [] { return time_point{std::chrono::steady_clock::now()}; };
  on.prepare(now() + 1h);
  on.prepare(now() + 2h);
  const time_point soon = now() + 1ms;
  on.prepare(soon);
  while (now() < soon) {
    on.enter(1);
    on.drain();
    on.prepare(soon);
  }
  CHECK(on.answers.empty());
}
