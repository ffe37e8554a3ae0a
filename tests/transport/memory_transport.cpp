// SPDX-License-Identifier: MIT
#include <ringrpc/transport/memory_transport.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>

#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/coro/when_all.hpp>
#include <ringrpc/ring/ring.hpp>

#include "../support/seeds.hpp"
#include "beds.hpp"
#include "private_directory.hpp"
#include "stream_cases.hpp"

using namespace ringrpc;

namespace {
task<io_result<memory_stream>> connected(memory_transport& wire, ring& home) {
  const connect_context context{.target = "memory", .home = &home};
  memory_factory factory = wire.factory();
  co_return co_await connect(factory, context);
}
task<std::error_code> connect_error(memory_transport& wire, ring& home) {
  const io_result<memory_stream> made = co_await connected(wire, home);
  std::error_code error;
  if (!made) error = made.error();
  co_return error;
}
task<> accept_into(memory_listener& from, std::optional<io_result<memory_stream>>& outcome) {
  outcome.emplace(co_await from.accept());
}

task<> connects_in_order(ring& home, memory_transport& wire) {
  memory_listener listening = wire.listener();
  io_result<memory_stream> first = co_await connected(wire, home);
  io_result<memory_stream> second = co_await connected(wire, home);
  REQUIRE(first);
  REQUIRE(second);
  for (memory_stream* client : {&*first, &*second}) {
    io_result<memory_stream> accepted = co_await listening.accept();
    REQUIRE(accepted);
    io_result<memory_stream> served = co_await listening.establish(std::move(*accepted));
    REQUIRE(served);
    const auto there = co_await when_all(stream_cases::write_and_end(*client, "question"),
                                         stream_cases::read_to_end(*served));
    CHECK(std::get<1>(there) == "question");
    const auto back = co_await when_all(stream_cases::write_and_end(*served, "answer"),
                                        stream_cases::read_to_end(*client));
    CHECK(std::get<1>(back) == "answer");
  }
}

task<> accept_waits_for_a_client(ring& home, memory_transport& wire) {
  const environment& here = co_await this_environment();
  memory_listener listening = wire.listener();
  task_scope scope{here};
  std::optional<io_result<memory_stream>> outcome;
  scope.spawn(accept_into(listening, outcome));
  co_await let_others_run();
  CHECK_FALSE(outcome.has_value());
  io_result<memory_stream> client = co_await connected(wire, home);
  co_await scope.join();
  REQUIRE(outcome.has_value());
  CHECK(outcome->has_value());
}

task<> stop_ends_accept(ring& home, memory_transport& wire) {
  const environment& here = co_await this_environment();
  memory_listener listening = wire.listener();
  io_result<memory_stream> waiting = co_await connected(wire, home);
  REQUIRE(waiting);
  io_result<memory_stream> served = co_await listening.accept();
  REQUIRE(served);
  task_scope scope{here};
  std::optional<io_result<memory_stream>> outcome;
  scope.spawn(accept_into(listening, outcome));
  co_await let_others_run();
  listening.stop();
  listening.stop();
  co_await scope.join();
  REQUIRE(outcome.has_value());
  REQUIRE_FALSE(outcome->has_value());
  CHECK(outcome->error() == std::errc::operation_canceled);
  const io_result<memory_stream> again = co_await listening.accept();
  REQUIRE_FALSE(again);
  CHECK(again.error() == std::errc::operation_canceled);
  const std::error_code refused = co_await connect_error(wire, home);
  CHECK(refused == std::errc::connection_refused);
  // The connection that was there goes on.
  const auto there = co_await when_all(stream_cases::write_and_end(*waiting, "still"),
                                       stream_cases::read_to_end(*served));
  CHECK(std::get<1>(there) == "still");
}

task<> waiting_clients_are_told(ring& home, memory_transport& wire) {
  std::optional<memory_listener> listening{wire.listener()};
  io_result<memory_stream> client = co_await connected(wire, home);
  REQUIRE(client);
  listening.reset();
  const std::string got = co_await stream_cases::read_once(*client);
  CHECK(got == "END");
}

task<> a_token_ends_accept(memory_transport& wire) {
  const environment& here = co_await this_environment();
  memory_listener listening = wire.listener();
  task_scope scope{here};
  std::optional<io_result<memory_stream>> outcome;
  scope.spawn(accept_into(listening, outcome));
  co_await let_others_run();
  scope.request_stop();
  co_await scope.join();
  REQUIRE(outcome.has_value());
  REQUIRE_FALSE(outcome->has_value());
  CHECK(outcome->error() == std::errc::operation_canceled);
}

void on_all_beds(task<> (*body)(ring& home, memory_transport& wire)) {
  {
    real_bed bed;
    memory_transport wire{bed.loop};
    bed.loop.run(body(bed.loop, wire));
  }
  testing::for_each_seed(1, 3, [body](std::uint64_t seed) {
    simulated_bed bed{seed};
    memory_transport wire{bed.loop, 5};
    bed.loop.run(body(bed.loop, wire));
  });
}
}  // namespace

TEST_CASE("memory_transport: clients are accepted in the order in which they connected") {
  on_all_beds(&connects_in_order);
}

TEST_CASE("memory_transport: accept waits until a client connects") {
  on_all_beds(&accept_waits_for_a_client);
}

TEST_CASE("memory_transport: stop ends accept for good and refuses clients, and no connection") {
  on_all_beds(&stop_ends_accept);
}

TEST_CASE("memory_transport: clients that wait read the end when their listener dies") {
  on_all_beds(&waiting_clients_are_told);
}

TEST_CASE("memory_transport: a stop of its coroutine ends accept") {
  real_bed bed;
  memory_transport wire{bed.loop};
  bed.loop.run(a_token_ends_accept(wire));
}

TEST_CASE("memory_transport: who connects before anybody listens is refused") {
  real_bed bed;
  memory_transport wire{bed.loop};
  CHECK(bed.loop.run(connect_error(wire, bed.loop)) == std::errc::connection_refused);
}

TEST_CASE("memory_transport: one listener at a time, and another one after it has ended") {
  real_bed bed;
  memory_transport wire{bed.loop};
  std::optional<memory_listener> first{wire.listener()};
  CHECK(text_thrown_by([&] { static_cast<void>(wire.listener()); }) ==
        "this memory_transport has a listener; stop that one first");
  first->stop();
  memory_listener second = wire.listener();
  CHECK_FALSE(bed.loop.run(connect_error(wire, bed.loop)));
}

TEST_CASE("memory_transport: listener and factory go on after it has died") {
  real_bed bed;
  std::optional<memory_transport> wire{std::in_place, bed.loop};
  memory_listener listening = wire->listener();
  memory_factory factory = wire->factory();
  wire.reset();
  const connect_context context{.home = &bed.loop};
  CHECK(bed.loop.run(connect(factory, context)));
  CHECK(bed.loop.run(listening.accept()));
  CHECK(listening.text() == "memory");
}
