// SPDX-License-Identifier: MIT
//
// What the tests of coro/ share: a loop without a ring, a payload that counts,
// and children whose death is expected.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/run_queue.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/coro/task.hpp>

namespace ringrpc::test {
/// Runs tasks: a queue and a stop source, and nothing to wait for.
class loop {
public:
  run_queue queue;
  stop_source stop;
  const environment where{&queue, stop.token(), nullptr};

  /// Runs what is ready until nothing is.
  /// @return how many nodes ran.
  std::size_t drain() { return queue.run(static_cast<std::size_t>(-1)); }
};

/// A task that a test started and watches.
template <class T = void> class started {
public:
  started(loop& on, task<T> work) : started(on, std::move(work), on.where) {}
  started(loop& on, task<T> work, const environment& where) : on_(on) {
    ended_ = running_.start(std::move(work), where, done_);
  }
  bool ended() const { return ended_; }
  T take() { return running_.take(); }
  void destroy() { running_.reset(); }
  /// Runs the loop until nothing is ready, then takes the result.
  T finish() {
    on_.drain();
    if (!ended_) throw std::logic_error{"the task waits for something that never comes"};
    return take();
  }

private:
  struct completion : run_node {
    explicit completion(started& of)
        : run_node(
              [](run_node& self) noexcept { static_cast<completion&>(self).of_.ended_ = true; }),
          of_(of) {}
    started& of_;
  };

  loop& on_;
  bool ended_ = false;
  completion done_{*this};
  running_task<T> running_;
};

/// Runs `work` on a loop of its own to its end.
template <class T> T run(task<T> work) {
  loop here;
  started<T> running{here, std::move(work)};
  return running.finish();
}

/// Counts what happened to all objects of class `tracked` since it was made.
struct census {
  census();
  static std::size_t alive();
  /// Everything that was made has died, once, and where it was made.
  static bool balanced();
};

/// A payload that knows when it is destroyed twice, or was moved by copying its
/// bytes, without dying of it.
class tracked {
public:
  explicit tracked(int number = 0) : number_(number) { born(); }
  tracked(const tracked& other) : number_(other.number_) {
    ++copies;
    born();
  }
  tracked(tracked&& other) noexcept : number_(std::exchange(other.number_, -1)) {
    ++moves;
    born();
  }
  tracked& operator=(const tracked& other) = default;
  tracked& operator=(tracked&& other) noexcept {
    number_ = std::exchange(other.number_, -1);
    return *this;
  }
  ~tracked() {
    if (self_ != this || live().erase(this) != 1) ++wrong;
  }

  int number() const {
    if (self_ != this || live().count(this) != 1) ++wrong;
    return number_;
  }

  inline static int copies = 0;
  inline static int moves = 0;
  inline static int made = 0;
  inline static int wrong = 0;
  static std::set<const tracked*>& live() {
    static std::set<const tracked*> objects;
    return objects;
  }

private:
  void born() {
    ++made;
    if (!live().insert(this).second) ++wrong;
  }

  const tracked* self_ = this;
  int number_;
};

inline census::census() {
  tracked::live().clear();
  tracked::copies = tracked::moves = tracked::made = tracked::wrong = 0;
}
inline std::size_t census::alive() { return tracked::live().size(); }
inline bool census::balanced() { return tracked::live().empty() && tracked::wrong == 0; }

/// How a child process ended.
struct child_end {
  int signal = 0;     // that killed it, or 0
  int code = 0;       // else its exit code
  std::string error;  // what it wrote to standard error
};

/// Runs `body` in a child process, whose exit code is 0 when `body` returns. It
/// may use two seconds of processor time.
template <class Body> child_end in_child(Body body) {
  std::fflush(nullptr);
  std::FILE* error = std::tmpfile();
  if (error == nullptr) throw std::runtime_error{"no temporary file"};
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error{"fork failed"};
  if (child == 0) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    const rlimit seconds{2, 2};
    ::setrlimit(RLIMIT_CPU, &seconds);
    ::dup2(::fileno(error), STDOUT_FILENO);
    ::dup2(::fileno(error), STDERR_FILENO);
    for (int number : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE}) std::signal(number, SIG_DFL);
    body();
    std::fflush(nullptr);
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  child_end end;
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  if (WIFEXITED(status)) end.code = WEXITSTATUS(status);
  std::rewind(error);
  char text[4096];
  const std::size_t length = std::fread(text, 1, sizeof text, error);
  std::fclose(error);
  end.error.assign(text, length);
  return end;
}
/// Whether `body` ends its process with `ringrpc: ...text...` on standard error.
template <class Body> bool dies_saying(const char* text, Body body) {
  const child_end end = in_child(body);
  return end.signal == SIGABRT && end.error.find("ringrpc: ") != std::string::npos &&
         end.error.find(text) != std::string::npos;
}
}  // namespace ringrpc::test
