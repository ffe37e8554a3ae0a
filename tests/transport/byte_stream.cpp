// SPDX-License-Identifier: MIT
#include <ringrpc/transport/byte_stream.hpp>

#include <doctest/doctest.h>

#include <coroutine>
#include <cstddef>
#include <span>
#include <string>

#include <ringrpc/coro/task.hpp>

using namespace ringrpc;

namespace {
/// An awaiter that has its answer.
template <class T>
class answer {
public:
  answer() noexcept {}
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  T await_resume() const { return T(); }
};
/// Something with a member operator co_await.
template <class T>
class indirect_answer {
public:
  indirect_answer() noexcept {}
  answer<T> operator co_await() const noexcept { return {}; }
};

/// A user's stream: tasks and awaiters of all kinds, no optional member.
struct plain_stream {
  task<io_result<std::size_t>> read_some(std::span<std::byte>) { co_return 0U; }
  answer<io_result<std::size_t>> write_some(std::span<const ::iovec>) { return {}; }
  indirect_answer<io_result<void>> shutdown_write() { return {}; }
  void abort() noexcept {}
  task<> close() { co_return; }
};
struct with_options : plain_stream {
  peer_info peer() const { return peer_info{"custom:7", {.uid = 3, .gid = 4, .pid = 5}}; }
  int native_socket() const { return 7; }
};
struct throwing_abort : plain_stream {
  void abort() {}
};
struct wrong_count : plain_stream {
  task<io_result<int>> read_some(std::span<std::byte>) { co_return 0; }
};
struct returns_plainly : plain_stream {
  io_result<std::size_t> read_some(std::span<std::byte>) { return 0U; }
};
struct without_half_close {
  task<io_result<std::size_t>> read_some(std::span<std::byte>) { co_return 0U; }
  task<io_result<std::size_t>> write_some(std::span<const ::iovec>) { co_return 0U; }
  void abort() noexcept {}
  task<> close() { co_return; }
};
struct immovable : plain_stream {
  immovable() = default;
  immovable(const immovable&) = delete;
  immovable& operator=(const immovable&) = delete;
};
}  // namespace

TEST_CASE("byte_stream: tasks, awaiters and what has an operator co_await are answers") {
  CHECK(byte_stream<plain_stream>);
  CHECK(byte_stream<with_options>);
}

TEST_CASE("byte_stream: a type that lacks a promise is none") {
  CHECK_FALSE(byte_stream<throwing_abort>);
  CHECK_FALSE(byte_stream<wrong_count>);
  CHECK_FALSE(byte_stream<returns_plainly>);
  CHECK_FALSE(byte_stream<without_half_close>);
  CHECK_FALSE(byte_stream<immovable>);
  CHECK_FALSE(byte_stream<int>);
}

TEST_CASE("byte_stream: awaits tells the result exactly") {
  CHECK(awaits<task<int>, int>);
  CHECK_FALSE(awaits<task<int>, long>);
  CHECK_FALSE(awaits<int, int>);
  CHECK(awaits<task<>, void>);
}

TEST_CASE("byte_stream: peer and socket are asked for only where there are such members") {
  CHECK_FALSE(has_peer<plain_stream>);
  CHECK_FALSE(has_native_socket<plain_stream>);
  CHECK(has_peer<with_options>);
  CHECK(has_native_socket<with_options>);
  CHECK_FALSE(peer_of(plain_stream{}).has_credentials());
  CHECK(peer_of(plain_stream{}).text() == "unknown");
  CHECK(peer_of(with_options{}).text() == "custom:7 uid=3 pid=5");
}
