// SPDX-License-Identifier: MIT
//
// Comments of a .proto as C++ comments, literally, except for what could end
// them early, reach the next line, or upset a compiler.
#pragma once

#include <string>
#include <string_view>

#include <google/protobuf/descriptor.h>

namespace ringrpc::generator {
namespace pb = google::protobuf;

/// The comments that protoc found at one declaration.
struct comments {
  std::string detached;  // blocks before it, separated by a blank line
  std::string own;       // directly before it and, after a blank line, directly behind it
};

/// Those of a service or method; empty where the .proto has none.
[[nodiscard]] comments comments_of(const pb::ServiceDescriptor& service);
[[nodiscard]] comments comments_of(const pb::MethodDescriptor& method);

/// Those above `syntax` (or `edition`) and `package`, all of them.
[[nodiscard]] std::string comments_of(const pb::FileDescriptor& file);

/// `text` as lines that begin with `lead` (spaces and `//` or `///`) and end with a newline;
/// nothing for an empty text.
[[nodiscard]] std::string comment_lines(std::string_view text, std::string_view lead);
}  // namespace ringrpc::generator
