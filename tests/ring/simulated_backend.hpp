// SPDX-License-Identifier: MIT
//
// A backend without a kernel: virtual time and sockets, and faults by seed. One
// per ring; several rings may share a kernel. It never sleeps: a wait moves the
// clock to what happens next, and where nothing ever will, it ends the process and
// prints what everybody waits for.
//
//     simulated_kernel kernel{rough_options(seed)};
//     ring here{{.kernel = std::make_unique<simulated_backend>(kernel)}};
//
// It also ends the process where a caller breaks a promise that a real kernel
// would not notice: a close with an operation in flight or of what is not open, two
// receives or two sends at once, a plain receive or send beside an armed one, a
// buffer that is released twice or never.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <ringrpc/base/time.hpp>
#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/operation.hpp>
#include <ringrpc/ring/socket_address.hpp>

#include "../support/random.hpp"
#include "simulated_calls.hpp"
#include "simulated_kernel.hpp"
#include "simulated_pool.hpp"
#include "simulated_request.hpp"
#include "simulated_worker.hpp"

namespace ringrpc::testing {
class simulated_backend final : public backend, private simulated_client {
  using verb = simulated_verb;

public:
  /// @param kernel  must outlive the backend.
  explicit simulated_backend(simulated_kernel& kernel)
      : kernel_(kernel),
        call_(kernel),
        pool_(kernel.options().pool_buffers),
        work_(kernel, pool_),
        number_(kernel.attach(*this)),
        jitter_(seeded_random::mix(kernel.options().seed) + number_) {}
  /// Ends the process where something is in flight or a buffer is lent, unless an
  /// exception (of a failed check) is under way.
  ~simulated_backend() override;

  time_point now() noexcept override {
    kernel_.drift();
    return kernel_.now();
  }
  std::uint64_t random() noexcept override { return jitter_.next(); }

  int try_recv(int fd, std::span<std::byte> into) noexcept override;
  int try_send(int fd, std::span<const ::iovec> from) noexcept override;
  int try_accept(int fd, socket_address* peer) noexcept override;
  int try_connect(int fd, const socket_address& to) noexcept override;

  void arm_recv(operation& op, int fd, std::span<std::byte> into) noexcept override {
    arm({.op = &op, .verb = verb::recv, .fd = fd, .into = into});
  }
  void arm_send(operation& op, int fd, std::span<const ::iovec> from) noexcept override {
    arm({.op = &op, .verb = verb::send, .fd = fd, .from = from});
  }
  void arm_accept(operation& op, int fd) noexcept override {
    arm({.op = &op, .verb = verb::accept, .fd = fd});
  }
  void arm_connect(operation& op, int fd, const socket_address& to) noexcept override {
    arm({.op = &op, .verb = verb::connect, .fd = fd, .to = &to});
  }
  void arm_poll(operation& op, int fd, short events) noexcept override {
    arm({.op = &op, .verb = verb::poll, .fd = fd, .events = events});
  }
  /// Pipes only: -EINVAL for sockets. The offset is ignored.
  void arm_read(operation& op, int fd, std::span<std::byte> into, std::int64_t) noexcept override {
    arm({.op = &op, .verb = verb::read, .fd = fd, .into = into});
  }
  void arm_write(operation& op, int fd, std::span<const std::byte> from,
                 std::int64_t) noexcept override {
    arm({.op = &op, .verb = verb::write, .fd = fd, .bytes = from});
  }
  void cancel(operation& op) noexcept override;
  void release(buffer_id buffer) noexcept override {
    if (!pool_.take_back(buffer)) kernel_.fail("a pool buffer was released that is not lent");
  }

  void submit(time_point next_deadline) noexcept override;
  std::size_t reap(operation_queue& done) noexcept override;
  std::size_t wait(operation_queue& done, time_point until) noexcept override;
  /// Takes `simulated_options::pause_time`.
  void pause(unsigned) noexcept override { kernel_.advance(kernel_.options().pause_time); }
  void wake() noexcept override { woken_.store(true, std::memory_order_release); }

  int shutdown(int fd) noexcept override {
    return noted("shutdown", fd, kernel_.table().shutdown(fd));
  }
  int shutdown_write(int fd) noexcept override {
    return noted("shutdown write", fd, kernel_.table().shutdown_write(fd));
  }
  void close(int fd) noexcept override;
  int socket_pair(int (&fds)[2]) noexcept override { return kernel_.socket_pair(fds); }
  int pollable_fd() noexcept override { return -EOPNOTSUPP; }

  [[nodiscard]] std::size_t in_flight() const noexcept override { return requests_.size(); }
  [[nodiscard]] backend_kind kind() const noexcept override { return backend_kind::simulated; }

  /// Pool buffers that were not released yet.
  [[nodiscard]] std::size_t buffers_lent() const noexcept { return pool_.lent(); }
  /// What the ring handed over last: when it wants to be woken.
  [[nodiscard]] time_point deadline() const noexcept { return deadline_; }

private:
  time_point next_event() noexcept override;
  void print(std::FILE* to) const override;

  bool chance(double probability) noexcept { return kernel_.random().chance(probability); }
  int noted(const char* what, int fd, int result) noexcept {
    kernel_.record_progress(number_, what, fd, result);
    return result;
  }

  void arm(simulated_request request) noexcept;
  void count(const simulated_request& request, int change);
  time_point schedule();
  std::size_t collect(operation_queue& done);
  bool collect_one(operation* op, operation_queue& done);

  simulated_kernel& kernel_;
  simulated_calls call_;
  simulated_pool pool_;
  simulated_worker work_;
  unsigned number_;
  seeded_random jitter_;
  std::vector<simulated_request> requests_;  // in the order of arming
  std::vector<operation*> due_now_;          // of `collect`
  time_point deadline_ = never;
  std::atomic<bool> woken_{false};
};

inline simulated_backend::~simulated_backend() {
  if (std::uncaught_exceptions() == 0) {
    if (!requests_.empty()) kernel_.fail("a backend was destroyed with operations in flight");
    if (pool_.lent() != 0) kernel_.fail("a backend was destroyed before its buffers came back");
  }
  kernel_.detach(*this);
}

// Plain calls.

inline int simulated_backend::try_recv(int fd, std::span<std::byte> into) noexcept {
  const auto* others = kernel_.table().operations(fd);
  if (others != nullptr && others->receiving != 0) {
    kernel_.fail("a plain receive on a descriptor with a receive in flight: the order is lost");
  }
  return noted(
      "recv", fd,
      kernel_.table().can_receive(fd) && call_.would_block() ? -EAGAIN : call_.recv(fd, into));
}

inline int simulated_backend::try_send(int fd, std::span<const ::iovec> from) noexcept {
  const auto* others = kernel_.table().operations(fd);
  if (others != nullptr && others->sending != 0) {
    kernel_.fail("a plain send on a descriptor with a send in flight: the order is lost");
  }
  if (bytes_in(from) == 0 || from.size() > 64) kernel_.fail("a send of 0 bytes or above 64 parts");
  return noted("send", fd, call_.would_block() ? -EAGAIN : call_.send(fd, from, 0));
}

inline int simulated_backend::try_accept(int fd, socket_address* peer) noexcept {
  const int result = call_.would_block() ? -EAGAIN : call_.accept(fd);
  const ::sa_family_t unnamed = AF_UNIX;
  if (result >= 0 && peer != nullptr) *peer = socket_address{&unnamed, sizeof unnamed};
  return noted("accept", fd, result);
}

inline int simulated_backend::try_connect(int fd, const socket_address& to) noexcept {
  return noted("connect", fd, call_.would_block() ? -EAGAIN : call_.connect(fd, to));
}

inline void simulated_backend::close(int fd) noexcept {
  const auto* others = kernel_.table().operations(fd);
  if (others == nullptr) kernel_.fail("close of a descriptor that is not open");
  if (others->receiving + others->sending + others->other != 0) {
    kernel_.fail("close of a descriptor with operations in flight: shut down, reap, then close");
  }
  kernel_.table().close(fd);
  noted("close", fd, 0);
}

// Arming.

inline void simulated_backend::arm(simulated_request request) noexcept {
  request.op->begin();
  kernel_.record(number_, name_of(request.verb).armed, request.fd,
                 static_cast<std::int64_t>(request.into.size() + bytes_in(request.from) +
                                           request.bytes.size()));
  if (request.verb == verb::send && (bytes_in(request.from) == 0 || request.from.size() > 64)) {
    kernel_.fail("a send of 0 bytes or above 64 parts");
  }
  request.counted = kernel_.table().is_open(request.fd);
  count(request, 1);
  requests_.push_back(request);
}

/// Keeps what is in flight on the descriptor, which is open until that is nothing.
inline void simulated_backend::count(const simulated_request& request, int change) {
  if (!request.counted) return;
  auto* on = kernel_.table().operations(request.fd);
  unsigned& counter = request.verb == verb::recv || request.verb == verb::read    ? on->receiving
                      : request.verb == verb::send || request.verb == verb::write ? on->sending
                                                                                  : on->other;
  counter += static_cast<unsigned>(change);
  if (on->receiving > 1 || on->sending > 1) {
    kernel_.fail("two receives or two sends are in flight on one descriptor");
  }
}

inline void simulated_backend::cancel(operation& op) noexcept {
  for (simulated_request& request : requests_) {
    if (request.op != &op) continue;
    kernel_.record(number_, "cancel", request.fd, 0);
    request.cancel_asked = true;
    return;
  }
  if (op.in_flight()) kernel_.fail("cancel of an operation that is in flight on another ring");
}

inline void simulated_backend::submit(time_point next_deadline) noexcept {
  deadline_ = next_deadline;
  for (simulated_request& request : requests_) {
    request.submitted = true;
    if (request.cancel_submitted == request.cancel_asked) continue;
    request.cancel_submitted = true;
    request.due = never;  // how long it takes is drawn anew
  }
}

// Going on.

/// Draws when each that can go on, or is cancelled, will do so.
/// @return the earliest of those moments.
inline time_point simulated_backend::schedule() {
  time_point earliest = never;
  for (simulated_request& request : requests_) {
    if (!request.submitted) continue;
    if (request.due == never && (request.cancel_submitted || work_.can_go_on(request))) {
      const auto delay_max = static_cast<std::uint64_t>(kernel_.faults().delay_max.count());
      const bool late = chance(kernel_.faults().delay);
      request.due = kernel_.now() + duration{late ? kernel_.random().between(1, delay_max) : 0};
    }
    earliest = std::min(earliest, request.due);
  }
  return earliest;
}

/// Lets everything go on that is due, in the order of arming or shuffled.
/// @return how many were completed.
inline std::size_t simulated_backend::collect(operation_queue& done) {
  std::size_t completed = 0;
  while (schedule() <= kernel_.now()) {  // what one does may allow the next
    due_now_.clear();
    for (const simulated_request& request : requests_) {
      if (request.due <= kernel_.now()) due_now_.push_back(request.op);
    }
    if (chance(kernel_.faults().shuffle)) {
      for (std::size_t i = due_now_.size(); i > 1; --i) {
        std::swap(due_now_[i - 1], due_now_[kernel_.random().below(i)]);
      }
    }
    for (operation* op : due_now_) completed += collect_one(op, done) ? 1 : 0;
  }
  return completed;
}

inline bool simulated_backend::collect_one(operation* op, operation_queue& done) {
  const auto found = std::find_if(requests_.begin(), requests_.end(),
                                  [op](const simulated_request& one) { return one.op == op; });
  const std::size_t moved_before = found->moved;
  const std::optional<int> result = work_.go_on(*found);
  if (!result) {
    found->due = never;
    const std::size_t moved = found->moved - moved_before;
    noted("moves", found->fd, static_cast<int>(moved));
    return false;
  }
  noted(name_of(found->verb).done, found->fd, *result);
  count(*found, -1);
  requests_.erase(found);
  op->end(*result);
  done.push_back(*op);
  return true;
}

// The turn.

inline std::size_t simulated_backend::reap(operation_queue& done) noexcept {
  const std::size_t completed = collect(done);
  if (completed == 0) kernel_.idle_call();
  return completed;
}

inline std::size_t simulated_backend::wait(operation_queue& done, time_point until) noexcept {
  submit(until);
  if (chance(kernel_.faults().early_wake)) return 0;
  for (;;) {
    const std::size_t completed = reap(done);
    if (completed != 0 || woken_.exchange(false, std::memory_order_acquire)) return completed;
    const time_point next = std::min(until, schedule());
    if (next == never) {
      kernel_.fail("deadlock: a ring waits, without deadline, for what never happens");
    }
    if (next <= kernel_.now()) return 0;
    kernel_.jump(next);
    kernel_.record(number_, "time passes", -1, 0);
  }
}

inline time_point simulated_backend::next_event() noexcept {
  if (woken_.exchange(false, std::memory_order_acquire)) return kernel_.now();
  return std::min(deadline_, schedule());
}

inline void simulated_backend::print(std::FILE* to) const {
  std::fprintf(to, " ring %u: %zu operations in flight, %zu pool buffers lent\n", number_,
               requests_.size(), pool_.lent());
  for (const simulated_request& request : requests_) {
    std::fprintf(to, "  %s, fd %d%s%s%s\n", name_of(request.verb).plain, request.fd,
                 request.submitted ? "" : ", not submitted",
                 request.cancel_asked ? ", cancelled" : "",
                 work_.can_go_on(request) ? ", can go on" : ", waits");
    if (request.moved > 0) std::fprintf(to, "    %zu bytes are sent\n", request.moved);
  }
}
}  // namespace ringrpc::testing
