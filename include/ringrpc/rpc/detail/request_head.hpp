// SPDX-License-Identifier: MIT
//
// The headers of a request, reduced to what the server needs: nothing of them
// outlives the receive but this and the user's metadata.
#pragma once

#include <optional>
#include <string_view>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/grpc/compression.hpp>
#include <ringrpc/grpc/content_type.hpp>
#include <ringrpc/grpc/metadata.hpp>
#include <ringrpc/grpc/status.hpp>
#include <ringrpc/grpc/timeout.hpp>
#include <ringrpc/http2/headers.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// Why a request is answered without its handler.
struct refusal {
  unsigned http_status = 200;
  /// The gRPC status of the answer. OK: none is sent (with an HTTP status other
  /// than 200 only).
  status why;
  /// The answer lists the encodings that are spoken (wire rule 21).
  bool lists_encodings = false;
};

/// What a request's headers say, apart from its path and metadata.
struct request_head {
  std::optional<duration> timeout;
  std::string_view answer_type = grpc_content_type;  // static storage
  std::optional<refusal> refused;
  /// How the request's messages are compressed; null: not at all.
  const message_encoding* encoding = nullptr;
  /// What the client takes, by the places in the server's registry.
  encoding_set accepted;

  void refuse(unsigned http_status, status why, bool lists_encodings = false) noexcept {
    if (!refused) refused = refusal{http_status, std::move(why), lists_encodings};
  }
};

/// The `:path` of a request, empty without one. A view into `block`.
[[nodiscard]] inline std::string_view path_of(const http2::header_block& block) noexcept {
  for (const http2::header_field& field : block.fields) {
    if (field.name == ":path") return field.value;
    if (!field.name.starts_with(':')) break;
  }
  return {};
}

/// Reads all fields once. What the wire rules refuse is noted, the first one found
/// in the order of gRPC's servers: the HTTP status before the gRPC status.
/// @param known  the encodings that the server speaks.
inline request_head reduce_request(const http2::header_block& block,
                                   const encoding_registry& known, metadata& user) noexcept {
  request_head head;
  bool post = false;
  bool content_type_ok = false;
  std::string_view encoding;
  bool timeout_malformed = false;
  bool has_authority = false;
  std::string_view host;
  status metadata_fault;
  const auto add_metadata = [&](std::string_view name, std::string_view value) noexcept {
    status added = user.add_received(name, value);
    if (!added.ok() && metadata_fault.ok()) metadata_fault = std::move(added);
  };
  for (const http2::header_field& field : block.fields) {
    if (field.name == ":method") {
      post = field.value == "POST";
    } else if (field.name == "content-type") {
      content_type_ok = is_grpc_content_type(field.value);
      head.answer_type = answer_content_type(field.value);
    } else if (field.name == "grpc-timeout") {
      head.timeout = parse_timeout(field.value);
      timeout_malformed = !head.timeout.has_value();
    } else if (field.name == "grpc-encoding") {
      encoding = field.value;
    } else if (field.name == "grpc-accept-encoding") {
      known.accept(field.value, head.accepted);
    } else if (field.name == ":authority") {
      has_authority = true;
      add_metadata(field.name, field.value);  // readable (wire rule 14)
    } else if (field.name == "host") {
      host = field.value;
    } else if (!field.name.starts_with(':')) {
      add_metadata(field.name, field.value);
    }
  }
  if (!has_authority && !host.empty()) add_metadata(":authority", host);  // wire rule 4
  if (block.too_large) {
    head.refuse(431, resource_exhausted("the request's headers are larger than the limit"));
  }
  if (block.duplicate_authority) {
    head.refuse(400, internal("more than one :authority or host header"));
  }
  if (!post) head.refuse(405, status{});
  if (!content_type_ok) head.refuse(415, status{});
  if (timeout_malformed) head.refuse(400, internal("malformed grpc-timeout"));
  if (!metadata_fault.ok()) head.refuse(200, std::move(metadata_fault));
  result<const message_encoding*> spoken = request_encoding(known, encoding);
  if (spoken) {
    head.encoding = *spoken;
  } else {
    head.refuse(200, spoken.status(), true);
  }
  return head;
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI
