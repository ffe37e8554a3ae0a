// SPDX-License-Identifier: MIT
//
// Why a server cannot listen where it was told to: a mistake in the set-up,
// which is thrown with a text for the one who has to correct it.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace ringrpc {
/// Thrown by whatever opens a listener. `what()` names the address, what is wrong
/// and what would be right: `cannot listen on unix:/run/x.sock: it is served by
/// pid 4242 uid 1000; stop that server or choose another path`.
class listen_error : public std::runtime_error {
public:
  /// @param address  as in texts, `unix:/run/x.sock`.
  /// @param why      the rest of the sentence.
  /// @param code     the nearest error code, for programs.
  listen_error(std::string_view address, std::string_view why, std::error_code code)
      : std::runtime_error("cannot listen on " + std::string{address} + ": " + std::string{why}),
        code_(code) {}

  /// What happened in the words of errno: EADDRINUSE for a path that another
  /// server has, EINVAL for a path that cannot be one.
  [[nodiscard]] const std::error_code& code() const noexcept { return code_; }

private:
  std::error_code code_;
};
}  // namespace ringrpc
