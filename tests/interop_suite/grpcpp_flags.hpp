// SPDX-License-Identifier: MIT
//
// Whether grpc++ got a message compressed, which only its own tests ask.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>

// Of libgrpc, without a public header: the flags of the message that a call read last.
std::uint32_t grpc_call_test_only_get_message_flags(grpc_call* call);

namespace interop_suite {
/// @param context  a ClientContext or a ServerContext.
template <class Context>
bool message_compressed(Context& context) {
  constexpr std::uint32_t compressed = 0x4000'0000;  // GRPC_WRITE_INTERNAL_TEST_ONLY_WAS_COMPRESSED
  return (grpc_call_test_only_get_message_flags(context.c_call()) & compressed) != 0;
}
}  // namespace interop_suite
