// SPDX-License-Identifier: MIT
//
// The real loop, timers and awaitables on the simulated backend.
#include "simulated_backend.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/coro/when_all.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/sleep.hpp>

#include "../coro/support.hpp"
#include "../support/random.hpp"
#include "../support/seeds.hpp"
#include "simulated_rings.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
ring_options with_always_arm(ring_options options, bool value = true) {
  options.always_arm = value;
  return options;
}

/// Closes a virtual descriptor when it dies.
class open_socket {
public:
  open_socket(ring& here, int fd) : here_(here), fd_(fd) {}
  open_socket(const open_socket&) = delete;
  open_socket& operator=(const open_socket&) = delete;
  ~open_socket() {
    if (fd_ >= 0) here_.kernel().close(fd_);
  }
  int get() const { return fd_; }

private:
  ring& here_;
  int fd_;
};

task<bool> write_all(ring& here, int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written = co_await here.write(fd, bytes);
    if (!written) co_return false;
    bytes = bytes.subspan(*written);
  }
  co_return true;
}

task<> echo(ring& here, int fd) {
  open_socket socket{here, fd};
  std::array<std::byte, 100> buffer;
  for (;;) {
    const auto received = co_await here.read(socket.get(), buffer);
    if (!received || *received == 0) break;
    const bool sent = co_await write_all(here, socket.get(), std::span{buffer}.first(*received));
    if (!sent) break;
  }
}

/// Echoes for `connections` clients, then ends.
task<> echo_server(ring& here, int listener, int connections) {
  const environment& environment = co_await this_environment();
  task_scope scope{environment};
  while (connections > 0) {
    const auto accepted = co_await here.accept(listener);
    if (!accepted) break;
    scope.spawn(echo(here, *accepted));
    --connections;
  }
  co_await scope.join();
}

/// Sends `text`, and reads the same back, meanwhile.
task<bool> echo_client(ring& here, int fd, socket_address to, std::string text) {
  open_socket socket{here, fd};
  const auto connected = co_await here.connect(socket.get(), to);
  if (!connected) co_return false;
  const environment& environment = co_await this_environment();
  task_scope scope{environment};
  scope.spawn([](ring& on_ring, int to_fd, const std::string& what) -> task<> {
    const bool sent = co_await write_all(on_ring, to_fd, as_bytes(what));
    if (sent) static_cast<void>(on_ring.kernel().shutdown_write(to_fd));
  }(here, socket.get(), text));
  std::string answer;
  std::array<std::byte, 70> buffer;
  for (;;) {
    const auto received = co_await here.read(socket.get(), buffer);
    if (!received || *received == 0) break;
    answer += as_text(std::span<const std::byte>{buffer}.first(*received));
  }
  co_await scope.join();
  co_return answer == text;
}

std::string some_text(seeded_random& random) {
  std::string text(random.below(2000), ' ');
  for (char& letter : text) letter = static_cast<char>('a' + random.below(26));
  return text;
}

task<int> clients_and_server(ring& here, simulated_kernel& kernel, seeded_random& random) {
  const int count = static_cast<int>(random.between(1, 4));
  const socket_address address = unix_address("/echo");
  open_socket listener{here, kernel.listen(address, random.below(3))};
  const environment& environment = co_await this_environment();
  task_scope scope{environment};
  scope.spawn(echo_server(here, listener.get(), count));
  std::vector<task<bool>> clients;
  for (int i = 0; i < count; ++i) {
    clients.push_back(echo_client(here, kernel.socket(), address, some_text(random)));
  }
  const std::vector<bool> echoed = [](const auto& results) {
    return std::vector<bool>(results.begin(), results.end());
  }(co_await when_all(std::move(clients)));
  co_await scope.join();
  int right = 0;
  for (const bool one : echoed) right += one ? 1 : 0;
  co_return count - right;
}
}  // namespace

TEST_CASE("an echo server and its clients keep every byte under faults") {
  for_each_seed(1, 500, [](std::uint64_t seed) {
    seeded_random random{seed};
    simulated_kernel kernel{rough_options(seed)};
    {
      ring here{with_always_arm(on_simulated(kernel), seed % 3 == 0)};
      CHECK(here.run(clients_and_server(here, kernel, random)) == 0);
      CHECK(here.kernel().in_flight() == 0);
    }
    CHECK(kernel.open_descriptors() == 0);
    CHECK(kernel.total_counts().sent == kernel.total_counts().received);
  });
}

TEST_CASE("broken connections and failing calls end in errors, and leave nothing behind") {
  int wrong = 0;
  for_each_seed(1, 500, [&wrong](std::uint64_t seed) {
    seeded_random random{seed};
    simulated_kernel kernel{hostile_options(seed)};
    kernel.faults().no_memory = 0;  // the server would give up accepting
    {
      ring here{on_simulated(kernel)};
      wrong += here.run(clients_and_server(here, kernel, random));
      CHECK(here.kernel().in_flight() == 0);
    }
    CHECK(kernel.open_descriptors() == 0);
    const byte_counts bytes = kernel.total_counts();
    CHECK(bytes.sent == bytes.received + bytes.discarded);
  });
  if (!seed_to_replay()) CHECK(wrong > 50);
}

TEST_CASE("a ring on a simulated kernel runs the same way each time") {
  const auto trace_of = [](std::uint64_t seed) {
    seeded_random random{seed};
    simulated_kernel kernel{rough_options(seed)};
    ring here{on_simulated(kernel)};
    here.run(clients_and_server(here, kernel, random));
    return kernel.trace_hash();
  };
  for_each_seed(1, 50, [&](std::uint64_t seed) { CHECK(trace_of(seed) == trace_of(seed)); });
}

TEST_CASE("two rings on one kernel serve each other, in any interleaving") {
  for_each_seed(1, 300, [](std::uint64_t seed) {
    seeded_random random{seed};
    simulated_kernel kernel{rough_options(seed)};
    const socket_address address = unix_address("/echo");
    int ended = 0;
    {
      ring client{on_simulated(kernel)};
      ring server{on_simulated(kernel)};
      open_socket listener{server, kernel.listen(address)};
      server.spawn([](ring& here, int fd, int& count) -> task<> {
        co_await echo_server(here, fd, 2);
        ++count;
      }(server, listener.get(), ended));
      for (int i = 0; i < 2; ++i) {
        client.spawn(
            [](ring& here, int fd, socket_address to, std::string text, int& count) -> task<> {
              const bool echoed = co_await echo_client(here, fd, to, std::move(text));
              CHECK(echoed);
              ++count;
            }(client, kernel.socket(), address, some_text(random), ended));
      }
      ring* const rings[] = {&client, &server};
      turn_rings(kernel, rings, [&ended] { return ended == 3; });
    }
    CHECK(kernel.open_descriptors() == 0);
  });
}

TEST_CASE("rings that only wait for each other are a deadlock") {
  CHECK(test::dies_saying("deadlock: no ring has anything to do", [] {
    simulated_kernel kernel;
    ring first{on_simulated(kernel)};
    ring second{on_simulated(kernel)};
    int fds[2];
    kernel.socket_pair(fds);
    const auto read_one = [](ring& here, int fd) -> task<> {
      std::byte into[1];
      const auto received = co_await here.read(fd, into);
      static_cast<void>(received);
    };
    first.spawn(read_one(first, fds[0]));
    second.spawn(read_one(second, fds[1]));
    ring* const rings[] = {&first, &second};
    turn_rings(kernel, rings, [] { return false; });
  }));
}

TEST_CASE("a ring on a simulated kernel has nothing for a foreign loop to poll, and says so") {
  simulated_kernel kernel;
  ring on{on_simulated(kernel)};
  CHECK_THROWS_WITH_AS(static_cast<void>(on.pollable_fd()),
                       "ringrpc: a ring cannot be polled for: Operation not supported",
                       std::system_error);
}

TEST_CASE("a ring that waits for what never comes is a deadlock") {
  CHECK(test::dies_saying("deadlock: a ring waits", [] {
    simulated_kernel kernel;
    ring here{on_simulated(kernel)};
    here.run([]() -> task<> {
      event never_set;
      const bool set = co_await never_set.wait();
      static_cast<void>(set);
    }());
  }));
}

TEST_CASE("sleeping takes virtual time, exactly, and wakes in order") {
  simulated_kernel kernel;
  ring here{on_simulated(kernel)};
  std::vector<int> order;
  here.run([](std::vector<int>& woken) -> task<> {
    const auto sleep_then_note = [](duration span, int number,
                                    std::vector<int>& numbers) -> task<> {
      const bool slept = co_await sleep_for(span);
      CHECK(slept);
      numbers.push_back(number);
    };
    std::vector<task<>> sleepers;
    sleepers.push_back(sleep_then_note(3h, 3, woken));
    sleepers.push_back(sleep_then_note(1h, 1, woken));
    sleepers.push_back(sleep_then_note(2h, 2, woken));
    const auto all = co_await when_all(std::move(sleepers));
    CHECK(all.size() == 3);
  }(order));
  CHECK(order == std::vector<int>{1, 2, 3});
  CHECK(kernel.now() == simulated_kernel::start + 3h);
}

TEST_CASE("a connect to a full queue tries again until there is room, or until it is stopped") {
  simulated_kernel kernel;
  ring here{on_simulated(kernel)};
  here.run([](ring& on_ring, simulated_kernel& with) -> task<> {
    const socket_address address = unix_address("/full");
    open_socket listener{on_ring, with.listen(address, 0)};
    open_socket first{on_ring, with.socket()};
    open_socket second{on_ring, with.socket()};
    const auto connected = co_await on_ring.connect(first.get(), address);
    CHECK(connected.has_value());
    const environment& environment = co_await this_environment();
    stop_source stop;
    ringrpc::environment inner = environment;
    inner.stop = stop.token();
    task_scope stopped{inner};
    std::error_code error;
    stopped.spawn([](ring& home, int fd, const socket_address& to, std::error_code& why) -> task<> {
      const auto refused = co_await home.connect(fd, to);
      if (!refused) why = refused.error();
    }(on_ring, second.get(), address, error));
    bool slept = co_await sleep_for(10ms);
    CHECK(slept);
    CHECK_FALSE(stopped.empty());
    stop.request_stop();
    co_await stopped.join();
    CHECK(error == std::errc::operation_canceled);
    CHECK(with.now() == simulated_kernel::start + 10ms);

    task_scope waiting{environment};
    time_point when{};
    waiting.spawn([](ring& home, int fd, const socket_address& to, time_point& at) -> task<> {
      const auto accepted_at_last = co_await home.connect(fd, to);
      CHECK(accepted_at_last.has_value());
      at = home.kernel().now();
    }(on_ring, second.get(), address, when));
    slept = co_await sleep_for(10ms);
    const auto accepted = co_await on_ring.accept(listener.get());
    REQUIRE(accepted.has_value());
    open_socket server{on_ring, *accepted};
    co_await waiting.join();
    CHECK(when == simulated_kernel::start + 10ms + 15ms);  // 1 + 2 + 4 + 8 ms
  }(here, kernel));
}

TEST_CASE("work that was posted runs, also where the ring would sleep for ever") {
  simulated_kernel kernel;
  ring here{on_simulated(kernel)};
  event posted;
  here.remote().post([&posted] { posted.set(); });
  here.run([](event& awaited) -> task<> {
    const bool set = co_await awaited.wait();
    CHECK(set);
  }(posted));
}

namespace {
/// Does something at the k-th step of the loop, before what completed in the step
/// before is resumed: a timer that is due at once, again and again. (The loop fires
/// timers before it reaps.) Time stands still meanwhile, but for drift.
class at_step : public timer {
public:
  at_step(ring& here, int step)
      : timer([](run_node& self) noexcept {
          static_cast<at_step&>(static_cast<timer&>(self)).due();
        }),
        here_(here),
        steps_left_(step) {
    here_.arm(*this, here_.now());
  }
  virtual ~at_step() = default;
  bool acted() const { return acted_; }

protected:
  /// @return false: once more at the next step.
  virtual bool act() noexcept = 0;
  ring& on() const { return here_; }

private:
  void due() noexcept {
    if (steps_left_ > 0)
      --steps_left_;
    else
      acted_ = act();
    if (!acted_) here_.arm(*this, here_.now());
  }
  ring& here_;
  int steps_left_;
  bool acted_ = false;
};

class stop_at final : public at_step {
public:
  stop_at(ring& here, int step, stop_source& what) : at_step(here, step), what_(what) {}

private:
  bool act() noexcept override {
    what_.request_stop();
    return true;
  }
  stop_source& what_;
};

/// All awaitables in a row, each of which ends in good time. Its memory of what it
/// opened is in the frame. Returns how far it came.
task<> everything(ring& here, simulated_kernel& kernel, int& reached) {
  const socket_address address = unix_address("/here");
  open_socket listener{here, kernel.listen(address)};
  open_socket client{here, kernel.socket()};
  const auto connected = co_await here.connect(client.get(), address);
  if (!connected) co_return;
  reached = 1;
  const auto accepted = co_await here.accept(listener.get());
  if (!accepted) co_return;
  open_socket server{here, *accepted};
  reached = 2;
  const std::string_view text = "0123";  // fits into the smallest buffer
  const auto written = co_await here.write(client.get(), as_bytes(text));
  if (!written) co_return;
  reached = 3;
  const auto polled = co_await here.poll(server.get(), POLLIN);
  if (!polled) co_return;
  reached = 4;
  std::byte into[100];
  const auto received = co_await here.read(server.get(), into);
  if (!received) co_return;
  const bool as_sent = as_text({into, *received}) == text.substr(0, *received);
  CHECK(as_sent);
  reached = 5;
  const bool slept = co_await sleep_for(0ns);
  if (!slept) co_return;
  reached = 6;
  int fds[2];
  REQUIRE(kernel.pipe(fds) == 0);
  open_socket reads{here, fds[0]};
  open_socket writes{here, fds[1]};
  const auto piped = co_await here.write(writes.get(), as_bytes(text));
  if (!piped) co_return;
  reached = 7;
  const auto unpiped = co_await here.read(reads.get(), into);
  if (!unpiped) co_return;
  reached = 8;
}

simulated_options options_of_steps(std::uint64_t seed) {
  simulated_options options = rough_options(seed);
  options.faults.drift_max = 1us;  // a step takes time, so that delayed completions come
  options.faults.delay_max = 10us;
  options.faults.would_block = 0;  // a refused connect waits for thousands of steps
  return options;
}
}  // namespace

TEST_CASE("a stop at any step ends every awaitable, and leaves nothing behind") {
  int stopped_at[9] = {};
  for_each_seed(1, 40, [&](std::uint64_t seed) {
    bool ran_to_its_end = false;
    for (int step = 0; !ran_to_its_end; ++step) {
      CAPTURE(step);
      simulated_kernel kernel{options_of_steps(seed)};
      {
        ring here{with_always_arm(on_simulated(kernel))};
        int reached = 0;
        here.run([](ring& on_ring, simulated_kernel& with, int at, int& came_to,
                    bool& ended_before) -> task<> {
          const environment& environment = co_await this_environment();
          task_scope scope{environment};
          stop_source stop;
          ringrpc::environment inner = environment;
          inner.stop = stop.token();
          task_scope victims{inner};
          stop_at stopper{on_ring, at, stop};
          victims.spawn(everything(on_ring, with, came_to));
          co_await victims.join();
          ended_before = !stopper.acted();
        }(here, kernel, step, reached, ran_to_its_end));
        ++stopped_at[reached];
        CHECK(here.kernel().in_flight() == 0);
      }
      CHECK(kernel.open_descriptors() == 0);
      REQUIRE(step < 10'000);
    }
  });
  if (seed_to_replay()) return;
  for (const int count : stopped_at) CHECK(count > 0);
}

namespace {
/// Destroys a task at the k-th step, or as soon after it as the kernel holds none
/// of its operations; it is in the run queue then, or waits for a timer.
class destroy_at final : public at_step {
public:
  destroy_at(ring& here, int step, running_task<void>& victim)
      : at_step(here, step), victim_(victim) {}
  bool destroyed_alive() const { return destroyed_alive_; }
  bool ended = false;

private:
  bool act() noexcept override {
    if (ended) return true;
    if (on().kernel().in_flight() != 0) return false;
    victim_.reset();
    destroyed_alive_ = true;
    return true;
  }
  running_task<void>& victim_;
  bool destroyed_alive_ = false;
};
}  // namespace

TEST_CASE("a task that is queued is destroyed at any step, and never resumed") {
  int destroyed_at[9] = {};
  for_each_seed(1, 40, [&](std::uint64_t seed) {
    bool ran_to_its_end = false;
    for (int step = 0; !ran_to_its_end; ++step) {
      CAPTURE(step);
      simulated_kernel kernel{options_of_steps(seed)};
      {
        ring here{with_always_arm(on_simulated(kernel))};
        struct completion : run_node {
          completion()
              : run_node([](run_node& self) noexcept {
                  static_cast<completion&>(self).killer->ended = true;
                }) {}
          destroy_at* killer = nullptr;
        };
        here.run([](ring& on_ring, simulated_kernel& with, int at, int* counts,
                    bool& ended) -> task<> {
          completion done;
          running_task<void> victim;
          destroy_at killer{on_ring, at, victim};
          done.killer = &killer;
          int reached = 0;
          killer.ended = victim.start(everything(on_ring, with, reached), on_ring.where(), done);
          while (!killer.ended && !killer.destroyed_alive()) {
            const bool slept = co_await sleep_for(1us);
            CHECK(slept);
          }
          if (killer.destroyed_alive()) ++counts[reached];
          ended = killer.ended;
        }(here, kernel, step, destroyed_at, ran_to_its_end));
        CHECK(here.kernel().in_flight() == 0);
      }
      CHECK(kernel.open_descriptors() == 0);
      REQUIRE(step < 10'000);
    }
  });
  if (seed_to_replay()) return;
  for (int i = 0; i < 8; ++i) CHECK(destroyed_at[i] > 0);
}

TEST_CASE("a stopped read loses no byte, whoever wins the race") {
  for_each_seed(1, 300, [](std::uint64_t seed) {
    simulated_kernel kernel{rough_options(seed)};
    ring here{with_always_arm(on_simulated(kernel), seed % 2 == 0)};
    seeded_random random{seed};
    here.run([](ring& on_ring, seeded_random& chance) -> task<> {
      int fds[2];
      REQUIRE(on_ring.kernel().socket_pair(fds) == 0);
      open_socket reads{on_ring, fds[0]};
      open_socket writes{on_ring, fds[1]};
      const std::string text = "the quick brown fox jumps over the lazy dog";
      const environment& environment = co_await this_environment();
      task_scope writer{environment};
      writer.spawn([](ring& with, int fd, const std::string& what) -> task<> {
        for (const char& letter : what) {
          const std::string_view one{&letter, 1};
          const bool sent = co_await write_all(with, fd, as_bytes(one));
          CHECK(sent);
          const bool slept = co_await sleep_for(2us);
          CHECK(slept);
        }
        static_cast<void>(with.kernel().shutdown_write(fd));
      }(on_ring, writes.get(), text));
      std::string received;
      bool ended = false;
      while (!ended) {
        stop_source stop;
        ringrpc::environment inner = environment;
        inner.stop = stop.token();
        task_scope reader{inner};
        reader.spawn([](ring& with, int fd, std::string& all, bool& end) -> task<> {
          std::byte into[5];
          const auto some = co_await with.read(fd, into);
          if (some) {
            all += as_text({into, *some});
            end = *some == 0;
          } else {
            CHECK(some.error() == std::errc::operation_canceled);
          }
        }(on_ring, reads.get(), received, ended));
        const bool slept = co_await sleep_for(duration{chance.below(5000)});
        CHECK(slept);
        stop.request_stop();
        co_await reader.join();
      }
      co_await writer.join();
      CHECK(received == text);
    }(here, random));
    CHECK(kernel.open_descriptors() == 0);
  });
}
}  // namespace ringrpc::testing
