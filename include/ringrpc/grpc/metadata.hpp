// SPDX-License-Identifier: MIT
//
// The metadata of a call: what its sides tell each other beside messages
// (PROTOCOL-HTTP2.md, "Custom-Metadata"). An ordered multimap of keys to values.
// The values of keys that end in "-bin" are bytes here and base64 on the wire only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <limits>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/base/short_text.hpp>
#include <ringrpc/grpc/base64.hpp>
#include <ringrpc/grpc/metadata_rules.hpp>
#include <ringrpc/grpc/status.hpp>

namespace ringrpc {
/// One key and one of its values.
struct metadata_field {
  std::string_view key;
  std::string_view value;  ///< bytes where the key ends in "-bin".
};

/// Keys and values in the order in which they were added or arrived. A plain value.
/// Views that it gives are valid until it changes or dies.
class metadata {
public:
  class iterator;
  class value_range;

  metadata() noexcept = default;

  /// Adds a field that is to be sent. A key may come more than once.
  /// @param key    characters of 0-9 a-z _ - . that are not reserved.
  /// @param value  printable ASCII without spaces at its ends, may be empty; any
  ///               bytes where the key ends in "-bin". May be a view into this.
  /// @return INTERNAL naming the key and the rule that it or the value breaks;
  ///         RESOURCE_EXHAUSTED where memory is short. Nothing is added then.
  status add(std::string_view key, std::string_view value) noexcept;
  /// The same, for bytes.
  status add(std::string_view key, std::span<const std::byte> value) noexcept;

  /// Adds a header field as it came in. What belongs to the protocol is passed over
  /// (`use_of`); names that no gRPC peer may send, but HTTP allows, are kept. The
  /// value of a "-bin" name is split at its commas, then decoded.
  /// @param name   lower case, as HTTP/2 demands; the caller has checked it.
  /// @return INTERNAL for a "-bin" value that is no base64; RESOURCE_EXHAUSTED where
  ///         memory is short. Parts of a value before the fault may have been added.
  status add_received(std::string_view name, std::string_view value) noexcept;

  /// Adds all fields of `other`, also those that may not be sent: sending passes them
  /// over. So a handler may return all metadata that it got.
  /// @return RESOURCE_EXHAUSTED where memory is short; nothing is added then.
  status append(const metadata& other) noexcept;

  /// The first value of `key` (lower case), if there is one.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view key) const noexcept;
  /// All values of `key` in their order, for a range-for. `key` must outlive the range.
  [[nodiscard]] value_range get_all(std::string_view key) const noexcept;

  /// All fields in their order.
  [[nodiscard]] iterator begin() const noexcept;
  [[nodiscard]] iterator end() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

  /// Removes all values of `key`. @return how many there were.
  std::size_t erase(std::string_view key) noexcept;
  /// Removes all fields; keeps the memory for the next ones, up to 4 KiB.
  void clear() noexcept {
    entries_.clear();
    bytes_.clear();
    if (bytes_.capacity() + entries_.capacity() * sizeof(entry) <= kept_bytes_max) return;
    std::vector<char>{}.swap(bytes_);
    std::vector<entry>{}.swap(entries_);
  }

  /// Calls `visit(std::string_view name, std::string_view value)` for each field that
  /// goes on the wire, in order: values of "-bin" keys in base64 without padding,
  /// without the fields that were received and may not be sent.
  /// @param scratch  where encoded values are put. All views that were given are
  ///                 valid until it or this changes. Its memory is reused.
  /// @return false where memory is short; nothing was visited then.
  template <class Visitor>
  [[nodiscard]] bool for_each_wire_field(std::string& scratch, Visitor&& visit) const;

private:
  static constexpr std::size_t kept_bytes_max = 4096;
  /// What a received field may take here for each byte that it counts on the wire.
  static constexpr std::size_t parts_bytes_per_byte = 16;

  enum class entry_state : std::uint8_t { sendable, unsendable, erased };
  struct entry {
    std::uint32_t offset_bytes;  // of the key in bytes_; the value follows it
    std::uint32_t key_bytes;
    std::uint32_t value_bytes;
    entry_state state;
  };

  [[nodiscard]] metadata_field field_of(const entry& from) const noexcept {
    const char* key = bytes_.data() + from.offset_bytes;
    return {{key, from.key_bytes}, {key + from.key_bytes, from.value_bytes}};
  }
  [[nodiscard]] std::size_t encoded_bytes() const noexcept;
  status store(std::string_view key, std::string_view value, entry_state state) noexcept;
  status store_base64(std::string_view key, std::string_view text, entry_state state) noexcept;
  [[nodiscard]] bool reserve(std::size_t entries, std::size_t bytes) noexcept;
  static status no_memory() noexcept { return resource_exhausted("no memory for metadata"); }

  // Keys and values, in the order of the entries, without gaps. A vector, because a
  // string's bytes may lie in the object itself and move with it.
  std::vector<char> bytes_;
  std::vector<entry> entries_;
};

/// Goes over the fields of a metadata; `*` makes the field, so there is no address
/// of it. Valid as long as the views are.
class metadata::iterator {
public:
  using iterator_category = std::input_iterator_tag;
  using value_type = metadata_field;
  using difference_type = std::ptrdiff_t;
  using pointer = void;
  using reference = metadata_field;

  iterator() noexcept = default;
  metadata_field operator*() const noexcept { return owner_->field_of(owner_->entries_[index_]); }
  iterator& operator++() noexcept {
    ++index_;
    return *this;
  }
  iterator operator++(int) noexcept { return {owner_, index_++}; }
  friend bool operator==(iterator a, iterator b) noexcept { return a.index_ == b.index_; }

private:
  friend class metadata;
  iterator(const metadata* owner, std::size_t index) noexcept : owner_(owner), index_(index) {}

  const metadata* owner_ = nullptr;
  std::size_t index_ = 0;
};

/// The values of one key.
class metadata::value_range {
public:
  class iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = std::string_view;

    iterator() noexcept = default;
    std::string_view operator*() const noexcept { return (*at_).value; }
    iterator& operator++() noexcept {
      ++at_;
      skip();
      return *this;
    }
    iterator operator++(int) noexcept {
      iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(iterator a, iterator b) noexcept { return a.at_ == b.at_; }

  private:
    friend class value_range;
    iterator(metadata::iterator at, metadata::iterator end, std::string_view key) noexcept
        : at_(at), end_(end), key_(key) {
      skip();
    }
    void skip() noexcept {
      while (at_ != end_ && (*at_).key != key_) ++at_;
    }

    metadata::iterator at_;
    metadata::iterator end_;
    std::string_view key_;
  };

  [[nodiscard]] iterator begin() const noexcept { return {begin_, end_, key_}; }
  [[nodiscard]] iterator end() const noexcept { return {end_, end_, key_}; }
  [[nodiscard]] bool empty() const noexcept { return begin() == end(); }

private:
  friend class metadata;
  value_range(metadata::iterator begin, metadata::iterator end, std::string_view key) noexcept
      : begin_(begin), end_(end), key_(key) {}

