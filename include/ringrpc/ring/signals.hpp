// SPDX-License-Identifier: MIT
//
// Signals as something to wait for, such as the end of a server.
#pragma once

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <concepts>
#include <csignal>
#include <cstdint>
#include <system_error>
#include <utility>

#include <ringrpc/base/fatal.hpp>
#include <ringrpc/coro/detail/owner_thread.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/file_descriptor.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/ring/ring.hpp>

namespace ringrpc {
/// Some signals, kept from their usual effect while this lives and reported by
/// `wait` instead. Make it with `signals(...)`.
///
/// They are blocked in the calling thread (pthread_sigmask(3)), and so in all
/// threads that it starts later: make it before other threads start, for one that
/// does not block a signal of the process gets it with its usual effect. Programs
/// that are started meanwhile inherit the block. Move-only; of one thread, which
/// is also the ring's that waits.
///
/// A server that serves until a signal keeps the set until its drain is over, so those
/// who send SIGTERM twice do not break the drain off; what comes meanwhile is dropped.
/// Where a second signal shall end the process at once, give it a task with a set that
/// dies with the first:
///
///     task<> first_of(signal_set given) {
///       signal_set set{std::move(given)};  // a parameter would live as long as the task
///       co_await set.wait();
///     }
///     ring.run(server.serve_until(first_of(signals(SIGINT, SIGTERM))));
class signal_set {
public:
  /// Blocks the signals of `set` in the calling thread.
  /// @throws std::system_error  where no descriptor is left (signalfd(2)).
  explicit signal_set(const ::sigset_t& set);
  signal_set(signal_set&& other) noexcept = default;
  signal_set& operator=(signal_set&& other) = delete;
  /// Drops what came and was not waited for, then lets the signals have their
  /// usual effect again in this thread, except those that were blocked before.
  ~signal_set();

  /// Waits for the next of the signals, also one that came since this was made.
  /// The set must outlive the wait.
  /// @return its number; 0 if the awaiting coroutine was stopped first.
  [[nodiscard]] task<int> wait();

private:
  /// @return the number of a signal that has come; 0: none has.
  int take() noexcept;

  file_descriptor fd_;
  ::sigset_t unblocked_{};  // those that this has blocked
  std::uint64_t thread_ = detail::thread_number();
};

/// `ring.run(server.serve_until(signals(SIGINT, SIGTERM)));`
/// @throws std::system_error  EINVAL: one of the numbers is no signal.
template <std::same_as<int>... Number>
[[nodiscard]] signal_set signals(Number... numbers) {
  ::sigset_t set{};
  sigemptyset(&set);
  const bool valid = ((sigaddset(&set, numbers) == 0) && ...);
  if (!valid) throw std::system_error{EINVAL, std::system_category(), "ringrpc::signals"};
  return signal_set{set};
}

inline signal_set::signal_set(const ::sigset_t& set) {
  fd_.reset(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd_) throw std::system_error{errno, std::system_category(), "ringrpc::signals: signalfd"};
  ::sigset_t before{};
  static_cast<void>(::pthread_sigmask(SIG_BLOCK, &set, &before));
  sigemptyset(&unblocked_);
  for (int number = 1; number < NSIG; ++number) {
    if (sigismember(&set, number) == 1 && sigismember(&before, number) == 0) {
      sigaddset(&unblocked_, number);
    }
  }
}

inline signal_set::~signal_set() {
  if (!fd_ || thread_ != detail::thread_number()) return;
  while (take() != 0) {
  }
  static_cast<void>(::pthread_sigmask(SIG_UNBLOCK, &unblocked_, nullptr));
}

inline int signal_set::take() noexcept {
  ::signalfd_siginfo seen{};
  ::ssize_t bytes = 0;
  do {
    bytes = ::read(fd_.get(), &seen, sizeof seen);
  } while (bytes < 0 && errno == EINTR);
  return bytes == static_cast<::ssize_t>(sizeof seen) ? static_cast<int>(seen.ssi_signo) : 0;
}

inline task<int> signal_set::wait() {
  const environment& here = co_await this_environment();
  if (here.home == nullptr) fatal("signals were awaited in a coroutine that is on no ring");
  int number = take();
  while (number == 0) {
    // Only its readiness by the kernel's ring: what reads there might be another thread.
    const io_result<short> ready = co_await here.home->poll(fd_.get(), POLLIN);
    if (!ready) break;
    number = take();
  }
  co_return number;
}
}  // namespace ringrpc
