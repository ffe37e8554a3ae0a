// SPDX-License-Identifier: MIT
//
// Cuts the bytes of DATA frames into messages. Frame boundaries mean nothing: a
// message may begin and end anywhere. No HTTP, no flow control: the caller gives
// credit by `held_bytes` and `missing_bytes`.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include <ringrpc/base/memory_pool.hpp>
#include <ringrpc/base/short_text.hpp>
#include <ringrpc/grpc/message_prefix.hpp>
#include <ringrpc/grpc/status.hpp>

namespace ringrpc {
/// What `message_reader::next` found.
enum class message_event : std::uint8_t {
  message,  ///< one whole message, in `message()`.
  more,     ///< no whole message: the input is used up, its rest is kept.
  failed,   ///< the stream is broken for good; `error()` says how.
};

/// The receiving side of one call. A message that lies whole in the input is
/// given in place; the rest of the input is copied behind what is held already, and
/// completed there. Memory grows with what arrived, never with what a prefix
/// promises. Not thread-safe: of the ring of its pool. Immovable.
class message_reader {
public:
  /// Largest first allocation for a message whose rest has not arrived.
  static constexpr std::size_t first_bytes_max = 4 * 1024;

  /// @param pool  where messages are assembled; must outlive this.
  /// @param message_bytes_max  limit on a message without its prefix.
  message_reader(memory_pool& pool, std::uint32_t message_bytes_max) noexcept
      : pool_(&pool), message_bytes_max_(message_bytes_max) {}
  message_reader(const message_reader&) = delete;
  message_reader& operator=(const message_reader&) = delete;
  ~message_reader() { pool_->release(bytes_); }

  /// The next message, from what is held and then from the front of `input`. Drops
  /// the message that was given before. Call it until it says `more` or `failed`.
  /// @param input  DATA in the order of the stream; what was used is cut off its front.
  /// @return `failed` after all messages before the fault were given:
  ///         INTERNAL for a flag that is not 0 or 1, and for 1 unless `allow_compressed`
  ///         was called; RESOURCE_EXHAUSTED for a message above the limit, or where
  ///         memory is short. `input` is used up then.
  [[nodiscard]] message_event next(std::span<const std::byte>& input) noexcept;
  /// An encoding has been agreed: messages may be flagged as compressed from now on
  /// (wire rule 21). The limit holds for the compressed size, too.
  void allow_compressed() noexcept { compressed_allowed_ = true; }
  /// Whether the message of the last `next` was flagged so.
  [[nodiscard]] bool message_compressed() const noexcept { return message_compressed_; }
  /// Says how many bytes may follow at most before a message is taken, as flow
  /// control has it: room for more is not made in advance. At first there is no bound.
  void expect_at_most(std::size_t bytes) noexcept { to_come_max_ = bytes; }
  /// Copies all of `input` behind what is held, for a caller that wants no message
  /// now. A fault in it is reported by `next`, in its place.
  void keep(std::span<const std::byte> input) noexcept;

  /// The message of the last `next`, without prefix. Valid until the next call of
  /// `next`, `keep`, `drop_message` or `reset`, and as long as the input was.
  [[nodiscard]] std::span<const std::byte> message() const noexcept { return message_; }
  /// The message that was given is no longer needed: its memory goes back at once.
  void drop_message() noexcept;

  /// The end of the stream has come, and all messages were given.
  /// @return INTERNAL for a message that is not whole; the fault, if one was found.
  [[nodiscard]] status finish() const noexcept;
  /// What is wrong; OK while nothing is.
  [[nodiscard]] const status& error() const noexcept { return error_; }

  /// Bytes that were copied and are still held, prefixes included.
  [[nodiscard]] std::size_t held_bytes() const noexcept { return end_ - begin_; }
  /// Bytes of memory that this has from the pool.
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return capacity_; }
  /// How many bytes of the message that has begun have not arrived: of its prefix,
  /// while that is not whole. 0 between messages and after a fault.
  [[nodiscard]] std::size_t missing_bytes() const noexcept;
  /// Where messages are assembled.
  [[nodiscard]] memory_pool& memory() const noexcept { return *pool_; }
  /// The limit on a message.
  [[nodiscard]] std::uint32_t message_bytes_max() const noexcept { return message_bytes_max_; }
  /// Whether a whole message is held: `next` will give it without input.
  [[nodiscard]] bool has_message() const noexcept { return scanned_ > begin_ + given_; }

