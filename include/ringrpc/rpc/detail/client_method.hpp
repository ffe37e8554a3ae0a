// SPDX-License-Identifier: MIT
//
// The fixed header fields of each method that a program calls, in static storage.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include <ringrpc/base/config.hpp>
#include <ringrpc/grpc/content_type.hpp>
#include <ringrpc/grpc/user_agent.hpp>
#include <ringrpc/http2/headers.hpp>
#include <ringrpc/rpc/detail/client_call.hpp>
#include <ringrpc/rpc/detail/wire_fields.hpp>
#include <ringrpc/rpc/method.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
// What `built_in_encodings` says; a test compares the two. A literal, and a plain list below:
// of anything evaluated here g++ 12 complains behind each error that a user makes elsewhere.
inline constexpr std::string_view accepted_by_default = "identity,deflate,gzip";

/// In the order of PROTOCOL-HTTP2.md, "Requests": pseudo fields first. A program that speaks
/// identity only says nothing of encodings.
template <rpc_method M>
inline constexpr std::array request_fields{
    http2::header_field{":method", "POST"},
    http2::header_field{":scheme", "http"},
    http2::header_field{":path", M::path},
    http2::header_field{":authority", default_authority},
    http2::header_field{"content-type", grpc_content_type},
    http2::header_field{"te", "trailers"},
#if RINGRPC_WITH_ZLIB
    http2::header_field{accept_encoding_name, accepted_by_default},
#endif
    http2::header_field{"user-agent", user_agent},
};

inline std::uint16_t next_method_template_id() noexcept {
  static std::atomic<std::uint16_t> next{first_method_template_id};
  return next.fetch_add(2, std::memory_order_relaxed);
}

/// What calls of `M` have in common. The same object each time.
template <rpc_method M>
const client_method& client_method_of() noexcept {
  static const client_method method = [] {
    const std::uint16_t id = next_method_template_id();
    const std::span<const http2::header_field> fields{request_fields<M>};
    return client_method{
        M::path, M::kind, {id, fields}, {static_cast<std::uint16_t>(id + 1), fields.first(4)}};
  }();
  return method;
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI
