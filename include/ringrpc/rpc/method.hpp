// SPDX-License-Identifier: MIT
//
// A method is a type. Written by hand or generated; stubs and services are made
// of methods.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/fixed_string.hpp>
#include <ringrpc/rpc/codec.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// The form of the code that protoc-gen-ringrpc writes; it asserts this number.
inline constexpr int generated_code_version = 1;

/// How many messages go each way.
enum class method_kind : unsigned char {
  unary,
  server_streaming,
  client_streaming,
  bidi_streaming,
};
}  // namespace ringrpc::inline RINGRPC_ABI

namespace ringrpc::detail::inline RINGRPC_ABI {
/// `/{service}/{method}`, both parts not empty (gRPC over HTTP/2, "Path").
constexpr bool is_method_path(std::string_view path) noexcept {
  if (path.size() < 4 || path.front() != '/') return false;
  const std::size_t second = path.rfind('/');
  if (second < 2 || second + 1 == path.size()) return false;
  for (const char c : path) {
    if (c <= 0x20 || c > 0x7e) return false;
  }
  return true;
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI

namespace ringrpc::inline RINGRPC_ABI {
/// One method of a service, as a type without objects.
/// @tparam Path      `"/package.Service/Method"`, as it goes over the wire.
/// @tparam Request   what the client sends. @tparam Response  what the server sends.
template <fixed_string Path, message Request, message Response, method_kind Kind>
struct basic_method {
  static_assert(detail::is_method_path(Path.view()),
                "a method's path has the form /package.Service/Method");
  using request_type = Request;
  using response_type = Response;
  static constexpr std::string_view path = Path.view();
  static constexpr method_kind kind = Kind;
};

/// One request, one response.
template <fixed_string Path, message Request, message Response>
using unary_method = basic_method<Path, Request, Response, method_kind::unary>;
/// One request, any number of responses.
template <fixed_string Path, message Request, message Response>
using server_streaming_method =
    basic_method<Path, Request, Response, method_kind::server_streaming>;
/// Any number of requests, one response.
template <fixed_string Path, message Request, message Response>
using client_streaming_method =
    basic_method<Path, Request, Response, method_kind::client_streaming>;
/// Any number both ways, independent of each other.
template <fixed_string Path, message Request, message Response>
using bidi_streaming_method =
    basic_method<Path, Request, Response, method_kind::bidi_streaming>;

/// Any of the four.
template <class M>
concept rpc_method = requires {
  typename M::request_type;
  typename M::response_type;
  { M::path } -> std::convertible_to<std::string_view>;
  { M::kind } -> std::convertible_to<method_kind>;
};
}  // namespace ringrpc::inline RINGRPC_ABI
