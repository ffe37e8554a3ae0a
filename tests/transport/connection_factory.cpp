// SPDX-License-Identifier: MIT
#include <ringrpc/transport/connection_factory.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <concepts>
#include <string>
#include <type_traits>

#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/ring/ring.hpp>

#include "beds.hpp"

using namespace ringrpc;

namespace {
/// A stream that remembers who made it.
struct marked_stream {
  unsigned mark;
  task<io_result<std::size_t>> read_some(std::span<std::byte>) { co_return 0U; }
  task<io_result<std::size_t>> write_some(std::span<const ::iovec>) { co_return 1U; }
  task<io_result<void>> shutdown_write() { co_return io_result<void>{}; }
  void abort() noexcept {}
  task<> close() { co_return; }
};
struct with_member {
  task<io_result<marked_stream>> connect(const connect_context& context) {
    co_return marked_stream{context.attempt};
  }
};
struct with_both : with_member {
  task<io_result<marked_stream>> operator()(const connect_context&) {
    co_return marked_stream{999};
  }
};
struct gives_no_stream {
  task<io_result<int>> connect(const connect_context&) { co_return 0; }
};
struct gives_no_result {
  task<marked_stream> connect(const connect_context&) { co_return marked_stream{0}; }
};
struct gives_no_task {
  io_result<marked_stream> connect(const connect_context&) { return marked_stream{0}; }
};

template <class F>
task<unsigned> mark_of(F& factory, connect_context context) {
  io_result<marked_stream> made = co_await connect(factory, context);
  co_return made ? made->mark : 0U;
}
}  // namespace

TEST_CASE("connection_factory: a class with connect and a lambda coroutine both are one") {
  auto lambda = [](const connect_context& context) -> task<io_result<marked_stream>> {
    co_return marked_stream{context.attempt * 100};
  };
  CHECK(connection_factory<with_member>);
  CHECK(connection_factory<decltype(lambda)>);
  CHECK(std::same_as<stream_of<with_member>, marked_stream>);
  CHECK(std::same_as<stream_of<decltype(lambda)>, marked_stream>);

  real_bed bed;
  with_member member;
  CHECK(bed.loop.run(mark_of(member, {.attempt = 3, .home = &bed.loop})) == 3);
  CHECK(bed.loop.run(mark_of(lambda, {.attempt = 3, .home = &bed.loop})) == 300);
}

TEST_CASE("connection_factory: connect goes before the call operator") {
  real_bed bed;
  with_both both;
  CHECK(bed.loop.run(mark_of(both, {.attempt = 7, .home = &bed.loop})) == 7);
}

TEST_CASE("connection_factory: what gives no task of a result of a stream is none") {
  CHECK_FALSE(connection_factory<gives_no_stream>);
  CHECK_FALSE(connection_factory<gives_no_result>);
  CHECK_FALSE(connection_factory<gives_no_task>);
  CHECK_FALSE(connection_factory<int>);
}

TEST_CASE("connection_factory: the context may be written in braces in an awaited expression") {
  CHECK(frame_safe<connect_context>);
  const connect_context context{.target = "unix:x"};
  CHECK(context.target == "unix:x");
  CHECK(context.authority.empty());
  CHECK(context.attempt == 1);
  CHECK(context.deadline == never);
  CHECK_FALSE(context.stop.stop_possible());
  CHECK(context.home == nullptr);
}
