// SPDX-License-Identifier: MIT
#include "comments.hpp"

#include <array>
#include <cstdint>
#include <vector>

#include <google/protobuf/descriptor.pb.h>

namespace ringrpc::generator {
namespace {
// One character of UTF-8 at the start of a text.
struct character {
  std::size_t bytes;  // 0: this is no UTF-8
  std::uint32_t code_point;
};

character first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {1, lead};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {0, 0};
  std::uint32_t code_point = lead & (0x7fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return {0, 0};
    code_point = code_point << 6 | (byte & 0x3fu);
  }
  constexpr std::array<std::uint32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  if (code_point < smallest[bytes] || code_point > 0x10ffff || surrogate) return {0, 0};
  return {bytes, code_point};
}

// Characters that turn the direction of text can show a reader other code than
// the compiler sees; g++ warns of them by itself (-Wbidi-chars).
bool turns_direction(std::uint32_t code_point) {
  return (code_point >= 0x202a && code_point <= 0x202e) ||
         (code_point >= 0x2066 && code_point <= 0x2069);
}

std::string code_point_text(std::uint32_t code_point) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text = "U+";
  for (int shift = 12; shift >= 0; shift -= 4) text += digits[code_point >> shift & 15];
  return text;
}

std::string printable(std::string_view line) {
  std::string result;
  while (!line.empty()) {
    const auto [bytes, code_point] = first_character(line);
    if (bytes == 0) {
      result += '?';
    } else if (turns_direction(code_point)) {
      result += code_point_text(code_point);
    } else if ((code_point < 0x20 && code_point != '\t') || code_point == 0x7f) {
      result += ' ';
    } else {
      result += line.substr(0, bytes);
    }
    line.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  const auto last = result.find_last_not_of(" \t");
  result.resize(last == std::string::npos ? 0 : last + 1);
  return result;
}

// For clang a lone carriage return ends a line, for protoc it does not.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find_first_of("\r\n");
    lines.push_back(printable(text.substr(0, end)));
    if (end == std::string_view::npos) break;
    text.remove_prefix(text.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
  }
  return lines;
}

// A backslash, or the trigraph for one, would take the next line into the comment.
bool continues_on_next_line(std::string_view line) {
  return line.ends_with('\\') || line.ends_with("?\?/");
}

// protoc takes `//` or `/*` away; what is left of `///`, `//!` or `/**` is no text either.
void remove_comment_mark(std::string& line, bool first) {
  const bool mark =
      line.starts_with('/') || line.starts_with('!') || (first && line.starts_with('*'));
  if (mark) line.erase(0, 1);
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of("\r\n");
  if (begin == std::string::npos || text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

void add_block(std::string& to, const std::string& block) {
  const std::string text = trimmed(block);
  if (text.empty()) return;
  if (!to.empty()) to += "\n\n";
  to += text;
}

comments comments_at(const pb::SourceLocation& location) {
  comments found;
  for (const std::string& block : location.leading_detached_comments) {
    add_block(found.detached, block);
  }
  add_block(found.own, location.leading_comments);
  add_block(found.own, location.trailing_comments);
  return found;
}

template <class Declaration>
comments comments_of_declaration(const Declaration& declaration) {
  pb::SourceLocation location;
  return declaration.GetSourceLocation(&location) ? comments_at(location) : comments{};
}
}  // namespace

comments comments_of(const pb::ServiceDescriptor& service) {
  return comments_of_declaration(service);
}

comments comments_of(const pb::MethodDescriptor& method) { return comments_of_declaration(method); }

std::string comments_of(const pb::FileDescriptor& file) {
  constexpr int syntax = pb::FileDescriptorProto::kSyntaxFieldNumber;
  constexpr int edition = 14;  // the field's number since protobuf 24
  constexpr int package = pb::FileDescriptorProto::kPackageFieldNumber;
  std::string text;
  for (const int field : {syntax, edition, package}) {
    pb::SourceLocation location;
    if (!file.GetSourceLocation({field}, &location)) continue;
    const comments found = comments_at(location);
    add_block(text, found.detached);
    add_block(text, found.own);
  }
  return text;
}

std::string comment_lines(std::string_view text, std::string_view lead) {
  std::string result;
  bool first = true;
  for (std::string& line : lines_of(text)) {
    remove_comment_mark(line, first);
    first = false;
    result += lead;
    if (!line.empty() && !line.starts_with(' ')) result += ' ';
    result += line;
    if (continues_on_next_line(line)) result += " .";
    result += '\n';
  }
  return result;
}
}  // namespace ringrpc::generator
