// SPDX-License-Identifier: MIT
//
// Whether this process has processors enough for polling to pay: with one, the
// peer that is waited for cannot run while we poll.
#pragma once

#include <unistd.h>

namespace ringrpc::detail {
/// Whether more than one processor is online.
inline bool polling_can_pay() noexcept { return ::sysconf(_SC_NPROCESSORS_ONLN) > 1; }
}  // namespace ringrpc::detail
