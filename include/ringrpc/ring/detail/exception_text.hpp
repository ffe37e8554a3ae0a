// SPDX-License-Identifier: MIT
//
// How an exception that nobody caught looks in the log.
#pragma once

#include <exception>
#include <string_view>

#include <ringrpc/base/short_text.hpp>

namespace ringrpc::detail {
/// Of the exception that is being handled: `an exception left the handler of /a.B/C: ` and
/// what it says, cut off where that is long.
/// @param where  what it left. @param name  which one of these.
inline short_text<512> text_of_current_exception(std::string_view where,
                                                 std::string_view name = {}) noexcept {
  short_text<512> text;
  text.append("an exception left ").append(where).append(name).append(": ");
  try {
    throw;
  } catch (const std::exception& thrown) {
    text.append(thrown.what());
  } catch (...) {
    text.append("not a std::exception");
  }
  return text;
}
}  // namespace ringrpc::detail
