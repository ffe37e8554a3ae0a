// SPDX-License-Identifier: MIT
//
// One message between C++ and a stream: parsed from the bytes that came, or
// serialised into the engine's queue.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/slice.hpp>
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

/// Serialises `message` once, into the queue of `stream`.
/// @param bytes  set to the message's size.
/// @return RESOURCE_EXHAUSTED for one above the connection's send limit or where
///         memory is short; nothing is queued then.
inline status queue_message(connection& over, http2::stream_ref stream, const message_ops& ops,
                            const void* message, bool end, std::size_t& bytes) noexcept {
  try {
    bytes = ops.size(message);
    if (bytes > over.options().send_message_bytes_max) {
      return resource_exhausted("message is larger than send_message_bytes_max");
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
    return internal("the codec could not serialise a message");
  }
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI
