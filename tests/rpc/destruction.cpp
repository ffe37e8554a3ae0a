// SPDX-License-Identifier: MIT
//
// Channel, server and call are destroyed after every number of steps of a scripted
// call, in every order, for each kind of call; handlers are stopped and calls cancelled
// the same way. Nothing may be touched that is gone (the sanitizers see to that) and
// nothing may be left.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <ringrpc/rpc/channel.hpp>
#include <ringrpc/rpc/server.hpp>

#include "echo.hpp"
#include "support.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
enum class part { channel, server, call };

/// A client, a server and a call under way, each in a box of its own.
struct stage {
  explicit stage(bed& on) : here(on) {}
  bed& here;
  std::unique_ptr<server> serving;
  std::unique_ptr<channel> to;
  std::variant<std::monostate, unary_call<std::string>, server_stream_call<std::string>,
               client_stream_call<std::string, std::string>,
               bidi_stream_call<std::string, std::string>>
      call;
  int running = 0;

  void destroy(part which) {
    switch (which) {
      case part::channel: to.reset(); break;
      case part::server: serving.reset(); break;
      case part::call: call.emplace<std::monostate>(); break;
    }
  }
};

struct running_handler {
  explicit running_handler(int& count) : count_(count) { ++count_; }
  running_handler(const running_handler&) = delete;
  running_handler& operator=(const running_handler&) = delete;
  ~running_handler() { --count_; }
  int& count_;
};

void set_up(stage& on) {
  on.serving = std::make_unique<server>(on.here.home());
  server& to = *on.serving;
  int& running = on.running;
  to.handle<unary>([&running](server_context&, const std::string& in) -> task<result<std::string>> {
    const running_handler counted{running};
    co_await settle(3);
    co_return in;
  });
  to.handle<download>([&running](server_context&, const std::string& in,
                                 writer<std::string>& out) -> task<status> {
    const running_handler counted{running};
    for (int i = 0; i < 3; ++i) {
      const bool queued = co_await out.write(in);
      if (!queued) co_return cancelled("stopped");
      co_await settle(1);
    }
    co_return status{};
  });
  to.handle<upload>([&running](server_context&,
                               reader<std::string>& in) -> task<result<std::string>> {
    const running_handler counted{running};
    std::string joined;
    while (std::string* message = co_await in.read()) joined += *message;
    co_return joined;
  });
  to.handle<chat>([&running](server_context&, reader<std::string>& in,
                             writer<std::string>& out) -> task<status> {
    const running_handler counted{running};
    while (std::string* message = co_await in.read()) {
      const bool queued = co_await out.write(*message);
      if (!queued) co_return cancelled("stopped");
    }
    co_return status{};
  });
  on.here.listen(to);
  on.to = std::make_unique<channel>(on.here.connect());
}

/// Makes the call and does what a client does, as far as that needs no waiting: the
/// test destroys at a moment of its own.
void begin(stage& on, method_kind kind) {
  const std::string request = pattern(100'000);  // more than fits into one turn's output
  switch (kind) {
    case method_kind::unary: on.call.emplace<1>(on.to->call<unary>(request)); break;
    case method_kind::server_streaming: on.call.emplace<2>(on.to->call<download>(request)); break;
    case method_kind::client_streaming: on.call.emplace<3>(on.to->call<upload>()); break;
    case method_kind::bidi_streaming: on.call.emplace<4>(on.to->call<chat>()); break;
  }
}

/// The client's part that awaits. It holds the call itself.
task<> use(stage& on, method_kind kind, bool& finished) {
  const std::string request = pattern(60'000);
  switch (kind) {
    case method_kind::unary: {
      auto call = on.to->call<unary>(request);
      const result<std::string> reply = co_await call;
      if (reply) CHECK(*reply == request);
      break;
    }
    case method_kind::server_streaming: {
      auto call = on.to->call<download>(request);
      while (const std::string* message = co_await call.read()) CHECK(*message == request);
      const status end = co_await call.finish();
      static_cast<void>(end);
      break;
    }
    case method_kind::client_streaming: {
      auto call = on.to->call<upload>();
      bool queued = true;
      for (int i = 0; i < 3 && queued; ++i) queued = co_await call.write(request);
      const result<std::string> reply = co_await call.finish();
      if (reply) CHECK(reply->size() == 3 * request.size());
      break;
    }
    case method_kind::bidi_streaming: {
      auto call = on.to->call<chat>();
      bool queued = true;
      for (int i = 0; i < 3 && queued; ++i) {
        queued = co_await call.write(request);
        if (!queued) break;
        const std::string* message = co_await call.read();
        if (message == nullptr) break;
        CHECK(*message == request);
      }
      const status end = co_await call.finish();
      static_cast<void>(end);
      break;
    }
  }
  finished = true;
}

/// How many steps a script may take before it is over in any case.
constexpr int steps_max = 400;

const wire beds[] = {simulated_sockets, in_memory};
}  // namespace

TEST_CASE("channel, server and call are destroyed in any order, at any step") {
  for (const wire& on : beds) {
    for (const method_kind kind : kinds) {
      std::array<part, 3> order{part::channel, part::server, part::call};
      do {
        for (int step = 0; step < 40; ++step) {
          CAPTURE(on.name);
          CAPTURE(static_cast<int>(kind));
          CAPTURE(step);
          bed here{on};
          stage all{here};
          set_up(all);
          here.run([](stage& stands, method_kind of, int steps,
                      std::array<part, 3> sequence) -> task<> {
            begin(stands, of);
            co_await settle(steps);
            for (const part which : sequence) {
              stands.destroy(which);
              co_await settle(steps % 3);  // sometimes at once
            }
          }(all, kind, step, order));
          CHECK(all.running == 0);
        }
      } while (std::next_permutation(order.begin(), order.end()));
    }
  }
}

TEST_CASE("channel, server and call are destroyed in any order after the run that used them") {
  for (const wire& on : beds) {
    for (const method_kind kind : kinds) {
      std::array<part, 3> order{part::channel, part::server, part::call};
      do {
        for (const int step : {0, 1, 2, 3, 4, 6, 9, 15, 30}) {
          CAPTURE(on.name);
          CAPTURE(static_cast<int>(kind));
          CAPTURE(step);
          bed here{on};
          stage all{here};
          set_up(all);
          here.run([](stage& stands, method_kind of, int steps) -> task<> {
            begin(stands, of);
            co_await settle(steps);
          }(all, kind, step));
          CHECK(all.running == 0);  // the end of the run has waited
          for (const part which : order) all.destroy(which);
        }
      } while (std::next_permutation(order.begin(), order.end()));
    }
  }
}

TEST_CASE("ring, server, channel and call are destroyed in all orders after the run") {
  for (const method_kind kind : kinds) {
    std::array<int, 4> order{0, 1, 2, 3};
    do {
      for (const int step : {-2, -1, 0, 1, 2, 3, 5, 8, 30}) {
        CAPTURE(static_cast<int>(kind));
        CAPTURE(step);
        // Calls that were made on a ring that never runs must go before it.
        if (step == -2 && order.back() != 0) continue;
        simulated_kernel kernel;
        auto home = std::make_unique<ring>(on_simulated(kernel));
        auto serving = std::make_unique<server>(*home);
        echo_service service;
        serving->add(service);
        auto hub = std::make_shared<pair_hub>();
        hub->server_home = home.get();
        serving->listen(pair_listener{hub});
        auto to = std::make_unique<channel>(*home, pair_factory{hub});
        hub.reset();
        const std::string request = pattern(100'000);
        std::optional<unary_call<std::string>> one;
        std::optional<bidi_stream_call<std::string, std::string>> other;
        const auto make = [&] {
          if (kind == method_kind::unary) {
            one.emplace(to->call<unary>(request));
          } else {
            other.emplace(to->call<chat>());
          }
        };
        if (step == -2) make();  // the ring never runs
        if (step >= 0) {         // -1: nor is there a call
          home->run([](const auto& begin_call, int steps) -> task<> {
            begin_call();
            co_await settle(steps);
          }(make, step));
        }
        for (const int which : order) {
          switch (which) {
            case 0: home.reset(); break;
            case 1: serving.reset(); break;
            case 2: to.reset(); break;
            case 3: one.reset(), other.reset(); break;
          }
        }
        CHECK(kernel.open_descriptors() == 0);
      }
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

TEST_CASE("the coroutine that uses a call is stopped at any step") {
  for (const wire& on : beds) {
    for (const method_kind kind : kinds) {
      bool finished = false;
      int step = 0;
      for (; !finished && step < steps_max; ++step) {
        CAPTURE(on.name);
        CAPTURE(static_cast<int>(kind));
        CAPTURE(step);
        bed here{on};
        stage all{here};
        set_up(all);
        here.run([](stage& stands, method_kind of, int steps, bool& done) -> task<> {
          const environment& environment_here = co_await this_environment();
          task_scope scope{environment_here};
          bool in_order = false;
          scope.spawn(use(stands, of, in_order));
          co_await settle(steps);
          done = in_order;
          scope.request_stop();
          co_await scope.join();
          CHECK(in_order);  // it ends in any case, and does not hang
          // The connection is as good as before.
          const std::string request = "after";
          const result<std::string> reply = co_await stands.to->call<unary>(request);
          CHECK(reply.value_or("failed") == request);
          co_await stands.to->close();
          co_await stands.serving->close();
        }(all, kind, step, finished));
        CHECK(all.running == 0);
      }
      CHECK(step > 3);
      CHECK(step < steps_max);
    }
  }
}

TEST_CASE("channel or server ends at any step under a coroutine that uses a call") {
  for (const wire& on : beds) {
    for (const method_kind kind : kinds) {
      for (int way = 0; way < 4; ++way) {
        bool finished = false;
        int step = 0;
        for (; !finished && step < steps_max; ++step) {
          CAPTURE(on.name);
          CAPTURE(static_cast<int>(kind));
          CAPTURE(way);
          CAPTURE(step);
          bed here{on};
          stage all{here};
          set_up(all);
          here.run([](stage& stands, method_kind of, int steps, int how, bool& done) -> task<> {
            const environment& environment_here = co_await this_environment();
            task_scope scope{environment_here};
            bool ended = false;
            scope.spawn(use(stands, of, ended));
            co_await settle(steps);
            done = ended;
            switch (how) {
              case 0: stands.to.reset(); break;
              case 1: stands.serving.reset(); break;
              case 2: co_await stands.to->close(); break;
              case 3: co_await stands.serving->close(); break;
            }
            co_await scope.join();
            CHECK(ended);
          }(all, kind, step, way, finished));
          CHECK(all.running == 0);
        }
        CHECK(step > 3);
        CHECK(step < steps_max);
      }
    }
  }
}

TEST_CASE("the run ends at any step of a call, on either side") {
  for (const wire& on : beds) {
    for (const method_kind kind : kinds) {
      for (int step = 0; step < 60; ++step) {
        CAPTURE(on.name);
        CAPTURE(static_cast<int>(kind));
        CAPTURE(step);
        bed here{on};
        stage all{here};
        set_up(all);
        bool ended = false;
        here.run([](stage& stands, method_kind of, int steps, bool& done) -> task<> {
          // In the ring's own scope, which is stopped with the run.
          stands.here.home().spawn(use(stands, of, done));
          co_await settle(steps);
        }(all, kind, step, ended));
        CHECK(ended);
        CHECK(all.running == 0);
      }
    }
  }
}

TEST_CASE("a peer vanishes after any number of bytes") {
  for (const bool client_dies : {false, true}) {
    for (const method_kind kind : kinds) {
      bool finished = false;
      std::uint64_t bytes = 0;
      for (; !finished; bytes += bytes < 400 ? 1 : 7919) {
        CAPTURE(client_dies);
        CAPTURE(static_cast<int>(kind));
        CAPTURE(bytes);
        bed here;
        stage all{here};
        set_up(all);
        bool ended = false;
        here.run([](stage& stands, method_kind of, std::uint64_t after, bool client,
                    bool& done) -> task<> {
          const environment& environment_here = co_await this_environment();
          task_scope scope{environment_here};
          scope.spawn(use(stands, of, done));
          const int end = stands.here.hub().client_ends.at(0);
          stands.here.kernel().kill_peer(client ? end + 1 : end, after);
          co_await scope.join();
          co_await stands.to->close();
          co_await stands.serving->close();
        }(all, kind, bytes, client_dies, ended));
        CHECK(ended);
        CHECK(all.running == 0);
        finished = bytes > 300'000;
      }
    }
  }
}
}  // namespace ringrpc::testing
