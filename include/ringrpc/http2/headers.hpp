// SPDX-License-Identifier: MIT
//
// Header fields on their way in and out of an engine: plain views. What they
// mean to gRPC is the business of the layers above.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ringrpc::http2 {
/// One field. The name is in lower case, a pseudo field's begins with ':'.
struct header_field {
  std::string_view name{};
  std::string_view value{};
  /// Sent: keep the field out of the compression tables of both sides (for
  /// values that differ each time, and secrets). Received: the sender asked
  /// that it be passed on that way (RFC 7541 section 7.1.3).
  bool never_index = false;
};

/// Fields that are the same for every call of one method and role, in the order
/// they are sent, pseudo fields first. `fields` and all they view must have
/// static storage: the engine keeps them without copying.
struct header_template {
  /// Tells templates apart that are used on one connection; the engine may
  /// remember encoded forms by it.
  std::uint16_t id = 0;
  std::span<const header_field> fields{};
};

/// What is sent as one header block: the fixed fields, then the others. The
/// others are copied before the call that takes them returns.
struct header_list {
  const header_template* fixed = nullptr;  ///< may be null
  std::span<const header_field> extra{};
};

/// What a header block is in the course of a stream.
enum class block_kind : std::uint8_t {
  request,        ///< the first block of a stream, at a server
  response,       ///< the final response, at a client (`:status` is not 1xx)
  informational,  ///< a 1xx response; more blocks follow
  trailers,       ///< the block that ends a stream after DATA or a response
};

/// A received header block. It has passed RFC 9113 sections 8.2 and 8.3 as far
/// as `too_large` lets it; one that did not never leaves the engine. All views
/// are valid during the event only.
struct header_block {
  /// In order, pseudo fields first.
  std::span<const header_field> fields{};
  /// The first n fields are a run that was seen before on this connection ...
  std::uint16_t memo_fields = 0;
  /// ... and this is the word the sink stored for it. Null: the engine keeps
  /// none, the sink parses the fields.
  std::uint64_t* memo = nullptr;
  /// The list exceeded `limits::header_list_bytes_max` or `header_fields_max`;
  /// `fields` holds what fitted before. A request may lack any field then.
  bool too_large = false;
  /// A request with two `:authority` or two `host` fields, both in `fields`: it
  /// is answered with a status (gRFC A41), so it is let through.
  bool duplicate_authority = false;
};
}  // namespace ringrpc::http2
