// SPDX-License-Identifier: MIT
//
// The life of a connection over one byte stream: joined to a driver, run until it
// is finished, ended in order, closed.
#pragma once

#include <system_error>
#include <type_traits>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/rpc/detail/connection.hpp>
#include <ringrpc/rpc/detail/socket_driver.hpp>
#include <ringrpc/rpc/detail/stream_driver.hpp>
#include <ringrpc/transport/byte_stream.hpp>

// g++ 12 says of coroutine templates that their frames use the anonymous namespace
// where a user's type does; a frame is not seen outside of its unit.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

namespace ringrpc::detail::inline RINGRPC_ABI {
/// Waits until `over` wants its transport closed, then ends it in order: our side is
/// shut down, the peer's end awaited for a second. A stop aborts. Throws nothing.
template <byte_stream Stream>
task<> await_end(connection& over, Stream& stream) {
  const bool finished = co_await over.finished().wait();
  if (!finished) {
    over.abort();
    co_return;
  }
  if (over.ended()) co_return;
  bool half_closed = false;
  try {
    const io_result<void> shut = co_await stream.shutdown_write();
    half_closed = shut.has_value();
  } catch (...) {
    // a stream of a user's, or no memory: nothing to wait for
  }
  if (half_closed) {
    const bool ended = co_await over.peer_ended().wait();
    static_cast<void>(ended);
  }
  over.abort();
}

/// Runs `over` on `stream` until both have ended; nothing of the stream is left in
/// the kernel then. `over` may still have calls whose handlers run.
/// @throws std::bad_alloc  where memory is short, before `over` was attached only.
template <byte_stream Stream>
task<> run_connection(connection& over, Stream stream) {
  const environment& here = co_await this_environment();
  task<> ending = await_end(over, stream);
  if constexpr (has_native_socket<Stream>) {
    socket_driver moves{over, stream.native_socket()};
    over.attach(moves);
    moves.start();
    co_await std::move(ending);
    moves.abort();
    const bool quiet = co_await moves.quiet().wait_ignoring_stop();
    static_cast<void>(quiet);
    over.detach();
  } else {
    task_scope loops{here};
    stream_driver<Stream> moves{over, stream};
    task<> joining = loops.join();
    over.attach(moves);
    try {
      moves.start(loops);
    } catch (...) {
      over.lost(std::make_error_code(std::errc::not_enough_memory));
    }
    co_await std::move(ending);
    moves.abort();
    co_await std::move(joining);
    over.detach();
  }
  try {
    co_await stream.close();
  } catch (...) {
    // its destructor closes it, too
  }
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