  /// Forgets everything, for another call. The memory goes back to the pool.
  void reset(std::uint32_t message_bytes_max) noexcept;

private:
  // What is held lies in [begin_, end_) of bytes_: the message given last, if it was
  // held (given_ bytes); then whole messages up to scanned_; then one that is not.
  [[nodiscard]] bool accept(message_prefix prefix) noexcept;
  [[nodiscard]] bool scan(std::span<const std::byte>& input) noexcept;
  [[nodiscard]] bool copy(std::span<const std::byte>& input, std::size_t wanted) noexcept;
  [[nodiscard]] bool make_room(std::size_t arrived, std::size_t to_come) noexcept;
  void give_held() noexcept;
  void release_if_empty() noexcept;
  bool fail(status error) noexcept;

  memory_pool* pool_;
  std::byte* bytes_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t given_ = 0;
  std::size_t scanned_ = 0;
  std::size_t end_ = 0;
  std::size_t to_come_max_ = SIZE_MAX;
  std::span<const std::byte> message_;
  status error_;
  std::uint32_t message_bytes_max_;
  bool compressed_allowed_ = false;
  bool message_compressed_ = false;
};

inline message_event message_reader::next(std::span<const std::byte>& input) noexcept {
  drop_message();
  if (begin_ == end_ && error_.ok() && input.size() >= message_prefix_bytes) {
    // Nothing is held: the common case of a message that lies whole in the input.
    const message_prefix prefix = decode_message_prefix(input.data());
    if (accept(prefix) && input.size() - message_prefix_bytes >= prefix.length_bytes) {
      message_ = input.subspan(message_prefix_bytes, prefix.length_bytes);
      message_compressed_ = prefix.flag == 1;
      input = input.subspan(message_prefix_bytes + prefix.length_bytes);
      return message_event::message;
    }
  }
  while (!has_message() && !input.empty() && scan(input)) {
  }
  if (has_message()) {
    give_held();
    return message_event::message;
  }
  if (error_.ok()) return message_event::more;
  input = {};
  release_if_empty();
  return message_event::failed;
}

inline void message_reader::keep(std::span<const std::byte> input) noexcept {
  drop_message();
  if (error_.ok() && capacity_ - end_ < input.size() && !make_room(input.size(), 0)) {
    fail(resource_exhausted("no memory for a received message"));
  }
  while (!input.empty() && scan(input)) {
  }
  release_if_empty();
}

inline void message_reader::drop_message() noexcept {
  message_ = {};
  begin_ += std::exchange(given_, 0);
  release_if_empty();
}

inline status message_reader::finish() const noexcept {
  if (end_ == scanned_) return error_;  // after a fault, too: it drops what is behind
  short_text<128> text;
  text.append("the stream ended inside a message: ").append(std::uint64_t{missing_bytes()});
  return internal(text.append(" bytes are missing").view());
}

inline std::size_t message_reader::missing_bytes() const noexcept {
  const std::size_t arrived = end_ - scanned_;
  if (arrived == 0) return 0;
  if (arrived < message_prefix_bytes) return message_prefix_bytes - arrived;
  const message_prefix prefix = decode_message_prefix(bytes_ + scanned_);
  return message_prefix_bytes + prefix.length_bytes - arrived;
}

inline void message_reader::reset(std::uint32_t message_bytes_max) noexcept {
  begin_ = given_ = scanned_ = end_ = 0;
  to_come_max_ = SIZE_MAX;
  message_ = {};
  error_ = status{};
  message_bytes_max_ = message_bytes_max;
  compressed_allowed_ = message_compressed_ = false;
  release_if_empty();
}

