// SPDX-License-Identifier: MIT
//
// A way to compress messages (compression.md, "Compression Method"), and the place
// for algorithms of the user's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ringrpc {
/// How an attempt to decompress ended.
enum class decompress_outcome : std::uint8_t {
  done,       ///< the whole message is there.
  too_small,  ///< the room does not hold it.
  malformed,  ///< the input is not what the encoding makes, or more than that.
};

/// What `message_encoding::decompress` says.
struct decompress_result {
  decompress_outcome outcome;
  /// `done`: how many bytes were written. `too_small`: how many bytes of room the message
  /// takes, or anything above the limit that was given where it takes more than that.
  std::size_t bytes = 0;
};

/// One algorithm. Implement it and add it to an `encoding_registry` to compress with an
/// algorithm of your own. Its functions are called by all rings that use the registry, in
/// their threads at once; they keep nothing from one message to the next.
class message_encoding {
public:
  message_encoding(const message_encoding&) = delete;
  message_encoding& operator=(const message_encoding&) = delete;

  /// What it is called in grpc-encoding: 1 to 32 letters, digits, `-`, `_` or `.`; the
  /// same each time, with the lifetime of this.
  [[nodiscard]] virtual constexpr std::string_view name() const noexcept = 0;

  /// Compresses one message.
  /// @param from  the message, never empty. @param into  where the result goes, smaller.
  /// @return how many bytes were written; 0 where the result does not fit: the message is
  ///         sent as it is then. May throw std::bad_alloc, as `decompress` may.
  [[nodiscard]] virtual std::size_t compress(std::span<const std::byte> from,
                                             std::span<std::byte> into) const = 0;

  /// What a compressed message says of its own size once it is decompressed, in bytes: a
  /// valid one has that size. It saves a second pass. The input comes from a peer and may
  /// lie. 0: it does not say, as by default.
  [[nodiscard]] virtual std::size_t announced_size(
      std::span<const std::byte> from) const noexcept {
    static_cast<void>(from);
    return 0;
  }

  /// Decompresses one message. The input comes from a peer and may be anything.
  /// @param from  the compressed message, whole; maybe empty. @param into  where the message
  ///        goes.
  /// @param bytes_max  the limit on a message, in bytes: to find out how much room it
  ///        takes, no more than that need be decompressed. Not below `into.size()`.
  [[nodiscard]] virtual decompress_result decompress(std::span<const std::byte> from,
                                                     std::span<std::byte> into,
                                                     std::size_t bytes_max) const = 0;

protected:
  constexpr message_encoding() noexcept = default;
  // Not virtual: objects are owned, and destroyed, by their own type.
  constexpr ~message_encoding() = default;
};
}  // namespace ringrpc
