// SPDX-License-Identifier: MIT
//
// How much one operation may move.
#pragma once

#include <cstddef>
#include <span>

namespace ringrpc::detail {
/// Linux moves at most this many bytes per call (read(2), NOTES), and results
/// are ints.
inline constexpr std::size_t transfer_bytes_max = 0x7fff'f000;

/// The part of `bytes` that one operation can move.
template <class Byte>
[[nodiscard]] constexpr std::span<Byte> transferable(std::span<Byte> bytes) noexcept {
  return bytes.size() <= transfer_bytes_max ? bytes : bytes.first(transfer_bytes_max);
}
}  // namespace ringrpc::detail
