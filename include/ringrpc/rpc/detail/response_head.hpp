// SPDX-License-Identifier: MIT
//
// The header blocks of a response, reduced to what the client needs.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/base/config.hpp>
#include <ringrpc/grpc/base64.hpp>
#include <ringrpc/grpc/compression.hpp>
#include <ringrpc/grpc/content_type.hpp>
#include <ringrpc/grpc/http_status.hpp>
#include <ringrpc/grpc/metadata.hpp>
#include <ringrpc/grpc/percent.hpp>
#include <ringrpc/grpc/status.hpp>
#include <ringrpc/grpc/status_code.hpp>
#include <ringrpc/grpc/wire_format.hpp>
#include <ringrpc/http2/headers.hpp>
#include <ringrpc/rpc/detail/wire_fields.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// What one block of a response says, apart from metadata.
struct response_head {
  unsigned http_status = 0;
  bool has_content_type = false;
  bool content_type_ok = false;
  /// From grpc-status and grpc-message; nothing where grpc-status is absent.
  std::optional<status> end;
  /// What in the block ends the call, such as an unknown grpc-encoding.
  status fault;
  /// How the response's messages are compressed; null: not at all.
  const message_encoding* encoding = nullptr;
  /// What the server says that it takes, by the places in the channel's registry.
  std::optional<encoding_set> accepted;
};

/// The status that grpc-status, grpc-message and grpc-status-details-bin make together, the
/// latter two as they came. @throws std::bad_alloc  where memory is short.
/// @return INTERNAL where the details say another code (wire rule 25). Details that cannot
///         be read are left out.
inline status full_status(status_code code, std::string_view message, std::string_view details) {
  std::string text(message.size(), '\0');
  text.resize(percent_decode(message, text));
  std::string bytes(base64_decoded_size_max(details.size()), '\0');
  const std::optional<std::size_t> decoded =
      base64_decode(details, std::as_writable_bytes(std::span{bytes}));
  bytes.resize(decoded.value_or(0));
  std::uint64_t code_there = 0;
  const bool readable = parse_wire_fields(as_bytes(bytes), [&](const wire_field& field) {
    if (field.number == 1 && field.is_varint()) code_there = field.varint;
  });
  if (!readable || bytes.empty()) return status{code, text};
  if (code_there != static_cast<std::uint64_t>(code)) {
    return internal("grpc-status is " + std::string{grpc_status_text(code)} +
                    ", but grpc-status-details-bin says " + std::to_string(code_there));
  }
  return status{code, text, bytes};
}

/// Reads all fields once; metadata is added to `user`.
/// @param known  the encodings that the channel speaks.
inline response_head reduce_response(const http2::header_block& block,
                                     const encoding_registry& known, metadata& user) noexcept {
  response_head head;
  std::optional<status_code> code;
  std::string_view message;
  std::string_view encoding;
  std::string_view details;
  unsigned details_fields = 0;
  for (const http2::header_field& field : block.fields) {
    if (field.name == ":status") {
      static_cast<void>(std::from_chars(
          field.value.data(), field.value.data() + field.value.size(), head.http_status));
    } else if (field.name == "content-type") {
      head.has_content_type = true;
      head.content_type_ok = is_grpc_content_type(field.value);
    } else if (field.name == "grpc-status") {
      code = parse_grpc_status(field.value);
    } else if (field.name == "grpc-message") {
      message = field.value;
    } else if (field.name == "grpc-encoding") {
      encoding = field.value;
    } else if (field.name == "grpc-accept-encoding") {
      if (!head.accepted) head.accepted.emplace();
      known.accept(field.value, *head.accepted);
    } else if (!field.name.starts_with(':')) {
      if (field.name == status_details_name) {
        details = field.value;
        ++details_fields;
      }
      status added = user.add_received(field.name, field.value);
      if (!added.ok() && head.fault.ok()) head.fault = std::move(added);
    }
  }
  if (block.too_large) {
    head.fault = resource_exhausted("the response's headers are larger than the limit");
  }
  // A block with a status has no message behind it.
  if (!encoding.empty() && !code && head.fault.ok()) {
    result<const message_encoding*> spoken = response_encoding(known, encoding);
    if (spoken) {
      head.encoding = *spoken;
    } else {
      head.fault = spoken.status();
    }
  }
  if (code) {
    head.end.emplace(*code);
    if (*code != status_code::ok && !block.too_large) head.fault = {};  // it says more
    if (details_fields != 1) details = {};  // which of them, nobody could say (wire rule 25)
    if (*code != status_code::ok && !(message.empty() && details.empty())) {
      try {
        head.end.emplace(full_status(*code, message, details));
      } catch (...) {
        // no memory for the text: the code stands alone
      }
    }
  }
  return head;
}

/// The status of an answer that is not gRPC's (http-grpc-status-mapping.md).
inline status status_of_answer(unsigned http_status, std::string_view target,
                               std::string_view what) noexcept {
  try {
    std::string text{"the answer of "};
    text.append(target).append(what).append(", HTTP status ").append(std::to_string(http_status));
    return status{status_of_http(http_status), text};
  } catch (...) {
    return status{status_of_http(http_status)};
  }
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI
