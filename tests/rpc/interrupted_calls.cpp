// SPDX-License-Identifier: MIT
//
// Calls while signals interrupt every system call of both rings' threads, as profilers
// and debuggers send them: SIGALRM by a timer of the process, SIGUSR1 to each thread,
// handled without SA_RESTART. The failure of others: a loop that ends by EINTR, and
// calls that fail with it. Then the same for a process that is stopped and continued,
// and for one to which a debugger attaches.
#include <ringrpc/rpc/channel.hpp>
#include <ringrpc/rpc/server.hpp>

#include <poll.h>
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "../ring/foreign_loop.hpp"
#include "../transport/private_directory.hpp"
#include "far_server.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
std::atomic<int> alarms_taken{0};
std::atomic<int> shots_taken{0};

/// While it lives, both signals come thousands of times a second, as far as their targets
/// keep up: a slow machine is to go on between two of them.
class signal_rain {
public:
  explicit signal_rain(std::array<::pthread_t, 2> targets) {
    alarms_taken = shots_taken = 0;
    handle(SIGALRM, alarms_before_, [](int) { ++alarms_taken; });
    handle(SIGUSR1, shots_before_, [](int) { ++shots_taken; });
    const ::itimerval often{{0, 500}, {0, 500}};
    test::check(::setitimer(ITIMER_REAL, &often, nullptr), "setitimer");
    // The shooter itself takes none of them.
    ::sigset_t both;
    ::sigset_t before;
    ::sigemptyset(&both);
    ::sigaddset(&both, SIGALRM);
    ::sigaddset(&both, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &both, &before);
    shooter_ = std::thread{[this, targets] {
      int waits = 0;
      for (int due = 0; !over_; std::this_thread::sleep_for(100us)) {
        if (shots_taken < due && ++waits < 20) continue;
        due = shots_taken + 2;
        waits = 0;
        for (const ::pthread_t target : targets) ::pthread_kill(target, SIGUSR1);
      }
    }};
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  signal_rain(const signal_rain&) = delete;
  signal_rain& operator=(const signal_rain&) = delete;
  ~signal_rain() {
    over_ = true;
    shooter_.join();
    const ::itimerval none{};
    ::setitimer(ITIMER_REAL, &none, nullptr);
    // Ignored first, which discards what is still on its way.
    std::signal(SIGALRM, SIG_IGN);
    std::signal(SIGUSR1, SIG_IGN);
    ::sigaction(SIGALRM, &alarms_before_, nullptr);
    ::sigaction(SIGUSR1, &shots_before_, nullptr);
  }

private:
  static void handle(int number, struct ::sigaction& before, void (*by)(int)) {
    struct ::sigaction action {};
    action.sa_handler = by;
    test::check(::sigaction(number, &action, &before), "sigaction");
  }

  struct ::sigaction alarms_before_ {};
  struct ::sigaction shots_before_ {};
  std::atomic<bool> over_{false};
  std::thread shooter_;
};

/// Makes `calls` unary calls, by a new channel after every hundred, then the streams,
/// and more until enough signals came. @return how many calls went wrong.
task<int> call_in_the_rain(ring& on, std::string target, std::size_t calls) {
  int wrong = 0;
  std::optional<channel> to;
  std::size_t made = 0;
  while (made < calls || alarms_taken < 50 || shots_taken < 100) {
    if (made % 100 == 0) {
      if (to) co_await to->close();
      to.emplace(on, target);
    }
    const bool right = co_await call_numbered(*to, made++);
    if (!right) ++wrong;
  }
  const int streams = co_await call_streams(*to);
  co_await to->close();
  co_return wrong + 3 - streams;
}

/// Calls until `told` can be read, and reports each call there.
task<int> call_until_told(ring& on, std::string target, int told) {
  int wrong = 0;
  channel to{on, target};
  ::pollfd enough{told, POLLIN, 0};
  for (std::size_t made = 0; ::poll(&enough, 1, 0) == 0; ++made) {
    const bool right = co_await call_numbered(to, made);
    if (!right) ++wrong;
    static_cast<void>(::send(told, "+", 1, MSG_DONTWAIT));
  }
  co_await to.close();
  co_return wrong;
}
/// Has a child process make calls, and does `interrupt(child)` twenty times meanwhile.
/// @return the child's exit code: 0 where all calls were right.
template <class Interrupt>
int call_in_interrupted_child(Interrupt interrupt) {
  test::pair talk;
  std::fflush(nullptr);
  const ::pid_t child = ::fork();
  test::check(child, "fork");
  if (child == 0) {
    int wrong = 0;
    {
      const private_directory place;
      const std::string path = place / "s";
      const test::mode how = test::modes.front();
      const far_server serving{path, how};
      ring ours{how.options()};
      wrong = ours.run(call_until_told(ours, "unix:" + path, talk.far()));
    }
    ::_exit(wrong == 0 ? 0 : 9);
  }
  talk.close_far();
  for (int i = 0; i < 20; ++i) {
    static_cast<void>(test::drained(talk.near()));
    ::pollfd one_more{talk.near(), POLLIN, 0};  // call, since the last interruption
    static_cast<void>(::poll(&one_more, 1, -1));
    interrupt(child);
  }
  test::put(talk.near(), "!");
  int end = 0;
  test::check(::waitpid(child, &end, 0), "waitpid");
  return WIFEXITED(end) ? WEXITSTATUS(end) : -1;
}
void wait_for_stop(::pid_t child) {
  int seen = 0;
  test::check(::waitpid(child, &seen, WUNTRACED), "waitpid");
  CHECK(WIFSTOPPED(seen));
}
}  // namespace

TEST_CASE("interrupted calls: of 2000 calls in a storm of signals every one ends OK") {
  for (const test::mode& how : test::modes) {
    CAPTURE(std::string{how.name});
    const private_directory place;
    const std::string path = place / "s";
    far_server serving{path, how};
    ring_options options = how.options();
    options.busy_poll = 0us;  // each wait is one in the kernel
    ring ours{std::move(options)};
    const signal_rain signals{{::pthread_self(), serving.thread()}};
    CHECK(ours.run(call_in_the_rain(ours, "unix:" + path, 2000 / test::modes.size())) == 0);
  }
}

TEST_CASE("interrupted calls: a foreign loop that is interrupted has all its calls answered") {
  const private_directory place;
  const std::string path = place / "s";
  const test::mode how = test::modes.front();
  far_server serving{path, how};
  for (const test::host_kind kind : test::host_kinds) {
    CAPTURE(static_cast<int>(kind));
    ring guest{how.options()};
    test::host around{kind, guest};
    const signal_rain signals{{::pthread_self(), serving.thread()}};
    int wrong = -1;
    bool done = false;
    guest.spawn([](ring& on, std::string target, int& into, bool& ended) -> task<> {
      const int got = co_await call_in_the_rain(on, target, 200);
      into = got;
      ended = true;
    }(guest, "unix:" + path, wrong, done));
    around.run(done);
    CHECK(wrong == 0);
  }
}

TEST_CASE("interrupted calls: a process that is stopped and continued goes on with its calls") {
  const int code = call_in_interrupted_child([](::pid_t child) {
    ::kill(child, SIGSTOP);
    wait_for_stop(child);
    ::kill(child, SIGCONT);
  });
  CHECK(code == 0);
}

TEST_CASE("interrupted calls: a process to which a debugger attaches goes on with its calls") {
  bool may_trace = true;
  const int code = call_in_interrupted_child([&may_trace](::pid_t child) {
    if (::ptrace(PTRACE_SEIZE, child, nullptr, nullptr) != 0) {
      may_trace = false;
      return;
    }
    test::check(static_cast<int>(::ptrace(PTRACE_INTERRUPT, child, nullptr, nullptr)), "ptrace");
    wait_for_stop(child);
    test::check(static_cast<int>(::ptrace(PTRACE_DETACH, child, nullptr, nullptr)), "ptrace");
  });
  CHECK(code == 0);
  if (!may_trace) MESSAGE("not run: tracing is forbidden here");
}
}  // namespace ringrpc::testing