  metadata::iterator begin_;
  metadata::iterator end_;
  std::string_view key_;
};

inline status metadata::add(std::string_view key, std::string_view value) noexcept {
  std::string_view subject = "key ";
  std::string_view fault = key_fault(key);
  if (fault.empty() && !is_binary_key(key)) {
    subject = "value of ";
    fault = text_value_fault(value);
  }
  if (fault.empty()) return store(key, value, entry_state::sendable);
  short_text<256> text;
  text.append("metadata: the ").append(subject).append_quoted(key).append(" ").append(fault);
  return internal(text.view());
}

inline status metadata::add(std::string_view key, std::span<const std::byte> value) noexcept {
  return add(key, as_text(value));
}

inline status metadata::add_received(std::string_view name, std::string_view value) noexcept {
  if (use_of(name) == metadata_use::hidden) return status{};
  const bool binary = is_binary_key(name);
  const bool sendable = key_fault(name).empty() && (binary || text_value_fault(value).empty());
  const entry_state state = sendable ? entry_state::sendable : entry_state::unsendable;
  if (!binary) return store(name, value, state);
  // Each part has the name again here, though it was on the wire once.
  const auto parts = static_cast<std::size_t>(std::count(value.begin(), value.end(), ',')) + 1;
  if (parts * header_field_bytes(name.size(), 0) >
      parts_bytes_per_byte * header_field_bytes(name.size(), value.size())) {
    short_text<256> fault;
    fault.append("metadata: the value of ").append_quoted(name).append(" has too many parts");
    return resource_exhausted(fault.view());
  }
  // Values may have been joined on the way, so the split comes before the decoding.
  for (;;) {
    const std::size_t comma = value.find(',');
    std::string_view part = value.substr(0, comma);
    const std::size_t first = part.find_first_not_of(" \t");
    part.remove_prefix(std::min(first, part.size()));
    part = part.substr(0, part.find_last_not_of(" \t") + 1);
    if (status stored = store_base64(name, part, state); !stored.ok()) return stored;
    if (comma == std::string_view::npos) return status{};
    value.remove_prefix(comma + 1);
  }
}

inline status metadata::append(const metadata& other) noexcept {
  const std::size_t count = other.size();  // `other` may be this
  if (!reserve(count, other.bytes_.size())) return no_memory();
  const std::size_t shift = bytes_.size();
  const std::size_t added_bytes = other.bytes_.size();
  bytes_.resize(shift + added_bytes);
  std::copy_n(other.bytes_.data(), added_bytes, bytes_.data() + shift);
  for (std::size_t i = 0; i < count; ++i) {
    entry added = other.entries_[i];
    added.offset_bytes += static_cast<std::uint32_t>(shift);
    entries_.push_back(added);
  }
  return status{};
}

inline std::optional<std::string_view> metadata::get(std::string_view key) const noexcept {
  for (metadata_field field : *this) {
    if (field.key == key) return field.value;
  }
  return std::nullopt;
}

inline metadata::value_range metadata::get_all(std::string_view key) const noexcept {
  return {begin(), end(), key};
}

inline metadata::iterator metadata::begin() const noexcept { return {this, 0}; }

inline metadata::iterator metadata::end() const noexcept { return {this, entries_.size()}; }

inline std::size_t metadata::erase(std::string_view key) noexcept {
  std::size_t erased = 0;
  for (entry& candidate : entries_) {
    if (field_of(candidate).key != key) continue;
    candidate.state = entry_state::erased;
    ++erased;
  }
  if (erased == 0) return 0;
  // Only now, as `key` may be a view into the bytes that move.
  std::size_t kept_bytes = 0;
  for (entry& moved : entries_) {
    if (moved.state == entry_state::erased) continue;
    const std::size_t size = std::size_t{moved.key_bytes} + moved.value_bytes;
    std::copy_n(bytes_.data() + moved.offset_bytes, size, bytes_.data() + kept_bytes);
    moved.offset_bytes = static_cast<std::uint32_t>(kept_bytes);
    kept_bytes += size;
  }
  bytes_.resize(kept_bytes);
  std::erase_if(entries_, [](const entry& e) { return e.state == entry_state::erased; });
  return erased;
}

template <class Visitor>
bool metadata::for_each_wire_field(std::string& scratch, Visitor&& visit) const {
  try {
    scratch.resize(encoded_bytes());  // at once, so that no view moves later
  } catch (const std::bad_alloc&) {
    return false;
  }
  std::span<char> room{scratch};
  for (const entry& sent : entries_) {
    if (sent.state != entry_state::sendable) continue;
    metadata_field field = field_of(sent);
    if (is_binary_key(field.key)) {
      const std::size_t encoded = base64_encode(as_bytes(field.value), room);
      field.value = {room.data(), encoded};
      room = room.subspan(encoded);
    }
    visit(field.key, field.value);
  }
  return true;
}

/// How many characters the values of all "-bin" keys have on the wire.
inline std::size_t metadata::encoded_bytes() const noexcept {
  std::size_t sum = 0;
  for (const entry& sent : entries_) {
    if (sent.state != entry_state::sendable || !is_binary_key(field_of(sent).key)) continue;
    sum += base64_encoded_size(sent.value_bytes);
  }
  return sum;
}

inline status metadata::store(std::string_view key, std::string_view value,
                              entry_state state) noexcept {
  // Growth moves the bytes, and both arguments may be views of them: until the end of
  // this function the old ones stay.
  std::vector<char> previous;
  const std::size_t begin = bytes_.size();
  const std::size_t end = begin + key.size() + value.size();
  if (end > bytes_.capacity()) {
    try {
      previous.reserve(std::max(end, 2 * bytes_.capacity()));
    } catch (const std::exception&) {
      return no_memory();
    }
    previous.assign(bytes_.begin(), bytes_.end());
    bytes_.swap(previous);
  }
  if (!reserve(1, key.size() + value.size())) return no_memory();
  bytes_.resize(end);
  std::copy_n(key.data(), key.size(), bytes_.data() + begin);
  std::copy_n(value.data(), value.size(), bytes_.data() + begin + key.size());
  entries_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(key.size()),
                      static_cast<std::uint32_t>(value.size()), state});
  return status{};
}

inline status metadata::store_base64(std::string_view key, std::string_view text,
                                     entry_state state) noexcept {
  const std::size_t decoded_max = base64_decoded_size_max(text.size());
  if (!reserve(1, key.size() + decoded_max)) return no_memory();
  const std::size_t begin = bytes_.size();
  const std::size_t value_begin = begin + key.size();
  bytes_.resize(value_begin + decoded_max);
  std::copy_n(key.data(), key.size(), bytes_.data() + begin);
  const std::span<char> room = std::span{bytes_}.subspan(value_begin);
  const std::optional<std::size_t> decoded = base64_decode(text, std::as_writable_bytes(room));
  if (!decoded) {
    bytes_.resize(begin);
    short_text<256> fault;
    fault.append("metadata: the value of ").append_quoted(key).append(" is no base64");
    return internal(fault.view());
  }
  bytes_.resize(value_begin + *decoded);
  entries_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(key.size()),
                      static_cast<std::uint32_t>(*decoded), state});
  return status{};
}

/// Room for `entries` and `bytes` more, so that appending them cannot fail.
inline bool metadata::reserve(std::size_t entries, std::size_t bytes) noexcept {
  if (bytes > std::numeric_limits<std::uint32_t>::max() - bytes_.size()) return false;
  try {
    if (entries_.capacity() - entries_.size() < entries) {
      entries_.reserve(std::max(entries_.size() + entries, 2 * entries_.capacity()));
    }
    if (bytes_.capacity() - bytes_.size() < bytes) {
      bytes_.reserve(std::max(bytes_.size() + bytes, 2 * bytes_.capacity()));
    }
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}
}  // namespace ringrpc
