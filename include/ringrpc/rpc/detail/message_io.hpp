// SPDX-License-Identifier: MIT
//
// One message between C++ and a stream: parsed from the bytes that came, or
// serialised into the engine's queue.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <utility>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/slice.hpp>
#include <ringrpc/grpc/compression.hpp>
#include <ringrpc/grpc/message_prefix.hpp>
#include <ringrpc/grpc/status.hpp>
#include <ringrpc/rpc/codec.hpp>
#include <ringrpc/rpc/detail/connection.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// Up to this many bytes are copied into the output, more is sent by reference: a
/// copy of 4 KiB costs less than one more part of sendmsg(2).
inline constexpr std::size_t copied_bytes_max = 4096;

/// Parses `bytes` into `into`, which is cleared first.
/// @return INTERNAL for bytes that are no such message (wire rule 17),
///         RESOURCE_EXHAUSTED where memory is short.
inline status parse_message(const message_ops& ops, void* into,
                            std::span<const std::byte> bytes) noexcept {
  try {
    ops.clear(into);
    if (ops.parse(into, bytes)) return status{};
    return internal("the received bytes are no message of the expected type");
  } catch (const std::bad_alloc&) {
    return resource_exhausted("no memory for a received message");
  } catch (...) {
    return internal("the codec could not parse a received message");
  }
}

/// The same for a message that came compressed.
/// @param bytes_max  the limit on it once it is decompressed. @param bytes  set to its size.
inline status parse_compressed_message(memory_pool& pool, const message_encoding& encoding,
                                       const message_ops& ops, void* into,
                                       std::span<const std::byte> from, std::size_t bytes_max,
                                       std::size_t& bytes) noexcept {
  buffer_handle whole;
  status made = decompress_message(pool, encoding, from, bytes_max, whole, bytes);
  if (made.ok()) made = parse_message(ops, into, whole.get()->bytes().first(bytes));
  return made;
}

/// `message` with its prefix, in a block of its own. @throws std::bad_alloc, and
/// what the codec throws. @return null for a message above `bytes_max`.
inline buffer_handle serialise_message(memory_pool& pool, const message_ops& ops,
                                       const void* message, std::size_t bytes_max) {
  const std::size_t bytes = ops.size(message);
  if (bytes > bytes_max) return buffer_handle{};
  buffer_handle made{buffer::make(pool, message_prefix_bytes + bytes)};
  const std::span<std::byte> into = made.get()->bytes();
  encode_message_prefix(into.data(), {0, static_cast<std::uint32_t>(bytes)});
  ops.serialise(message, into.subspan(message_prefix_bytes));
  return made;
}

/// Queues a block of bytes: copied where it is small, else by reference.
inline void queue_block(connection& over, http2::stream_ref stream, buffer& block,
                        bool end) noexcept {
  const std::span<const std::byte> bytes = block.bytes();
  over.engine().data(stream,
                     slice{bytes.data(), static_cast<std::uint32_t>(bytes.size()),
                           bytes.size() > copied_bytes_max ? &block : nullptr},
                     end);
  over.mark_dirty();
}

/// The same, compressed where that makes it smaller. @param block  a message with its prefix.
/// @throws std::bad_alloc, and what the encoding throws; nothing is queued then.
inline void queue_compressed_block(connection& over, http2::stream_ref stream, buffer& block,
                                   const message_encoding& encoding, bool end) {
  const std::span<const std::byte> raw = block.bytes().subspan(message_prefix_bytes);
  std::size_t bytes = 0;
  buffer_handle made = compress_message(over.home().memory(), encoding, raw, bytes);
  if (!made) return queue_block(over, stream, block, end);
  if (bytes > copied_bytes_max && bytes < made.get()->bytes().size() / 2) {
    // What waits is counted by its bytes: its memory must not be a thousand times as much.
    buffer_handle fitting{buffer::make(over.home().memory(), bytes)};
    std::memcpy(fitting.get()->bytes().data(), made.get()->bytes().data(), bytes);
    made = std::move(fitting);
  }
  over.engine().data(stream,
                     slice{made.get()->bytes().data(), static_cast<std::uint32_t>(bytes),
                           bytes > copied_bytes_max ? made.get() : nullptr},
                     end);
  over.mark_dirty();
}

/// Serialises `message` once, into the queue of `stream`.
/// @param encoding  compresses it; null: it goes as it is. @param bytes  set to the message's size.
/// @return RESOURCE_EXHAUSTED for one above the connection's send limit or where
///         memory is short; nothing is queued then.
inline status queue_message(connection& over, http2::stream_ref stream, const message_ops& ops,
                            const void* message, const message_encoding* encoding, bool end,
                            std::size_t& bytes) noexcept {
  try {
    bytes = ops.size(message);
    if (bytes > over.options().send_message_bytes_max) {
      return resource_exhausted("message is larger than send_message_bytes_max");
    }
    if (encoding != nullptr) {
      const buffer_handle raw =
          serialise_message(over.home().memory(), ops, message, bytes);
      queue_compressed_block(over, stream, *raw.get(), *encoding, end);
      return status{};
    }
    const message_prefix prefix{0, static_cast<std::uint32_t>(bytes)};
    const std::size_t all = message_prefix_bytes + bytes;
    if (all <= copied_bytes_max) {
      std::array<std::byte, copied_bytes_max> scratch;
      encode_message_prefix(scratch.data(), prefix);
      ops.serialise(message, std::span{scratch}.subspan(message_prefix_bytes, bytes));
      over.engine().data(stream, slice{scratch.data(), static_cast<std::uint32_t>(all), nullptr},
                         end);
    } else {
      buffer_handle block{buffer::make(over.home().memory(), all)};
      const std::span<std::byte> into = block.get()->bytes();
      encode_message_prefix(into.data(), prefix);
      ops.serialise(message, into.subspan(message_prefix_bytes));
      over.engine().data(
          stream, slice{into.data(), static_cast<std::uint32_t>(all), block.get()}, end);
    }
    over.mark_dirty();
    return status{};
  } catch (const std::bad_alloc&) {
    return resource_exhausted("no memory for a message to send");
  } catch (...) {
    return internal(encoding != nullptr ? "the codec or the encoding could not make a message"
                                        : "the codec could not serialise a message");
  }
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI
