// SPDX-License-Identifier: MIT
//
// A text that is put together without memory: for messages made where nothing may
// throw. What does not fit is cut off.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringrpc {
/// At most `CharactersMax` characters. A plain value.
template <std::size_t CharactersMax>
class short_text {
public:
  constexpr short_text() noexcept {}

  /// Appends as much of `text` as fits. @return this.
  constexpr short_text& append(std::string_view text) noexcept {
    for (char character : text) {
      if (size_ == CharactersMax) break;
      characters_[size_++] = character;
    }
    return *this;
  }
  /// Appends `number` in decimal. @return this.
  constexpr short_text& append(std::uint64_t number) noexcept {
    std::array<char, 20> digits{};
    std::size_t first = digits.size();
    do {
      digits[--first] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    return append(std::string_view{digits.data() + first, digits.size() - first});
  }
  /// Appends `text` as a peer or user gave it, between quotation marks: no more than
  /// 64 characters, and `?` for what is not printable ASCII. @return this.
  constexpr short_text& append_quoted(std::string_view text) noexcept {
    constexpr std::size_t shown_max = 64;
    append("\"");
    for (char character : text.substr(0, shown_max)) {
      const char shown = character >= ' ' && character <= '~' ? character : '?';
      append(std::string_view{&shown, 1});
    }
    return append(text.size() > shown_max ? "...\"" : "\"");
  }

  /// The text so far. Valid until the next change.
  [[nodiscard]] constexpr std::string_view view() const noexcept {
    return {characters_.data(), size_};
  }

private:
  std::array<char, CharactersMax> characters_{};
  std::size_t size_ = 0;
};
}  // namespace ringrpc
