// SPDX-License-Identifier: MIT
//
// A handler's ends of its message streams.
#pragma once

#include <ringrpc/base/config.hpp>
#include <ringrpc/rpc/codec.hpp>
#include <ringrpc/rpc/detail/call_stream.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// The messages that the client sends. Lives as long as the handler.
template <message T>
class reader {
public:
  /// For the library: reads of `from`.
  explicit reader(call_stream& from) noexcept : from_(from) {}
  reader(const reader&) = delete;
  reader& operator=(const reader&) = delete;

  /// `while (T* m = co_await in.read())`: the next message, valid until the next
  /// read and yours to move from. One read at a time. A read that was stopped loses
  /// nothing.
  ///
  /// Null at the end of messages, and just so when the call is over: cancelled, late,
  /// failed, or its connection lost. Before what came is committed, ask
  /// `context.stop_token().stop_requested()`: true means that it may not be all.
  [[nodiscard]] message_read<T> read() noexcept { return message_read<T>{from_, message_}; }
  /// For the library: for another call.
  void clear() { codec<T>::clear(message_); }

private:
  call_stream& from_;
  T message_{};
};

/// The messages that go to the client. Lives as long as the handler.
template <message T>
class writer {
public:
  /// For the library: writes to `to`.
  explicit writer(call_stream& to) noexcept : to_(to) {}
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;

  /// `bool queued = co_await out.write(m);`: waits until the client took enough of
  /// what is queued, then serialises `m`, which must live until the await is over.
  /// False when the call is over: there is no use in going on. One at a time.
  [[nodiscard]] message_write write(const T& message, write_options options = {}) noexcept {
    return message_write{to_, message_ops_of<T>, &message, options};
  }

private:
  call_stream& to_;
};
}  // namespace ringrpc::inline RINGRPC_ABI
