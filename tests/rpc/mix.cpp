// SPDX-License-Identifier: MIT
//
// Calls of all kinds at once, by seed: sizes up to 200 KiB, cancels, deadlines, dropped
// handles, peers that vanish at any byte, servers that drain and connections that retire
// while calls run. Every call ends with OK and the right bytes, or with a status that its
// fate allows; every handler runs at most once; nothing is left.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ringrpc/rpc/channel.hpp>
#include <ringrpc/rpc/server.hpp>

#include "../support/random.hpp"
#include "../support/seeds.hpp"
#include "support.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
/// What happened in all seeds: a mix that never does a thing tests nothing of it.
struct coverage {
  std::map<method_kind, int> good;
  std::map<status_code, int> ends;
  int dropped = 0;
  int killed = 0;
  int restarted = 0;
  int drained = 0;
  std::uint64_t bytes = 0;
};

/// What one call is to do; client and server derive the same from seed and id.
class plan {
public:
  plan(std::uint64_t seed, std::uint64_t id, std::size_t bytes_max)
      : salt_(seeded_random::mix(seed) ^ (id << 20)), bytes_max_(bytes_max) {
    seeded_random random{salt_};
    kind = static_cast<method_kind>(random.below(4));
    const bool streams_in =
        kind == method_kind::client_streaming || kind == method_kind::bidi_streaming;
    requests = streams_in ? random.below(6) : 1;
    replies = kind == method_kind::server_streaming ? random.below(6)
              : kind == method_kind::bidi_streaming ? requests
                                                    : 1;
    if (random.chance(0.3)) pause = duration{random.below(2'000'000)};
    if (random.chance(0.1)) failure = status_code::failed_precondition;
  }
  [[nodiscard]] std::string request(std::size_t index) const { return message(index); }
  [[nodiscard]] std::string reply(std::size_t index) const { return message(1000 + index); }

  method_kind kind{};
  std::size_t requests = 0;
  std::size_t replies = 0;
  duration pause{};  ///< of the handler, in the middle
  std::optional<status_code> failure;

private:
  [[nodiscard]] std::string message(std::size_t index) const {
    const std::uint64_t salt = salt_ + index;
    seeded_random random{salt};
    constexpr std::size_t mosts[] = {0, 64, 5000, 70'000, 200 * 1024};
    const std::size_t most = std::min(mosts[random.below(5)], bytes_max_);
    return pattern(random.below(most + 1), salt);
  }

  std::uint64_t salt_;
  std::size_t bytes_max_;
};

class mix {
public:
  mix(std::uint64_t seed, coverage& seen)
      : seed_(seed),
        seen_(seen),
        random_(seed),
        hostile_(random_.chance(0.3)),
        options_(random_.chance(0.2) ? calm(seed)
                 : hostile_          ? hostile_options(seed)
                                     : rough_options(seed)),
        kernel_(options_),
        in_memory_(!hostile_ && random_.chance(0.2)),
        two_rings_(!in_memory_ && random_.chance(0.5)) {
    hostile_ = options_.faults.lost > 0;
    // A byte at a time through a tiny buffer takes its time.
    bytes_max_ = std::min<std::size_t>(200 * 1024, options_.socket_buffer_bytes * 16);
    may_lose_ = hostile_;
  }

  void run() {
    log_texts.clear();
    {
      ring_options for_server = on_simulated(kernel_);
      for_server.log = &keep_log;
      for_server.always_arm = random_.chance(0.3);
      ring server_ring{std::move(for_server)};
      std::optional<ring> other;
      if (two_rings_) {
        ring_options for_client = on_simulated(kernel_);
        for_client.log = &keep_log;
        for_client.always_arm = random_.chance(0.3);
        other.emplace(std::move(for_client));
      }
      server_ring_ = &server_ring;
      client_ring_ = two_rings_ ? &*other : &server_ring;
      hub_ = std::make_shared<pair_hub>();
      hub_->server_home = server_ring_;
      memory_.emplace(server_ring, std::size_t{1} << random_.between(4, 17));
      if (two_rings_) {
        server_ring.spawn(serve());
        client_ring_->spawn(clients());
        ring* const rings[] = {server_ring_, client_ring_};
        turn_rings(kernel_, rings, [this, &rings] {
          // Also what was dropped and not awaited.
          return ended_ == 2 && rings[0]->memory().used_bytes() == 0 &&
                 rings[1]->memory().used_bytes() == 0 && kernel_.open_descriptors() == 0;
        });
      } else {
        server_ring.spawn(serve());
        server_ring.run(clients());
      }
      CHECK(running_ == 0);
      for (const auto& [id, count] : started_) CHECK(count == 1);
      memory_.reset();
      hub_.reset();
      check_empty(server_ring);
      if (other) check_empty(*other);
    }
    CHECK(kernel_.open_descriptors() == 0);
  }
  std::uint64_t trace() const { return kernel_.trace_hash(); }

private:
  static simulated_options calm(std::uint64_t seed) {
    simulated_options options;
    options.seed = seed;
    return options;
  }
  static void check_empty(ring& here) {
    static_cast<void>(here.turn());
    CHECK(here.kernel().in_flight() == 0);
    CHECK(here.memory().used_bytes() == 0);
    CHECK(static_cast<simulated_backend&>(here.kernel()).deadline() == never);
    CHECK(static_cast<simulated_backend&>(here.kernel()).buffers_lent() == 0);
  }

  // ---- the server

  /// Counts a handler, and finds its plan by the metadata.
  class handling {
  public:
    handling(mix& of, server_context& context) : of_(of), context_(context) {
      const std::string text{context.metadata().get("x-id").value_or("0")};
      id_ = std::stoull(text);
      ++of_.started_[id_];
      ++of_.running_;
      CHECK(context.metadata().get("x-id-bin") == text);
    }
    handling(const handling&) = delete;
    handling& operator=(const handling&) = delete;
    ~handling() { --of_.running_; }
    [[nodiscard]] plan todo() const { return {of_.seed_, id_, of_.bytes_max_}; }
    [[nodiscard]] bool stopped() const { return context_.stop_token().stop_requested(); }
    [[nodiscard]] std::uint64_t id() const { return id_; }

  private:
    mix& of_;
    server_context& context_;
    std::uint64_t id_ = 0;
  };
  static status end_of(const plan& todo) {
    return todo.failure ? status{*todo.failure, "planned"} : status{};
  }
  static result<std::string> result_of(const plan& todo) {
    if (todo.failure) return end_of(todo);
    return todo.reply(0);
  }

  void set_up(server& to) {
    to.handle<unary>([this](server_context& context,
                            const std::string& in) -> task<result<std::string>> {
      const handling here{*this, context};
      const plan todo = here.todo();
      CHECK(in == todo.request(0));
      if (todo.pause > duration::zero()) {
        const bool slept = co_await sleep_for(todo.pause);
        if (!slept) co_return cancelled("stopped");
      }
      co_return result_of(todo);
    });
    to.handle<download>([this](server_context& context, const std::string& in,
                               writer<std::string>& out) -> task<status> {
      const handling here{*this, context};
      const plan todo = here.todo();
      CHECK(in == todo.request(0));
      for (std::size_t i = 0; i < todo.replies; ++i) {
        const std::string message = todo.reply(i);
        const bool queued = co_await out.write(message);
        if (!queued) co_return cancelled("stopped");
        if (i != 1 || todo.pause == duration::zero()) continue;
        const bool slept = co_await sleep_for(todo.pause);
        if (!slept) co_return cancelled("stopped");
      }
      co_return end_of(todo);
    });
    to.handle<upload>([this](server_context& context,
                             reader<std::string>& in) -> task<result<std::string>> {
      const handling here{*this, context};
      const plan todo = here.todo();
      if (todo.failure && todo.requests > 3) co_return end_of(todo);  // unread
      std::size_t count = 0;
      while (const std::string* message = co_await in.read()) {
        CHECK(*message == todo.request(count++));
        if (count != 2 || todo.pause == duration::zero()) continue;
        const bool slept = co_await sleep_for(todo.pause);
        if (!slept) co_return cancelled("stopped");
      }
      if (!here.stopped()) CHECK(count == todo.requests);
      co_return result_of(todo);
    });
    to.handle<chat>([this](server_context& context, reader<std::string>& in,
                           writer<std::string>& out) -> task<status> {
      const handling here{*this, context};
      const plan todo = here.todo();
      std::size_t count = 0;
      while (const std::string* message = co_await in.read()) {
        CHECK(*message == todo.request(count));
        const std::string answer = todo.reply(count++);
        const bool queued = co_await out.write(answer);
        if (!queued) co_return cancelled("stopped");
      }
      if (!here.stopped()) CHECK(count == todo.requests);
      co_return end_of(todo);
    });
  }

  std::unique_ptr<server> new_server() {
    server_options options;
    if (random_.chance(0.3)) {
      options.connection.concurrent_streams = static_cast<std::uint32_t>(random_.between(1, 4));
    }
    if (random_.chance(0.3)) {
      options.connection.stream_queue_bytes = static_cast<std::uint32_t>(random_.between(1, 9000));
      options.connection.connection_queue_bytes =
          static_cast<std::uint32_t>(random_.between(1, 50'000));
    }
    // Not sooner than a channel's first pause: it would think that the server is at fault.
    if (random_.chance(0.3)) {
      options.connection_age = duration{random_.between(1'200'000, 4'000'000)};
    }
    if (random_.chance(0.3)) {
      options.connection_idle = duration{random_.between(1'200'000, 3'000'000)};
    }
    auto made = std::make_unique<server>(*server_ring_, options);
    set_up(*made);
    if (in_memory_) {
      made->listen(memory_->listener());
    } else {
      made->listen(pair_listener{hub_});
    }
    return made;
  }

  /// Serves until the clients are done, by one server after the other.
  task<> serve() {
    std::unique_ptr<server> serving = new_server();
    up_.set();
    while (!clients_done_.is_set()) {
      const bool slept = co_await sleep_for(duration{random_.below(3'000'000)});
      if (!slept || clients_done_.is_set()) break;
      if (!random_.chance(0.15)) continue;
      may_lose_ = true;
      ++seen_.restarted;
      if (random_.chance(0.5)) {
        // The next one listens at once; the old one goes when it is done.
        serving->stop();
        std::unique_ptr<server> next = new_server();
        if (random_.chance(0.5)) co_await serving->close();
        serving = std::move(next);
      } else {
        co_await serving->close();
        serving = new_server();
      }
    }
    const bool done = co_await clients_done_.wait_ignoring_stop();
    CHECK(done);
    co_await serving->close();
    ++ended_;
  }

  // ---- the clients

  task<> clients() {
    const bool up = co_await up_.wait();
    CHECK(up);
    const environment& here = co_await this_environment();
    {
      std::vector<channel> channels;
      for (std::uint64_t i = random_.between(1, 3); i > 0; --i) {
        channel_options options;
        options.backoff.initial = 1ms;
        options.backoff.longest = 20ms;
        if (random_.chance(0.3)) {
          options.connection.stream_queue_bytes = static_cast<std::uint32_t>(random_.between(1,
              9000));
        }
        if (random_.chance(0.3)) options.idle_timeout = duration{random_.below(2'000'000)};
        if (in_memory_) {
          channels.push_back(channel{*client_ring_, memory_->factory(), options});
        } else {
          channels.push_back(channel{*client_ring_, pair_factory{hub_}, options});
        }
      }
      task_scope callers{here};
      task_scope killer{here};
      if (hostile_ || random_.chance(0.2)) killer.spawn(kill_some());
      for (channel& one : channels) {
        for (std::uint64_t i = random_.between(1, 6); i > 0; --i) callers.spawn(caller(one));
      }
      co_await callers.join();
      killer.request_stop();
      co_await killer.join();
      for (channel& one : channels) {
        if (random_.chance(0.7)) co_await one.close();
      }
    }
    clients_done_.set();
    ++ended_;
    if (two_rings_) co_return;
    while (ended_ != 2) {
      const bool slept = co_await sleep_for(1ms);
      CHECK(slept);
    }
  }
  task<> kill_some() {
    if (in_memory_) co_return;
    for (;;) {
      const bool slept = co_await sleep_for(duration{random_.below(4'000'000)});
      if (!slept) co_return;
      if (hub_->client_ends.empty()) continue;
      const int end = hub_->client_ends[random_.below(hub_->client_ends.size())];
      if (!kernel_.is_open(end)) continue;
      may_lose_ = true;
      ++seen_.killed;
      kernel_.kill_peer(end, random_.below(random_.chance(0.5) ? 100 : 20'000));
    }
  }
  task<> caller(channel& to) {
    for (std::uint64_t i = random_.between(1, 5); i > 0; --i) {
      co_await call(to, ++last_id_);
      if (!random_.chance(0.3)) continue;
      const bool slept = co_await sleep_for(duration{random_.below(1'000'000)});
      CHECK(slept);
    }
  }

  static task<> stop_later(stop_source& what, duration when) {
    const bool slept = co_await sleep_for(when);
    if (slept) what.request_stop();
  }
  task<> call(channel& to, std::uint64_t id) {
    const environment& here = co_await this_environment();
    const plan todo{seed_, id, bytes_max_};
    metadata sent;
    CHECK(sent.add("x-id", std::to_string(id)).ok());
    CHECK(sent.add("x-id-bin", std::to_string(id)).ok());
    stop_source cancel;
    call_options options;
    options.metadata = &sent;
    options.stop = cancel.token();
    options.wait_for_ready = random_.chance(0.5);
    if (random_.chance(0.2)) options.timeout = duration{std::int64_t{1} << random_.between(8, 24)};
    task_scope cancelling{here};
    if (random_.chance(0.15)) {
      cancelling.spawn(stop_later(cancel, duration{std::int64_t{1} << random_.between(4, 22)}));
    }
    const bool drop = random_.chance(0.1);
    std::optional<status> end = co_await make(to, todo, options, drop);
    if (end) {
      check_end(todo, *end, options, cancel.stop_requested());
    } else {
      ++seen_.dropped;
    }
    cancelling.request_stop();
    co_await cancelling.join();
  }
  /// A slot of the server is held until the handler of a cancelled call has ended; a new
  /// call may be refused meanwhile. It is tried once more, unless it has sent messages
  /// (wire rule 48).
  static bool was_refused(const status& end) {
    return end.message().find("REFUSED_STREAM") != std::string_view::npos;
  }
  void check_end(const plan& todo, const status& end, const call_options& options,
                 bool was_cancelled) {
    ++seen_.ends[end.code()];
    CAPTURE(end.to_text());
    CAPTURE(static_cast<int>(todo.kind));
    switch (end.code()) {
      case status_code::ok:
        CHECK_FALSE(todo.failure);
        ++seen_.good[todo.kind];
        break;
      case status_code::failed_precondition: CHECK(todo.failure); break;
      case status_code::cancelled: CHECK(was_cancelled); break;
      case status_code::deadline_exceeded: CHECK(options.timeout < duration::max()); break;
      case status_code::unavailable: CHECK((may_lose_ || was_refused(end))); break;
      default: CHECK_MESSAGE(false, "a status that nothing explains"); break;
    }
  }

  /// The status of the call; nothing where its handle was dropped.
  task<std::optional<status>> make(channel& to, const plan& todo, call_options options, bool drop) {
    const int turns_until_drop = static_cast<int>(random_.below(60));
    switch (todo.kind) {
      case method_kind::unary: {
        const std::string request = todo.request(0);
        auto one = to.call<unary>(request, options);
        if (drop) {
          co_await settle(turns_until_drop);
          co_return std::nullopt;
        }
        const result<std::string> reply = co_await one;
        if (reply) check_bytes(*reply, todo.reply(0));
        co_return reply.status();
      }
      case method_kind::server_streaming: {
        const std::string request = todo.request(0);
        auto one = to.call<download>(request, options);
        std::size_t read = 0;
        const std::size_t stop_at = random_.chance(0.15) ? random_.below(4) : SIZE_MAX;
        while (read < stop_at) {
          const std::string* message = co_await one.read();
          if (message == nullptr) break;
          check_bytes(*message, todo.reply(read++));
        }
        if (drop) co_return std::nullopt;
        status end = co_await one.finish();
        if (end.ok() && read < stop_at) CHECK(read == todo.replies);
        co_return end;
      }
      case method_kind::client_streaming: {
        auto one = to.call<upload>(options);
        for (std::size_t i = 0; i < todo.requests; ++i) {
          const std::string message = todo.request(i);
          const bool queued = co_await one.write(message);
          if (!queued) break;
        }
        if (drop) co_return std::nullopt;
        const result<std::string> reply = co_await one.finish();
        if (reply) check_bytes(*reply, todo.reply(0));
        co_return reply.status();
      }
      case method_kind::bidi_streaming: break;
    }
    auto one = to.call<chat>(options);
    const environment& here = co_await this_environment();
    task_scope writing{here};
    writing.spawn(write_all(one, todo));
    std::size_t read = 0;
    while (const std::string* message = co_await one.read()) {
      check_bytes(*message, todo.reply(read++));
      if (drop && read == 2) break;
    }
    if (drop) {
      one.cancel();  // the writer ends by it
      co_await writing.join();
      co_return std::nullopt;
    }
    co_await writing.join();
    status end = co_await one.finish();
    if (end.ok()) CHECK(read == todo.replies);
    co_return end;
  }
  static task<> write_all(bidi_stream_call<std::string, std::string>& one, const plan& todo) {
    for (std::size_t i = 0; i < todo.requests; ++i) {
      const std::string message = todo.request(i);
      const bool queued = co_await one.write(message);
      if (!queued) co_return;
    }
    one.writes_done();
  }
  void check_bytes(const std::string& got, const std::string& wanted) {
    CHECK(got.size() == wanted.size());
    CHECK((got == wanted));
    seen_.bytes += got.size();
  }

  std::uint64_t seed_;
  coverage& seen_;
  seeded_random random_;
  bool hostile_;
  simulated_options options_;
  simulated_kernel kernel_;
  bool in_memory_;
  bool two_rings_;
  bool may_lose_ = false;
  std::size_t bytes_max_ = 0;
  ring* server_ring_ = nullptr;
  ring* client_ring_ = nullptr;
  std::shared_ptr<pair_hub> hub_;
  std::optional<memory_transport> memory_;
  event up_;
  event clients_done_;
  std::map<std::uint64_t, int> started_;
  int running_ = 0;
  int ended_ = 0;
  std::uint64_t last_id_ = 0;
};
}  // namespace

namespace {
/// How many, for who has more time: RINGRPC_SEEDS.
std::uint64_t seeds() {
  const char* text = std::getenv("RINGRPC_SEEDS");
  return text == nullptr ? 1000 : std::strtoull(text, nullptr, 10);
}
}  // namespace

TEST_CASE("a mix of calls, cancels, deaths and drains ends as it may, by 1,000 seeds") {
  coverage seen;
  for_each_seed(1, seeds(), [&seen](std::uint64_t seed) { mix{seed, seen}.run(); });
  if (seed_to_replay()) return;
  for (const auto& [kind, count] : seen.good) CHECK(count > 500);
  CHECK(seen.good.size() == 4);
  CHECK(seen.ends[status_code::failed_precondition] > 300);
  CHECK(seen.ends[status_code::cancelled] > 300);
  CHECK(seen.ends[status_code::deadline_exceeded] > 300);
  CHECK(seen.ends[status_code::unavailable] > 300);
  CHECK(seen.dropped > 300);
  CHECK(seen.killed > 100);
  CHECK(seen.restarted > 300);
  CHECK(seen.bytes > 50'000'000);
}

TEST_CASE("a mix of calls runs the same way each time") {
  coverage seen;
  for_each_seed(1, 20, [&seen](std::uint64_t seed) {
    mix first{seed, seen};
    first.run();
    mix second{seed, seen};
    second.run();
    CHECK(first.trace() == second.trace());
  });
}
}  // namespace ringrpc::testing
