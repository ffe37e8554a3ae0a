// SPDX-License-Identifier: MIT
//
// The end of a process whose own code broke a rule that cannot be reported as a
// value: an operation destroyed while the kernel still writes into it, a ring
// used from a foreign thread. Never reached by what a peer or kernel does.
#pragma once

#include <cstdio>
#include <exception>

namespace ringrpc {
/// Writes `ringrpc: TEXT` to standard error and ends the process by
/// std::terminate, in all builds.
/// @param text  says which rule was broken and what to do instead.
[[noreturn]] inline void fatal(const char* text) noexcept {
  std::fputs("ringrpc: ", stderr);
  std::fputs(text, stderr);
  std::fputc('\n', stderr);
  std::terminate();
}
}  // namespace ringrpc
