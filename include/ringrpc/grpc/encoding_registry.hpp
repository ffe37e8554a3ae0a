// SPDX-License-Identifier: MIT
//
// The encodings of messages that one side speaks, beside identity, which all speak.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <ringrpc/grpc/message_encoding.hpp>

namespace ringrpc {
/// Which encodings of one registry a peer accepts. Identity is always accepted. A plain
/// value.
class encoding_set {
public:
  constexpr void add(std::size_t index) noexcept { bits_ |= 1u << index; }
  [[nodiscard]] constexpr bool contains(std::size_t index) const noexcept {
    return (bits_ >> index & 1u) != 0;
  }

private:
  std::uint32_t bits_ = 0;
};

/// A table of encodings by name. Filled before it is used, by one thread; then it may be
/// read by many. Copies share the encodings, which must outlive all of them.
class encoding_registry {
public:
  /// Encodings at most, without identity.
  static constexpr std::size_t encodings_max = 16;

  /// Identity only: nothing is compressed, and nothing that is compressed is taken.
  constexpr encoding_registry() noexcept = default;

  /// Adds `one`, or puts it in the place of the one with the same name. Borrowed.
  /// @throws std::invalid_argument  for a name that is "identity" or breaks the rule of
  ///         `message_encoding::name`. @throws std::length_error  for one too many.
  constexpr void add(const message_encoding& one);

  /// The encoding that `name` means, null for identity and for one that is not here.
  [[nodiscard]] const message_encoding* find(std::string_view name) const noexcept {
    const std::size_t index = index_of(name);
    return index < count_ ? encodings_[index] : nullptr;
  }
  /// Where `name` stands in the table; `encodings_max` where it does not.
  [[nodiscard]] constexpr std::size_t index_of(std::string_view name) const noexcept;
  /// All of them, in the order in which they were added.
  [[nodiscard]] constexpr std::span<const message_encoding* const> encodings() const noexcept {
    return {encodings_.data(), count_};
  }
  /// The value of grpc-accept-encoding, such as `identity,deflate,gzip`; valid until the
  /// next `add`.
  [[nodiscard]] constexpr std::string_view accept_value() const noexcept {
    return {accept_value_.data(), accept_bytes_};
  }

  /// What one grpc-accept-encoding field of a peer lists (wire rule 20): names between
  /// commas, spaces around them allowed; unknown names are passed over. The field may come
  /// more than once: `set` grows.
  void accept(std::string_view list, encoding_set& set) const noexcept;

private:
  static constexpr std::string_view identity = "identity";
  static constexpr std::size_t name_bytes_max = 32;
  static constexpr bool is_name(std::string_view name) noexcept;
  [[noreturn]] static void refuse(std::string_view name);

  std::array<const message_encoding*, encodings_max> encodings_{};
  std::size_t count_ = 0;
  std::array<char, identity.size() + encodings_max*(1 + name_bytes_max)> accept_value_{
      'i', 'd', 'e', 'n', 't', 'i', 't', 'y'};
  std::size_t accept_bytes_ = identity.size();
};

constexpr void encoding_registry::add(const message_encoding& one) {
  const std::string_view name = one.name();
  if (!is_name(name) || name == identity) refuse(name);
  if (const std::size_t index = index_of(name); index < count_) {
    encodings_[index] = &one;
    return;
  }
  if (count_ == encodings_max) throw std::length_error("more than 16 encodings in a registry");
  accept_value_[accept_bytes_++] = ',';
  for (const char c : name) accept_value_[accept_bytes_++] = c;
  encodings_[count_++] = &one;
}

inline void encoding_registry::refuse(std::string_view name) {
  throw std::invalid_argument("an encoding's name is 1 to 32 letters, digits, '-', '_' or '.', and "
                              "not \"identity\"; this one is \"" +
                              std::string{name} + '"');
}

constexpr std::size_t encoding_registry::index_of(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    if (encodings_[i]->name() == name) return i;
  }
  return encodings_max;
}

inline void encoding_registry::accept(std::string_view list, encoding_set& set) const noexcept {
  constexpr std::string_view space = " \t";
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    const std::size_t first = item.find_first_not_of(space);
    if (first == std::string_view::npos) continue;
    item = item.substr(first, item.find_last_not_of(space) - first + 1);
    if (const std::size_t index = index_of(item); index < count_) set.add(index);
  }
}

constexpr bool encoding_registry::is_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > name_bytes_max) return false;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool other = (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!letter && !other) return false;
  }
  return true;
}
}  // namespace ringrpc
