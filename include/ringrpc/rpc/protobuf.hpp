// SPDX-License-Identifier: MIT
//
// Protobuf messages as messages of calls. The only header of the core that
// needs protobuf; generated `foo.ringrpc.hpp` files include it.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <google/protobuf/message_lite.h>

#include <ringrpc/base/config.hpp>
#include <ringrpc/rpc/channel.hpp>
#include <ringrpc/rpc/codec.hpp>
#include <ringrpc/rpc/method.hpp>
#include <ringrpc/rpc/server.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// Serialised once, straight into the output; parsed in place. Parsing also
/// refuses a proto2 message whose required fields are missing.
template <class T>
  requires std::derived_from<T, google::protobuf::MessageLite>
struct codec<T> {
  static std::size_t size(const T& in) { return in.ByteSizeLong(); }
  static void serialise(const T& in, std::span<std::byte> into) {
    // The sizes were cached by `size`, which the caller has just called.
    in.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(into.data()));
  }
  static bool parse(T& out, std::span<const std::byte> from) {
    // ParseFromArray would write to stderr where required fields are missing.
    if (from.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return false;
    return out.ParsePartialFromArray(from.data(), static_cast<int>(from.size())) &&
           out.IsInitialized();
  }
  static void clear(T& out) { out.Clear(); }
};
}  // namespace ringrpc::inline RINGRPC_ABI