/// Whether a message with `prefix` may come; else the stream is broken.
inline bool message_reader::accept(message_prefix prefix) noexcept {
  if (prefix.flag == 1 && !compressed_allowed_) {
    return fail(internal("a message is flagged as compressed, but no grpc-encoding was agreed"));
  }
  if (prefix.flag > 1) {
    short_text<128> text;
    text.append("the flag in front of a message is ").append(std::uint64_t{prefix.flag});
    return fail(internal(text.append(", not 0 or 1").view()));
  }
  if (prefix.length_bytes > message_bytes_max_) {
    short_text<128> text;
    text.append("a message of ").append(std::uint64_t{prefix.length_bytes});
    text.append(" bytes was announced, the limit is ").append(std::uint64_t{message_bytes_max_});
    return fail(resource_exhausted(text.view()));
  }
  return true;
}

/// Copies what belongs to the message at scanned_, at most to its end.
/// @return false after a fault.
inline bool message_reader::scan(std::span<const std::byte>& input) noexcept {
  if (!error_.ok()) return false;
  if (end_ == scanned_ && input.size() >= message_prefix_bytes) {
    // The limit is checked before the first byte is copied.
    const message_prefix prefix = decode_message_prefix(input.data());
    if (!accept(prefix)) return false;
    return copy(input, message_prefix_bytes + prefix.length_bytes);
  }
  if (end_ - scanned_ < message_prefix_bytes) {
    if (!copy(input, message_prefix_bytes - (end_ - scanned_))) return false;
    if (end_ - scanned_ < message_prefix_bytes) return true;
    if (!accept(decode_message_prefix(bytes_ + scanned_))) return false;
  }
  return copy(input, missing_bytes());
}

/// Copies the front of `input`, up to `wanted` bytes, which end the message or its prefix.
inline bool message_reader::copy(std::span<const std::byte>& input, std::size_t wanted) noexcept {
  const std::size_t count = std::min(wanted, input.size());
  if (capacity_ - end_ < count && !make_room(count, wanted - count)) {
    return fail(resource_exhausted("no memory for a received message"));
  }
  if (count > 0) std::memcpy(bytes_ + end_, input.data(), count);
  end_ += count;
  input = input.subspan(count);
  if (end_ - scanned_ >= message_prefix_bytes && missing_bytes() == 0) scanned_ = end_;
  return true;
}

/// Makes room behind end_ for bytes that have arrived.
/// @param to_come  how many more of the same message will follow, 0 if not known.
inline bool message_reader::make_room(std::size_t arrived, std::size_t to_come) noexcept {
  const std::size_t held = end_ - begin_;
  const std::size_t needed = held + arrived;
  // At most twice what has arrived, but for the first small block: a peer pays for
  // memory with bytes. And for one message no more than it will have.
  std::size_t wanted = std::max(needed, std::min(2 * capacity_, 2 * needed));
  if (to_come > 0) wanted = std::min(needed + to_come, std::max(first_bytes_max, 2 * needed));
  // Nor more than can come: twice the windows of all streams would be above what a
  // connection may hold.
  if (wanted - needed > to_come_max_) wanted = needed + to_come_max_;
  const bool compact = wanted <= capacity_;  // moving to the front wins enough room
  std::byte* target = bytes_;
  if (!compact) {
    target = static_cast<std::byte*>(pool_->try_allocate(wanted));
    if (target == nullptr) return false;
  }
  if (held > 0) std::memmove(target, bytes_ + begin_, held);
  if (!compact) {
    pool_->release(std::exchange(bytes_, target));
    capacity_ = memory_pool::usable_bytes(target);
  }
  scanned_ -= begin_;
  end_ -= begin_;
  begin_ = 0;
  return true;
}

inline void message_reader::give_held() noexcept {
  const message_prefix prefix = decode_message_prefix(bytes_ + begin_);
  message_ = {bytes_ + begin_ + message_prefix_bytes, prefix.length_bytes};
  message_compressed_ = prefix.flag == 1;
  given_ = message_prefix_bytes + prefix.length_bytes;
}

inline void message_reader::release_if_empty() noexcept {
  if (begin_ != end_) return;
  begin_ = scanned_ = end_ = capacity_ = 0;
  pool_->release(std::exchange(bytes_, nullptr));
}

/// The stream is broken from scanned_ on; what is before will still be given.
inline bool message_reader::fail(status error) noexcept {
  error_ = std::move(error);
  end_ = scanned_;
  return false;
}
}  // namespace ringrpc
