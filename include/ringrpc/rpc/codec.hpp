// SPDX-License-Identifier: MIT
//
// How a C++ type becomes the bytes of a message, and back. Calls and
// connections see a table of four functions, so they are no templates and make
// at most one indirect call per message and direction.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>

#include <ringrpc/base/config.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// Specialise it to send a type of your own. `rpc/protobuf.hpp` does so for
/// protobuf messages; std::string is sent as the raw bytes that it holds.
template <class T>
struct codec;

/// A type that can be sent and received. The four functions of its codec:
/// `size` says how many bytes `serialise` will write, right after it was called
/// on the same unchanged message; `parse` replaces the content of a message that
/// was cleared and returns false for bytes that are no such message; `clear` empties
/// it and may keep its memory for reuse. `size` and `parse` may throw std::bad_alloc.
template <class T>
concept message = std::default_initializable<T> &&
                  requires(const T& in, T& out, std::span<std::byte> into,
                           std::span<const std::byte> from) {
                    { codec<T>::size(in) } -> std::same_as<std::size_t>;
                    { codec<T>::serialise(in, into) } -> std::same_as<void>;
                    { codec<T>::parse(out, from) } -> std::same_as<bool>;
                    { codec<T>::clear(out) } -> std::same_as<void>;
                  };

/// The codec of a type, erased.
struct message_ops {
  std::size_t (*size)(const void* message);
  void (*serialise)(const void* message, std::span<std::byte> into);
  bool (*parse)(void* message, std::span<const std::byte> from);
  void (*clear)(void* message);
};

/// The table of `T`.
template <message T>
inline constexpr message_ops message_ops_of{
    [](const void* in) { return codec<T>::size(*static_cast<const T*>(in)); },
    [](const void* in, std::span<std::byte> into) {
      codec<T>::serialise(*static_cast<const T*>(in), into);
    },
    [](void* out, std::span<const std::byte> from) {
      return codec<T>::parse(*static_cast<T*>(out), from);
    },
    [](void* out) { codec<T>::clear(*static_cast<T*>(out)); },
};

/// Raw bytes: the message is what the string holds. For proxies, tests and
/// methods whose bytes the application understands itself.
template <>
struct codec<std::string> {
  static std::size_t size(const std::string& in) { return in.size(); }
  static void serialise(const std::string& in, std::span<std::byte> into) {
    if (!in.empty()) std::memcpy(into.data(), in.data(), in.size());
  }
  static bool parse(std::string& out, std::span<const std::byte> from) {
    out.assign(reinterpret_cast<const char*>(from.data()), from.size());
    return true;
  }
  static void clear(std::string& out) { out.clear(); }
};
}  // namespace ringrpc::inline RINGRPC_ABI
