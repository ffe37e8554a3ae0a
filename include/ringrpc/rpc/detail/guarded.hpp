// SPDX-License-Identifier: MIT
//
// Exceptions of transports that users wrote: failures like any other.
#pragma once

#include <new>
#include <system_error>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/result.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/io_result.hpp>

// g++ 12 says of coroutine templates that their frames use the anonymous namespace
// where a user's type does; a frame is not seen outside of its unit.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

namespace ringrpc::detail::inline RINGRPC_ABI {
/// Of the exception that is being handled: its own code for a std::system_error,
/// ENOMEM for std::bad_alloc, else EIO.
inline std::error_code code_of_current_exception() noexcept {
  try {
    throw;
  } catch (const std::system_error& failed) {
    if (failed.code()) return failed.code();
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  } catch (...) {
  }
  return std::make_error_code(std::errc::io_error);
}

/// Awaits `work`. @return what it returned; the code of what it threw.
template <class T>
task<io_result<T>> guarded(task<io_result<T>> work) {
  std::error_code thrown;
  try {
    io_result<T> done = co_await std::move(work);
    co_return done;
  } catch (...) {
    thrown = code_of_current_exception();
  }
  co_return failure{thrown};
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
