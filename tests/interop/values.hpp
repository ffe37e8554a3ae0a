// SPDX-License-Identifier: MIT
//
// What the C++ programs of both libraries say and expect alike; values.py is the
// same for grpcio.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace interop {
/// `size` bytes that a shift or a gap would change.
inline std::string pattern(std::size_t size) {
  std::string made(size, '\0');
  for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<char>((i + i / 251) % 251);
  return made;
}

/// A message with a payload of that size has 4 MiB, the usual limit of a received
/// message: a tag and four bytes of length come before the payload.
inline constexpr std::size_t largest_payload = 4 * 1024 * 1024 - 5;

/// The payload of the reply that is sent because the server ends.
inline constexpr char draining_text[] = "draining";

/// Status messages that need care on the wire (PROTOCOL-HTTP2.md, "Status-Message").
/// google.rpc.Status: code 9, message "no", details that begin with type.googleapis.com/a.B.
inline const std::string& status_details() {
  static const std::string bytes = std::string{"\x08\x09\x12\x02no\x1a\x1e\x0a\x17"} +
                                   "type.googleapis.com/a.B" + std::string{"\x12\x03\0\xff" "x", 5};
  return bytes;
}

inline const std::vector<std::string>& difficult_messages() {
  static const std::vector<std::string> texts{
      "plain",
      "Gr\xc3\xbc\xc3\x9f" "e \xe2\x98\xba \xf0\x9f\x98\x88",  // umlauts, U+263A, U+1F608
      "  spaces at both ends  ",
      "\ttabs at both ends\t",
      "\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and non-BMP \xf0\x9f\x98\x88\t\n",
      "100% %41 %zz %",
      "control \x01 and \x7f",
      std::string(2000, 'x'),
  };
  return texts;
}

struct field {
  std::string key;
  std::string value;
};

/// All bytes once, in this order or the other one.
inline std::string all_bytes(bool descending) {
  std::string made(256, '\0');
  for (std::size_t i = 0; i < 256; ++i) made[i] = static_cast<char>(descending ? 255 - i : i);
  return made;
}

/// Metadata that the server gives back; keys begin with `prefix`, "h-" or "t-".
inline std::vector<field> difficult_metadata(const std::string& prefix) {
  std::string printable;
  for (char c = '!'; c <= '~'; ++c) printable += c;
  return {
      {prefix + "text", "one"},
      {prefix + "text", "two, with a comma"},
      {prefix + "text", ""},
      {prefix + "printable_0.9", printable + " " + printable},
      {prefix + "bytes-bin", all_bytes(false)},
      {prefix + "bytes-bin", ""},
      {prefix + "bytes-bin", std::string(1, '\0')},
      {prefix + "bytes-bin", "a,b"},
      {prefix + "bytes-bin", all_bytes(true)},
  };
}
}  // namespace interop
