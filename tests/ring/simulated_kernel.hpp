// SPDX-License-Identifier: MIT
//
// What simulated backends share: virtual time, chance by seed, sockets, and a
// record of what happened. One thread. A test holds one kernel, which outlives the
// rings on it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <vector>

#include <ringrpc/base/time.hpp>
#include <ringrpc/ring/socket_address.hpp>

#include "../support/random.hpp"
#include "simulated_descriptors.hpp"
#include "simulated_options.hpp"
#include "simulated_trace.hpp"

namespace ringrpc::testing {
/// What a kernel knows of a backend on it.
class simulated_client {
public:
  /// When it has something to do next: a completion that is due, the deadline of
  /// its ring, or now where it was woken since the last time. `never` where it only
  /// waits for others.
  [[nodiscard]] virtual time_point next_event() noexcept = 0;
  /// Writes what it waits for, a line each.
  virtual void print(std::FILE* to) const = 0;

protected:
  ~simulated_client() = default;
};

class simulated_kernel {
public:
  /// The time at the beginning.
  static constexpr time_point start{std::chrono::seconds{1'000'000}};

  explicit simulated_kernel(const simulated_options& options = {})
      : options_(options),
        random_(options.seed),
        table_(options.descriptors_max, options.socket_buffer_bytes) {}
  simulated_kernel(const simulated_kernel&) = delete;
  simulated_kernel& operator=(const simulated_kernel&) = delete;
  ~simulated_kernel() {
    if (!clients_.empty()) fail("it was destroyed before a ring on it");
  }

  // Set-up, as by socket(2), bind(2) and listen(2). Results are descriptors, or
  // -errno. Close them by `ring.kernel().close(fd)`.

  /// An unconnected stream socket.
  int socket() { return noted("socket", table_.socket()); }
  /// A listening socket. @param backlog  one connection more waits; then connects
  ///                                     get -EAGAIN.
  int listen(const socket_address& address, std::size_t backlog = 128) {
    return noted("listen", table_.listen(address, backlog));
  }
  /// A connected pair of sockets; 0 or -errno.
  int socket_pair(int (&fds)[2]);
  /// A pipe: `fds[0]` is read, `fds[1]` written; 0 or -errno.
  int pipe(int (&fds)[2]) { return noted("pipe", table_.pipe(fds)); }

  /// The process at the other end of `fd`, a connected socket, vanishes when it has
  /// sent `after_bytes` more. `fd` receives those, then ECONNRESET if it had sent
  /// something that was not read, then the end; its sends fail with EPIPE. Who
  /// holds the other end here notices by ECONNRESET and EPIPE.
  void kill_peer(int fd, std::uint64_t after_bytes = 0);

  // What a test looks at.

  /// Not closed yet: 0 at the end of every test.
  [[nodiscard]] std::size_t open_descriptors() const noexcept { return table_.open_count(); }
  [[nodiscard]] bool is_open(int fd) const { return table_.is_open(fd); }
  /// What the owner of `fd`, a connected socket or pipe, has sent.
  [[nodiscard]] byte_counts sent_from(int fd) const;
  /// What its peer has sent to it.
  [[nodiscard]] byte_counts sent_to(int fd) const;
  /// Of all connections that there ever were; sent = received + discarded where no
  /// descriptor is open.
  [[nodiscard]] byte_counts total_counts() const noexcept { return table_.total_counts(); }
  [[nodiscard]] time_point now() const noexcept { return now_; }
  /// Equal in two runs that did the same.
  [[nodiscard]] std::uint64_t trace_hash() const noexcept { return trace_.hash(); }
  /// Writes the state and the last events to standard error.
  void print() const;

  // What a test may change meanwhile.

  [[nodiscard]] simulated_faults& faults() noexcept { return options_.faults; }
  /// Lets time pass.
  void advance(duration span) { jump(saturating_add(now_, span)); }
  /// Moves the clock to the next moment at which a ring has something to do; ends
  /// the process where there is none. For tests that turn several rings; a ring
  /// that waits moves the clock itself.
  void skip_idle_time();

  // For backends.

  [[nodiscard]] unsigned attach(simulated_client& client) {
    clients_.push_back(&client);
    return numbered_++;
  }
  void detach(simulated_client& client) noexcept { std::erase(clients_, &client); }
  [[nodiscard]] simulated_descriptors& table() noexcept { return table_; }
  [[nodiscard]] seeded_random& random() noexcept { return random_; }
  [[nodiscard]] const simulated_options& options() const noexcept { return options_; }
  void record(unsigned ring, const char* what, int fd, std::int64_t result) noexcept {
    trace_.add({now_, ring, what, fd, result});
  }
  /// `record`, for a step forward; the loop that makes none is found by `idle_call`.
  void record_progress(unsigned ring, const char* what, int fd, std::int64_t result) noexcept {
    idle_calls_ = 0;
    record(ring, what, fd, result);
  }
  /// Somebody asked and got nothing.
  void idle_call() {
    if (++idle_calls_ > idle_calls_max) fail("a ring turns for ever and nothing happens");
  }
  void jump(time_point when);
  /// The clock drifts by itself, if so configured.
  void drift() {
    const auto most = options_.faults.drift_max.count();
    if (most > 0) now_ += duration{random_.below(static_cast<std::uint64_t>(most) + 1)};
  }
  /// Gives a new connection its end, by chance.
  void doom(int fd);
  /// Ends a process that broke a rule of the backend, or that hangs: says so,
  /// prints, terminates.
  [[noreturn]] void fail(const char* text) const noexcept;

private:
  static constexpr std::uint64_t idle_calls_max = 10'000'000;
  static constexpr unsigned no_ring = 99;  // in the trace: the test itself

  int noted(const char* what, int result) noexcept {
    record(no_ring, what, result, result);
    return result;
  }

  simulated_options options_;
  seeded_random random_;
  simulated_descriptors table_;
  simulated_trace trace_;
  time_point now_ = start;
  std::vector<simulated_client*> clients_;
  unsigned numbered_ = 0;
  std::uint64_t idle_calls_ = 0;
};

inline int simulated_kernel::socket_pair(int (&fds)[2]) {
  const int result = table_.socket_pair(fds);
  noted("socketpair", result);
  if (result == 0) doom(fds[0]);
  return result;
}

inline void simulated_kernel::doom(int fd) {
  if (!random_.chance(options_.faults.doomed)) return;
  const auto [connection, end] = table_.connection(fd);
  const int victim = random_.chance(0.5) ? end : 1 - end;
  connection->kill(victim, random_.below(options_.faults.doomed_bytes_max + 1));
}

inline void simulated_kernel::kill_peer(int fd, std::uint64_t after_bytes) {
  record(no_ring, "kill peer", fd, static_cast<std::int64_t>(after_bytes));
  const auto [connection, end] = table_.connection(fd);
  if (connection == nullptr) fail("kill_peer: the descriptor is not connected");
  connection->kill(1 - end, after_bytes);
}

inline byte_counts simulated_kernel::sent_from(int fd) const {
  const auto [connection, end] = table_.connection(fd);
  if (connection == nullptr) fail("sent_from: the descriptor is not connected");
  return connection->from(end).counts();
}
inline byte_counts simulated_kernel::sent_to(int fd) const {
  const auto [connection, end] = table_.connection(fd);
  if (connection == nullptr) fail("sent_to: the descriptor is not connected");
  return connection->from(1 - end).counts();
}

inline void simulated_kernel::jump(time_point when) {
  if (when <= now_) return;
  if (when - start > options_.time_limit) {
    fail("virtual time passed simulated_options::time_limit: an endless row of timers?");
  }
  now_ = when;
  idle_calls_ = 0;
}

inline void simulated_kernel::skip_idle_time() {
  time_point next = never;
  for (simulated_client* client : clients_) next = std::min(next, client->next_event());
  if (next == never) fail("deadlock: no ring has anything to do, now or ever");
  jump(next);
}

inline void simulated_kernel::print() const {
  std::fprintf(stderr, "simulated kernel, seed %" PRIu64 ", %lld ns after the start\n",
               options_.seed, static_cast<long long>((now_ - start).count()));
  std::fprintf(stderr, " descriptors:\n");
  for (int fd = simulated_descriptors::first; fd < table_.end(); ++fd) {
    if (const auto [connection, end] = table_.connection(fd); connection != nullptr) {
      const simulated_direction& in = connection->from(1 - end);
      const simulated_direction& out = connection->from(end);
      std::fprintf(stderr,
                   "  fd %d: connected, %zu bytes to read%s%s, %zu bytes unread by the peer%s\n",
                   fd, in.queued(), in.ended() ? ", then the end" : "",
                   in.reset() ? " by reset" : "", out.queued(), out.ended() ? ", ended" : "");
    } else if (table_.is_listener(fd)) {
      std::fprintf(stderr, "  fd %d: listens, %zu wait\n", fd, table_.waiting(fd));
    } else if (table_.is_open(fd)) {
      std::fprintf(stderr, "  fd %d: unconnected\n", fd);
    }
  }
  for (const simulated_client* client : clients_) client->print(stderr);
  std::fprintf(stderr, " last events (ring %u is the test):\n", no_ring);
  trace_.print(stderr, start);
}

inline void simulated_kernel::fail(const char* text) const noexcept {
  std::fprintf(stderr, "ringrpc: simulated kernel: %s\n", text);
  print();
  std::terminate();
}
}  // namespace ringrpc::testing
