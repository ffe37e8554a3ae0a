// SPDX-License-Identifier: MIT
//
// Compression of messages (compression.md): the encodings that are built in, what a
// grpc-encoding header means, and one message from and to its compressed form.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/memory_pool.hpp>
#include <ringrpc/base/short_text.hpp>
#include <ringrpc/base/slice.hpp>
#include <ringrpc/grpc/encoding_registry.hpp>
#include <ringrpc/grpc/message_encoding.hpp>
#include <ringrpc/grpc/message_prefix.hpp>
#include <ringrpc/grpc/result.hpp>
#include <ringrpc/grpc/status.hpp>
#if RINGRPC_WITH_ZLIB
#include <ringrpc/grpc/zlib_encoding.hpp>
#endif

namespace ringrpc::detail::inline RINGRPC_ABI {
#if RINGRPC_WITH_ZLIB
inline constexpr deflate_encoding built_in_deflate{};
inline constexpr gzip_encoding built_in_gzip{};
#endif
constexpr encoding_registry make_built_in_encodings() {
  encoding_registry made;
#if RINGRPC_WITH_ZLIB
  made.add(built_in_deflate);
  made.add(built_in_gzip);
#endif
  return made;
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI

namespace ringrpc::inline RINGRPC_ABI {
/// What channels and servers speak unless they are told otherwise: gzip and deflate where
/// RINGRPC_WITH_ZLIB is 1, else identity only. To speak more, copy and add:
/// `encoding_registry mine = built_in_encodings; mine.add(my_zstd);`.
inline constexpr encoding_registry built_in_encodings = detail::make_built_in_encodings();

/// The encoding that a grpc-encoding header names.
/// @param known  what is spoken. @param grpc_encoding  the value; empty: no such header.
/// @return null for identity and for no header. UNIMPLEMENTED for one that is not spoken
///         (wire rule 21): the answer carries grpc-accept-encoding with the known ones.
inline result<const message_encoding*> request_encoding(const encoding_registry& known,
                                                        std::string_view grpc_encoding) noexcept;
/// The same for a response, at the client: INTERNAL for one that is not spoken.
inline result<const message_encoding*> response_encoding(const encoding_registry& known,
                                                         std::string_view grpc_encoding) noexcept;
}  // namespace ringrpc::inline RINGRPC_ABI

namespace ringrpc::detail::inline RINGRPC_ABI {
inline result<const message_encoding*> spoken_encoding(const encoding_registry& known,
                                                       std::string_view grpc_encoding,
                                                       status_code refusal) noexcept {
  if (grpc_encoding.empty() || grpc_encoding == "identity") return nullptr;
  if (const message_encoding* found = known.find(grpc_encoding)) return found;
  short_text<256> text;
  text.append("grpc-encoding ").append_quoted(grpc_encoding).append(" is not spoken here, only ");
  return status{refusal, text.append(known.accept_value()).view()};
}

/// `raw` compressed, in a block of its own with a prefix in front. Empty where that would not
/// be smaller than `raw`, which is sent as it is then.
/// @param bytes  set to how much of the block is filled.
/// @throws std::bad_alloc, and what the encoding throws.
inline buffer_handle compress_message(memory_pool& pool, const message_encoding& encoding,
                                      std::span<const std::byte> raw, std::size_t& bytes) {
  bytes = 0;
  if (raw.size() < 2) return buffer_handle{};  // nothing is smaller, but for nothing
  const std::size_t useful_bytes = raw.size() - 1;
  buffer_handle made{buffer::make(pool, message_prefix_bytes + useful_bytes)};
  const std::span<std::byte> into =
      made.get()->bytes().first(message_prefix_bytes + useful_bytes);
  bytes = encoding.compress(raw, into.subspan(message_prefix_bytes));
  if (bytes == 0 || bytes > useful_bytes) {
    made.reset();
  } else {
    encode_message_prefix(into.data(), {1, static_cast<std::uint32_t>(bytes)});
    bytes += message_prefix_bytes;
  }
  return made;
}

/// A received message, decompressed, in a block of its own.
/// @param bytes_max  the limit on it; no more memory than that is taken.
/// @param bytes  set to its size. @param into  set to the block.
/// @return INTERNAL for bytes that the encoding does not make, RESOURCE_EXHAUSTED above the
///         limit or where memory is short (wire rules 21 and 22).
inline status decompress_message(memory_pool& pool, const message_encoding& encoding,
                                 std::span<const std::byte> from, std::size_t bytes_max,
                                 buffer_handle& into, std::size_t& bytes) noexcept {
  constexpr std::size_t first_bytes = 4096;
  constexpr std::size_t usual_ratio = 4;
  constexpr std::size_t ratio_max = 1032;  // of deflate; for what is only announced
  short_text<160> text;
  try {
    const std::size_t announced = encoding.announced_size(from);
    std::size_t room = std::max(first_bytes, usual_ratio * from.size());
    room = std::max(room, std::min(announced, ratio_max * from.size()));
    room = std::min(bytes_max, room);
    for (int attempt = 0; attempt < 2; ++attempt) {
      into = buffer_handle{};  // before its successor is made: never two of them at once
      into = buffer_handle{buffer::make(pool, room)};
      const std::span<std::byte> target = into.get()->bytes().first(room);
      const decompress_result made = encoding.decompress(from, target, bytes_max);
      if (made.outcome == decompress_outcome::done && made.bytes <= room) {
        bytes = made.bytes;
        return status{};
      }
      if (made.outcome != decompress_outcome::too_small) break;
      if (made.bytes > bytes_max) {
        text.append("a message is larger than the limit of ").append(std::uint64_t{bytes_max});
        return resource_exhausted(text.append(" bytes once it is decompressed").view());
      }
      if (made.bytes <= room) break;  // an encoding that does not know what it wants
      room = made.bytes;
    }
  } catch (const std::bad_alloc&) {
    return resource_exhausted("no memory to decompress a received message");
  } catch (...) {
    return internal("the encoding could not decompress a received message");
  }
  text.append("a received message is flagged as compressed and is no ").append(encoding.name());
  return internal(text.view());
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI

namespace ringrpc::inline RINGRPC_ABI {
inline result<const message_encoding*> request_encoding(const encoding_registry& known,
                                                        std::string_view grpc_encoding) noexcept {
  return detail::spoken_encoding(known, grpc_encoding, status_code::unimplemented);
}

inline result<const message_encoding*> response_encoding(const encoding_registry& known,
                                                         std::string_view grpc_encoding) noexcept {
  return detail::spoken_encoding(known, grpc_encoding, status_code::internal);
}
}  // namespace ringrpc::inline RINGRPC_ABI
