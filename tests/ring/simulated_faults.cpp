// SPDX-License-Identifier: MIT
//
// The faults of the simulated backend one by one, and the replay of seeds.
#include "simulated_backend.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "../coro/support.hpp"
#include "../support/random.hpp"
#include "../support/seeds.hpp"
#include "simulated_support.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
/// A connected pair on a kernel with one kind of fault.
struct faulty : bed {
  faulty(double simulated_faults::*which, double rate, std::uint64_t seed = 1)
      : bed(options_of(which, rate, seed)) {
    kernel.socket_pair(fds);
  }
  ~faulty() { close({fds[0], fds[1]}); }
  int fds[2];

private:
  static simulated_options options_of(double simulated_faults::*which, double rate,
                                      std::uint64_t seed) {
    simulated_options options;
    options.seed = seed;
    options.faults.*which = rate;
    return options;
  }
};
constexpr std::uint64_t seeds = 100;
}  // namespace

TEST_CASE("would_block: plain calls refuse what armed operations then do") {
  faulty here{&simulated_faults::would_block, 0.999'999};
  const socket_address address = unix_address("/a");
  const int listener = here.kernel.listen(address);
  const int client = here.kernel.socket();
  CHECK(here.send(here.fds[0], "x") == -EAGAIN);
  CHECK(here.ring.try_connect(client, address) == -EAGAIN);
  CHECK(here.ring.try_accept(listener, nullptr) == -EAGAIN);
  const ::iovec part{const_cast<char*>("x"), 1};
  probe sending;
  here.ring.arm_send(sending, here.fds[0], {&part, 1});
  CHECK(here.reap() == 1);
  CHECK(sending.result() == 1);
  CHECK(here.recv(here.fds[1]) == "EAGAIN");
  probe receiving;
  here.ring.arm_recv(receiving, here.fds[1], {});
  CHECK(here.reap() == 1);
  CHECK(receiving.text() == "x");
  here.ring.release(receiving.buffer());
  here.close({listener, client});
}

TEST_CASE("would_block: what is not ready stays so, without chance") {
  faulty here{&simulated_faults::would_block, 0.5};
  here.close({here.fds[1]});
  std::set<std::string> answers;
  for (int i = 0; i < 50; ++i) answers.insert(here.recv(here.fds[0]));
  CHECK(answers == std::set<std::string>{"", "EAGAIN"});
  here.fds[1] = here.kernel.socket();
}

TEST_CASE("short_transfer: every length from one byte to all occurs, and nothing is lost") {
  std::set<std::size_t> received;
  std::set<int> sent;
  for_each_seed(1, seeds, [&](std::uint64_t seed) {
    faulty here{&simulated_faults::short_transfer, 0.9, seed};
    const int count = here.send(here.fds[0], "abc");
    sent.insert(count);
    std::string all;
    while (all.size() < static_cast<std::size_t>(count)) {
      const std::string some = here.recv(here.fds[1]);
      received.insert(some.size());
      all += some;
    }
    CHECK(all == std::string{"abc"}.substr(0, static_cast<std::size_t>(count)));
  });
  if (seed_to_replay()) return;
  CHECK(sent == std::set<int>{1, 2, 3});
  CHECK(received == std::set<std::size_t>{1, 2, 3});
}

TEST_CASE("short_transfer: an armed send goes on until all is sent") {
  for_each_seed(1, seeds, [](std::uint64_t seed) {
    faulty here{&simulated_faults::short_transfer, 0.9, seed};
    const ::iovec parts[] = {{const_cast<char*>("hello"), 5}, {const_cast<char*>(" world"), 6}};
    probe sending;
    here.ring.arm_send(sending, here.fds[0], parts);
    CHECK(here.reap() == 1);
    CHECK(sending.result() == 11);
    here.kernel.faults() = {};
    CHECK(here.recv(here.fds[1]) == "hello world");
  });
}

TEST_CASE("shuffle: what is ready at the same time completes in every order") {
  std::set<std::string> orders;
  for_each_seed(1, seeds, [&](std::uint64_t seed) {
    faulty here{&simulated_faults::shuffle, 0.5, seed};
    probe probes[3];
    for (probe& one : probes) here.ring.arm_poll(one, here.fds[0], POLLOUT);
    here.ring.submit(never);
    operation_queue done;
    CHECK(here.ring.reap(done) == 3);
    std::string order;
    while (run_node* one = done.pop_front()) {
      order += static_cast<char>('a' + (static_cast<probe*>(one) - probes));
    }
    orders.insert(order);
  });
  if (!seed_to_replay()) CHECK(orders.size() == 6);
}

TEST_CASE("without shuffle operations complete in the order of arming") {
  bed here;
  int fds[2];
  here.kernel.socket_pair(fds);
  probe probes[3];
  for (probe& one : probes) here.ring.arm_poll(one, fds[0], POLLOUT);
  here.ring.submit(never);
  operation_queue done;
  CHECK(here.ring.reap(done) == 3);
  for (probe& one : probes) CHECK(done.pop_front() == &one);
  here.close({fds[0], fds[1]});
}

TEST_CASE("delay: completions come later, and out of order") {
  bool overtook = false;
  for_each_seed(1, seeds, [&](std::uint64_t seed) {
    faulty here{&simulated_faults::delay, 1, seed};
    probe first;
    probe second;
    here.ring.arm_poll(first, here.fds[0], POLLOUT);
    here.ring.arm_poll(second, here.fds[0], POLLOUT);
    CHECK(here.reap() == 0);
    while (here.ring.in_flight() == 2) here.wait();
    overtook = overtook || first.in_flight();
    while (here.ring.in_flight() != 0) here.wait();
    CHECK(here.kernel.now() > simulated_kernel::start);
    CHECK(here.kernel.now() <= simulated_kernel::start + here.kernel.faults().delay_max);
  });
  if (!seed_to_replay()) CHECK(overtook);
}

TEST_CASE("delay: pausing lets the time of a completion come") {
  faulty here{&simulated_faults::delay, 1};
  probe ready;
  here.ring.arm_poll(ready, here.fds[0], POLLOUT);
  here.ring.submit(never);
  int rounds = 0;
  for (; here.reap_unsubmitted() == 0; ++rounds) here.ring.pause(1);
  CHECK(rounds > 0);
  CHECK(rounds <= 51);
}

TEST_CASE("cancel_loses: a cancel that comes too late changes nothing") {
  faulty here{&simulated_faults::cancel_loses, 1};
  const ::iovec part{const_cast<char*>("hello"), 5};
  probe sending;
  probe receiving;
  probe waiting;
  here.ring.arm_send(sending, here.fds[0], {&part, 1});
  here.ring.cancel(sending);
  CHECK(here.reap() == 1);
  CHECK(sending.result() == 5);
  here.ring.arm_recv(receiving, here.fds[1], {});
  here.ring.cancel(receiving);
  here.ring.arm_recv(waiting, here.fds[0], {});
  here.ring.cancel(waiting);
  CHECK(here.reap() == 2);
  CHECK(receiving.text() == "hello");
  CHECK(waiting.result() == -ECANCELED);
  here.ring.release(receiving.buffer());
}

TEST_CASE("cancel_loses: bytes are received or stay, whoever wins") {
  std::set<int> results;
  for_each_seed(1, seeds, [&](std::uint64_t seed) {
    faulty here{&simulated_faults::cancel_loses, 0.5, seed};
    here.send(here.fds[0], "x");
    probe receiving;
    std::byte into[1]{std::byte{0}};
    here.ring.arm_recv(receiving, here.fds[1], into);
    here.ring.cancel(receiving);
    CHECK(here.reap() == 1);
    results.insert(receiving.result());
    CHECK((receiving.result() == 1) == (into[0] == std::byte{'x'}));
    CHECK(here.recv(here.fds[1]) == (receiving.result() == 1 ? "EAGAIN" : "x"));
  });
  if (!seed_to_replay()) CHECK(results == std::set<int>{-ECANCELED, 1});
}

TEST_CASE("early_wake: a wait may end early and empty") {
  faulty here{&simulated_faults::early_wake, 1};
  CHECK(here.wait() == 0);
  CHECK(here.kernel.now() == simulated_kernel::start);
}

TEST_CASE("no_buffer: a receive into the pool fails and loses nothing") {
  faulty here{&simulated_faults::no_buffer, 1};
  here.send(here.fds[0], "x");
  probe receiving;
  here.ring.arm_recv(receiving, here.fds[1], {});
  CHECK(here.reap() == 1);
  CHECK(receiving.result() == -ENOBUFS);
  CHECK(here.recv(here.fds[1]) == "x");
}

TEST_CASE("interrupt: armed operations end with EINTR, plain calls and connects do not") {
  faulty here{&simulated_faults::interrupt, 1};
  const socket_address address = unix_address("/a");
  const int listener = here.kernel.listen(address);
  const int client = here.kernel.socket();
  probe polling;
  probe connecting;
  here.ring.arm_poll(polling, here.fds[0], POLLOUT);
  here.ring.arm_connect(connecting, client, address);
  CHECK(here.reap() == 2);
  CHECK(polling.result() == -EINTR);
  CHECK(connecting.result() == 0);
  CHECK(here.send(here.fds[0], "x") == 1);
  CHECK(here.recv(here.fds[1]) == "x");
  here.close({listener, client});
}

TEST_CASE("interrupt: a half-done send reports what it had sent") {
  simulated_options options;
  options.socket_buffer_bytes = 4;
  bed here{options};
  int fds[2];
  here.kernel.socket_pair(fds);
  const ::iovec part{const_cast<char*>("123456"), 6};
  probe sending;
  here.ring.arm_send(sending, fds[0], {&part, 1});
  CHECK(here.reap() == 0);
  CHECK(here.recv(fds[1]) == "1234");
  here.kernel.faults().interrupt = 1;
  CHECK(here.reap() == 1);
  CHECK(sending.result() == 4);
  here.close({fds[0], fds[1]});
}

TEST_CASE("drift: the clock moves each time it is read") {
  bed here;
  here.kernel.faults().drift_max = 100ns;
  time_point before = here.ring.now();
  const time_point first = before;
  for (int i = 0; i < 100; ++i) {
    const time_point now = here.ring.now();
    CHECK(now >= before);
    CHECK(now <= before + 100ns);
    before = now;
  }
  CHECK(before > first);
}

TEST_CASE("no_memory: sends, accepts and connects fail, and can be tried again") {
  faulty here{&simulated_faults::no_memory, 1};
  const socket_address address = unix_address("/a");
  const int listener = here.kernel.listen(address);
  const int client = here.kernel.socket();
  CHECK(here.send(here.fds[0], "x") == -ENOBUFS);
  CHECK(here.ring.try_connect(client, address) == -ENOBUFS);
  CHECK(here.ring.try_accept(listener, nullptr) == -EAGAIN);
  here.kernel.faults().no_memory = 0;
  CHECK(here.ring.try_connect(client, address) == 0);
  here.kernel.faults().no_memory = 1;
  CHECK(here.ring.try_accept(listener, nullptr) == -ENOBUFS);
  here.kernel.faults().no_memory = 0;
  const int accepted = here.ring.try_accept(listener, nullptr);
  CHECK(accepted >= 0);
  here.close({listener, client, accepted});
}

TEST_CASE("lost: the peer of a descriptor vanishes") {
  faulty here{&simulated_faults::lost, 0};
  here.send(here.fds[1], "last");
  here.kernel.faults().lost = 1;
  CHECK(here.send(here.fds[0], "x") == -EPIPE);
  here.kernel.faults().lost = 0;
  CHECK(here.recv(here.fds[0]) == "last");
  CHECK(here.recv(here.fds[0]) == "");
  CHECK(here.recv(here.fds[1]) == "ECONNRESET");
}

TEST_CASE("doomed: new connections break after a number of bytes") {
  std::set<int> survived;
  for_each_seed(1, seeds, [&](std::uint64_t seed) {
    simulated_options options;
    options.seed = seed;
    options.faults.doomed = 1;
    options.faults.doomed_bytes_max = 3;
    bed here{options};
    const socket_address address = unix_address("/a");
    const int listener = here.kernel.listen(address);
    int fds[2] = {here.kernel.socket(), -1};
    if (seed % 2 == 0) {
      CHECK(here.ring.try_connect(fds[0], address) == 0);
      fds[1] = here.ring.try_accept(listener, nullptr);
    } else {
      here.close({fds[0]});
      CHECK(here.ring.socket_pair(fds) == 0);
    }
    int bytes[2] = {0, 0};
    for (int end : {0, 1}) {
      while (bytes[end] < 10 && here.send(fds[end], "x") == 1) ++bytes[end];
    }
    // One of the two dies by its own bytes, and the other's sends fail from then on.
    CHECK((bytes[0] <= 3 || bytes[1] <= 3));
    survived.insert(bytes[0]);
    here.close({fds[0], fds[1], listener});
  });
  if (!seed_to_replay()) CHECK(survived == std::set<int>{0, 1, 2, 3, 10});
}

namespace {
/// Something of everything; the same calls for every seed.
std::uint64_t trace_of(std::uint64_t seed) {
  bed here{hostile_options(seed)};
  int fds[2];
  if (here.ring.socket_pair(fds) != 0) return 0;
  for (int i = 0; i < 20; ++i) {
    here.send(fds[0], "some bytes");
    here.recv(fds[1], 8);
    probe receiving;
    here.ring.arm_recv(receiving, fds[1], {});
    here.wait(here.ring.now() + 1us);
    here.ring.cancel(receiving);
    while (here.ring.in_flight() != 0) here.wait();
    if (receiving.buffer().valid()) here.ring.release(receiving.buffer());
  }
  here.close({fds[0], fds[1]});
  return here.kernel.trace_hash();
}
}  // namespace

TEST_CASE("the same seed gives the same run, another seed another one") {
  std::set<std::uint64_t> traces;
  for_each_seed(1, seeds, [&](std::uint64_t seed) {
    const std::uint64_t trace = trace_of(seed);
    CHECK(trace == trace_of(seed));
    traces.insert(trace);
  });
  if (!seed_to_replay()) CHECK(traces.size() == seeds);
}

TEST_CASE("the trace tells time, ring, call, descriptor and result apart") {
  const simulated_event event{simulated_kernel::start, 0, "send", 1, 2};
  const auto hash_of = [](const simulated_event& one) {
    simulated_trace trace;
    trace.add(one);
    return trace.hash();
  };
  std::set<std::uint64_t> hashes{hash_of(event)};
  simulated_event other = event;
  other.when += 1ns;
  hashes.insert(hash_of(other));
  other = event;
  other.ring = 1;
  hashes.insert(hash_of(other));
  other = event;
  other.what = "recv";
  hashes.insert(hash_of(other));
  other = event;
  other.fd = 2;
  hashes.insert(hash_of(other));
  other = event;
  other.result = 1;
  hashes.insert(hash_of(other));
  CHECK(hashes.size() == 6);
}

TEST_CASE("seeded_random keeps its bounds and its probabilities") {
  seeded_random random{7};
  CHECK(seeded_random{7}.next() == random.next());
  CHECK(seeded_random{8}.next() != seeded_random{7}.next());
  CHECK(random.below(0) == 0);
  std::set<std::uint64_t> below;
  std::set<std::uint64_t> between;
  int hits = 0;
  for (int i = 0; i < 1000; ++i) {
    below.insert(random.below(3));
    between.insert(random.between(5, 6));
    hits += random.chance(0.25) ? 1 : 0;
    CHECK_FALSE(random.chance(0));
    CHECK(random.chance(1));
  }
  CHECK(below == std::set<std::uint64_t>{0, 1, 2});
  CHECK(between == std::set<std::uint64_t>{5, 6});
  CHECK(hits > 200);
  CHECK(hits < 300);
}

namespace {
/// RINGRPC_SEED as it was, afterwards.
class seed_variable {
public:
  explicit seed_variable(const char* value) {
    if (const char* before = std::getenv("RINGRPC_SEED")) before_ = before;
    ::setenv("RINGRPC_SEED", value, 1);
  }
  ~seed_variable() {
    if (before_.empty()) ::unsetenv("RINGRPC_SEED");
    if (!before_.empty()) ::setenv("RINGRPC_SEED", before_.c_str(), 1);
  }

private:
  std::string before_;
};
std::vector<std::uint64_t> seeds_run(std::uint64_t first, std::uint64_t count) {
  std::vector<std::uint64_t> run;
  for_each_seed(first, count, [&run](std::uint64_t seed) { run.push_back(seed); });
  return run;
}
}  // namespace

TEST_CASE("for_each_seed runs each seed once, or the one of RINGRPC_SEED") {
  {
    const seed_variable empty{""};
    CHECK(seeds_run(5, 3) == std::vector<std::uint64_t>{5, 6, 7});
    CHECK(seeds_run(5, 0).empty());
  }
  {
    const seed_variable decimal{"17"};
    CHECK(seeds_run(5, 3) == std::vector<std::uint64_t>{17});
  }
  {
    const seed_variable hexadecimal{"0xffffffffffffffff"};
    CHECK(seeds_run(5, 3) == std::vector<std::uint64_t>{~std::uint64_t{0}});
  }
  const seed_variable nonsense{"17x"};
  CHECK(test::dies_saying("RINGRPC_SEED is no number", [] { seeds_run(0, 1); }));
}

TEST_CASE("for_each_seed names the seed when the process dies") {
  const seed_variable empty{""};
  for (int number : {SIGABRT, SIGSEGV}) {
    const auto end = test::in_child([number] {
      for_each_seed(40, 3, [number](std::uint64_t seed) {
        if (seed == 42) std::raise(number);
      });
    });
    CHECK(end.signal == number);
    CHECK(end.error.find("the seed when the process dies\"") != std::string::npos);
    CHECK(end.error.find("RINGRPC_SEED=42") != std::string::npos);
  }
}
}  // namespace ringrpc::testing
