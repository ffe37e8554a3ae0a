// SPDX-License-Identifier: MIT
//
// The header fields that calls send: the fixed ones as templates in static
// storage, the others collected per block.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/base/config.hpp>
#include <ringrpc/grpc/base64.hpp>
#include <ringrpc/grpc/compression.hpp>
#include <ringrpc/grpc/content_type.hpp>
#include <ringrpc/grpc/metadata.hpp>
#include <ringrpc/grpc/metadata_rules.hpp>
#include <ringrpc/grpc/percent.hpp>
#include <ringrpc/grpc/status.hpp>
#include <ringrpc/grpc/status_code.hpp>
#include <ringrpc/http2/headers.hpp>
#include <ringrpc/http2/settings.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// The `:authority` on a Unix socket, as all of gRPC sends it there.
inline constexpr std::string_view default_authority = "localhost";
inline constexpr std::string_view status_details_name = "grpc-status-details-bin";
inline constexpr std::string_view accept_encoding_name = "grpc-accept-encoding";

// Templates of this layer have ids below 16; those of client methods follow.
inline constexpr std::uint16_t response_template_id = 1;
inline constexpr std::uint16_t response_proto_template_id = 2;
inline constexpr std::uint16_t ok_trailers_template_id = 3;
inline constexpr std::uint16_t first_method_template_id = 16;

inline constexpr std::array response_fields{
    http2::header_field{":status", "200"},
    http2::header_field{"content-type", grpc_content_type},
};
inline constexpr std::array response_proto_fields{
    http2::header_field{":status", "200"},
    http2::header_field{"content-type", grpc_proto_content_type},
};
inline constexpr std::array ok_trailers_fields{http2::header_field{"grpc-status", "0"}};

inline constexpr http2::header_template response_template{response_template_id, response_fields};
inline constexpr http2::header_template response_proto_template{response_proto_template_id,
                                                                response_proto_fields};
inline constexpr http2::header_template ok_trailers_template{ok_trailers_template_id,
                                                             ok_trailers_fields};

/// The template of response headers with this content type.
[[nodiscard]] inline const http2::header_template& response_template_of(
    std::string_view content_type) noexcept {
  return content_type == grpc_proto_content_type ? response_proto_template : response_template;
}

/// The largest header list that is sent where the peer sets no limit, in bytes as
/// RFC 9113 section 6.5.2 counts them: nghttp2 sends no block of more.
inline constexpr std::uint32_t sent_header_list_bytes_max = 64 * 1024;

/// Whether the peer takes a block of that size (RFC 9113 section 6.5.2), and it can be
/// sent at all. C-core closes the connection, with all its calls, where one is larger
/// than it announced.
[[nodiscard]] constexpr bool is_taken_by(const http2::settings& peer,
                                         const http2::header_list& block) noexcept {
  std::size_t left = std::min(peer.header_list_bytes_max, sent_header_list_bytes_max);
  const auto takes = [&left](std::span<const http2::header_field> fields) {
    for (const http2::header_field& field : fields) {
      const std::size_t bytes = header_field_bytes(field.name.size(), field.value.size());
      if (bytes > left) return false;
      left -= bytes;
    }
    return true;
  };
  return (block.fixed == nullptr || takes(block.fixed->fields)) && takes(block.extra);
}

/// Collects the fields of one block that are no template. One per connection side
/// is enough: it is used and emptied within one call. Keeps its memory.
class field_list {
public:
  void clear() noexcept { fields_.clear(); }
  /// @param value  must stay until the block has been handed to the engine.
  void add(std::string_view name, std::string_view value, bool never_index = false) {
    fields_.push_back({name, value, never_index});
  }
  /// All sendable fields of `user`; values are not indexed, for they tend to differ
  /// each time and would push the fixed ones out of the table.
  void add(const metadata& user) {
    if (user.empty()) return;
    const bool visited = user.for_each_wire_field(
        encoded_, [this](std::string_view name, std::string_view value) {
          add(name, value, true);
        });
    if (!visited) throw std::bad_alloc{};
  }
  /// `grpc-status`, and `grpc-message` and `grpc-status-details-bin` where there are any.
  void add(const status& end) {
    add("grpc-status", grpc_status_text(end.code()));
    if (!end.message().empty()) {
      message_.resize(std::min(percent_encoded_size(end.message()), message_bytes_max));
      message_.resize(percent_encode(end.message(), message_));
      add("grpc-message", message_, true);
    }
    if (!end.details().empty()) {
      details_.resize(base64_encoded_size(end.details().size()));
      base64_encode(as_bytes(end.details()), details_);
      add(status_details_name, details_, true);
    }
  }
  [[nodiscard]] std::span<const http2::header_field> fields() const noexcept { return fields_; }

  /// Longest `grpc-message` that is sent, in bytes: a trailer block must stay within
  /// what peers take (8 KiB is the suggested limit).
  static constexpr std::size_t message_bytes_max = 4096;

private:
  std::vector<http2::header_field> fields_;
  std::string encoded_;
  std::string message_;
  std::string details_;
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI
