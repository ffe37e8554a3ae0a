// SPDX-License-Identifier: MIT
//
// What the tests of rpc/ share: the wires on which a client and a server meet in one
// process, methods that carry raw bytes, and a bed that sees to it that nothing is
// left of a test.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ringrpc/ringrpc.hpp>

#include "../ring/simulated_rings.hpp"

namespace ringrpc::testing {
using unary = unary_method<"/test.Calls/Unary", std::string, std::string>;
using download = server_streaming_method<"/test.Calls/Download", std::string, std::string>;
using upload = client_streaming_method<"/test.Calls/Upload", std::string, std::string>;
using chat = bidi_streaming_method<"/test.Calls/Chat", std::string, std::string>;

inline constexpr std::array kinds{method_kind::unary, method_kind::server_streaming,
                                  method_kind::client_streaming, method_kind::bidi_streaming};

/// What rings have logged since the bed was made.
inline std::vector<std::string> log_texts;
inline void keep_log(log_level level, std::string_view text) noexcept {
  if (level >= log_level::warning) log_texts.emplace_back(text);
}
/// Whether a text with `part` in it was logged.
inline bool was_logged(std::string_view part) {
  for (const std::string& text : log_texts) {
    if (text.find(part) != std::string::npos) return true;
  }
  return false;
}

/// How a client and a server are connected.
struct wire {
  const char* name;
  bool simulated;  ///< virtual time, no kernel
  bool in_memory;  ///< a byte stream that is no socket
  bool always_arm;
};
inline constexpr wire simulated_sockets{"simulated sockets", true, false, false};
inline constexpr wire in_memory{"in memory, virtual time", true, true, false};
inline constexpr std::array wires{
    simulated_sockets,
    wire{"simulated sockets, always armed", true, false, true},
    in_memory,
    wire{"io_uring", false, false, false},
    wire{"io_uring, always armed", false, false, true},
};

/// What waits for one pair_listener.
struct pair_queue {
  std::deque<unix_stream> waiting;
  event changed;
  bool stopped = false;
};
/// Where pair_factory and pair_listener meet, and what a test sets and reads.
struct pair_hub {
  ring* server_home = nullptr;
  std::shared_ptr<pair_queue> current;  ///< null: nobody listens

  int error = 0;        ///< connect fails with it
  bool silent = false;  ///< connect waits until it is stopped
  duration delay{};     ///< how long connect takes
  ::uid_t client_uid = ::geteuid();
  std::vector<time_point> attempts;  ///< when connect was called
  std::vector<unsigned> numbers;     ///< the attempt numbers it was told
  std::vector<int> client_ends;      ///< descriptors of all connections, at the client
};

/// The connection factory over socket pairs of a ring's own kernel.
class pair_factory {
public:
  explicit pair_factory(std::shared_ptr<pair_hub> hub) : hub_(std::move(hub)) {}
  task<io_result<unix_stream>> connect(const connect_context& context) const {
    return make(hub_, context);
  }

private:
  static task<io_result<unix_stream>> make(std::shared_ptr<pair_hub> hub,
                                           const connect_context& context) {
    ring& home = *context.home;
    hub->attempts.push_back(home.now());
    hub->numbers.push_back(context.attempt);
    if (hub->silent || hub->delay > duration::zero()) {
      const time_point until = hub->silent ? never : saturating_add(home.now(), hub->delay);
      const bool waited = co_await sleep_until(until);
      if (!waited) co_return io_failure(ECANCELED);
    }
    if (hub->error != 0) co_return io_failure(hub->error);
    const std::shared_ptr<pair_queue> to = hub->current;
    if (!to || to->stopped) co_return io_failure(ECONNREFUSED);
    int ends[2] = {-1, -1};
    const int made = home.kernel().socket_pair(ends);
    if (made < 0) co_return io_failure(-made);
    owned_socket near{home, ends[0]};
    owned_socket far{*hub->server_home, ends[1]};
    hub->client_ends.push_back(ends[0]);
    peer_credentials client = peer_credentials::of_this_process();
    client.uid = hub->client_uid;
    to->waiting.push_back(unix_stream{std::move(far), peer_info{"pair", client}});
    to->changed.set();
    const peer_info server{"pair", peer_credentials::of_this_process()};
    co_return unix_stream{std::move(near), server};
  }

  std::shared_ptr<pair_hub> hub_;
};
static_assert(connection_factory<pair_factory>);

/// The listener for it; a later one takes over.
class pair_listener {
public:
  using accepted_type = unix_stream;
  using stream_type = unix_stream;

  explicit pair_listener(const std::shared_ptr<pair_hub>& hub)
      : queue_(std::make_shared<pair_queue>()) {
    hub->current = queue_;
  }
  pair_listener(pair_listener&&) = default;
  pair_listener& operator=(pair_listener&&) = default;
  ~pair_listener() { stop(); }

  task<io_result<unix_stream>> accept() { return accept(queue_); }
  task<io_result<unix_stream>> establish(unix_stream accepted) {
    return pass_on(std::move(accepted));
  }
  void stop() noexcept {
    if (!queue_) return;
    queue_->stopped = true;
    queue_->waiting.clear();
    queue_->changed.set();
  }
  std::string text() const { return "pair"; }

private:
  static task<io_result<unix_stream>> accept(std::shared_ptr<pair_queue> from) {
    while (from->waiting.empty()) {
      if (from->stopped) co_return io_failure(ECANCELED);
      from->changed.reset();
      const bool changed = co_await from->changed.wait();
      if (!changed) co_return io_failure(ECANCELED);
    }
    unix_stream next = std::move(from->waiting.front());
    from->waiting.pop_front();
    co_return next;
  }
  static task<io_result<unix_stream>> pass_on(unix_stream accepted) {
    co_return std::move(accepted);
  }

  std::shared_ptr<pair_queue> queue_;
};
static_assert(listener<pair_listener>);

/// A ring and a wire. Channels and servers of a test end before it; then nothing may
/// be left: no operation, descriptor, timer or memory.
class bed {
public:
  explicit bed(const wire& on = simulated_sockets, const simulated_options& options = {})
      : wire_(on), kernel_(options), home_(ring_options_of(on)) {
    log_texts.clear();
    hub_->server_home = &home_;
  }
  bed(const bed&) = delete;
  bed& operator=(const bed&) = delete;
  ~bed() {
    hub_->current.reset();
    if (std::uncaught_exceptions() != 0) return;
    static_cast<void>(home_.turn());  // hands the next deadline to the kernel
    CHECK(home_.kernel().in_flight() == 0);
    CHECK(home_.memory().used_bytes() == 0);
    if (!wire_.simulated) return;
    CHECK(kernel_.open_descriptors() == 0);
    CHECK(static_cast<simulated_backend&>(home_.kernel()).deadline() == never);
  }

  ring& home() { return home_; }
  /// Only where the wire is simulated.
  simulated_kernel& kernel() { return kernel_; }
  pair_hub& hub() { return *hub_; }
  const std::shared_ptr<pair_hub>& shared_hub() { return hub_; }
  memory_transport& memory() { return memory_; }

  /// Has `to` reached by this bed's channels.
  void listen(server& to) {
    if (wire_.in_memory) {
      to.listen(memory_.listener());
    } else {
      to.listen(pair_listener{hub_});
    }
  }
  channel connect(channel_options options = {}) {
    if (wire_.in_memory) return channel{home_, memory_.factory(), std::move(options)};
    return channel{home_, pair_factory{hub_}, std::move(options)};
  }
  template <class T>
  T run(task<T> work) {
    return home_.run(std::move(work));
  }

private:
  ring_options ring_options_of(const wire& on) {
    ring_options options;
    options.log = &keep_log;
    options.always_arm = on.always_arm;
    if (on.simulated) options.kernel = std::make_unique<simulated_backend>(kernel_);
    return options;
  }

  wire wire_;
  simulated_kernel kernel_;
  ring home_;
  std::shared_ptr<pair_hub> hub_ = std::make_shared<pair_hub>();
  memory_transport memory_{home_};
};

/// Calls `test(bed&)` on every wire; a failure names it.
template <class Test>
void on_each_wire(Test test) {
  for (const wire& one : wires) {
    CAPTURE(one.name);
    bed here{one};
    test(here);
  }
}

/// Lets everything else go on until nothing happens any more, as far as that can be
/// told: many turns.
inline task<> settle(int turns = 50) {
  for (int turn = 0; turn < turns; ++turn) {
    const bool slept = co_await sleep_for(duration::zero());
    static_cast<void>(slept);
  }
}

/// `bytes` bytes that differ by place and by `salt`.
inline std::string pattern(std::size_t bytes, std::uint64_t salt = 0) {
  std::string made(bytes, '\0');
  std::uint64_t word = seeded_random::mix(salt);
  for (std::size_t at = 0; at < bytes; at += sizeof word) {
    std::memcpy(made.data() + at, &word, std::min(sizeof word, bytes - at));
    word = word * 0x9e37'79b9'7f4a'7c15 + at;
  }
  return made;
}
}  // namespace ringrpc::testing
