// SPDX-License-Identifier: MIT
#include <ringrpc/ring/remote.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <ringrpc/coro/event.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/sleep.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;

static_assert(std::is_copy_constructible_v<remote_handle>);

namespace {
std::vector<std::string> logged;  // by `keep`
void keep(log_level level, std::string_view text) noexcept {
  logged.push_back(std::string{name_of(level)} + ": " + std::string{text});
}
task<> until(event& done) {
  const bool set = co_await done.wait();
  static_cast<void>(set);
}
task<> yields(int times) {
  for (int i = 0; i < times; ++i) {
    const bool slept = co_await sleep_for(duration::zero());
    static_cast<void>(slept);
  }
}
/// Sends itself to the other ring and back until `left` is 0.
struct hop {
  remote_handle to;
  remote_handle back;
  std::atomic<int>* left;
  event* done_here;
  event* done_there;
  void operator()() {
    const int now_left = --*left;
    if (now_left <= 0) done_here->set();
    if (now_left >= 0) {
      const bool sent = to.post(hop{back, to, left, done_there, done_here});
      if (!sent) done_here->set();
    }
  }
};
}  // namespace

TEST_CASE("remote: a handle of no ring takes nothing") {
  int runs = 0;
  const remote_handle none;
  CHECK_FALSE(none.post([&runs] { ++runs; }));
  CHECK(runs == 0);
}

TEST_CASE("remote: posted work runs on the ring's thread, in order, and may own things") {
  ring on;
  const remote_handle remote = on.remote();
  std::vector<int> log;
  event done;
  std::thread::id ran_in;
  std::thread poster{[&, remote] {
    for (int i = 0; i < 3; ++i) {
      CHECK(remote.post([&log, number = std::make_unique<int>(i)] { log.push_back(*number); }));
    }
    CHECK(remote.post([&] {
      ran_in = std::this_thread::get_id();
      done.set();
    }));
  }};
  on.run(until(done));
  poster.join();
  CHECK(log == std::vector{0, 1, 2});
  CHECK(ran_in == std::this_thread::get_id());
}

TEST_CASE("remote: work posted before the first run runs in it") {
  ring on;
  int runs = 0;
  CHECK(on.remote().post([&runs] { ++runs; }));
  CHECK(runs == 0);
  on.run(yields(2));
  CHECK(runs == 1);
}

TEST_CASE("remote: every post of many threads runs once, in the order of each thread") {
  constexpr int threads = 4;
  constexpr int posts = 20'000;
  ring on;
  event done;
  std::array<int, threads> next{};
  int wrong = 0;
  int all = 0;
  std::vector<std::thread> posters;
  for (std::size_t thread = 0; thread < threads; ++thread) {
    posters.emplace_back([&, thread, remote = on.remote()] {
      for (int i = 0; i < posts; ++i) {
        const bool taken = remote.post([&, thread, i] {
          if (next[thread]++ != i) ++wrong;
          if (++all == threads * posts) done.set();
        });
        if (!taken) std::abort();
      }
    });
  }
  on.run(until(done));
  for (std::thread& poster : posters) poster.join();
  CHECK(all == threads * posts);
  CHECK(wrong == 0);
}

TEST_CASE("remote: no wake-up is lost between two rings that sleep in turn") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    ring here{how.options()};
    std::optional<ring> there{how.options()};
    event done_here;
    event done_there;
    std::atomic<int> left{5000};
    CHECK(here.remote().post(
        hop{there->remote(), here.remote(), &left, &done_here, &done_there}));
    std::thread other{[&] {
      there->run(until(done_there));
      there.reset();
    }};
    here.run(until(done_here));
    other.join();
    CHECK(left <= 0);
  }
}

TEST_CASE("remote: an exception that leaves posted work is logged, and the rest runs") {
  logged.clear();
  ring_options options;
  options.log = &keep;
  ring on{std::move(options)};
  int runs = 0;
  CHECK(on.remote().post([] { throw std::runtime_error{"out of cheese"}; }));
  CHECK(on.remote().post([&runs] { ++runs; }));
  on.run(yields(2));
  CHECK(runs == 1);
  CHECK(logged == std::vector<std::string>{"error: an exception left posted work: out of cheese"});
}

TEST_CASE("remote: once the ring has ended, posts fail and their work is destroyed") {
  auto alive = std::make_shared<int>();
  remote_handle remote;
  int runs = 0;
  {
    ring on;
    remote = on.remote();
    on.run(yields(1));
    CHECK(remote.post([alive, &runs] { ++runs; }));
    CHECK(remote.post([alive, &runs] { ++runs; }));
    CHECK(alive.use_count() == 3);
  }
  CHECK(runs == 0);
  CHECK(alive.use_count() == 1);
  CHECK_FALSE(remote.post([alive, &runs] { ++runs; }));
  CHECK(alive.use_count() == 1);
}

TEST_CASE("remote: posting while the ring ends is safe, and no work is lost unseen") {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> taken{0};
    std::atomic<int> ended{0};
    struct counted {
      explicit counted(std::atomic<int>& in) : count(&in) {}
      counted(counted&& other) noexcept : count(std::exchange(other.count, nullptr)) {}
      ~counted() {
        if (count != nullptr) ++*count;
      }
      void operator()() {}
      std::atomic<int>* count;
    };
    std::thread poster;
    int posts = 0;
    {
      ring on;
      poster = std::thread{[&, remote = on.remote()] {
        while (remote.post(counted{ended})) ++taken;
        posts = taken + 1;
      }};
      on.run(yields(3));
    }
    poster.join();
    CHECK(ended == posts);  // run or destroyed, each once
  }
}
