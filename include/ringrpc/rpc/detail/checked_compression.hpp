// SPDX-License-Identifier: MIT
//
// What the options of a channel or a server say about compression, checked when it is
// made: a name that nobody knows would compress nothing, and nobody would notice.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include <ringrpc/base/config.hpp>
#include <ringrpc/grpc/encoding_registry.hpp>
#include <ringrpc/grpc/message_encoding.hpp>
#include <ringrpc/rpc/connection_options.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// The name in `options.compression` as the encoding itself says it, so that it lives as
/// long; empty for identity and for none.
/// @throws std::invalid_argument  for one that is not in `options.encodings`, or where
///         these are null.
[[nodiscard]] inline std::string_view checked_compression(const connection_options& options) {
  if (options.encodings == nullptr) {
    throw std::invalid_argument("connection_options::encodings is null; no encodings are an "
                                "empty encoding_registry");
  }
  const std::string_view name = options.compression;
  if (name.empty() || name == "identity") return {};
  if (const message_encoding* known = options.encodings->find(name)) return known->name();
  std::string text{"connection_options::compression is \""};
  text.append(name).append("\", connection_options::encodings are ");
  text.append(options.encodings->accept_value());
  if (!RINGRPC_WITH_ZLIB) text.append("; gzip and deflate take -DRINGRPC_WITH_ZLIB=1");
  throw std::invalid_argument(text);
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI
