// SPDX-License-Identifier: MIT
//
// What an I/O operation answers: a value, or the errno of the kernel as a
// std::error_code.
#pragma once

#include <system_error>

#include <ringrpc/base/result.hpp>

namespace ringrpc {
/// A `T`, or why there is none. A stop gives `std::errc::operation_canceled`.
template <class T>
using io_result = basic_result<T, std::error_code>;

/// The error for an errno. @param number  positive, as in errno(3).
[[nodiscard]] inline std::error_code errno_code(int number) noexcept {
  return {number, std::system_category()};
}
/// `co_return io_failure(EMFILE);`
[[nodiscard]] inline failure<std::error_code> io_failure(int number) noexcept {
  return failure{errno_code(number)};
}
}  // namespace ringrpc
