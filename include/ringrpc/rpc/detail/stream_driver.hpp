// SPDX-License-Identifier: MIT
//
// Moves a connection's bytes over any byte stream: two coroutines, one that reads
// and one that writes. For transports that are no sockets of the kernel, or that
// change the bytes on their way.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <system_error>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/rpc/detail/connection.hpp>
#include <ringrpc/rpc/detail/driver.hpp>
#include <ringrpc/rpc/detail/guarded.hpp>
#include <ringrpc/transport/byte_stream.hpp>

// g++ 12 says of coroutine templates that their frames use the anonymous namespace
// where a user's type does; a frame is not seen outside of its unit.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

namespace ringrpc::inline RINGRPC_ABI {
/// Of one connection. The stream is borrowed; its owner closes it after `run` has
/// ended.
template <byte_stream Stream>
class stream_driver final : public driver {
public:
  stream_driver(connection& moved, Stream& over) noexcept : connection_(moved), stream_(over) {}

  /// Reads and writes until the stream has ended both ways or was aborted.
  void start(task_scope& scope) {
    scope.spawn(guarded_loop(read_loop()));
    scope.spawn(guarded_loop(write_loop()));
  }

  void flush() noexcept override { more_output_.set(); }
  void resume_reading() noexcept override { may_read_.set(); }
  void abort() noexcept override {
    if (ended_) return;
    ended_ = true;
    stream_.abort();
    more_output_.set();
    may_read_.set();
  }

private:
  static constexpr std::size_t buffer_bytes = 64 * 1024;

  // A stream of a user's may throw, and memory may be short: the transport is lost.
  task<> guarded_loop(task<> loop) {
    std::error_code failed;
    try {
      co_await std::move(loop);
    } catch (...) {
      failed = detail::code_of_current_exception();
    }
    if (failed && !ended_) connection_.lost(failed);
  }

  task<> read_loop() {
    const std::unique_ptr<std::byte[]> buffer{new std::byte[buffer_bytes]};
    while (!ended_) {
      if (!connection_.wants_read()) {
        may_read_.reset();
        const bool go_on = co_await may_read_.wait_ignoring_stop();
        static_cast<void>(go_on);
        continue;
      }
      const std::span<std::byte> into{buffer.get(), buffer_bytes};
      io_result<std::size_t> got = co_await stream_.read_some(into);
      if (ended_) co_return;
      if (!got) {
        connection_.lost(got.error());
        co_return;
      }
      if (*got == 0) {
        connection_.receive_end();
        co_return;
      }
      connection_.receive(into.first(*got));
    }
  }

  task<> write_loop() {
    while (!ended_ && !connection_.ended()) {
      output& out = connection_.outgoing();
      if (out.empty()) {
        more_output_.reset();
        connection_.output_idle();
        const bool go_on = co_await more_output_.wait_ignoring_stop();
        static_cast<void>(go_on);
        continue;
      }
      connection_.sending();
      io_result<std::size_t> taken = co_await stream_.write_some(out.parts());
      if (ended_) co_return;
      if (!taken) {
        connection_.send_failed(taken.error());
        co_return;
      }
      connection_.sent(*taken);
    }
  }

  connection& connection_;
  Stream& stream_;
  event more_output_;
  event may_read_;
  bool ended_ = false;
};
}  // namespace ringrpc::inline RINGRPC_ABI

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
