// SPDX-License-Identifier: MIT
//
// How a call ended: a status code and a text for people. One pointer wide; an OK
// status costs nothing, a code alone needs no memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iosfwd>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <ringrpc/grpc/status_code.hpp>

namespace ringrpc {
/// A status code and a message. A plain value: copies share the message, which
/// never changes, and may be used on different threads.
///
/// It has no conversion to bool, because "true" would read as "failed" to some:
/// say `ok()`.
class [[nodiscard]] status {
public:
  /// OK.
  constexpr status() noexcept {}
  /// `code` without a message. A number that is none of gRPC's becomes UNKNOWN.
  explicit constexpr status(status_code code) noexcept : word_(word_of(known_code(code))) {}
  /// `code` with a message, which is copied. OK has no message: it is dropped.
  /// Where memory is short the message is dropped, too, and the code kept.
  /// @param message  text for people, UTF-8. Kept whole here; a call sends of it what takes
  ///                 4096 bytes in percent-encoding, where a byte outside printable ASCII
  ///                 takes three. The rest is cut off at the border of a character.
  status(status_code code, std::string_view message) noexcept : status(code, message, {}) {}
  /// The same with details, which go as grpc-status-details-bin: a serialised
  /// google.rpc.Status, as `rich_status` (services/rich_status.hpp) makes it. Copied;
  /// dropped with the message. A call leaves them out where the client takes no header
  /// list of that size.
  status(status_code code, std::string_view message, std::string_view details) noexcept;

  status(const status& other) noexcept;
  /// `other` keeps its code and loses its message, so that a failure never turns
  /// into an OK by being moved from.
  status(status&& other) noexcept;
  status& operator=(const status& other) noexcept;
  status& operator=(status&& other) noexcept;
  ~status() { release(); }

  [[nodiscard]] constexpr bool ok() const noexcept { return word_ == 0; }
  [[nodiscard]] status_code code() const noexcept;
  /// The message, empty if there is none. Valid until this status changes or dies.
  [[nodiscard]] std::string_view message() const noexcept;
  /// The details, as bytes; empty if there are none. Valid as above.
  [[nodiscard]] std::string_view details() const noexcept;
  /// "NOT_FOUND: no such user", or the name of the code alone.
  /// @throws std::bad_alloc  where memory is short.
  [[nodiscard]] std::string to_text() const;

  /// Whether code, message and details are equal.
  friend bool operator==(const status& a, const status& b) noexcept {
    return a.word_ == b.word_ || (a.code() == b.code() && a.message() == b.message() &&
                                  a.details() == b.details());
  }

private:
  // Shared and immutable; the bytes of the message follow it, then those of the details.
  struct block {
    std::atomic<std::uint32_t> references;
    status_code code;
    std::size_t message_bytes;
    std::size_t details_bytes;
  };

  static constexpr std::uintptr_t word_of(status_code code) noexcept {
    return code == status_code::ok ? 0 : (static_cast<std::uintptr_t>(code) << 1 | 1);
  }
  [[nodiscard]] bool has_block() const noexcept { return word_ != 0 && (word_ & 1) == 0; }
  [[nodiscard]] block* get_block() const noexcept { return reinterpret_cast<block*>(word_); }
  void release() noexcept;

  // 0: OK; odd: a code without message, shifted by one; else a `block*`.
  std::uintptr_t word_ = 0;
};

/// One function for every code but OK: a status with that code and message.
inline status cancelled(std::string_view message) noexcept {
  return {status_code::cancelled, message};
}
inline status unknown(std::string_view message) noexcept {
  return {status_code::unknown, message};
}
inline status invalid_argument(std::string_view message) noexcept {
  return {status_code::invalid_argument, message};
}
inline status deadline_exceeded(std::string_view message) noexcept {
  return {status_code::deadline_exceeded, message};
}
inline status not_found(std::string_view message) noexcept {
  return {status_code::not_found, message};
}
inline status already_exists(std::string_view message) noexcept {
  return {status_code::already_exists, message};
}
inline status permission_denied(std::string_view message) noexcept {
  return {status_code::permission_denied, message};
}
inline status resource_exhausted(std::string_view message) noexcept {
  return {status_code::resource_exhausted, message};
}
inline status failed_precondition(std::string_view message) noexcept {
  return {status_code::failed_precondition, message};
}
inline status aborted(std::string_view message) noexcept {
  return {status_code::aborted, message};
}
inline status out_of_range(std::string_view message) noexcept {
  return {status_code::out_of_range, message};
}
inline status unimplemented(std::string_view message) noexcept {
  return {status_code::unimplemented, message};
}
inline status internal(std::string_view message) noexcept {
  return {status_code::internal, message};
}
inline status unavailable(std::string_view message) noexcept {
  return {status_code::unavailable, message};
}
inline status data_loss(std::string_view message) noexcept {
  return {status_code::data_loss, message};
}
inline status unauthenticated(std::string_view message) noexcept {
  return {status_code::unauthenticated, message};
}

/// Writes `to_text()` to a stream of the standard library.
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out,
                                             const status& shown) {
  out << name(shown.code());
  if (!shown.message().empty()) out << std::string_view{": "} << shown.message();
  return out;
}

inline status::status(status_code code, std::string_view message,
                      std::string_view details) noexcept
    : word_(word_of(known_code(code))) {
  if (word_ == 0 || (message.empty() && details.empty())) return;
  const std::size_t bytes = message.size() + details.size();
  void* memory = ::operator new(sizeof(block) + bytes, std::nothrow);
  if (memory == nullptr) return;
  block* made = ::new (memory) block{1, known_code(code), message.size(), details.size()};
  char* text = static_cast<char*>(memory) + sizeof(block);
  if (!message.empty()) std::memcpy(text, message.data(), message.size());
  if (!details.empty()) std::memcpy(text + message.size(), details.data(), details.size());
  word_ = reinterpret_cast<std::uintptr_t>(made);
}

inline status::status(const status& other) noexcept : word_(other.word_) {
  if (has_block()) get_block()->references.fetch_add(1, std::memory_order_relaxed);
}

inline status::status(status&& other) noexcept
    : word_(std::exchange(other.word_, word_of(other.code()))) {}

inline status& status::operator=(const status& other) noexcept {
  return *this = status{other};
}

inline status& status::operator=(status&& other) noexcept {
  if (this != &other) {
    release();
    word_ = std::exchange(other.word_, word_of(other.code()));
  }
  return *this;
}

inline status_code status::code() const noexcept {
  if (has_block()) return get_block()->code;
  return static_cast<status_code>(word_ >> 1);
}

inline std::string_view status::message() const noexcept {
  if (!has_block()) return {};
  const block* held = get_block();
  return {reinterpret_cast<const char*>(held + 1), held->message_bytes};
}

inline std::string_view status::details() const noexcept {
  if (!has_block()) return {};
  const block* held = get_block();
  return {reinterpret_cast<const char*>(held + 1) + held->message_bytes, held->details_bytes};
}

inline std::string status::to_text() const {
  std::string text{name(code())};
  if (!message().empty()) text.append(": ").append(message());
  return text;
}

inline void status::release() noexcept {
  if (!has_block()) return;
  block* held = get_block();
  if (held->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  held->~block();
  ::operator delete(held);
}
}  // namespace ringrpc
