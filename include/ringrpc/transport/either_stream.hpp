// SPDX-License-Identifier: MIT
//
// A byte stream that is one of two kinds, for what connects by one transport or another.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/transport/byte_stream.hpp>
#include <ringrpc/transport/peer_info.hpp>

namespace ringrpc {
/// A stream of type A or B; see `byte_stream` for what members promise.
template <byte_stream A, byte_stream B>
class either_stream {
public:
  explicit either_stream(A one) : stream_(std::in_place_index<0>, std::move(one)) {}
  explicit either_stream(B other)
    requires(!std::is_same_v<A, B>)
      : stream_(std::in_place_index<1>, std::move(other)) {}

  [[nodiscard]] task<io_result<std::size_t>> read_some(std::span<std::byte> into) {
    if (A* one = std::get_if<0>(&stream_)) return read(*one, into);
    return read(*std::get_if<1>(&stream_), into);
  }
  [[nodiscard]] task<io_result<std::size_t>> write_some(std::span<const ::iovec> from) {
    if (A* one = std::get_if<0>(&stream_)) return write(*one, from);
    return write(*std::get_if<1>(&stream_), from);
  }
  [[nodiscard]] task<io_result<void>> shutdown_write() {
    if (A* one = std::get_if<0>(&stream_)) return half_close(*one);
    return half_close(*std::get_if<1>(&stream_));
  }
  void abort() noexcept {
    std::visit([](auto& stream) noexcept { stream.abort(); }, stream_);
  }
  [[nodiscard]] task<> close() {
    if (A* one = std::get_if<0>(&stream_)) return close_it(*one);
    return close_it(*std::get_if<1>(&stream_));
  }
  [[nodiscard]] peer_info peer() const {
    return std::visit([](const auto& stream) { return peer_of(stream); }, stream_);
  }
  [[nodiscard]] int native_socket() const noexcept
    requires(has_native_socket<A> && has_native_socket<B>)
  {
    return std::visit([](const auto& stream) noexcept { return stream.native_socket(); }, stream_);
  }

private:
  // Any awaitable of theirs becomes a task.
  template <class S>
  static task<io_result<std::size_t>> read(S& stream, std::span<std::byte> into) {
    co_return co_await stream.read_some(into);
  }
  template <class S>
  static task<io_result<std::size_t>> write(S& stream, std::span<const ::iovec> from) {
    co_return co_await stream.write_some(from);
  }
  template <class S>
  static task<io_result<void>> half_close(S& stream) {
    co_return co_await stream.shutdown_write();
  }
  template <class S>
  static task<> close_it(S& stream) {
    co_await stream.close();
  }

  std::variant<A, B> stream_;
};
}  // namespace ringrpc
