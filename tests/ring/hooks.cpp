// SPDX-License-Identifier: MIT
#include <ringrpc/ring/hooks.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <ringrpc/coro/event.hpp>
#include <ringrpc/ring/detail/hot_list.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/sleep.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {
/// Notes when it is flushed, and marks itself or another again.
struct flushed : flush_hook {
  flushed(ring& of, std::vector<std::string>& log_of, std::string called)
      : flush_hook([](flush_hook& self) noexcept { static_cast<flushed&>(self).flush(); }),
        on(of),
        log(log_of),
        name(std::move(called)) {}
  void flush() noexcept {
    log.push_back(name + " of " + std::to_string(on.flushing()));
    if (again > 0) {
      --again;
      on.mark_dirty(*this);
    }
    if (other != nullptr) on.mark_dirty(*other);
    if (victim != nullptr) victim->reset();
  }
  ring& on;
  std::vector<std::string>& log;
  std::string name;
  int again = 0;
  flush_hook* other = nullptr;
  std::unique_ptr<flushed>* victim = nullptr;
};

/// A connection as far as a ring sees it: polls its socket while hot, arms an
/// operation before the ring sleeps, and is watched again after that.
struct receiver : receive_hook {
  receiver(ring& of, int from)
      : receive_hook(
            [](receive_hook& self) noexcept { return static_cast<receiver&>(self).poll(); },
            [](receive_hook& self) noexcept { static_cast<receiver&>(self).arm(); }),
        on(of),
        fd(from) {
    on.watch(*this);
    on.watch(*this);
  }
  bool poll() noexcept {
    ++polls;
    std::array<std::byte, 64> into;
    const int bytes = on.kernel().try_recv(fd, into);
    if (bytes == -EAGAIN) return false;
    received(std::span<const std::byte>{into}.first(static_cast<std::size_t>(bytes)));
    return true;
  }
  void arm() noexcept {
    ++arms;
    on.kernel().arm_recv(armed, fd, {});
  }
  void received(std::span<const std::byte> bytes) noexcept {
    if (bytes.empty()) {
      unlink();
      ended.set();
    } else {
      text += as_text(bytes);
    }
  }
  struct recv : operation {
    explicit recv(receiver& in)
        : operation([](run_node& self) noexcept {
            static_cast<recv&>(static_cast<operation&>(self)).done();
          }),
          to(in) {}
    void done() noexcept {
      to.on.watch(to);
      to.received(received());
      if (buffer().valid()) to.on.kernel().release(buffer());
    }
    receiver& to;
  } armed{*this};

  ring& on;
  int fd;
  int polls = 0;
  int arms = 0;
  std::string text;
  event ended;
};

task<> yields(int times) {
  for (int i = 0; i < times; ++i) {
    const bool slept = co_await sleep_for(duration::zero());
    static_cast<void>(slept);
  }
}
task<> until_end(receiver& one) {
  const bool ended = co_await one.ended.wait();
  static_cast<void>(ended);
}
/// Writes texts with pauses of many lengths between them, so that they meet the
/// ring polling, sleeping and in between, then closes.
task<> writes(ring& on, int fd, int count, std::string& sent) {
  for (int i = 0; i < count; ++i) {
    const std::string text = std::to_string(i) + ",";
    sent += text;
    const bool written = co_await test::write_all(on, fd, text);
    static_cast<void>(written);
    const bool slept = co_await sleep_for(std::chrono::microseconds{(i % 7) * 40});
    static_cast<void>(slept);
  }
  ::shutdown(fd, SHUT_RDWR);
}
task<> receives(ring& on, std::vector<test::pair>& sockets, bool& right, int& arms) {
  std::vector<std::unique_ptr<receiver>> receivers;
  std::vector<std::string> sent(sockets.size());
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    receivers.push_back(std::make_unique<receiver>(on, sockets[i].near()));
    on.spawn(writes(on, sockets[i].far(), 30, sent[i]));
  }
  right = true;
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    co_await until_end(*receivers[i]);
    right = right && receivers[i]->text == sent[i];
    arms += receivers[i]->arms;
  }
}
/// Notes when it is polled and armed.
struct listed : receive_hook {
  listed(std::string& log_of, char called)
      : receive_hook(
            [](receive_hook& self) noexcept { return static_cast<listed&>(self).poll(); },
            [](receive_hook& self) noexcept { static_cast<listed&>(self).arm(); }),
        log(log_of),
        name(called) {}
  bool poll() noexcept {
    log += name;
    if (leaves) unlink();
    if (other != nullptr) other->unlink();
    return active;
  }
  void arm() noexcept { log += std::string{"("} + name + ")"; }

  std::string& log;
  char name;
  bool active = false;
  bool leaves = false;
  listed* other = nullptr;
};
task<> dies_watched(ring& on, int fd) {
  auto one = std::make_unique<receiver>(on, fd);
  const bool slept = co_await sleep_for(duration::zero());
  static_cast<void>(slept);
  one.reset();
}
}  // namespace

TEST_CASE("hooks: a dirty hook is flushed once, however often it was marked") {
  ring on;
  std::vector<std::string> log;
  flushed a{on, log, "a"};
  flushed b{on, log, "b"};
  for (int i = 0; i < 3; ++i) {
    on.mark_dirty(a);
    on.mark_dirty(b);
  }
  on.turn();
  on.turn();
  CHECK(log == std::vector<std::string>{"a of 2", "b of 2"});
  CHECK(on.flushing() == 0);
}

TEST_CASE("hooks: what is marked during a flush is flushed in the next turn") {
  ring on;
  std::vector<std::string> log;
  flushed a{on, log, "a"};
  flushed b{on, log, "b"};
  flushed c{on, log, "c"};
  a.again = 1;
  a.other = &c;  // not marked before: next turn
  b.other = &a;  // marked already
  on.mark_dirty(a);
  on.mark_dirty(b);
  on.turn();
  CHECK(log == std::vector<std::string>{"a of 2", "b of 2", "a of 2", "c of 2"});
  on.turn();
  CHECK(log.size() == 4);
}

TEST_CASE("hooks: a hook may die before it is flushed, and while others are") {
  ring on;
  std::vector<std::string> log;
  {
    flushed gone{on, log, "gone"};
    on.mark_dirty(gone);
  }
  flushed killer{on, log, "killer"};
  auto victim = std::make_unique<flushed>(on, log, "victim");
  killer.victim = &victim;
  on.mark_dirty(killer);
  on.mark_dirty(*victim);
  on.turn();
  CHECK(log == std::vector<std::string>{"killer of 3"});
}

TEST_CASE("hooks: receivers get every byte, polled and armed, few and many, polling on and off") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    for (std::size_t count : {1u, 3u, 12u}) {
      for (duration busy_poll : {0us, 100us}) {
        std::vector<test::pair> sockets(count);
        ring_options options = how.options();
        options.busy_poll = busy_poll;
        ring on{std::move(options)};
        bool right = false;
        int arms = 0;
        on.run(receives(on, sockets, right, arms));
        CHECK(right);
        CHECK(arms > 0);
        CHECK(on.kernel().in_flight() == 0);
      }
    }
  }
}

TEST_CASE("hooks: more than 4 receivers are armed, not polled, and still served in a busy loop") {
  std::vector<test::pair> sockets(6);
  ring on;
  std::vector<std::unique_ptr<receiver>> receivers;
  for (const test::pair& one : sockets) {
    receivers.push_back(std::make_unique<receiver>(on, one.near()));
  }
  for (const test::pair& one : sockets) test::put(one.far(), "x");
  on.run(yields(100));  // never sleeps
  for (const auto& one : receivers) CHECK(one->text == "x");
  CHECK(receivers[0]->arms > 0);   // the first to be watched
  CHECK(receivers[5]->polls > 0);  // the last
  for (test::pair& one : sockets) one.close_far();
  for (const auto& one : receivers) on.run(until_end(*one));
}

TEST_CASE("hooks: those are armed that have been quiet for longest") {
  std::string log;
  listed a{log, 'a'}, b{log, 'b'}, c{log, 'c'}, d{log, 'd'}, e{log, 'e'}, f{log, 'f'};
  detail::hot_list list;
  for (listed* one : {&c, &d, &e, &a}) list.watch(*one);
  CHECK_FALSE(list.poll());
  CHECK(log == "cdea");  // the least recent first
  c.active = true;
  CHECK(list.poll());
  CHECK(list.poll());
  CHECK(log == "cdeacdeac");  // and last, as soon as it has received
  log.clear();
  list.watch(c);  // it is there: not moved
  list.watch(b);
  list.arm(detail::hot_list::polled_max);
  CHECK(log == "(d)");
  list.watch(f);
  list.arm(2);
  CHECK(log == "(d)(c)(a)(e)");
  CHECK_FALSE(list.empty());
  list.arm(0);
  CHECK(log == "(d)(c)(a)(e)(f)(b)");
  CHECK(list.empty());
}

TEST_CASE("hooks: receivers that are active all the time take turns, and may leave in theirs") {
  std::string log;
  listed a{log, 'a'}, b{log, 'b'}, c{log, 'c'}, d{log, 'd'};
  detail::hot_list list;
  for (listed* one : {&a, &b, &c, &d}) list.watch(*one);
  for (listed* one : {&a, &b}) one->active = true;
  for (int i = 0; i < 6; ++i) CHECK(list.poll());
  CHECK(log == "abcdacdbcdacdb");
  log.clear();
  a.active = b.active = false;
  c.leaves = true;
  c.other = &d;
  CHECK_FALSE(list.poll());
  CHECK(log == "cab");
  c.active = true;
  list.watch(c);
  CHECK(list.poll());
  CHECK(log == "cababc");
  list.arm(0);
  CHECK(log == "cababc(b)(a)");
}

TEST_CASE("hooks: a watched hook may die") {
  const test::pair sockets;
  ring on;
  on.run(dies_watched(on, sockets.near()));
}
