// SPDX-License-Identifier: MIT
//
// grpc.health.v1.Health (gRPC's health-checking.md): whether a server, or one of
// its services, is ready to serve. Its two messages are encoded by hand, so that
// nothing generated is needed and nothing is registered with protobuf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/grpc/result.hpp>
#include <ringrpc/grpc/wire_format.hpp>
#include <ringrpc/rpc/codec.hpp>
#include <ringrpc/rpc/method.hpp>
#include <ringrpc/rpc/server.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// HealthCheckResponse.ServingStatus.
enum class serving_status : std::uint8_t { unknown = 0, serving = 1, not_serving = 2 };

/// HealthCheckRequest: `service` is a full name, or empty for the whole server.
struct health_check_request {
  std::string service;
};
/// HealthCheckResponse.
struct health_check_response {
  serving_status status = serving_status::unknown;
};

/// Field 1, a string.
template <>
struct codec<health_check_request> {
  static std::size_t size(const health_check_request& in) {
    return detail::wire_string_size(in.service);
  }
  static void serialise(const health_check_request& in, std::span<std::byte> into) {
    detail::write_wire_string(into.data(), 1, in.service);
  }
  static bool parse(health_check_request& out, std::span<const std::byte> from) {
    return detail::parse_wire_fields(from, [&out](const detail::wire_field& field) {
      if (field.number == 1 && field.is_bytes()) out.service.assign(field.text());
    });
  }
  static void clear(health_check_request& out) { out.service.clear(); }
};

/// Field 1, an enumeration.
template <>
struct codec<health_check_response> {
  static std::size_t size(const health_check_response& in) {
    return in.status == serving_status::unknown ? 0 : 2;
  }
  static void serialise(const health_check_response& in, std::span<std::byte> into) {
    if (into.empty()) return;
    into[0] = std::byte{0x08};
    into[1] = static_cast<std::byte>(in.status);
  }
  static bool parse(health_check_response& out, std::span<const std::byte> from) {
    return detail::parse_wire_fields(from, [&out](const detail::wire_field& field) {
      if (field.number == 1 && field.is_varint()) {
        out.status = field.varint <= 2 ? static_cast<serving_status>(field.varint)
                                       : serving_status::unknown;
      }
    });
  }
  static void clear(health_check_response& out) { out.status = serving_status::unknown; }
};

/// grpc.health.v1.Health/Check.
using health_check =
    unary_method<"/grpc.health.v1.Health/Check", health_check_request, health_check_response>;

/// The service: `server.emplace<health_service>()`. Of its server's ring.
class health_service {
public:
  /// The whole server (the name "") is SERVING.
  health_service() { statuses_.emplace("", serving_status::serving); }

  /// Sets what checks of `service` are answered; it need not be a service that the
  /// server has. @throws std::bad_alloc  where memory is short.
  void set(std::string_view service, serving_status now) {
    statuses_.insert_or_assign(std::string{service}, now);
  }

  /// The handler of Check. NOT_FOUND for a service that was never set.
  [[nodiscard]] result<health_check_response> Check(server_context&,
                                                    const health_check_request& request) const {
    const auto found = statuses_.find(request.service);
    if (found == statuses_.end()) return not_found("unknown service");
    return health_check_response{found->second};
  }

  /// For `server::add` and `server::emplace`.
  template <class Registry>
  void ringrpc_bind(Registry& registry) {
    registry.template handle<health_check>(
        *this, [](auto& self, auto&... arguments) -> decltype(self.Check(arguments...)) {
          return self.Check(arguments...);
        });
  }

private:
  std::map<std::string, serving_status, std::less<>> statuses_;
};
}  // namespace ringrpc::inline RINGRPC_ABI
