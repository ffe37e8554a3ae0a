// SPDX-License-Identifier: MIT
//
// A connection's way of moving bytes, by hooks instead of awaitables, on the
// simulated backend: polled while the ring spins, armed into the pool while it
// sleeps, flushed once per turn.
#include "simulated_backend.hpp"

#include <doctest/doctest.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/hooks.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/sleep.hpp>

#include "../support/random.hpp"
#include "../support/seeds.hpp"
#include "simulated_rings.hpp"

namespace ringrpc::testing {
namespace {
/// How often each way of moving bytes was taken, in all seeds together.
struct ways {
  int polled = 0, pooled = 0, no_buffer = 0, sent_at_once = 0, sent_by_operation = 0;
};

/// Sends one text and receives another through one descriptor, which it owns.
class pump {
public:
  pump(ring& here, int fd, std::string text, ways& taken)
      : here_(here), fd_(fd), text_(std::move(text)), taken_(taken) {
    here_.watch(receives_);
    here_.mark_dirty(flushes_);
  }
  ~pump() { here_.kernel().close(fd_); }
  event& ended() { return ended_; }
  const std::string& received() const { return received_; }

private:
  template <class Base, void (pump::*Member)() noexcept> struct action : Base {
    explicit action(pump& of)
        : Base([](auto& self) noexcept {
            pump& owner = static_cast<action&>(static_cast<Base&>(self)).of_;
            (owner.*Member)();
          }),
          of_(of) {}
    pump& of_;
  };
  struct receiver : receive_hook {
    explicit receiver(pump& of)
        : receive_hook(
              [](receive_hook& self) noexcept { return static_cast<receiver&>(self).of_.poll(); },
              [](receive_hook& self) noexcept { static_cast<receiver&>(self).of_.arm(); }),
          of_(of) {}
    pump& of_;
  };

  bool poll() noexcept {
    std::array<std::byte, 50> into;
    const int result = here_.kernel().try_recv(fd_, into);
    if (result == -EAGAIN) return false;
    ++taken_.polled;
    took(result, into);
    return true;
  }
  void arm() noexcept { here_.kernel().arm_recv(receiving_, fd_, {}); }
  void receive_answered() noexcept {
    const int result = receiving_.result();
    taken_.pooled += result > 0 ? 1 : 0;
    taken_.no_buffer += result == -ENOBUFS ? 1 : 0;
    if (result != -ENOBUFS && result != -EINTR) took(result, receiving_.received());
    if (receiving_.buffer().valid()) here_.kernel().release(receiving_.buffer());
    if (!all_received_) here_.watch(receives_);
  }
  void took(int result, std::span<const std::byte> bytes) noexcept {
    if (result <= 0) {
      CHECK(result == 0);
      all_received_ = true;
      receives_.unlink();
      end_when_done();
      return;
    }
    received_ += as_text(bytes.first(static_cast<std::size_t>(result)));
  }

  void flush() noexcept {
    if (sending_.in_flight()) return;
    if (sent_ == text_.size()) {
      CHECK(here_.kernel().shutdown_write(fd_) == 0);
      all_sent_ = true;
      return end_when_done();
    }
    part_ = {text_.data() + sent_, std::min<std::size_t>(text_.size() - sent_, 200)};
    const int result = here_.kernel().try_send(fd_, {&part_, 1});
    if (result == -EAGAIN) {
      here_.kernel().arm_send(sending_, fd_, {&part_, 1});
      return;
    }
    ++taken_.sent_at_once;
    gave(result);
  }
  void send_answered() noexcept {
    ++taken_.sent_by_operation;
    gave(sending_.result() == -EINTR ? 0 : sending_.result());
  }
  void gave(int result) noexcept {
    CHECK(result >= 0);
    sent_ += static_cast<std::size_t>(std::max(result, 0));
    here_.mark_dirty(flushes_);
  }
  void end_when_done() noexcept {
    if (all_sent_ && all_received_) ended_.set();
  }

  ring& here_;
  int fd_;
  std::string text_;
  ways& taken_;
  std::size_t sent_ = 0;
  std::string received_;
  bool all_sent_ = false;
  bool all_received_ = false;
  ::iovec part_{};
  event ended_;
  receiver receives_{*this};
  action<flush_hook, &pump::flush> flushes_{*this};
  action<operation, &pump::receive_answered> receiving_{*this};
  action<operation, &pump::send_answered> sending_{*this};
};

std::string some_text(seeded_random& random) {
  std::string text(random.between(1, 3000), ' ');
  for (char& letter : text) letter = static_cast<char>('a' + random.below(26));
  return text;
}

task<> exchange(ring& here, int fd, std::string sent, std::string expected, ways& taken,
                int& ended) {
  pump one{here, fd, std::move(sent), taken};
  const bool set = co_await one.ended().wait();
  CHECK(set);
  const bool as_expected = one.received() == expected;
  CHECK(as_expected);
  ++ended;
}
}  // namespace

TEST_CASE("hooks move every byte under faults, on one ring or on two") {
  ways taken;
  for_each_seed(1, 400, [&taken](std::uint64_t seed) {
    seeded_random random{seed};
    const std::string there = some_text(random);
    const std::string back = some_text(random);
    simulated_kernel kernel{rough_options(seed)};
    int ended = 0;
    {
      ring first{on_simulated(kernel)};
      ring second{on_simulated(kernel)};
      int fds[2];
      REQUIRE(kernel.socket_pair(fds) == 0);
      if (seed % 2 == 0) {
        first.spawn(exchange(first, fds[0], there, back, taken, ended));
        second.spawn(exchange(second, fds[1], back, there, taken, ended));
        ring* const rings[] = {&first, &second};
        turn_rings(kernel, rings, [&ended] { return ended == 2; });
      } else {
        first.spawn(exchange(first, fds[0], there, back, taken, ended));
        first.spawn(exchange(first, fds[1], back, there, taken, ended));
        first.run([](int& count) -> task<> {
          while (count < 2) {
            const bool slept = co_await sleep_for(std::chrono::milliseconds{1});
            if (!slept) break;
          }
        }(ended));
      }
      CHECK(ended == 2);
    }
    CHECK(kernel.open_descriptors() == 0);
    CHECK(kernel.total_counts().received == there.size() + back.size());
  });
  if (seed_to_replay()) return;
  CHECK(taken.polled > 1000);
  CHECK(taken.pooled > 1000);
  CHECK(taken.no_buffer > 100);
  CHECK(taken.sent_at_once > 1000);
  CHECK(taken.sent_by_operation > 1000);
}
}  // namespace ringrpc::testing
